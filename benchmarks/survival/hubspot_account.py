"""A HubSpot account on loopback behind the sandbox's door, and our CRM adapter in front of it, in one process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

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
    """The sandbox's account, looked at from behind; close it."""

    url: str
    inside: HubSpotOrg
    clock: OrgClock
    opened: list[HubSpotCrm] = field(default_factory=list)
    web: requests.Session = field(default_factory=requests.Session)
    closing: list[Callable[[], object]] = field(default_factory=list)

    def close(self) -> None:
        """Give everything back."""
        for crm in self.opened:
            crm.close()
        self.web.close()
        for close in reversed(self.closing):
            close()

    def crm(self, **options: Any) -> HubSpotCrm:
        """Give a fresh adapter, as after a restart; it does not sleep and keeps no pace."""
        given = {"token": self.inside.credentials.token, "searches_per_second": 0, "calls_per_10s": 0, **options}
        crm = HubSpotCrm({"base_url": self.url, **given}, sleep=lambda _seconds: None)
        self.opened.append(crm)
        return crm

    def provision(self) -> list[ProvisionStep]:
        """Create our properties."""
        return self.crm().provision(FIELDS, [], dry_run=False)

    def faults(self, *faults: dict[str, Any]) -> None:
        """Plant faults in place of those that are there."""
        self._post("/__sandbox__/faults", list(faults))

    def act(self, *acts: dict[str, Any]) -> Any:
        """Let people do something."""
        return self._post("/__sandbox__/act", list(acts))["done"]

    def advance(self, **span: float) -> None:
        """Move the account's clock on."""
        self.clock.advance(timedelta(**span))

    def make(self, word: str, properties: dict[str, Any]) -> str:
        """Create a record as somebody else's app."""
        return str(self._post(f"/crm/v3/objects/{PATHS[word]}", {"properties": properties})["id"])

    def rows(self, word: str) -> list[dict[str, Any]]:
        """Give the living records as the account keeps them."""
        rows = self.inside._portal.records.rows(PATHS[word])
        return [{"id": row.id, **row.values} for row in rows if not row.deleted]

    def row(self, word: str, id_: str) -> dict[str, Any]:
        """Give one living record."""
        return next(row for row in self.rows(word) if row["id"] == id_)

    def _post(self, path: str, body: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.inside.credentials.token}"}
        answer = self.web.post(self.url + path, json=body, headers=headers, timeout=10)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()


def open_account(folder: Path, *, unique_task_key: bool = True) -> Account:
    """Start an empty account that keeps its rows in a new folder; ``unique_task_key``: tasks take unique values."""
    clock = OrgClock(AT)
    folder.mkdir()
    # Pace is a matter of other tests; here it would only cost time.
    wide = Limits(burst=10**6, search=10**6, associations=10**6)
    options = OrgOptions(unique_task_key=unique_task_key, empty=True)
    inside = HubSpotOrg(folder, clock, options=options, limits=wide)
    door = Door(inside)
    server = Server(door.handle, clock)
    server.start()
    return Account(server.url, inside, clock, closing=[door.close, server.stop])
