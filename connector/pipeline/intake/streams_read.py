"""When each stream was last read to its end, and how much of what its system announced was seen.

What changed after a stream was read is no difference between the two sides; what was announced and not seen is one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from connector.pipeline.steps import StreamRead
from connector.ports.store import Store
from connector.ports.traits import AdapterTraits

_SETTING = "streams_read"
_COUNTED = "streams_counted"
_UNMATCHED = "streams_unmatched"


def note_read(store: Store, streams: Iterable[StreamRead], traits: Iterable[AdapterTraits], *, at: datetime) -> None:
    """Note the streams that a cycle whose clock is ``at`` has read to their end, and what it saw of them."""
    known = _stored(store)
    streams = list(streams)
    news = {f"{read.system}/{read.stream}": at.isoformat() for read in streams if read.ended}
    if news:
        store.switches.put_setting(_SETTING, json.dumps(known | news, sort_keys=True))
    _note_unmatched(store, streams, traits)
    before = {name: one for name, one in last_counted(store).items() if name in news}
    counted = {
        f"{read.system}/{read.stream}": {"expected": read.expected, "seen": read.seen, "at": at.isoformat()}
        for read in streams
        if read.expected is not None and (read.expected or _short(before.get(f"{read.system}/{read.stream}")))
    }
    if counted:
        store.switches.put_setting(_COUNTED, json.dumps(last_counted(store) | counted, sort_keys=True))


def _note_unmatched(store: Store, streams: Iterable[StreamRead], traits: Iterable[AdapterTraits]) -> None:
    """Note of which streams no file was there; one that handoff.yaml does not name any more is forgotten."""
    before = _unmatched(store)
    asked = {f"{one.system}/{stream.name}" for one in traits for stream in one.streams}
    news = {f"{read.system}/{read.stream}": read.unmatched for read in streams if read.ended}
    now = {name: patterns for name, patterns in (before | news).items() if patterns and name in asked}
    if now != before:
        store.switches.put_setting(_UNMATCHED, json.dumps(now, sort_keys=True))


def last_counted(store: Store) -> dict[str, dict[str, Any]]:
    """Give of each ``system/stream`` what the last pull that had anything to see was told, and saw, and when."""
    found: dict[str, dict[str, Any]] = json.loads(store.switches.setting(_COUNTED) or "{}")
    return found


def missing_rows(store: Store) -> list[str]:
    """Say of which streams fewer rows, or files, came than announced when they were last read, each in a sentence."""
    told = ((*name.partition("/")[::2], one) for name, one in sorted(last_counted(store).items()) if _short(one))
    words = [in_words(system, stream, one["expected"], one["seen"]) for system, stream, one in told]
    named = ((*name.partition("/")[::2], patterns) for name, patterns in sorted(_unmatched(store).items()))
    return words + [no_file(system, stream, pattern) for system, stream, patterns in named for pattern in patterns]


def in_words(system: str, stream: str, expected: int, seen: int) -> str:
    """Say it in a sentence."""
    cure = "`handoff reconcile --repair` reads what is missing"
    return f"{system} {stream}: {seen:,} of {expected:,} rows came that were announced; {cure}"


def no_file(system: str, stream: str, pattern: str) -> str:
    """Say that no file matches a pattern."""
    return f"{system} {stream}: no file matches {pattern}; correct it in handoff.yaml, or see where the export has gone"


def _short(one: dict[str, Any] | None) -> bool:
    return one is not None and one["seen"] < one["expected"]


def last_read(store: Store, system: str, streams: Iterable[str]) -> datetime | None:
    """Say when the one of some streams that was read longest ago was read to its end.

    None where none of them ever was. Of a state in which that was not noted yet it is the clock of the last cycle.
    """
    known = _stored(store)
    told = [known[name] for stream in streams if (name := f"{system}/{stream}") in known]
    if told:
        return min(datetime.fromisoformat(text) for text in told)
    return None if known else next((run.as_of for run in store.runs.last(20) if run.ended_at is not None), None)


def _unmatched(store: Store) -> dict[str, list[str]]:
    found: dict[str, list[str]] = json.loads(store.switches.setting(_UNMATCHED) or "{}")
    return found


def _stored(store: Store) -> dict[str, str]:
    found: dict[str, str] = json.loads(store.switches.setting(_SETTING) or "{}")
    return found
