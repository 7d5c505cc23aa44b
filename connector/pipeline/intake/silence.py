"""Streams and kinds of event that used to bring something and have fallen silent: what fails to appear is told too.

A stream is silent when nothing has come for longer than ``alarms.silence`` AND for more than twice its own longest gap
of the 90 days before it fell silent. It must have a rhythm to break: at least ``FEWEST`` hours with something in them,
on at least ``FEWEST_DAYS`` days. So a week-end, a quiet org or a form that was sent once never alarms: for events that
come at random, a silence of twice the longest of n gaps comes about by chance in one case of (n + 1)(n + 2) / 2.

Only silence that was listened to counts: between two cycles at most a day. A machine that was off for a week has heard
nothing in that week. What has been silent for a month is over: it has been told all the while.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from connector.domain.rests import has_rested
from connector.lake.rhythm import hours_of_events, hours_of_records
from connector.ports.store import Store
from connector.ports.traits import AdapterTraits

#: how far back a rhythm is listened to
MEMORY = timedelta(days=90)
#: fewest hours, and days, with something in them that make a rhythm
FEWEST = 20
FEWEST_DAYS = 8
#: how many times its longest gap a silence must last
TIMES = 2
#: silences are days long: listening once an hour is enough, except while somebody waits for one to end
REST = timedelta(hours=1)
#: so much of the time between two cycles counts as listened to
HEARING = timedelta(days=1)
#: a silence is told for so long
OVER = timedelta(days=30)
_SETTING = "silence"


@dataclass(frozen=True, slots=True)
class Silence:
    """One stream or kind of event that has fallen silent.

    Attributes:
        what: the object of records (``contact``), or the type of activities (``form_submit``).
        since: the hour in which the last of it came (UTC).
        longest_gap_hours: of the 90 days before.
    """

    system: str
    what: str
    since: datetime
    longest_gap_hours: int

    def words(self, now: datetime) -> str:
        """Say it in a sentence."""
        days = (now - self.since) / timedelta(days=1)
        usual = self.longest_gap_hours / 24
        return f"{self.system} {self.what}: nothing for {days:.0f} days; never before longer than {usual:.1f}"


def silent_since(hours: Sequence[datetime], now: datetime) -> tuple[datetime, timedelta] | None:
    """Say since when a rhythm is broken and what its longest gap was before; None while it is not.

    ``hours`` are those in which something came, in order; the older ones count for the gap when they lie within 90 days
    of the last.
    """
    if not hours:
        return None
    last = hours[-1]
    heard = [hour for hour in hours if hour >= last - MEMORY]
    if len(heard) < FEWEST or len({hour.date() for hour in heard}) < FEWEST_DAYS:
        return None
    longest = max(after - before for before, after in pairwise(heard))
    silence = now - last - timedelta(hours=1)
    return (last, longest) if silence > TIMES * longest and silence <= max(OVER, 2 * TIMES * longest) else None


def note_silence(
    store: Store, lake_root: Path, traits: Sequence[AdapterTraits], *, now: datetime, allowed: timedelta
) -> list[Silence]:
    """Listen, keep what is silent for `status`, and give it; the last answer where there was one within the hour.

    Raises:
        LocalFault: the lake cannot be read.
    """
    kept = json.loads(store.switches.setting(_SETTING) or "{}")
    if kept and not kept["silent"] and not has_rested(kept["at"], REST, now=now):
        return []
    ear = _Ear(kept, now)
    found = list(_listen(store, lake_root, traits, ear, now=now, allowed=allowed))
    rows = [asdict(one) | {"since": one.since.isoformat()} for one in found]
    told = {"at": now.isoformat(), "silent": rows, "listened": ear.listened, "marks": ear.marks}
    store.switches.put_setting(_SETTING, json.dumps(told))
    return found


class _Ear:
    """Counts how long was listened in all, and how much of that since each silence began."""

    def __init__(self, kept: Mapping[str, Any], now: datetime) -> None:
        self._now = now
        passed = now - datetime.fromisoformat(kept["at"]) if kept else timedelta()
        #: seconds
        self.listened: float = kept.get("listened", 0.0) + _heard(passed)
        self._before: Mapping[str, list[Any]] = kept.get("marks", {})
        #: silence → its beginning, and what had been listened by then
        self.marks: dict[str, list[Any]] = {}

    def heard(self, name: str, since: datetime) -> timedelta:
        """Say how much of a silence was listened to."""
        mark = self._before.get(name)
        if mark is None or mark[0] != since.isoformat():
            mark = [since.isoformat(), self.listened - _heard(self._now - since)]
        self.marks[name] = mark
        return timedelta(seconds=self.listened - mark[1])


def _heard(passed: timedelta) -> float:
    return max(timedelta(), min(passed, HEARING)).total_seconds()


def silent_streams(store: Store) -> list[Silence]:
    """Give what was silent when last listened."""
    kept: Mapping[str, Any] = json.loads(store.switches.setting(_SETTING) or "{}")
    return [
        Silence(row["system"], row["what"], datetime.fromisoformat(row["since"]), row["longest_gap_hours"])
        for row in kept.get("silent", ())
    ]


def listened_to(store: Store) -> dict[tuple[str, str], bool]:
    """Say of everything that ever brought something, by system and name, whether it was silent when last listened."""
    kept: Mapping[str, Any] = json.loads(store.switches.setting(_SETTING) or "{}")
    silent = {(one.system, one.what) for one in silent_streams(store)}
    places = [name.partition(" ") for name in kept.get("marks", ())]
    return {(system, what): (system, what) in silent for system, _, what in places}


def _listen(
    store: Store, lake_root: Path, traits: Sequence[AdapterTraits], ear: _Ear, *, now: datetime, allowed: timedelta
) -> Iterator[Silence]:
    # a rhythm is that of the 90 days before a silence, which may have lasted as long itself
    since = now - 2 * MEMORY
    for one in traits:
        rhythms = hours_of_events(lake_root, store.manifest, one.system, since, now)
        objects = [stream.object for stream in one.streams if stream.object]
        rhythms |= hours_of_records(lake_root, store.manifest, one.system, objects, since)
        for what, hours in sorted(rhythms.items()):
            known = [hour for hour in hours if hour <= now]
            heard = ear.heard(f"{one.system} {what}", known[-1]) if known else timedelta()
            broken = silent_since(known, now)
            if broken is not None and heard > allowed:
                yield Silence(one.system, what, broken[0], int(broken[1] / timedelta(hours=1)))
