"""The program's delivery beside a Salesforce org in a process of its own: what is wanted, sent, and stands there.

The outbox, the drain and the Salesforce adapter are the program's own, in one process with the driver; the org is
another process. Waiting moves the org's clock instead of taking real time, so that a bound of ten minutes is really
waited for on the clock that counts.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from adapters.salesforce import SalesforceCrm
from adapters.salesforce.schema import KEY_FIELD
from benchmarks.sandbox import Org
from connector.delivery.budget import Budget
from connector.delivery.drain import Drain
from connector.delivery.drained import Drained
from connector.domain.writes import Cause, OutcomeKind, Write, WriteOutcome
from connector.ports.crm import FieldSpec, ProvisionStep
from connector.ports.store import IDENTITIES, PERSONS, SCORE_HISTORY, STAGE_MOVES, Decisions, OutboxRow
from state import open_store

SCORE, GRADE = "Handoff_Score__c", "Handoff_Grade__c"
OURS = frozenset({SCORE, GRADE})
CREATED = ("lead", "contact", "task")
#: how long a drain waits for what may pass, on the org's clock
PATIENCE = timedelta(seconds=60)


class WatchedCrm(SalesforceCrm):
    """Counts the batches whose writes came back without a clear answer."""

    lost = 0
    lost_rows = 0

    def apply(self, writes: Sequence[Write], *, now: datetime) -> Sequence[WriteOutcome]:
        """Apply as ever, and count."""
        outcomes = super().apply(writes, now=now)
        unclear = sum(outcome.kind is OutcomeKind.UNKNOWN for outcome in outcomes)
        self.lost += bool(unclear)
        self.lost_rows += unclear
        return outcomes


class Outbound:
    """An outbox, a drain, and the org they write to."""

    def __init__(self, directory: str, *, people: int, unique: bool, bulk_from: int = 0, state: str = "") -> None:
        """Start the org and open an empty state; ``unique``: whether the org keeps our keys unique."""
        self.unique = unique
        self.org = Org(people, f"{directory}/org", *([] if unique else ["--no-unique-task-key"]))
        self.store = open_store(state or f"sqlite:///{directory}/state.db")
        self._bulk_from = bulk_from
        self.slept_seconds = 0.0
        self.crm = self.open_crm()
        self.steps = self._provision()
        self.leads = self._ids("Lead", "IsConverted = false")
        self.contacts = self._ids("Contact")
        for word in (*CREATED, "account"):
            self.crm.fields(word)
        self._decided = 0

    def close(self) -> None:
        """Stop everything."""
        self.crm.close()
        self.store.close()
        self.org.stop()

    def open_crm(self, **auth: str) -> WatchedCrm:
        """Make another connection to the org."""
        words = auth or {"flow": "token", "access_token": self.org.entry["access_token"]}
        options = {"instance_url": self.org.entry["url"], "auth": words, "bulk_from": self._bulk_from}
        return WatchedCrm(options, sleep=self._sleep)

    def want(self, *rows: OutboxRow) -> None:
        """Store rows as a cycle's decisions do."""
        self._decided += 1
        name = f"run-{self._decided}"
        tables = {"identities": IDENTITIES, "persons": PERSONS, "stage_moves": STAGE_MOVES, "scores": SCORE_HISTORY}
        empty: dict[str, Any] = {table: schema.empty_table() for table, schema in tables.items()}
        self.store.knowledge.commit_decisions(
            Decisions(run_id=name, plan_id=name, at=self.now(), rows=list(rows), **empty)
        )

    def drain(self, *, patience: timedelta = PATIENCE, budget: Budget | None = None) -> Drained:
        """Empty the outbox as far as it goes."""
        drain = Drain(
            self.store,
            self.crm,
            owner="survival",
            budget=budget or Budget("salesforce", self.store.ledger, None, 0.0),
            patience=patience,
            sleep=self._sleep,
            timer=self._timer,
        )
        return drain.run(now=self.now())

    def unsettled(self) -> dict[str, int]:
        """Count rows that are neither done nor superseded."""
        return {
            state: n for state, n in self.store.outbox.counts().items() if state not in ("done", "superseded") and n
        }

    # -- the org from behind -----------------------------------------------------------------------

    def ask(self, path: str, body: Any = None) -> Any:
        """Ask the control surface; with a body it is a POST."""
        data = None if body is None else json.dumps(body).encode()
        url = f"{self.org.entry['url']}/__sandbox__/{path}"
        request = urllib.request.Request(url, data=data)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)

    def faults(self, *faults: dict[str, Any]) -> None:
        """Plant faults in place of those that are there."""
        self.ask("faults", list(faults))

    def struck(self) -> int:
        """Say how often the faults in force have struck."""
        return sum(fault["hits"] for fault in self.ask("faults")["faults"])

    def act(self, *acts: dict[str, Any]) -> None:
        """Let people do something."""
        self.ask("act", list(acts))

    def now(self) -> datetime:
        """Read the org's clock."""
        return datetime.fromisoformat(self.ask("clock")["now"])

    def advance(self, span: timedelta) -> None:
        """Move the org's clock on."""
        self.ask("clock", {"advance": f"{span.total_seconds()}s"})

    def rows(self, soql: str, *, deleted_too: bool = True) -> list[dict[str, Any]]:
        """Ask the org as its administrator would."""
        with self.org.client() as client:
            url = f"{self.org.base}/{'queryAll' if deleted_too else 'query'}?q={quote(soql)}"
            found: list[dict[str, Any]] = []
            while True:
                page = client.get(url, timeout=120).json()
                found += page["records"]
                if page["done"]:
                    return found
                url = self.org.entry["url"] + page["nextRecordsUrl"]

    def _ids(self, object_: str, where: str = "") -> list[str]:
        words = f" WHERE {where}" if where else ""
        return [row["Id"] for row in self.rows(f"SELECT Id FROM {object_}{words} ORDER BY Id", deleted_too=False)]

    def _provision(self) -> list[ProvisionStep]:
        # The sandbox itself refuses Unique on activities only; for leads and contacts we do not ask for it.
        keys = [
            FieldSpec(word, KEY_FIELD, "Key", "text", 64, unique=self.unique or word == "task", external_id=True)
            for word in CREATED
        ]
        own = [FieldSpec(word, name, name, "text", 255) for word in ("lead", "contact", "account") for name in OURS]
        return self.crm.provision([*keys, *own], [], dry_run=False)

    def _sleep(self, seconds: float) -> None:
        self.slept_seconds += seconds
        self.advance(timedelta(seconds=seconds))

    def _timer(self) -> float:
        return time.monotonic() + self.slept_seconds


def creation(object_: str, key: str, fields: dict[str, Any], **references: str) -> OutboxRow:
    """Make the row that creates a record."""
    write = Write(key, "create", object_, None, fields, references=references)
    return _row(write, key, "create", Cause.CREATION, depends_on=tuple(references.values()))


def update(object_: str, id_: str, fields: dict[str, Any], **expected: Any) -> OutboxRow:
    """Make the row that updates a record: fields of ours, or people's fields as far as they are as expected."""
    ours = OURS & set(fields)
    write = Write("", "update", object_, id_, fields, expected, ours)
    group, cause = ("score", Cause.SCORE) if set(fields) <= ours else ("edit", Cause.EDIT)
    return _row(write, f"salesforce:{object_}:{id_}", group, cause, priority=2 if group == "score" else 1)


def _row(write: Write, lane: str, group: str, cause: Cause, **more: Any) -> OutboxRow:
    about: dict[str, Any] = {
        "rule": "survival", "person_id": lane, "reason": "", "run_id": "", "plan_id": "",
        "priority": 1, "decided_at": datetime.now().astimezone(),
    }  # fmt: skip
    return OutboxRow(id=0, write=write, lane=lane, group=group, cause=cause, **(about | more))
