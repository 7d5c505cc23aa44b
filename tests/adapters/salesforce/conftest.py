"""An org on loopback behind the sandbox's door, and our adapter in front of it."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from adapters.salesforce import SalesforceCrm
from connector.ports.crm import FieldSpec
from sandbox.core.clock import OrgClock
from sandbox.core.door import Door
from sandbox.core.org import OrgOptions
from sandbox.core.server import Server
from sandbox.people.build import build_world
from sandbox.salesforce.org import SalesforceOrg

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)

FIELDS = [
    *(
        FieldSpec(word, "Handoff_Key__c", "Handoff key", "text", 64, unique=True, external_id=True)
        for word in ("lead", "contact", "task")
    ),
    *(FieldSpec(word, "Handoff_Score__c", "Handoff score", "number") for word in ("lead", "contact")),
    *(FieldSpec(word, "Handoff_Stage__c", "Handoff stage", "text", 40) for word in ("lead", "contact")),
    FieldSpec("lead", "Handoff_Rejection__c", "Rejection", "picklist", values=("no budget", "other")),
    FieldSpec("task", "Handoff_Rule__c", "Handoff rule", "text", 80),
    FieldSpec("task", "Handoff_Due__c", "Due at", "datetime"),
    FieldSpec("lead", "Handoff_Reasons__c", "Reasons", "long_text", 4000),
    FieldSpec("account", "Handoff_Account_Score__c", "Account score", "number"),
]


@dataclass
class Org:
    """The sandbox's org, looked at from behind."""

    url: str
    inside: SalesforceOrg
    clock: OrgClock
    opened: list[SalesforceCrm] = field(default_factory=list)

    def crm(self, **options: Any) -> SalesforceCrm:
        auth = {"flow": "token", "access_token": self.inside.credentials.access_token}
        crm = SalesforceCrm({"instance_url": self.url, "auth": auth, **options}, sleep=lambda _s: None)
        self.opened.append(crm)
        return crm

    def provisioned(self) -> SalesforceCrm:
        crm = self.crm()
        crm.provision(FIELDS, [], dry_run=False)
        return crm

    def faults(self, *faults: dict[str, Any]) -> None:
        self.control("faults", list(faults))

    def act(self, *acts: dict[str, Any]) -> Any:
        return self.control("act", list(acts))["done"]

    def advance(self, **span: float) -> None:
        self.clock.advance(timedelta(**span))

    def mark(self) -> None:
        self.control("calls/mark", None)

    def calls(self) -> dict[str, Any]:
        answer = requests.get(f"{self.url}/__sandbox__/calls", timeout=10)
        found: dict[str, Any] = answer.json()
        return found

    def control(self, path: str, body: Any) -> Any:
        answer = requests.post(f"{self.url}/__sandbox__/{path}", json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json() if answer.content else None

    def rows(self, name: str) -> list[dict[str, Any]]:
        return [{"Id": row.id, **row.values} for row in self.inside.records.rows(name) if not row.deleted]

    def row(self, name: str, record_id: str) -> dict[str, Any]:
        return next(row for row in self.rows(name) if row["Id"] == record_id)


Opener = Callable[..., Org]


@pytest.fixture(scope="session")
def jwt_key(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """One private key for all orgs: making one takes longer than a test."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.fixture
def open_org(tmp_path: Path, jwt_key: bytes) -> Iterator[Opener]:
    closing: list[Callable[[], object]] = []

    def start(*, people: int = 0, unique_task_key: bool = True, tls: ssl.SSLContext | None = None) -> Org:
        clock = OrgClock(AT)
        (tmp_path / "org").mkdir()
        (tmp_path / "org" / "jwt.key").write_bytes(jwt_key)
        inside = SalesforceOrg(
            tmp_path / "org",
            clock,
            world=build_world(1, AT, people) if people else None,
            options=OrgOptions(unique_task_key=unique_task_key, empty=not people),
        )
        door = Door(inside)
        server = Server(door.handle, clock, tls=tls)
        server.start()
        org = Org(server.url, inside, clock)
        closing.extend([door.close, server.stop, lambda: [crm.close() for crm in org.opened]])
        return org

    yield start
    for close in reversed(closing):
        close()


@pytest.fixture
def org(open_org: Opener) -> Org:
    return open_org()
