"""The same seed, the same clock and the same requests give the same bytes, faults included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.core.clock import OrgClock
from sandbox.core.door import Door
from sandbox.core.http import Request
from sandbox.hubspot.org import HubSpotOrg
from sandbox.people.build import build_world

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)


class Frozen(OrgClock):
    """A clock that stands until it is moved."""

    def _read(self):
        return self._zero


def play(directory, faults):
    """Return everything an account answers to one story."""
    org = HubSpotOrg(directory, Frozen(AT), world=build_world(3, AT, 60))
    door, said = Door(org), []
    headers = [("Authorization", f"Bearer {org.credentials.token}"), ("Content-Type", "application/json")]

    def call(method, path, body=b""):
        response = door.handle(Request.make(method, path, headers, body))
        wire = response.wire.kind if response.wire else ""
        said.append((response.status, response.payload(), sorted(response.headers.items()), wire))
        return response

    base = "/crm/v3/objects/contacts"
    call("POST", "/__sandbox__/faults", faults)
    for number in range(30):
        call("GET", f"{base}?limit=5&after={10_000 + number}&propertiesWithHistory=email&associations=companies")
        one = {"email": f"n{number}@frozen.example", "firstname": "N"}
        call("POST", "/crm/objects/2026-09/contacts", {"properties": one})
        call("POST", f"{base}/search", {"query": "n", "limit": 3, "properties": ["email"]})
        call("POST", f"{base}/batch/upsert", {"inputs": [
            {"id": one["email"], "idProperty": "email", "properties": {"city": f"c{number}"}},
            {"id": "bad", "idProperty": "email", "properties": {}}]})  # fmt: skip
        call(
            "POST",
            "/__sandbox__/act",
            [
                {"do": "visit", "email": "n0@frozen.example", "path": "/pricing"},
                {"do": "submit_form", "email": "f@frozen.example", "form": "contact-us"},
            ],
        )
        call("GET", "/events/v3/events?eventType=e_visited_page&limit=2")
        org.clock.advance(timedelta(seconds=1))
    call("GET", "/__sandbox__/snapshot")
    call("GET", "/__sandbox__/calls")
    call("POST", "/__sandbox__/reset")
    call("GET", "/__sandbox__/snapshot")
    door.close()
    return said


@pytest.mark.parametrize(
    "faults",
    [
        [],
        [
            {"match": "contacts", "what": "429", "rate": 0.2, "seed": 1},
            {"match": "contacts", "what": "drop_after_commit", "rate": 0.2, "seed": 2},
            {"match": "POST", "what": "duplicate", "rate": 0.2, "seed": 3},
            {"match": "search", "what": "search_lag", "rate": 0.5, "seed": 4, "after": "3s"},
            {"match": "GET", "what": "bad_text", "rate": 0.2, "seed": 5},
            {"match": "GET", "what": "malformed_record", "rate": 0.2, "seed": 6},
        ],
    ],
    ids=["plain", "faults"],
)
def test_the_same_requests_get_the_same_bytes(tmp_path, faults):
    first, second = play(tmp_path / "a", faults), play(tmp_path / "b", faults)
    assert first == second
    assert {status for status, *_ in first} >= {200, 201, 400}
    assert len({body for _, body, *_ in first}) > 60
