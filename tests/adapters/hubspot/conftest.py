"""An account on loopback behind the sandbox's door, and our CRM adapter in front of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from adapters.hubspot import HubSpotCrm
from connector.ports.crm import FieldSpec, ProvisionStep
from sandbox.core.clock import OrgClock
from sandbox.core.door import Door
from sandbox.core.org import OrgOptions
from sandbox.core.server import Server
from sandbox.hubspot.access.gate import Limits
from sandbox.hubspot.org import HubSpotOrg

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
WORDS = ("contact", "account", "task")
PATHS = {"contact": "contacts", "account": "companies", "task": "tasks"}
FIELDS = [
    *(FieldSpec(word, "handoff_key", "Handoff key", "text", 64, unique=True) for word in WORDS),
    *(FieldSpec(word, "handoff_text", "Handoff text", "text", 80) for word in WORDS),
    FieldSpec("contact", "handoff_score", "Handoff score", "number"),
    FieldSpec("contact", "handoff_grade", "Handoff grade", "picklist", values=("A1", "B2")),
]


@dataclass
class Account:
    """The sandbox's account, looked at from behind."""

    url: str
    inside: HubSpotOrg
    clock: OrgClock
    opened: list[HubSpotCrm] = field(default_factory=list)
    web: requests.Session = field(default_factory=requests.Session)

    def crm(self, **options: Any) -> HubSpotCrm:
        given = {"token": self.inside.credentials.token, "searches_per_second": 0, "calls_per_10s": 0, **options}
        crm = HubSpotCrm({"base_url": self.url, **given}, sleep=lambda _seconds: None)
        self.opened.append(crm)
        return crm

    def provision(self) -> list[ProvisionStep]:
        return self.crm().provision(FIELDS, [], dry_run=False)

    def faults(self, *faults: dict[str, Any]) -> None:
        self._post("/__sandbox__/faults", list(faults))

    def act(self, *acts: dict[str, Any]) -> Any:
        return self._post("/__sandbox__/act", list(acts))["done"]

    def advance(self, **span: float) -> None:
        self.clock.advance(timedelta(**span))

    def make(self, word: str, properties: dict[str, Any]) -> str:
        """Create a record as somebody else's app."""
        return str(self._post(f"/crm/v3/objects/{PATHS[word]}", {"properties": properties})["id"])

    def rows(self, word: str) -> list[dict[str, Any]]:
        """Give the living records as the account keeps them."""
        rows = self.inside._portal.records.rows(PATHS[word])
        return [{"id": row.id, **row.values} for row in rows if not row.deleted]

    def row(self, word: str, id_: str) -> dict[str, Any]:
        return next(row for row in self.rows(word) if row["id"] == id_)

    def calls(self, path: str = "") -> int:
        """Count the requests whose path holds a text."""
        return sum(path in call.path for call in self.inside.calls.all()) if path else len(self.inside.calls.all())

    def _post(self, path: str, body: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.inside.credentials.token}"}
        answer = self.web.post(self.url + path, json=body, headers=headers, timeout=10)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()


Opener = Callable[..., Account]


@pytest.fixture
def open_account(tmp_path: Path) -> Iterator[Opener]:
    closing: list[Callable[[], object]] = []

    def start(*, unique_task_key: bool = True) -> Account:
        clock = OrgClock(AT)
        (tmp_path / "account").mkdir()
        # Pace is a matter of other tests; here it would only cost time.
        wide = Limits(burst=10**6, search=10**6, associations=10**6)
        options = OrgOptions(unique_task_key=unique_task_key, empty=True)
        inside = HubSpotOrg(tmp_path / "account", clock, options=options, limits=wide)
        door = Door(inside)
        server = Server(door.handle, clock)
        server.start()
        account = Account(server.url, inside, clock)
        closing.extend([door.close, server.stop, account.web.close, lambda: [crm.close() for crm in account.opened]])
        return account

    yield start
    for close in reversed(closing):
        close()


@pytest.fixture
def account(open_account: Opener) -> Account:
    account = open_account()
    account.provision()
    return account
