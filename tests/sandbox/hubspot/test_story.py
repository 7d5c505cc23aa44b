"""Acts, the call ledger, snapshots, faults, restart and reset."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from sandbox.core.clock import OrgClock
from sandbox.core.http import Request
from sandbox.hubspot.activity import activity_log
from sandbox.hubspot.org import HubSpotOrg
from sandbox.hubspot.shapes import AUDIT_FIELDS
from sandbox.people.build import build_world

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)


def _contact(api, email: str, *names: str) -> dict[str, str | None]:
    wanted = ",".join(names)
    return api.get(f"/crm/v3/objects/contacts/{email}", idProperty="email", properties=wanted)["properties"]


def test_submitting_a_form_makes_and_moves_the_contact(empty):
    empty.act(
        {"do": "submit_form", "email": "Ana@New.example", "form": "demo-request",
         "values": {"firstname": "Ana", "budget_range": "50-100k", "unknown": "kept"}, "at": "2026-11-22T10:00:00Z"},
    )  # fmt: skip
    before = _contact(empty, "ana@new.example", "firstname", "budget_range", "num_conversion_events")
    assert before["firstname"] == "Ana"
    assert before["budget_range"] == "50-100k"
    assert before["num_conversion_events"] == "1"
    assert before["lastmodifieddate"] == "2026-11-22T10:00:00.000Z"
    empty.act({"do": "submit_form", "email": "ana@new.example", "form": "contact-us", "at": "2026-11-22T11:00:00Z"})
    after = _contact(empty, "ana@new.example", "recent_conversion_event_name", "num_conversion_events")
    assert after["lastmodifieddate"] == "2026-11-22T11:00:00.000Z"
    assert after["num_conversion_events"] == "2"
    assert after["recent_conversion_event_name"] == "Contact us: contact-us"
    forms = {form["name"]: form["id"] for form in empty.get("/marketing/v3/forms")["results"]}
    rows = empty.get(f"/form-integrations/v1/submissions/forms/{forms['demo-request']}")["results"]
    assert {value["name"]: value["value"] for value in rows[0]["values"]}["unknown"] == "kept"


def test_everything_a_visitor_and_a_rep_do_shows(empty):
    who = {"email": "bo@acts.example"}
    empty.act(
        {"do": "submit_form", "form": "newsletter", **who},
        {"do": "visit", "path": "/pricing?utm=x", **who},
        {"do": "open_email", **who},
        {"do": "click_email", "path": "/demo", **who},
        {"do": "download", "asset": "guide", **who},
        {"do": "reply", **who},
        {"do": "book_meeting", "user": "rep1@corp.example", **who},
        {"do": "log_call", "user": "rep2@corp.example", **who},
        {"do": "edit", "object": "contact", "values": {"city": "Ulm"}, "user": "rep1@corp.example", **who},
        {"do": "opt_out", **who},
    )
    found = _contact(
        empty, "bo@acts.example", "hs_analytics_num_page_views", "hs_email_click", "hs_email_optout", "city",
        "hs_sales_email_last_replied", "hs_analytics_last_url",
    )  # fmt: skip
    assert found["hs_analytics_num_page_views"] == "1"
    assert found["hs_analytics_last_url"] == "https://www.corp.example/pricing?utm=x"
    assert found["hs_email_click"] == "1"
    assert found["hs_email_optout"] == "true"
    assert found["city"] == "Ulm"
    assert found["hs_sales_email_last_replied"]
    row = empty.get("/crm/v3/objects/contacts/bo@acts.example", idProperty="email",
                    associations="emails,meetings,calls")  # fmt: skip
    assert set(row["associations"]) == {"emails", "meetings", "calls"}
    kinds = {event["type"] for event in empty.get("/email/public/v1/events", limit=100)["events"]}
    assert kinds == {"OPEN", "CLICK", "STATUSCHANGE"}
    meeting = empty.get("/crm/v3/objects/meetings", properties="hubspot_owner_id")["results"][0]
    owner = empty.get("/crm/v3/owners", email="rep1@corp.example")["results"][0]["id"]
    assert meeting["properties"]["hubspot_owner_id"] == owner


def test_a_gateway_follows_all_links_seconds_after_delivery(empty):
    who = {"email": "bo@acts.example"}
    empty.act({"do": "submit_form", "form": "newsletter", **who})
    (_, done) = empty.act(
        {"do": "send_email", "mailing": "One", **who},
        {"do": "scan_email", "mailing": "Two", "links": ["/a", "/b"], "seconds": 4, **who},
    )
    events = empty.get("/email/public/v1/events", limit=100)["events"]
    of_scan = [event for event in events if event.get("emailCampaignId") == done["campaign"]]
    times = {event["type"]: event["created"] for event in of_scan}
    assert sorted(event["type"] for event in of_scan) == ["CLICK", "CLICK", "DELIVERED", "OPEN", "SENT"]
    assert times["CLICK"] - times["DELIVERED"] == 4000
    assert {event["url"] for event in of_scan if event["type"] == "CLICK"} == {
        "https://www.corp.example/a", "https://www.corp.example/b"
    }  # fmt: skip
    assert len(events) == 7


def test_an_event_that_filters_leave_out_says_so(empty):
    who = {"email": "bo@acts.example"}
    empty.act({"do": "submit_form", "form": "newsletter", **who}, {"do": "open_email", "filtered": True, **who})
    (event,) = empty.get("/email/public/v1/events", limit=100)["events"]
    assert event["filteredEvent"] is True


def test_merge_delete_and_leave(empty):
    for name in "abc":
        empty.act({"do": "submit_form", "email": f"{name}@m.example", "form": "newsletter"})
    empty.act({"do": "visit", "email": "a@m.example", "path": "/a"})
    merged = empty.act({"do": "merge", "email": "a@m.example", "into": "b@m.example"})[0]["id"]
    assert empty.get("/crm/v3/objects/contacts/a@m.example", idProperty="email")["id"] == merged
    events = empty.get("/events/v3/events", objectType="contact", objectId=merged)["results"]
    assert [event["objectId"] for event in events] == [merged]
    again = empty.act({"do": "merge", "email": "b@m.example", "into": "c@m.example"})[0]["id"]
    assert empty.get("/crm/v3/objects/contacts/a@m.example", idProperty="email")["id"] == again
    empty.act({"do": "delete", "email": "c@m.example"})
    assert empty.call("GET", f"/crm/v3/objects/contacts/{again}").status_code == 404
    assert [row["id"] for row in empty.get("/crm/v3/objects/contacts", archived="true")["results"]] == [again]
    empty.act({"do": "deactivate_user", "email": "rep1@corp.example"})
    assert empty.get("/crm/v3/owners", email="rep1@corp.example")["results"] == []


def test_a_list_of_acts_is_done_wholly_or_not(empty):
    before = empty.control("snapshot")
    answer = empty.session.post(
        f"{empty.url}/__sandbox__/act",
        json=[
            {"do": "submit_form", "email": "x@y.example", "form": "newsletter"},
            {"do": "visit", "email": "nobody@y.example", "path": "/"},
        ],
        timeout=5,
    )
    assert answer.status_code == 400
    assert empty.control("snapshot") == before
    assert empty.search("contacts")["total"] == 0
    for bad in ({"do": "dance"}, {"do": "submit_form", "email": "x@y.example", "form": "nope"}, {"do": "visit"}):
        assert empty.session.post(f"{empty.url}/__sandbox__/act", json=[bad], timeout=5).status_code == 400


def test_ideal_pull_uses_the_floor(api):
    api.control("reset", {})
    _pull(api)
    report = api.control("calls")
    for name in ("contacts", "email events", "web events e_visited_page", "contacts -> companies"):
        assert report["streams"][name]["used"] == report["streams"][name]["floor"], name
    assert report["used"] == report["floor"]
    assert report["violations"] == 0
    api.control("calls/mark", {})
    _pull(api)
    report = api.control("calls")
    assert report["streams"]["contacts"] == {"used": 1, "floor": 1}


def _pull(api) -> None:
    ids: list[str] = []
    after = "0"
    while after is not None:
        body = {"limit": 200, "after": after, "sorts": [{"propertyName": "lastmodifieddate"}]}
        page = api.search("contacts", **body)
        ids += [row["id"] for row in page["results"]]
        after = page.get("paging", {}).get("next", {}).get("after")
    api.call("POST", "/crm/v4/associations/contacts/companies/batch/read", {"inputs": [{"id": row} for row in ids]})
    for path, key, query in (
        ("/email/public/v1/events", "offset", {"limit": 1000}),
        ("/events/v3/events", "after", {"limit": 100, "eventType": "e_visited_page"}),
    ):
        mark: str | None = ""
        while mark is not None:
            page = api.get(path, **query, **({key: mark} if mark else {}))
            mark = page["offset"] if page.get("hasMore") else page.get("paging", {}).get("next", {}).get("after")


def test_own_writes_are_echo_and_counted_by_the_batch(empty):
    inputs = [{"properties": {"email": f"w{n}@x.example"}} for n in range(150)]
    for start in (0, 100):
        empty.post("/crm/v3/objects/contacts/batch/create", {"inputs": inputs[start : start + 100]}, 201)
    report = empty.control("calls")
    assert report["streams"]["create contacts"] == {"used": 2, "floor": 2, "rows": 150}
    empty.control("calls/mark", {})
    empty.search("contacts", limit=200)
    assert empty.control("calls")["streams"]["contacts"] == {"used": 1, "floor": 1}


def test_a_filtered_walk_is_a_stream_and_a_search_for_somebody_is_not(empty):
    empty.act({"do": "create_contacts", "count": 8})
    since = {"propertyName": "lastmodifieddate", "operator": "GTE", "value": "0"}
    named = {"propertyName": "firstname", "operator": "EQ", "value": "Bulk"}
    empty.search("contacts", filterGroups=[{"filters": [since, named]}], limit=200)
    empty.search("contacts", filterGroups=[{"filters": [named]}], limit=200)
    empty.search("contacts", filterGroups=[{"filters": [{**since, "propertyName": "hs_object_id", "operator": "EQ"}]}])
    report = empty.control("calls")
    assert report["streams"] == {"contacts by firstname": {"used": 1, "floor": 1}}
    assert report["apart"] == {"look_up": 2}


def test_look_ups_and_descriptions_are_apart(empty):
    made = empty.post("/crm/v3/objects/contacts", {"properties": {"email": "a@x.example"}}, 201)
    empty.control("calls/mark", {})
    empty.get(f"/crm/v3/objects/contacts/{made['id']}")
    empty.get("/crm/v3/properties/contacts")
    empty.get("/crm/v3/owners")
    report = empty.control("calls")
    assert report["used"] == 0
    assert report["apart"] == {"describe": 2, "look_up": 1}


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    world = build_world(3, AT, 60)
    first = HubSpotOrg(tmp_path / "a", OrgClock(AT), world=world)
    second = HubSpotOrg(tmp_path / "b", OrgClock(AT), world=build_world(3, AT, 60))
    other = HubSpotOrg(tmp_path / "c", OrgClock(AT), world=build_world(4, AT, 60))
    assert first.snapshot() == second.snapshot() != other.snapshot()
    for org in (first, second, other):
        org.close()


def _acted(org: HubSpotOrg, *acts: dict) -> bytes:
    org.act(list(acts))
    return org.snapshot()


def test_snapshots_forget_ids_and_order_but_no_duplicate_and_no_value(tmp_path):
    def start(name: str) -> HubSpotOrg:
        return HubSpotOrg(tmp_path / name, OrgClock(AT), world=None)

    one = {"do": "submit_form", "email": "a@x.example", "form": "newsletter"}
    two = {"do": "submit_form", "email": "b@x.example", "form": "newsletter"}
    left, right, double, edited = (start(name) for name in ("left", "right", "double", "edited"))
    plain = _acted(left, one, two)
    assert plain == _acted(right, two, one)
    task = {"do": "create", "object": "task", "values": {"hs_timestamp": "1795338000000", "hs_task_subject": "Call"}}
    assert _acted(left, task) == _acted(right, task)
    assert _acted(double, one, two, task, task) != left.snapshot()
    back = {"do": "edit", "email": "a@x.example", "values": {"city": ""}}
    touched = _acted(edited, one, two, task, {**back, "values": {"city": "Ulm"}}, back)
    assert touched != left.snapshot(), "the value that came and went shows in what the field has held"
    gone = left.act([task])[0]["id"]
    before = left.snapshot()
    left.act([{"do": "delete", "object": "task", "id": gone}])
    assert left.snapshot() not in {before, right.snapshot()}
    for org in (left, right, double, edited):
        org.close()


def test_snapshots_leave_out_nothing_but_the_audit_fields(api):
    shown = {entry["object"]: set(entry["fields"]) for entry in json.loads(api.control("snapshot"))["records"]}
    for kind in ("contacts", "companies", "meetings", "calls", "notes", "emails"):
        defined = api.get(f"/crm/v3/properties/{kind}")["results"]
        writable = {entry["name"] for entry in defined if not entry["modificationMetadata"]["readOnlyValue"]}
        assert writable - shown[kind] == ({"associatedcompanyid"} if kind == "contacts" else set())
        assert not shown[kind] & AUDIT_FIELDS
    assert {"association", "submission", "web_event", "email_event", "owner", "list", "membership", "form"} <= set(
        shown
    )


def test_a_form_takes_what_a_property_does_not(empty):
    values = {"numemployees": "about 250", "country": "DE"}
    empty.act({"do": "submit_form", "email": "f@x.example", "form": "demo-request", "values": values})
    assert _contact(empty, "f@x.example", "numemployees", "country")["numemployees"] is None
    assert _contact(empty, "f@x.example", "country")["country"] == "DE"


def test_an_account_is_found_again_and_can_start_over(tmp_path):
    world = build_world(1, AT, 30)
    org = HubSpotOrg(tmp_path, OrgClock(AT), world=world)
    fresh = org.snapshot()
    org.act([{"do": "submit_form", "email": "new@x.example", "form": "contact-us"}])
    changed = org.snapshot()
    last = org._portal.new_id()
    org.close()
    org = HubSpotOrg(tmp_path, OrgClock(AT), world=None)
    assert org.snapshot() == changed
    assert int(org._portal.new_id()) >= int(last)
    org.reset()
    assert org.snapshot() == fresh
    org.close()


_LOGS = (("web_event", ("type", "e_visited_page")), ("web_event", None), ("submission", None))


@pytest.mark.parametrize("remembered", [10_000, 8])
def test_a_log_that_grows_between_two_readings_is_as_one_that_is_ordered_anew(tmp_path, monkeypatch, remembered):
    monkeypatch.setattr(activity_log, "MOST_ADDED", remembered)
    world, dice = build_world(1, AT, 30), Random(7)
    org = HubSpotOrg(tmp_path, OrgClock(AT), world=world)
    log, records = org._log, org._portal.records
    living = [row for row in records.rows("contacts") if row.values.get("email") and not row.deleted]
    emails = [str(row.values["email"]) for row in living]
    acts = [
        *({"do": "visit", "email": dice.choice(emails), "path": f"/{n}"} for n in range(20)),
        *({"do": "download", "email": dice.choice(emails), "asset": "buyers-guide"} for _ in range(5)),
        *({"do": "submit_form", "email": f"f{n}@x.example", "form": "contact-us"} for n in range(5)),
        {"do": "merge", "email": emails[1], "into": emails[0]},
    ]
    dice.shuffle(acts)
    quick = []
    for number, act in enumerate(acts):
        assert org.handle(Request.make("GET", "/crm/v3/objects/contacts/0")).status >= 400
        for obj, where in () if number % 3 else _LOGS:
            key = where or (None, None)
            before = log._ordered.get((obj, *key))
            quick.append(before is not None and log._with_added((obj, *key), *before) is not None)
            assert list(log.ordered(obj, *key)) == list(records.sorted_by(obj, "ms", where))
        org.act([act])
    assert quick.count(True) == 27, "what is remembered goes from its old end"
    org.close()


def test_empty_account_has_what_mappings_name(empty):
    forms = {form["name"] for form in empty.get("/marketing/v3/forms")["results"]}
    assert forms == {"contact-us", "demo-request", "newsletter", "whitepaper-download", "webinar-registration"}
    owners = {owner["email"] for owner in empty.get("/crm/v3/owners")["results"]}
    assert {f"{name}@corp.example" for name in ("handoff", "rep1", "rep2", "rep3", "ops", "manager")} <= owners
    for kind in ("contacts", "companies", "deals", "tasks", "notes", "calls", "meetings", "emails"):
        assert empty.get(f"/crm/v3/properties/{kind}")["results"]
        assert empty.get(f"/crm/v3/objects/{kind}")["results"] == []


@pytest.mark.parametrize(
    ("what", "status"), [("429", 429), ("503", 503), ("expire_token", 401), ("lock_row", 423), ("right_removed", 403)]
)
def test_faults_that_refuse(empty, what, status):
    empty.control("faults", [{"match": "GET /account-info", "what": what, "count": 1}])
    assert empty.call("GET", "/account-info/v3/details").status_code == status
    assert empty.call("GET", "/account-info/v3/details").status_code == 200
    assert empty.control("calls")["apart"]["fault"] == 1


@pytest.mark.parametrize("what", ["malformed_record", "huge_record", "bad_text"])
def test_faults_that_spoil_a_record(empty, what):
    empty.act({"do": "create_contacts", "count": 2})
    whole = empty.get("/crm/v3/objects/contacts")["results"]
    empty.control("faults", [{"match": "GET /crm/v3/objects/contacts", "what": what, "count": 1}])
    odd = empty.get("/crm/v3/objects/contacts")["results"]
    assert odd[0] != whole[0]
    assert odd[1] == whole[1]
    assert empty.get("/crm/v3/objects/contacts")["results"] == whole


def test_search_lags_and_shows_what_was(empty):
    empty.act({"do": "submit_form", "email": "a@lag.example", "form": "newsletter", "values": {"city": "Ulm"}})
    empty.advance("1h")
    empty.act(
        {"do": "edit", "email": "a@lag.example", "values": {"city": "Bonn"}},
        {"do": "submit_form", "email": "b@lag.example", "form": "newsletter"},
    )
    empty.control("faults", [{"match": "/search", "what": "search_lag", "after": "60s", "count": 1}])
    stale = empty.search("contacts", properties=["city", "email"])["results"]
    assert [row["properties"]["city"] for row in stale] == ["Ulm"]
    fresh = empty.search("contacts", properties=["city"])["results"]
    assert {row["properties"]["city"] for row in fresh} == {"Bonn", None}


def test_late_records_appear_with_an_old_time(empty):
    empty.act({"do": "create_contacts", "count": 1}, {"do": "visits", "count": 1})
    visits = {"eventType": "e_visited_page"}
    empty.control("faults", [{"match": "GET", "what": "late_record", "after": "60s", "count": 2}])
    assert empty.get("/crm/v3/objects/contacts")["results"] == []
    assert empty.get("/events/v3/events", **visits)["results"] == []
    assert len(empty.get("/crm/v3/objects/contacts")["results"]) == 1
    assert len(empty.get("/events/v3/events", **visits)["results"]) == 1


def test_a_deleted_field_is_a_400(empty):
    made = empty.post("/crm/v3/objects/contacts", {"properties": {"email": "f@x.example"}}, 201)
    fault = {"match": "PATCH", "what": "field_deleted", "object": "contacts", "field": "budget_range", "count": 1}
    empty.control("faults", [fault])
    path = f"/crm/v3/objects/contacts/{made['id']}"
    refused = empty.call("PATCH", path, {"properties": {"budget_range": "x"}})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["code"] == "PROPERTY_DOESNT_EXIST"


def test_a_search_lag_of_the_account_itself(tmp_path):
    clock = OrgClock(AT)
    org = HubSpotOrg(tmp_path, clock, world=None, search_lag=timedelta(seconds=30))
    org.act([{"do": "create_contacts", "count": 3}])
    headers = [("Authorization", f"Bearer {org.credentials.token}")]

    def total() -> int:
        request = Request.make("POST", "/crm/v3/objects/contacts/search", headers, {})
        return json.loads(org.handle(request).payload())["total"]

    assert total() == 0
    clock.advance(timedelta(seconds=31))
    assert total() == 3
    org.close()
