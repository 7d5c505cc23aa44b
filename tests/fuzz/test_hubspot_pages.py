"""Pages of HubSpot with anything wrong in them: each record is landed, or refused and counted, or there is an error."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from fuzz_settings import fuzzed
from hypothesis import given
from hypothesis import strategies as st
from json_mutations import as_bytes, mutated, read_again

from adapters.hubspot.behaviour import Mail
from adapters.hubspot.paths import Paths
from adapters.hubspot.reading import PageReader
from adapters.hubspot.source import HubSpotSource
from connector.domain.records import Page
from connector.errors import HandoffError, TransientError

NOW = datetime(2026, 11, 17, 9, tzinfo=UTC)
_TIME = "2026-11-16T09:00:00.000Z"
_MS = 1_794_000_000_000
CONTACTS = {
    "total": 3,
    "results": [
        {
            "id": str(number),
            "properties": {
                "email": f"p{number}@corp.example",
                "lastmodifieddate": _TIME,
                "associatedcompanyid": "7",
                "hs_merged_object_ids": "91;92" if number == 2 else None,
                "hs_calculated_merged_vids": "91:1794000000000" if number == 2 else None,
            },
            "createdAt": _TIME,
            "updatedAt": _TIME,
            "archived": False,
        }
        for number in (1, 2, 3)
    ],
}
NOTES = {
    "total": 2,
    "results": [
        {"id": str(n), "properties": {"hs_timestamp": _TIME, "hs_lastmodifieddate": _TIME}, "updatedAt": _TIME}
        for n in (11, 12)
    ],
}
LINKS = {"results": [{"from": {"id": str(n)}, "to": [{"toObjectId": 1}]} for n in (11, 12)]}
VISITS = {
    "results": [
        {
            "id": f"v{number}",
            "objectId": "1",
            "occurredAt": _TIME,
            "properties": {"hs_url": "https://x.example/pricing?utm_campaign=c"},
        }
        for number in (1, 2, 3)
    ],
}
MAILS = {
    "hasMore": False,
    "offset": "abc",
    "events": [
        {
            "id": f"m{number}",
            "type": "CLICK",
            "recipient": "p@corp.example",
            "created": _MS,
            "url": "https://x.example/",
        }
        for number in (1, 2, 3)
    ],
}
FORMS = {"results": [{"id": "f1", "name": "Contact us"}]}
SUBMISSIONS = {
    "results": [
        {
            "conversionId": f"s{number}",
            "submittedAt": _MS,
            "values": [{"name": "email", "value": "p@corp.example"}],
            "pageUrl": "https://x.example/",
        }
        for number in (1, 2, 3)
    ],
}
ARCHIVED = {"results": [{"id": "4", "properties": {}, "archived": True, "archivedAt": _TIME, "updatedAt": _TIME}]}
#: stream → what its page is, and the list of its rows
STREAMS: Mapping[str, tuple[dict[str, Any], str]] = {
    "contacts": (CONTACTS, "results"),
    "archived_contacts": (ARCHIVED, "results"),
    "notes": (NOTES, "results"),
    "page_views": (VISITS, "results"),
    "email_events": (MAILS, "events"),
    "form_submissions": (SUBMISSIONS, "results"),
}
_EMPTY = b'{"results": [], "total": 0}'


class _Wire:
    """Answers the first question for the page under test with it, every further one with an empty page."""

    def __init__(self, page: bytes) -> None:
        self.paths = Paths("v3")
        self.calls = 0
        self.usage = None
        self._pages = [page]

    def clock(self, now: datetime) -> datetime:
        return now

    def search(self, _kind: str, _body: Any, reader: Callable[[bytes], Any]) -> Any:
        return self._give(reader)

    def post(self, _path: str, body: dict[str, Any], reader: Callable[[bytes], Any]) -> Any:
        known = {row["from"]["id"] for row in LINKS["results"]}
        assert {entry["id"] for entry in body["inputs"]}, known
        return reader(b'{"results": []}')

    def get(self, path: str, _query: Any, reader: Callable[[bytes], Any]) -> Any:
        if path == self.paths.forms:
            return reader(b'{"results": [{"id": "f1", "name": "Contact us"}]}')
        return self._give(reader)

    def _give(self, reader: Callable[[bytes], Any]) -> Any:
        try:
            return reader(self._pages.pop() if self._pages else _EMPTY)
        except ValueError as error:
            raise TransientError("hubspot.not_json", "the answer is cut or is no JSON") from error


def _pulled(stream: str, body: bytes) -> list[Page] | HandoffError:
    source = HubSpotSource({"base_url": "https://api.hubapi.com", "token": "x"})
    source._wire = source._events._wire = _Wire(body)  # type: ignore[assignment]
    try:
        return list(source.pull(stream, None, now=NOW))
    except HandoffError as error:
        return error


@st.composite
def _case(draw: Any) -> tuple[str, bytes]:
    stream = draw(st.sampled_from(sorted(STREAMS)))
    return stream, draw(as_bytes(draw(mutated(STREAMS[stream][0]))))


def _hold(stream: str, body: bytes) -> None:
    pages = _pulled(stream, body)
    if isinstance(pages, HandoffError):
        assert pages.cure
        return
    document = read_again(body)
    # A page that was taken is an object with exactly one list of rows, and every row of it is somewhere.
    assert isinstance(document, dict)
    [rows] = [document[name] for name in ("results", "events") if name in document]
    refused = [row for page in pages for row in page.refused]
    if stream in ("contacts", "archived_contacts"):
        landed = [record for page in pages for record in page.records if record.merged_into is None]
        assert all(record.ref.id for record in landed)
    else:
        landed = [activity for page in pages for activity in page.activities]
        assert all(activity.ref.id and activity.person.id for activity in landed)
        assert all(activity.occurred_at.tzinfo is not None for activity in landed)
    meaningless = _says_nothing(stream, rows, len(refused))
    assert len(landed) + len(refused) + meaningless == len(rows), (len(landed), refused, rows)
    for row in refused:
        assert row.row, row
        assert "corp.example" not in f"{row.row} {row.message}"
    assert pages[-1].last


def _says_nothing(stream: str, rows: list[Any], refused: int) -> int:
    """Count rows that are read and by design make nothing: mails in a technical state, notes about nobody."""
    if stream == "notes":
        return len(rows) - refused
    if stream != "email_events":
        return 0
    known = {"SENT", "DELIVERED", "OPEN", "CLICK", "BOUNCE", "SPAMREPORT", "STATUSCHANGE"}
    return sum(isinstance(row, dict) and _whole_mail(row) and row["type"] not in known for row in rows)


def _whole_mail(row: dict[str, Any]) -> bool:
    return not PageReader(Mail)(json.dumps({"events": [row]}).encode()).bad


@fuzzed(150)
@given(_case())
def test_every_row_of_a_page_is_landed_or_refused_or_the_page_is_an_error(case):
    _hold(*case)


@pytest.mark.parametrize("stream", STREAMS)
def test_a_whole_page_is_landed_whole(stream):
    page, rows = STREAMS[stream]
    _hold(stream, json.dumps(page).encode())
    pages = _pulled(stream, json.dumps(page).encode())
    assert isinstance(pages, list)
    assert [row for one in pages for row in one.refused] == []
    assert len(page[rows]) > 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"results"',
        b'{"status": "error", "message": "x"}',
        b'{"results": null}',
        b'{"results": {}}',
        b'{"results": [], "events": []}',
        b'{"results": [], "paging": {"next": {}}}',
        b'{"results": [], "paging": []}',
        b'{"events": [], "hasMore": true}',
        b"<html></html>",
        b"[" * 100_000,
        b'{"results": [], "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
@pytest.mark.parametrize("stream", STREAMS)
def test_what_is_no_page_never_ends_a_stream(stream, body):
    assert isinstance(_pulled(stream, body), HandoffError)
