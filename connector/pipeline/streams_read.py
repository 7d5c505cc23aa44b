"""When each stream was last read to its end: what changed later is no difference between the two sides."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

from connector.pipeline.steps import StreamRead
from connector.ports.store import Store

_SETTING = "streams_read"


def note_read(store: Store, streams: Iterable[StreamRead], *, at: datetime) -> None:
    """Note the streams that a cycle whose clock is ``at`` has read to their end."""
    known = _stored(store)
    news = {f"{read.system}/{read.stream}": at.isoformat() for read in streams if read.ended}
    if news:
        store.switches.put_setting(_SETTING, json.dumps(known | news, sort_keys=True))


def last_read(store: Store, system: str, streams: Iterable[str]) -> datetime | None:
    """Say when the one of some streams that was read longest ago was read to its end.

    None where none of them ever was. Of a state in which that was not noted yet it is the clock of the last cycle.
    """
    known = _stored(store)
    told = [known[name] for stream in streams if (name := f"{system}/{stream}") in known]
    if told:
        return min(datetime.fromisoformat(text) for text in told)
    return None if known else next((run.as_of for run in store.runs.last(20) if run.ended_at is not None), None)


def _stored(store: Store) -> dict[str, str]:
    found: dict[str, str] = json.loads(store.switches.setting(_SETTING) or "{}")
    return found
