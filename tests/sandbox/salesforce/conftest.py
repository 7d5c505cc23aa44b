"""An org without sockets, and a client that speaks to it as one over the wire would."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from sandbox.core.clock import OrgClock
from sandbox.core.door import Door
from sandbox.core.http import Request
from sandbox.core.org import OrgOptions
from sandbox.people.build import build_world
from sandbox.salesforce.org import SalesforceOrg

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
V = "/services/data/v62.0"


KEYS: list[bytes] = []


def give_key(directory):
    """Let all test orgs share one key: making one takes longer than an org."""
    key_file = directory / "jwt.key"
    directory.mkdir(parents=True, exist_ok=True)
    if KEYS and not key_file.exists():
        key_file.write_bytes(KEYS[0])
    return key_file


class Client:
    """A client of one org; paths are under the version unless they start with ``/``."""

    def __init__(self, directory, people=0, **options):
        key_file = give_key(directory)
        world = build_world(options.get("seed", 1), AT, people)
        self.org = SalesforceOrg(directory, OrgClock(AT), world=world, options=OrgOptions(**options))
        KEYS.append(key_file.read_bytes())
        self.door = Door(self.org)
        self.token = self.org.credentials.access_token
        self.headers = {}

    def ask(self, method, path, body=None, **headers):
        full = path if path.startswith("/") else f"{V}/{path}"
        sent = [("Authorization", f"Bearer {self.token}"), ("Content-Type", "application/json"), ("Host", "127.0.0.1")]
        sent += [(name.replace("_", "-"), value) for name, value in headers.items()]
        request = Request.make(method, full, dict(sent).items(), b"" if body is None else body)
        self.answer = self.door.handle(request)
        payload = self.answer.payload()
        return self.answer.status, json.loads(payload) if payload else None

    def query(self, text, resource="query", **headers):
        status, body = self.ask("GET", f"{resource}?q={quote(text)}", **headers)
        assert status == 200, body
        return body

    def rows(self, text, resource="query", **headers):
        """Return all records of a query, every page of it."""
        body = self.query(text, resource, **headers)
        found = body["records"]
        while not body["done"]:
            body = self.ask("GET", body["nextRecordsUrl"])[1]
            found = found + body["records"]
        return found

    def create(self, obj, **values):
        status, body = self.ask("POST", f"sobjects/{obj}", values, Sforce_Auto_Assign="FALSE")
        assert status == 201, body
        return body["id"]

    def lead(self, name="Ada", **values):
        return self.create("Lead", **{"LastName": name, "Company": "Corp", **values})

    def act(self, *acts):
        status, body = self.ask("POST", "/__sandbox__/act", list(acts))
        assert status == 200, body
        return body["done"]

    def advance(self, span):
        assert self.ask("POST", "/__sandbox__/clock", {"advance": span})[0] == 200

    def faults(self, *entries):
        status, body = self.ask("POST", "/__sandbox__/faults", list(entries))
        assert status == 200, body

    def calls(self):
        return self.ask("GET", "/__sandbox__/calls")[1]

    def snapshot(self):
        self.ask("GET", "/__sandbox__/snapshot")
        return self.answer.payload()

    def user(self, name):
        return self.rows(f"SELECT Id FROM User WHERE Username = '{name}@corp.example'")[0]["Id"]

    def fields(self, obj):
        return {field["name"] for field in self.ask("GET", f"sobjects/{obj}/describe")[1]["fields"]}

    def custom_field(self, full_name, *, grant=True, **metadata):
        about = {"type": "Text", "label": full_name.split(".")[1], "length": 80, **metadata}
        status, body = self.ask("POST", "tooling/sobjects/CustomField", {"FullName": full_name, "Metadata": about})
        assert status == 201, body
        if grant:
            base, name = full_name.split(".")
            self.grant(*(f"{obj}.{name}" for obj in (("Task", "Event") if base == "Activity" else (base,))))
        return body["id"]

    def grant(self, *fields):
        found = self.rows("SELECT Id FROM PermissionSet WHERE Name = 'Test'")
        name = found[0]["Id"] if found else self.create("PermissionSet", Name="Test", Label="Test")
        for field in fields:
            obj = field.split(".")[0]
            rights = {"PermissionsRead": True, "PermissionsEdit": True}
            self.create("FieldPermissions", ParentId=name, SobjectType=obj, Field=field, **rights)
        if not found:
            self.create("PermissionSetAssignment", PermissionSetId=name, AssigneeId=self.org._state.me)


@pytest.fixture
def empty(tmp_path):
    client = Client(tmp_path / "org")
    yield client
    client.door.close()


@pytest.fixture(scope="session")
def filled(tmp_path_factory):
    """An org with people, for tests that only read."""
    client = Client(tmp_path_factory.mktemp("filled"), people=900)
    yield client
    client.door.close()


@pytest.fixture(scope="session")
def client_of():
    """The client's class, for fixtures that live longer than one test."""
    return Client


@pytest.fixture
def make(tmp_path):
    made = []

    def build(**options):
        made.append(Client(tmp_path / f"org{len(made)}", **options))
        return made[-1]

    yield build
    for client in made:
        client.door.close()
