"""The CRM port's contract over HubSpot's batch calls, against an account that answers as the vendor does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count

import pytest

from adapters.conformance.crm_suite import CrmContract
from connector.domain.records import Value

TEXT = "handoff_text"
SINGULAR = {"contact": "contact", "account": "company", "task": "task"}


class AccountBench:
    """A small account: a record of each kind, and our properties."""

    def __init__(self, account) -> None:
        self.now = datetime(2026, 3, 2, 9, tzinfo=UTC)
        self._account = account
        self._number = count(1)
        self._existing = {word: account.make(word, {**self._least(word), TEXT: "before"}) for word in SINGULAR}

    def _least(self, word: str) -> dict[str, Value]:
        number = next(self._number)
        least: dict[str, dict[str, Value]] = {
            "contact": {"email": f"contact{number}@example.com"},
            "account": {"name": f"Company {number}"},
            "task": {"hs_task_subject": f"Task {number}", "hs_timestamp": "2026-03-03T09:00:00Z"},
        }
        return least[word]

    def crm(self):
        crm = self._account.crm()
        crm.want([(word, TEXT) for word in SINGULAR])
        return crm

    source = crm

    def creation(self, object: str) -> Mapping[str, Value]:  # noqa: A002
        if object == "task":
            return {**self._least("task"), "associations.contact": self._existing["contact"]}
        return self._least(object) if object in SINGULAR else {}

    def existing(self, object: str) -> str:  # noqa: A002
        return self._existing.get(object, "")

    def field(self, object: str) -> str:  # noqa: A002
        return TEXT

    def edit(self, object: str, id: str, values: Mapping[str, Value]) -> None:  # noqa: A002
        self._account.act({"do": "edit", "object": SINGULAR[object], "id": id, "values": dict(values)})

    def lose_answer(self) -> bool:
        self._account.faults({"match": "POST .*/batch/create$", "what": "drop_after_commit", "count": 1})
        return True

    def expected(self, stream: str) -> set[str]:
        return set()

    def change(self, stream: str) -> set[str]:
        return set()

    def spoil(self, stream: str) -> str:
        return ""

    def close(self) -> None:
        return None


@pytest.fixture
def bench(account) -> AccountBench:
    return AccountBench(account)


class TestHubSpotCrm(CrmContract):
    pass
