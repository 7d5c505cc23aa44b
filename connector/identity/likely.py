"""Persons who look like one though no stated key says so: questions, never merges."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from connector.domain.refs import digest
from connector.identity.alike_groups import doubles
from connector.ports.store import Review

#: facts about people by which they are compared, and of what kind each is
_KINDS: Final = {
    "first_name": "given",
    "last_name": "family",
    "email": "email",
    "phone": "code",
    "city": "place",
    "company": "place",
    "account_id": "group",
}


class Likely(NamedTuple):
    """What looks like one person.

    ``reviews`` has one question per pair that is worth one; ``waiting`` are people unknown to the CRM who may be
    somebody it knows: until the answer nothing is created for them.
    """

    reviews: list[Review]
    waiting: pa.Array


def looks(people: pa.Table) -> pa.Table:
    """Keep what people are compared by: of those with a name ``person_id``, ``subject``, ``crm_id`` and facts."""
    people = people.filter(pc.and_(_said(people, "first_name"), _said(people, "last_name")))
    facts = {
        name: people.column(name).cast(pa.string())
        if name in people.column_names
        else pa.nulls(people.num_rows, pa.string())
        for name in _KINDS
    }
    return pa.table({name: people.column(name) for name in ("person_id", "subject", "crm_id")} | facts)


def likely_doubles(people: pa.Table, *, now: datetime, answered: Collection[str] = ()) -> Likely:
    """Ask about persons who look like one by name and account, or by name and place, telephone or a near address.

    Args:
        people: as ``looks`` gives them.
        now: stamped on questions.
        answered: ids of questions that have an answer, which are not asked again.
    """
    found = doubles(people.select(["person_id", *_KINDS]), _KINDS)
    ids = pa.array([*found.column("left").to_pylist(), *found.column("right").to_pylist()], pa.string())
    told = people.filter(pc.is_in(people.column("person_id"), value_set=ids)).select(["person_id", "subject", "crm_id"])
    who = {row["person_id"]: row for row in told.to_pylist()}
    reviews, waiting = [], set()
    for pair in found.to_pylist():
        both = sorted((who[pair["left"]], who[pair["right"]]), key=lambda row: str(row["subject"]))
        review = _question([str(row["subject"]) for row in both], str(both[0]["person_id"]), pair, now)
        if review.id in answered:
            continue
        reviews.append(review)
        if any(row["crm_id"] for row in both):
            waiting |= {str(row["person_id"]) for row in both if not row["crm_id"]}
    return Likely(reviews, pa.array(sorted(waiting), pa.string()))


def _said(people: pa.Table, name: str) -> pa.ChunkedArray:
    return pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(people.column(name)), ""), False)


def _question(refs: list[str], person_id: str, pair: dict[str, object], now: datetime) -> Review:
    """Ask whether two persons, named by their subjects, are one; the JSON holds no value of theirs."""
    body = [
        {
            "ref": ref,
            "person": "",
            "same": True,
            "confidence": round(float(str(pair["confidence"])), 4),
            "evidence": pair["evidence"],
        }
        for ref in refs
    ]
    return Review(
        id="r" + digest("same", *refs, length=24),
        kind="person",
        person_id=person_id,
        candidates=json.dumps(body, ensure_ascii=False, sort_keys=True),
        opened_at=now,
    )
