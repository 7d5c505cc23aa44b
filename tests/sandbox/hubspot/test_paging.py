"""What goes into an account comes out of its pages: searches with re-anchoring, listings, logs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.hubspot.answers import ms, parse_time

MANY = 25_000
MOMENT = "2026-11-22T10:00:00+00:00"


def _filter(name: str, operator: str, value: object) -> dict[str, Any]:
    return {"propertyName": name, "operator": operator, "value": str(value)}


def _window(api, filters, *, sort: str, start: int = 0, limit: int = 200) -> list[dict[str, Any]]:
    """Read one search to its end or to the end of the window."""
    found: list[dict[str, Any]] = []
    after: str | None = str(start)
    while after is not None and int(after) + limit <= 10_000:
        page = api.search(
            "contacts",
            filterGroups=[{"filters": filters}],
            sorts=[{"propertyName": sort, "direction": "ASCENDING"}],
            limit=limit,
            after=after,
        )
        found += page["results"]
        after = page.get("paging", {}).get("next", {}).get("after")
    return found


def _living_ids(api) -> set[str]:
    return {record.id for record in api.org._portal.records.rows("contacts") if not record.deleted}


def _ms(result: dict[str, Any]) -> int:
    moment = parse_time(result["updatedAt"])
    assert moment is not None
    return ms(moment)


def test_search_walks_everything_by_time(api):
    """Re-anchored every few pages at the last time seen, with ties dropped by id."""
    seen: dict[str, dict[str, Any]] = {}
    mark = 0
    while True:
        page = api.search(
            "contacts",
            filterGroups=[{"filters": [_filter("lastmodifieddate", "GTE", mark)]}],
            sorts=[{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}],
            limit=90,
        )
        fresh = [row for row in page["results"] if row["id"] not in seen]
        if not fresh:
            break
        seen.update({row["id"]: row for row in fresh})
        mark = _ms(page["results"][-1])
    assert set(seen) == _living_ids(api)


@settings(max_examples=20, deadline=None)
@given(limit=st.integers(7, 200), cut=st.integers(0, 100))
def test_two_halves_of_any_cut_are_the_whole(api, limit, cut):
    everybody = _window(api, [], sort="hs_object_id", limit=limit)
    border = everybody[min(cut, len(everybody) - 1)]["id"]
    low = _window(api, [_filter("hs_object_id", "LTE", border)], sort="hs_object_id", limit=limit)
    high = _window(api, [_filter("hs_object_id", "GT", border)], sort="hs_object_id", limit=limit)
    assert [row["id"] for row in (*low, *high)] == [row["id"] for row in everybody]
    assert {row["id"] for row in everybody} == _living_ids(api)


def test_listing_has_everybody_once(api):
    ids, after = [], None
    while True:
        page = api.get("/crm/v3/objects/contacts", limit=37, **({"after": after} if after else {}))
        ids += [row["id"] for row in page["results"]]
        if "paging" not in page:
            break
        after = page["paging"]["next"]["after"]
    assert len(ids) == len(set(ids))
    assert set(ids) == _living_ids(api)


def test_archived_listing_has_the_deleted_and_not_the_merged(api):
    page = api.get("/crm/v3/objects/contacts", limit=100, archived="true", properties="email")
    gone = {contact.email for contact in api.world.contacts if contact.deleted_at}
    assert {row["properties"]["email"] for row in page["results"]} >= gone
    assert not {c.email for c in api.world.contacts if c.merged_into} & {
        row["properties"]["email"] for row in page["results"]
    }
    assert all(row["archived"] and row["archivedAt"] for row in page["results"])


def test_25000_on_one_timestamp(empty):
    """The window shuts at 10,000; ids behind the last seen, or listing, bring the rest."""
    empty.act({"do": "create_contacts", "count": MANY, "at": MOMENT})
    everybody = _living_ids(empty)
    assert len(everybody) == MANY
    stamps = {record.modified_at for record in empty.org._portal.records.rows("contacts")}
    assert len(stamps) == 1
    seen: set[str] = set()
    border = 0
    while True:
        filters = [_filter("lastmodifieddate", "GTE", 0), _filter("hs_object_id", "GT", border)]
        window = _window(empty, filters, sort="hs_object_id")
        if not window:
            break
        seen |= {row["id"] for row in window}
        border = max(int(row["id"]) for row in window)
    assert seen == everybody
    listed: set[str] = set()
    after = "0"
    empty.advance("1d")
    for number in range(MANY // 100 + 1):
        if number % 100 == 0:
            empty.advance("11s")
        page = empty.get("/crm/v3/objects/contacts", limit=100, after=after)
        listed |= {row["id"] for row in page["results"]}
        if "paging" not in page:
            break
        after = page["paging"]["next"]["after"]
    assert listed == everybody


def test_the_window_shuts_with_a_400(empty):
    empty.act({"do": "create_contacts", "count": 10_300, "at": MOMENT})
    page = empty.search("contacts", limit=200, after="9800")
    assert page["total"] == 10_300
    assert page["paging"]["next"]["after"] == "10000"
    answer = empty.call("POST", "/crm/v3/objects/contacts/search", {"limit": 200, "after": "10000"})
    assert answer.status_code == 400
    assert answer.json()["category"] == "VALIDATION_ERROR"


def _submissions(api, guid: str, limit: int) -> list[dict[str, Any]]:
    found, after = [], None
    while True:
        query = {"limit": limit, **({"after": after} if after else {})}
        page = api.get(f"/form-integrations/v1/submissions/forms/{guid}", **query)
        found += page["results"]
        if "paging" not in page:
            return found
        after = page["paging"]["next"]["after"]


@pytest.mark.parametrize("limit", [7, 50])
def test_submissions_newest_first_and_complete(api, limit):
    expected = {}
    for event in api.world.events:
        if event.kind == "form_submit":
            expected[event.form] = expected.get(event.form, 0) + 1
    gone = {contact.key for contact in api.world.contacts if contact.deleted_at}
    for event in api.world.events:
        if event.kind == "form_submit" and event.contact in gone:
            expected[event.form] -= 1
    for form in api.get("/marketing/v3/forms/")["results"]:
        api.advance("11s")
        found = _submissions(api, form["id"], limit)
        assert len({row["conversionId"] for row in found}) == len(found) == expected[form["name"]]
        times = [row["submittedAt"] for row in found]
        assert times == sorted(times, reverse=True)
        assert all(any(value["name"] == "email" for value in row["values"]) for row in found)


def test_email_events_newest_first_and_complete(api):
    found, offset = [], None
    while True:
        page = api.get("/email/public/v1/events", limit=100, **({"offset": offset} if offset else {}))
        found += page["events"]
        if not page["hasMore"]:
            break
        offset = page["offset"]
    rows = list(api.org._portal.records.rows("email_event"))
    assert len({row["id"] for row in found}) == len(found) == len(rows)
    times = [row["created"] for row in found]
    assert times == sorted(times, reverse=True)
    middle = times[len(times) // 2]
    newer = [row for row in found if row["created"] >= middle]
    page = api.get("/email/public/v1/events", limit=1000, startTimestamp=middle)
    assert [row["id"] for row in page["events"]] == [row["id"] for row in newer][:1000]
    clicks = api.get("/email/public/v1/events", limit=1000, eventType="CLICK")["events"]
    assert {row["type"] for row in clicks} == {"CLICK"}
    assert all(row["url"].startswith("https://") for row in clicks)
    one = api.get("/email/public/v1/events", limit=1000, recipient=found[0]["recipient"])["events"]
    assert {row["recipient"] for row in one} == {found[0]["recipient"]}


@pytest.mark.parametrize("sort", ["occurredAt", "-occurredAt"])
def test_page_views_both_ways(api, sort):
    found, after = [], None
    while True:
        query = {"eventType": "e_visited_page", "limit": 100, "sort": sort}
        page = api.get("/events/v3/events", **query, **({"after": after} if after else {}))
        found += page["results"]
        if "paging" not in page:
            break
        after = page["paging"]["next"]["after"]
    rows = [row for row in api.org._portal.records.rows("web_event") if row.values["type"] == "e_visited_page"]
    assert len({row["id"] for row in found}) == len(found) == len(rows)
    times = [row["occurredAt"] for row in found]
    assert times == sorted(times, reverse=sort.startswith("-"))
    border = times[len(times) // 2]
    page = api.get("/events/v3/events", eventType="e_visited_page", occurredAfter=border, sort="occurredAt", limit=100)
    assert all(row["occurredAt"] > border for row in page["results"])
