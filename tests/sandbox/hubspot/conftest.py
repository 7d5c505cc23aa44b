"""A HubSpot account on a loopback port, and a thin client that hides nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.core.clock import OrgClock
from sandbox.core.door import Door
from sandbox.core.http import Request, Response
from sandbox.core.server import Server
from sandbox.hubspot.access.gate import Limits
from sandbox.hubspot.org import HubSpotOrg
from sandbox.people.build import build_world
from sandbox.people.world import World

# tests are no package: what several files here share is found beside them, under names nobody else uses
sys.path.insert(0, str(Path(__file__).parent))
from described import SHARED, Judge

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
PEOPLE = 300


@dataclass
class Api:
    """One account as a client meets it."""

    url: str
    org: HubSpotOrg
    world: World
    session: requests.Session = field(default_factory=requests.Session)

    def call(self, method: str, path: str, body: Any = None, *, token: str | None = None, **query: Any) -> Any:
        headers = {"Authorization": f"Bearer {token or self.org.credentials.token}"}
        return self.session.request(method, self.url + path, json=body, params=query, headers=headers, timeout=20)

    def get(self, path: str, **query: Any) -> Any:
        answer = self.call("GET", path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any, status: int = 200) -> Any:
        answer = self.call("POST", path, body)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def search(self, kind: str, **body: Any) -> Any:
        self.advance("2s")  # the limit of five a second is tested on its own
        return self.post(f"/crm/v3/objects/{kind}/search", body)

    def control(self, name: str, body: Any = None) -> Any:
        method = "GET" if body is None else "POST"
        answer = self.session.request(method, f"{self.url}/__sandbox__/{name}", json=body, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json() if name != "snapshot" else answer.content

    def act(self, *acts: dict[str, Any]) -> list[dict[str, Any]]:
        return self.control("act", list(acts))["done"]

    def advance(self, span: str) -> None:
        self.control("clock", {"advance": span})


def watched(door: Door, judge: Judge) -> Any:
    """Return the door's handler with a judge behind it; what a planted fault does to an answer is not judged."""

    def handle(request: Request) -> Response:
        response = door.handle(request)
        faulted = response.wire is not None or door._org.faults._faults
        if SHARED is None or faulted or request.path.startswith(("/__sandbox__", "/exports/", "/oauth/authorize")):
            return response
        try:
            sent = json.loads(request.body) if request.body else None
        except ValueError:
            sent = None
        payload = response.payload()
        answer = json.loads(payload) if payload else None
        judge.watch(request.method, request.path, request.query, sent, response.status, answer)
        return response

    return handle


def serve(directory: Path, world: World, *, judge: Judge | None = None, limits: Limits | None = None) -> Iterator[Api]:
    """Serve an account; at the end every exchange with it must have fitted HubSpot's descriptions."""
    clock = OrgClock(AT)
    org = HubSpotOrg(directory, clock, world=world, limits=limits)
    door, judge = Door(org), judge or Judge()
    server = Server(watched(door, judge), clock)
    server.start()
    api = Api(server.url, org, world)
    yield api
    api.session.close()
    server.stop()
    door.close()
    assert judge.problems == []


@pytest.fixture(scope="module")
def api(tmp_path_factory) -> Iterator[Api]:
    """An account with people, shared by the tests of a file: they add and change what is their own."""
    yield from serve(tmp_path_factory.mktemp("hubspot"), build_world(1, AT, PEOPLE))


@pytest.fixture
def empty(tmp_path) -> Iterator[Api]:
    """An account without people, fresh for each test."""
    yield from serve(tmp_path, build_world(1, AT, 0))
