from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from adapters.conformance.crm_suite import CrmContract
from adapters.conformance.source_suite import SourceContract
from connector.domain.records import Value
from connector.ports.crm import FieldSpec

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
OBJECTS = {"lead": "Lead", "contact": "Contact", "account": "Account", "task": "Task"}
STREAMS = {"leads": "Lead", "contacts": "Contact", "accounts": "Account", "tasks": "Task"}
TEXT = "Handoff_Text__c"


class OrgBench:
    """A small org: a few records of each kind on one stamp, and our fields."""

    def __init__(self, org) -> None:
        self.now = AT
        self._org = org
        self._number = count(1)
        texts = [FieldSpec(word, TEXT, "Text", "text", 80) for word in OBJECTS]
        org.provisioned().provision(texts, [], dry_run=False)
        self._existing = {word: self._make(word, {TEXT: "before"}) for word in OBJECTS}
        for word in OBJECTS:
            self._make(word, {})

    def _make(self, word: str, values: Mapping[str, Value]) -> str:
        fields = {**self.creation(word), **values}
        if word == "account":
            fields["Name"] = f"Account {next(self._number)}"
        [made] = self._org.act({"do": "create", "object": OBJECTS[word], "values": fields})
        return str(made["id"])

    def source(self):
        return self._org.crm()

    crm = source

    def expected(self, stream: str) -> set[str]:
        name = STREAMS.get(stream)
        return {row["Id"] for row in self._org.rows(name)} if name else set()

    def change(self, stream: str) -> set[str]:
        words = {name: word for word, name in OBJECTS.items()}
        name = STREAMS.get(stream)
        if name is None:
            return set()
        record_id = self._existing[words[name]]
        self._org.act({"do": "edit", "object": name, "id": record_id, "values": {TEXT: f"v{next(self._number)}"}})
        return {record_id, self._make(words[name], {})}

    def spoil(self, stream: str) -> str:
        return ""

    def creation(self, object: str) -> Mapping[str, Value]:  # noqa: A002
        names = {"lead": {"LastName": "L", "Company": "C"}, "contact": {"LastName": "L"}, "task": {"Subject": "S"}}
        return names.get(object, {})

    def existing(self, object: str) -> str:  # noqa: A002
        return self._existing[object]

    def field(self, object: str) -> str:  # noqa: A002
        return TEXT

    def edit(self, object: str, id: str, values: Mapping[str, Value]) -> None:  # noqa: A002
        self._org.act({"do": "edit", "object": OBJECTS[object], "id": id, "values": dict(values)})

    def lose_answer(self) -> bool:
        self._org.faults({"match": "POST .*/composite/sobjects$", "what": "drop_after_commit", "count": 1})
        return True

    def close(self) -> None:
        return None


@pytest.fixture
def bench(open_org: Callable[..., object], tmp_path: Path) -> OrgBench:
    return OrgBench(open_org())


class TestSalesforceSource(SourceContract):
    pass


class TestSalesforceCrm(CrmContract):
    pass
