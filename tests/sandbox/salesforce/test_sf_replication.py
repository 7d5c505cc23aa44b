"""getUpdated and getDeleted: windows, bounds, minutes."""

from __future__ import annotations

from urllib.parse import quote

import pytest


def ask(client, what, start, end):
    return client.ask("GET", f"sobjects/Lead/{what}/?start={quote(start)}&end={quote(end)}")


def test_a_window_holds_its_first_minute_and_not_its_last(empty):
    empty.ask("POST", "/__sandbox__/clock", {"at": "2026-03-02T10:00:30Z"})
    first = empty.lead("A")
    empty.ask("POST", "/__sandbox__/clock", {"at": "2026-03-02T10:01:10Z"})
    second = empty.lead("B")
    empty.ask("POST", "/__sandbox__/clock", {"at": "2026-03-02T10:05:40Z"})
    assert ask(empty, "updated", "2026-03-02T10:00:59Z", "2026-03-02T10:01:59Z")[1] == {
        "ids": [first],
        "latestDateCovered": "2026-03-02T10:01:00.000+0000",
    }
    status, body = ask(empty, "updated", "2026-03-02T11:00:00+01:00", "2026-03-02T12:00:00+01:00")
    assert (status, body["ids"]) == (200, [first, second])
    assert body["latestDateCovered"] == "2026-03-02T10:05:00.000+0000"


def test_deleted_rows_are_told_with_their_time_and_only_by_get_deleted(empty):
    empty.ask("POST", "/__sandbox__/clock", {"at": "2026-03-02T10:00:30Z"})
    lead = empty.lead("A")
    empty.ask("POST", "/__sandbox__/clock", {"at": "2026-03-02T10:02:30Z"})
    assert empty.ask("DELETE", f"sobjects/Lead/{lead}")[0] == 204
    window = ("2026-03-02T10:00:00Z", "2026-03-02T10:10:00Z")
    assert ask(empty, "updated", *window)[1]["ids"] == []
    body = ask(empty, "deleted", *window)[1]
    assert [entry["id"] for entry in body["deletedRecords"]] == [lead]
    assert body["deletedRecords"][0]["deletedDate"].startswith("2026-03-02T10:02:3")
    assert body["earliestDateAvailable"] == "2026-02-15T10:02:00.000+0000"


@pytest.mark.parametrize(
    ("what", "start", "end", "status"),
    [
        ("updated", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z", 200),
        ("updated", "2026-01-20T00:00:00Z", "2026-03-01T00:00:00Z", 400),
        ("deleted", "2026-02-20T00:00:00Z", "2026-03-01T00:00:00Z", 200),
        ("deleted", "2026-02-10T00:00:00Z", "2026-03-01T00:00:00Z", 400),
        ("updated", "2026-03-01T00:00:30Z", "2026-03-01T00:00:50Z", 400),
        ("updated", "yesterday", "2026-03-01T00:00:50Z", 400),
    ],
)
def test_windows_have_bounds(empty, what, start, end, status):
    found, body = ask(empty, what, start, end)
    assert found == status
    if status == 400:
        assert body[0]["errorCode"] == "INVALID_REPLICATION_DATE"
