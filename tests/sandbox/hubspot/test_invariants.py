"""After any sequence of calls the account keeps its own promises."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.core.clock import OrgClock
from sandbox.core.http import Request
from sandbox.hubspot.access.gate import Limits
from sandbox.hubspot.org import HubSpotOrg

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
MANY = Limits(burst=10**9, search=10**9, associations=10**9, daily=10**9)
BACK = "/crm/v4/objects/companies/{}/associations/contacts"
SPOTS = st.integers(0, 7)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("contact"), SPOTS),
        st.tuples(st.just("company"), SPOTS),
        st.tuples(st.just("merge"), SPOTS, SPOTS),
        st.tuples(st.just("merge companies"), SPOTS, SPOTS),
        st.tuples(st.just("archive"), SPOTS),
        st.tuples(st.just("erase"), SPOTS),
        st.tuples(st.just("link"), SPOTS, SPOTS, st.sampled_from([1, 279])),
        st.tuples(st.just("link back"), SPOTS, SPOTS, st.sampled_from([2, 280])),
        st.tuples(st.just("unlink"), SPOTS, SPOTS),
        st.tuples(st.just("own"), SPOTS, SPOTS),
    ),
    max_size=25,
)


@pytest.fixture(scope="module")
def org(tmp_path_factory):
    made = HubSpotOrg(tmp_path_factory.mktemp("invariants"), OrgClock(AT), world=None, limits=MANY)
    yield made
    made.close()


class Play:
    """Carry steps out over the API, on the ids that were given so far."""

    def __init__(self, org: HubSpotOrg) -> None:
        self.org = org
        self.headers = [("Authorization", f"Bearer {org.credentials.token}"), ("Content-Type", "application/json")]
        self.contacts: list[str] = []
        self.companies: list[str] = []
        self.erased: set[str] = set()

    def call(self, method: str, path: str, body: Any = b"") -> Any:
        response = self.org.handle(Request.make(method, path, self.headers, body))
        assert response.status < 500
        return response

    def made(self, ids: list[str], response: Any) -> None:
        if response.status in {200, 201}:
            ids.append(response.body["id"])

    def step(self, name: str, *spots: int) -> None:
        contact = self.contacts[spots[0] % len(self.contacts)] if self.contacts else "1"
        other = self.contacts[spots[-1] % len(self.contacts)] if self.contacts else "1"
        spot = spots[1] if len(spots) > 1 else spots[0]
        company = self.companies[spot % len(self.companies)] if self.companies else "1"
        base, linked = "/crm/v3/objects/contacts", "/crm/v4/objects"
        match name:
            case "contact":
                wish = {"properties": {"email": f"p{spots[0]}@x.example", "firstname": "P"}}
                self.made(self.contacts, self.call("POST", base, wish))
            case "company":
                wish = {"properties": {"name": f"C{spots[0]}"}}
                self.made(self.companies, self.call("POST", "/crm/v3/objects/companies", wish))
            case "merge":
                wish = {"primaryObjectId": contact, "objectIdToMerge": other}
                self.made(self.contacts, self.call("POST", f"{base}/merge", wish))
            case "merge companies":
                first = self.companies[spots[0] % len(self.companies)] if self.companies else "1"
                wish = {"primaryObjectId": first, "objectIdToMerge": company}
                self.made(self.companies, self.call("POST", "/crm/v3/objects/companies/merge", wish))
            case "archive":
                self.call("DELETE", f"{base}/{contact}")
            case "erase":
                self.call("POST", f"{base}/gdpr-delete", {"objectId": contact})
            case "link":
                types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": spots[2]}]
                self.call("PUT", f"{linked}/contacts/{contact}/associations/companies/{company}", types)
            case "link back":
                types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": spots[2]}]
                self.call("PUT", f"{linked}/companies/{company}/associations/contacts/{contact}", types)
            case "unlink":
                self.call("DELETE", f"{linked}/contacts/{contact}/associations/companies/{company}")
            case _:
                self.call("PATCH", f"{base}/{contact}", {"properties": {"associatedcompanyid": company}})


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_happens(org, steps):
    org.reset()
    play = Play(org)
    for step in steps:
        play.step(*step)
    wanted = "email,hs_additional_emails,hs_merged_object_ids,associatedcompanyid"
    living = play.call("GET", f"/crm/v3/objects/contacts?limit=100&properties={wanted}").body["results"]
    _every_address_has_one_holder(play, living)
    _old_ids_lead_to_the_living(play, living)
    _both_ends_see_the_same(play, living)
    fresh = org.snapshot()
    assert fresh == org.snapshot()


def _every_address_has_one_holder(play: Play, living: list[dict[str, Any]]) -> None:
    addresses = Counter(
        address
        for row in living
        for address in (row["properties"]["email"], *(row["properties"]["hs_additional_emails"] or "").split(";"))
        if address
    )
    assert all(count == 1 for count in addresses.values())
    for row in living:
        for address in filter(None, (row["properties"]["hs_additional_emails"] or "").split(";")):
            found = play.call("GET", f"/crm/v3/objects/contacts/{address}?idProperty=email").body
            assert found["id"] == row["id"]


def _old_ids_lead_to_the_living(play: Play, living: list[dict[str, Any]]) -> None:
    for row in living:
        for old in filter(None, (row["properties"]["hs_merged_object_ids"] or "").split(";")):
            assert play.call("GET", f"/crm/v3/objects/contacts/{old}").body["id"] == row["id"]


def _both_ends_see_the_same(play: Play, living: list[dict[str, Any]]) -> None:
    forward: set[tuple[str, str]] = set()
    for row in living:
        path = f"/crm/v4/objects/contacts/{row['id']}/associations/companies"
        linked = play.call("GET", path).body["results"]
        primary = [
            str(entry["toObjectId"]) for entry in linked if 1 in {kind["typeId"] for kind in entry["associationTypes"]}
        ]
        assert len(primary) <= 1
        assert row["properties"]["associatedcompanyid"] == (primary[0] if primary else None)
        assert all(279 in {kind["typeId"] for kind in entry["associationTypes"]} for entry in linked)
        forward |= {(row["id"], str(entry["toObjectId"])) for entry in linked}
    companies = play.call("GET", "/crm/v3/objects/companies?limit=100").body["results"]
    backward = {
        (str(entry["toObjectId"]), row["id"])
        for row in companies
        for entry in play.call("GET", BACK.format(row["id"])).body["results"]
    }
    assert forward == backward
