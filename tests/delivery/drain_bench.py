"""An outbox, a CRM and a clock for tests of the drain."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from outbox_words import NOW, decisions

from adapters.memory import MemoryCrm
from connector.delivery.budget import Budget
from connector.delivery.drain import Drain
from connector.domain.records import RecordVersion
from connector.domain.refs import Ref
from connector.domain.writes import Write
from connector.ports.store import OutboxRow
from connector.ports.traits import AdapterTraits
from state import open_store


class Crm(MemoryCrm):
    """A CRM whose clock and unique keys a test decides on."""

    def __init__(self, *, unique: bool = True, batch: int = 200) -> None:
        records = [
            RecordVersion(Ref("crm", "lead", str(number)), NOW, NOW, {"Score": 0, "Title": "CEO"}, {})
            for number in range(4)
        ]
        super().__init__({"records": records, "batch_size": batch}, system="crm")
        self.unique = unique
        self.vendor_now: datetime | None = NOW
        self.sent: list[list[Write]] = []

    def traits(self) -> AdapterTraits:
        kept = dict.fromkeys(("lead", "contact", "task"), self.unique)
        return replace(super().traits(), creation_key_unique=kept)

    def clock(self) -> datetime | None:
        return self.vendor_now

    def apply(self, writes: Any, *, now: datetime) -> Any:
        self.sent.append(list(writes))
        return super().apply(writes, now=now)


class Bench:
    """An outbox, a CRM and a clock of their own; sleeping only turns the clock."""

    def __init__(self, url: str, **words: Any) -> None:
        self.store = open_store(url)
        self.outbox = self.store.outbox
        self.crm = Crm(**words)
        self.seconds = 0.0
        self.slept: list[float] = []
        self.stopped = False

    def add(self, *rows: OutboxRow, **changes: Any) -> None:
        self.store.knowledge.commit_decisions(decisions(*rows, **changes))

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def drain(
        self, *, ceiling: int | None = None, now: datetime | None = None, patience: float = 60, sits_out: bool = True
    ) -> Any:
        drain = Drain(
            self.store,
            self.crm,
            owner="me",
            budget=Budget("crm", self.store.ledger, ceiling, 0.5),
            patience=timedelta(seconds=patience),
            clock=self.now,
            sleep=self.sleep,
            timer=lambda: self.seconds,
            stop=lambda: self.stopped,
            sits_out=sits_out,
        )
        return drain.run(now=now or self.now())

    def states(self) -> dict[str, int]:
        return {state: count for state, count in self.outbox.counts().items() if count}

    def score(self, id_: str = "1") -> Any:
        return self.crm.records("lead")[id_].fields.get("Score")

    def tasks(self) -> list[Any]:
        return sorted(record.fields["subject"] for record in self.crm.records("task").values())
