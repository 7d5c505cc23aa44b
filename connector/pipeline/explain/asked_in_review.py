"""Who asks for sales while it is a question which record or account is theirs: the list of questions tells of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from connector.delivery.shown import Shown
from connector.lake.reading import Lake
from connector.mapping.bundle import Mappings
from connector.pipeline.people.activities import Activities
from connector.pipeline.people.columns import unacted
from connector.pipeline.people.signals import fast_lane_events
from connector.ports.store import Review, Store


class AskedInReview(NamedTuple):
    """What somebody did that sales should act on at once: the rule, and when it was done first."""

    rule: str
    at: datetime


def asked_in_review(
    reviews: Sequence[Review],
    store: Store,
    lake: Lake,
    mappings: Mappings,
    systems: Sequence[str],
    *,
    as_of: datetime,
) -> dict[str, AskedInReview]:
    """Give which open questions are about people who have asked for sales since anybody last acted on it, by question.

    Of questions about accounts those whose people are in no CRM yet, as nobody is created under a question.

    Raises:
        LocalFault: the lake cannot be read.
    """
    asking = [one for one in reviews if one.state == "open"]
    identities = store.knowledge.identities(sorted({one.person_id for one in asking}))
    if not identities.num_rows:
        return {}
    # Records of no kind are read here: only what these people did.
    activities = Activities(lake.of(identities, ()), systems, identities, as_of, store.quarantine.held())
    events = unacted(fast_lane_events(activities, mappings, as_of), store.knowledge.marks())
    memory = store.knowledge.persons(identities.column("person_id").unique().to_pylist())
    shown = dict(zip(memory.column("person_id").to_pylist(), memory.column("shown").to_pylist(), strict=True))
    found: dict[str, AskedInReview] = {}
    for event in events.select(["person_id", "rule", "occurred_at"]).to_pylist():
        person, rule, at = event["person_id"], event["rule"], event["occurred_at"]
        if at.isoformat() > Shown.load(shown.get(person)).fast.get(rule, ""):
            found.setdefault(person, AskedInReview(rule, at))
    return {one.id: found[one.person_id] for one in asking if one.person_id in found}
