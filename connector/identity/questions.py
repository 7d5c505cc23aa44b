"""Questions about people that only a person can answer, and what their answers mean."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import NamedTuple

import pyarrow as pa

from connector.domain.refs import digest
from connector.identity.tables import DECIDED
from connector.ports.store import Review

#: how the state remembers an accepted answer that was taken back
_TAKEN_BACK = "withdrawn:accepted:"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Candidate(NamedTuple):
    """One living CRM record that the person could be."""

    #: ``system:object:id``
    ref: str
    #: microseconds since 1970 UTC, where known
    created_us: int | None
    #: (key, reference) pairs: what ties the record to the others; of an e-mail key, who shares the address
    evidence: tuple[tuple[str, str], ...]


def ask(person_id: str, subject: str, candidates: Sequence[Candidate], *, apart: bool, now: datetime) -> Review:
    """Put the question which of several CRM records is the person's.

    ``apart``: the candidates were said to be different people, and the person, known by ``subject``, could be any of
    them; otherwise all candidates are in the person. The same candidates give the same question, whoever the person is
    called meanwhile. The JSON holds references and keys, no address and no name.
    """
    ordered = sorted(candidates)
    who = subject if apart else ""
    body = [
        {
            "ref": each.ref,
            "person": who,
            "created_at": _iso(each.created_us),
            # an address itself is a reference of kind ``email``; the question only says that one is shared
            "evidence": [{"key": key, "with": _without_address(other)} for key, other in each.evidence],
        }
        for each in ordered
    ]
    return Review(
        id="r" + digest("person", who, *(each.ref for each in ordered), length=24),
        kind="person",
        person_id=person_id,
        candidates=json.dumps(body, ensure_ascii=False, sort_keys=True),
        opened_at=now,
    )


def _iso(micros: int | None) -> str | None:
    return None if micros is None else (_EPOCH + timedelta(microseconds=micros)).isoformat()


def _without_address(ref: str) -> str:
    system, kind, _ = ref.split(":", 2)
    return f"{system}:email" if kind == "email" else ref


def answers(reviews: Iterable[Review]) -> pa.Table:
    """Read answered questions about people as remembered answers (schema ``DECIDED``).

    Accepted with a reference: that record is the person's, the other candidates are the same person's doubles.
    Rejected with a reference: that record is somebody else than every other candidate. Rejected without: the candidates
    are all different people. Where the candidates were apart already, the answer is about the person and them.
    Whether all are one person is answered without a reference. Open questions say nothing, except that what an answer
    had joined and was taken back is ``parted``.
    """
    rows: set[tuple[str, str, str]] = set()
    for review in reviews:
        if review.kind != "person":
            continue
        items = json.loads(review.candidates)
        refs = [item["ref"] for item in items]
        if review.state != "open":
            rows.update(_read(refs, items[0].get("person", ""), review, one=bool(items[0].get("same"))))
        elif review.answer.startswith(_TAKEN_BACK):
            rows.update(_parted(refs, items[0].get("person", ""), review.answer.removeprefix(_TAKEN_BACK)))
    columns = list(zip(*sorted(rows), strict=True)) or [(), (), ()]
    return pa.table([pa.array(list(column), pa.string()) for column in columns], schema=DECIDED)


def _parted(refs: list[str], who: str, answer: str) -> Iterable[tuple[str, str, str]]:
    """Part what an accepted answer had joined; which of one person's records is written had joined nothing."""
    if who:
        return [(who, answer, "parted")]
    return [(left, right, "parted") for left, right in combinations(refs, 2)]


def _read(refs: list[str], who: str, review: Review, *, one: bool) -> Iterable[tuple[str, str, str]]:
    if one and review.state == "accepted":
        return [(left, right, "same") for left, right in combinations(refs, 2)]
    others = [who] if who else [ref for ref in refs if ref != review.answer]
    if review.state == "accepted":
        return [(other, review.answer, "chosen") for other in others] if review.answer in refs else []
    if review.answer in refs:
        return [(other, review.answer, "different") for other in others]
    pairs = [(who, ref) for ref in refs] if who else combinations(refs, 2)
    return [(left, right, "different") for left, right in pairs]
