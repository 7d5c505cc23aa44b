"""The memory adapters under the contract."""

from datetime import UTC, datetime, timedelta

from adapters.conformance.bench import BEFORE
from adapters.conformance.suite import crm_contract, source_contract
from adapters.memory import MemoryCrm, MemorySource
from connector.domain.records import Activity, RecordVersion
from connector.domain.refs import Ref

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
FIELDS = {"lead": "company", "contact": "Title", "account": "website", "task": "subject"}


def version(object_, number, *, at=NOW - timedelta(days=1), **fields):
    return RecordVersion(Ref("memory", object_, f"{object_}{number}"), at, at, fields, {})


class MemorySourceBench:
    now = NOW

    def __init__(self, _folder):
        people = [version("contact", number, email=f"p{number}@example.com") for number in range(25)]
        accounts = [version("account", number, name=f"Firm {number}") for number in range(3)]
        self._source = MemorySource({"records": [*people, *accounts], "page": 10})
        self._source.add(*(self.visit(number) for number in range(25)))
        self._adapters = []

    def visit(self, number):
        return Activity(
            Ref("memory", "page_view", f"v{number}"), "page_view", Ref("memory", "contact", "contact1"), NOW
        )

    def source(self):
        adapter = MemorySource({"page": 10})
        adapter._logs, adapter._latest, adapter.faults = self._source._logs, self._source._latest, self._source.faults
        return adapter

    def expected(self, stream):
        prefix, count = {"contacts": ("contact", 25), "accounts": ("account", 3), "activities": ("v", 25)}[stream]
        return {f"{prefix}{number}" for number in range(count)}

    def change(self, stream):
        if stream == "activities":
            self._source.add(self.visit(99))
            return {"v99"}
        object_ = stream.removesuffix("s")
        self._source.add(version(object_, 1, at=NOW, email="new@example.com"), version(object_, 99))
        return {f"{object_}1", f"{object_}99"}

    def spoil(self, stream):
        row = sorted(self.expected(stream))[1]
        self._source.faults.malformed.add(row)
        return row

    def close(self):
        self._source.close()


class MemoryCrmBench:
    now = NOW

    def __init__(self, _folder):
        records = [version(object_, number, **{FIELDS[object_]: BEFORE}) for object_ in FIELDS for number in range(15)]
        self._crm = MemoryCrm({"records": [*records, version("user", 1), version("queue", 1)], "page": 10})

    def crm(self):
        adapter = MemoryCrm({"page": 10})
        for name in ("_logs", "_records", "_keys", "_fields", "_late", "faults", "written", "creations"):
            setattr(adapter, name, getattr(self._crm, name))
        return adapter

    source = crm

    def expected(self, stream):
        object_ = next(s.object for s in self._crm.traits().streams if s.name == stream)
        return set(self._crm.records(object_))

    def change(self, stream):
        object_ = next(s.object for s in self._crm.traits().streams if s.name == stream)
        self._crm.add(version(object_, 1, at=NOW, name="changed"))
        return {f"{object_}1"}

    def spoil(self, _stream):
        return ""

    def creation(self, object_):
        return {FIELDS[object_]: "new"}

    def existing(self, object_):
        return f"{object_}0"

    def field(self, object_):
        return FIELDS[object_]

    def edit(self, object_, id_, values):
        self._crm.edit(object_, id_, values, user="rep", at=NOW)

    def lose_answer(self):
        self._crm.faults.lost_answers = 1
        return True

    def close(self):
        assert all(count == 1 for count in self._crm.creations.values())


TestMemorySource = source_contract(MemorySourceBench)
TestMemoryCrmAsSource = source_contract(MemoryCrmBench)
TestMemoryCrm = crm_contract(MemoryCrmBench)
