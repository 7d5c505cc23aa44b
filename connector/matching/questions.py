"""Questions about accounts that only a person can answer, and what their answers mean."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from connector.domain.refs import digest
from connector.matching.tables import ANSWERS
from connector.ports.store import Review

#: how the domain tier says that an address is nobody's own
_SHARED = re.compile(
    r"(?:e-mail domain|website) (?P<domain>\S+);"
    r" (?P<because>\d+ unrelated accounts have it|its people belong to \d+ .*)"
)


class Shared(NamedTuple):
    """A domain that seems to be shared, how many questions it puts, and what was seen."""

    domain: str
    questions: int
    because: str


def ask(matches: pa.Table, *, now: datetime) -> list[Review]:
    """Put one question per review row of ``matches`` (schema ``MATCHES``), in its order.

    The same person with the same candidates is the same question. The JSON lists each candidate with its method,
    confidence (left out where others come before it) and evidence, the best one first.
    """
    reviews = []
    for row in matches.filter(pc.field("review")).to_pylist():
        body = [{name: told for name, told in each.items() if told is not None} for each in row["candidates"]]
        reviews.append(
            Review(
                id="r" + digest("account", row["person_id"], *sorted(each["account_id"] for each in body), length=24),
                kind="account",
                person_id=row["person_id"],
                candidates=json.dumps(body, ensure_ascii=False, sort_keys=True),
                opened_at=now,
            )
        )
    return reviews


def answers(reviews: Iterable[Review]) -> pa.Table:
    """Read answered questions about accounts as remembered answers (schema ``ANSWERS``).

    Accepted: the person belongs to the account in ``answer``, else to the best candidate. Rejected: the person does not
    belong to the account in ``answer``, else to none of the candidates. Open questions say nothing.
    """
    rows: set[tuple[str, str, str]] = set()
    for review in reviews:
        if review.kind != "account" or review.state == "open":
            continue
        candidates = [item["account_id"] for item in json.loads(review.candidates)]
        if review.state == "accepted":
            rows.add((review.person_id, review.answer or candidates[0], "same"))
        else:
            rows |= {
                (review.person_id, each, "different") for each in ([review.answer] if review.answer else candidates)
            }
    columns = list(zip(*sorted(rows), strict=True)) or [(), (), ()]
    return pa.table([pa.array(list(column), pa.string()) for column in columns], schema=ANSWERS)


def shared_in(reviews: Iterable[Review]) -> list[Shared]:
    """Give the domains that put questions because they are nobody's own, those with the most questions first."""
    found: dict[str, tuple[int, str]] = {}
    for review in reviews:
        if review.kind != "account":
            continue
        told = _SHARED.match(json.loads(review.candidates)[0].get("evidence") or "")
        if told:
            found[told["domain"]] = (found.get(told["domain"], (0, ""))[0] + 1, told["because"])
    shared = [Shared(domain, questions, because) for domain, (questions, because) in found.items()]
    return sorted(shared, key=lambda each: (-each.questions, each.domain))
