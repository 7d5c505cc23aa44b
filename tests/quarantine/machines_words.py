"""Few words for mail that people and machines get, and a slow reading of what makes an event a machine's."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from connector.domain.records import Activity, Page
from connector.domain.refs import Ref
from connector.lake.landing import Landing
from connector.lake.reading import Lake
from connector.mapping.bots import Bots
from connector.ports.store import IDENTITIES
from connector.quarantine import KeptApart, keep_apart, keep_apart_of

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)
SYSTEM = "hubspot"


def did(id_: str, type_: str, after: float, *, who: str = "ada", campaign: str | None = "c1", **words: Any) -> Activity:
    """Say that something happened to somebody so many seconds after T0; views are under their contact's id."""
    at = T0 + timedelta(seconds=after)
    if type_ == "page_view":
        return Activity(Ref(SYSTEM, "page_view", id_), type_, Ref(SYSTEM, "contact", who), at, path="/p", **words)
    ref = Ref(SYSTEM, "email", f"{who}@x.example")
    return Activity(Ref(SYSTEM, "email_event", id_), type_, ref, at, campaign=campaign, **words)


def click(id_: str, after: float, link: str = "/a", **words: Any) -> Activity:
    return did(id_, "email_click", after, path=link, **words)


def of_people(*people: str) -> pa.Table:
    """Give identities in which a contact and an address are one person."""
    rows = [
        {"system": SYSTEM, "object": object_, "id": id_, "person_id": f"p-{who}"}
        for who in people
        for object_, id_ in (("contact", who), ("email", f"{who}@x.example"))
    ]
    return pa.Table.from_pylist(rows, IDENTITIES)


class Mailbox:
    """A lake and a state, and the cycles that look at them."""

    def __init__(self, root: Path, store: Any) -> None:
        self.root = root
        self.store = store
        self.quarantine = store.quarantine
        self.landing = Landing(root, store.manifest)

    def land(self, *activities: Activity, at: datetime = T0) -> None:
        page = Page([], list(activities), cursor="c", last=True)
        self.landing.land(SYSTEM, "stream", [page], shapes={}, landed_at=at)

    def look(self, at: datetime, *, identities: pa.Table | None = None, bots: Bots | None = None) -> KeptApart:
        lake = Lake(self.root, self.store.manifest)
        who = of_people("ada", "bob") if identities is None else identities
        return keep_apart(self.quarantine, lake, [SYSTEM], who, bots or Bots(), as_of=at)

    def look_at(self, identities: pa.Table, at: datetime, *, bots: Bots | None = None) -> KeptApart:
        lake = Lake(self.root, self.store.manifest).of(identities, [(SYSTEM, "contact")])
        return keep_apart_of(self.quarantine, lake, [SYSTEM], identities, bots or Bots(), as_of=at)

    def held(self, as_of: datetime | None = None) -> list[str]:
        return list(self.quarantine.held(as_of=as_of).column("id").to_pylist())

    def evidence(self) -> dict[str, tuple[Any, ...]]:
        """Give patterns and figures by event, of those that are held or released."""
        return {
            row["id"]: (row["patterns"], row["after_ms"], row["after"], row["at_once"])
            for row in self.quarantine.rows().to_pylist()
            if row["state"] != "cleared"
        }


class Slow:
    """The rules as they are written, event by event."""

    def __init__(self, events: Iterable[Activity], bots: Bots, persons: dict[Ref, str], now: datetime) -> None:
        self.known = [event for event in events if event.occurred_at <= now]
        self.bots, self.persons = bots, persons
        self.clicks = [event for event in self.known if event.type == "email_click"]
        self.views = [event for event in self.known if event.type == "page_view"]
        self.burst = timedelta(seconds=5) if bots.links is None else bots.links.within

    def marked(self, one: Activity) -> bool:
        return self.bots.marked is not None and one.value in self.bots.marked

    def fast(self, one: Activity) -> bool:
        if self.bots.fast is None:
            return False
        came = [e for e in self.known if e.type in ("email_sent", "email_delivered") and _together(e, one)]
        before = [e for e in came if e.occurred_at <= one.occurred_at]
        if any(one.occurred_at - e.occurred_at <= self.bots.fast for e in before):
            return True
        last = max((e.occurred_at for e in before), default=None)
        has_come = any(e.type == "email_delivered" and e.occurred_at == last for e in before)
        later = [e for e in came if e.type == "email_delivered" and e.occurred_at > one.occurred_at]
        return not has_come and any(e.occurred_at - one.occurred_at <= self.bots.fast for e in later)

    def several(self, one: Activity) -> bool:
        if self.bots.links is None:
            return False
        span = self.bots.links.within
        beside = [e for e in self.clicks if _together(e, one)]
        for start in {e.occurred_at for e in beside}:
            stretch = {e.path for e in beside if start <= e.occurred_at <= start + span}
            if start <= one.occurred_at <= start + span and len(stretch) >= self.bots.links.count:
                return True
        return False

    def unseen(self, one: Activity) -> bool:
        watched_since = min((event.occurred_at for event in self.views), default=None)
        if self.bots.visit is None or watched_since is None or one.occurred_at < watched_since:
            return False
        person, end = self.persons[one.person], one.occurred_at + self.bots.visit
        own = [e.occurred_at for e in self.clicks if self.persons[e.person] == person]
        until = min((at for at in own if at > one.occurred_at + self.burst), default=_NEVER)
        seen = [e.occurred_at for e in self.views if self.persons[e.person] == person]
        return not any(one.occurred_at <= at <= end and at < until for at in seen)

    def caught(self, one: Activity) -> bool:
        candidate = self.fast(one) or self.several(one)
        enough = self.fast(one) + self.several(one) + self.unseen(one) >= self.bots.signs
        return self.marked(one) or (candidate and enough)

    def crowded(self) -> set[str]:
        if self.bots.pages is None:
            return set()
        found: set[str] = set()
        for one in self.views:
            end = one.occurred_at + self.bots.pages.within
            stretch = [e for e in self.views if e.person == one.person and one.occurred_at <= e.occurred_at <= end]
            found |= {e.ref.id for e in stretch} if len(stretch) >= self.bots.pages.count else set()
        return found


_NEVER = datetime.max.replace(tzinfo=UTC)


def _together(one: Activity, other: Activity) -> bool:
    return one.person == other.person and one.campaign == other.campaign and one.campaign is not None


def machines(events: Iterable[Activity], bots: Bots, persons: dict[Ref, str], now: datetime) -> set[str]:
    """Give the ids of what is a machine's."""
    slow = Slow(events, bots, persons, now)
    clicks = [one for one in slow.clicks if slow.caught(one)]
    opens = [
        one
        for one in slow.known
        if one.type == "email_open"
        and (
            slow.marked(one)
            or any(_together(one, c) and abs(one.occurred_at - c.occurred_at) <= slow.burst for c in clicks)
        )
    ]
    return {one.ref.id for one in [*clicks, *opens]} | slow.crowded()
