from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlsplit

import pytest
import requests
import responses
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.salesforce import SalesforceCrm
from connector.domain.records import Page
from connector.domain.writes import OutcomeKind, Write
from connector.errors import AccessError, AdapterFault, OutcomeUnknown, RateLimited, TransientError

HOST = "https://corp.my.salesforce.com"
ROOT = f"{HOST}/services/data/v60.0/"
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
DATE = {"Date": "Mon, 02 Mar 2026 09:00:00 GMT", "Sforce-Limit-Info": "api-usage=18/5000"}
TOKEN = "00D!secret"


def crm(**options: Any) -> SalesforceCrm:
    auth = {"flow": "token", "access_token": TOKEN}
    return SalesforceCrm({"instance_url": HOST, "auth": auth, **options}, sleep=lambda _s: None)


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def described(name: str, *extra: dict[str, Any]) -> dict[str, Any]:
    kinds = {"Id": "id", "SystemModstamp": "datetime", "CreatedDate": "datetime", "IsDeleted": "boolean"}
    fields = [{"name": field, "type": kind} for field, kind in kinds.items()]
    free = {"createable": True, "updateable": True}
    fields += [{"name": "LastName", "type": "string", **free}, {"name": "X__c", "type": "double", **free}]
    key = {"name": "Handoff_Key__c", "type": "string", "externalId": True, "unique": True}
    return {"name": name, **free, "fields": [*fields, key, *extra]}


class FakeOrg:
    """Answers composites of describes and queries, and keeps what it was asked."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.mock = mock
        self.asked: list[str] = []
        #: answers to whole requests with a writing part, last one again and again: status and body
        self.whole: list[tuple[int, str]] = []
        #: results of the writing part
        self.results: list[Any] = [{"id": "00Q", "success": True, "errors": []}]
        self.writes: list[requests.PreparedRequest] = []
        mock.add_callback("POST", ROOT + "composite", self.composite)

    def composite(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        parts = json.loads(request.body or "{}")["compositeRequest"]
        if any(part["method"] == "PATCH" for part in parts):
            self.writes.append(request)
            if self.whole:
                status, body = self.whole.pop(0) if len(self.whole) > 1 else self.whole[0]
                if body:
                    return status, DATE, body
        answers = [{"referenceId": part["referenceId"], "httpHeaders": {}, **self.part(part)} for part in parts]
        return 200, DATE, json.dumps({"compositeResponse": answers})

    def part(self, part: dict[str, Any]) -> dict[str, Any]:
        url = part["url"]
        if url.endswith("/describe"):
            return {"httpStatusCode": 200, "body": described(url.split("/")[-2])}
        if part["method"] == "PATCH":
            return {"httpStatusCode": 200, "body": self.results}
        if "/composite/sobjects/" in url:
            return {"httpStatusCode": 200, "body": [{"Id": "00Q", "X__c": 0}]}
        self.asked.append(unquote_plus(url.partition("?q=")[2]))
        return {"httpStatusCode": 200, "body": {"totalSize": 0, "done": True, "records": []}}


@pytest.fixture
def fake() -> Iterator[FakeOrg]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield FakeOrg(mock)


def pull(adapter: SalesforceCrm, stream: str = "leads", cursor: str | None = None) -> list[Page]:
    return list(adapter.pull(stream, cursor, now=AT))


def error(code: str, message: str = "words") -> str:
    return json.dumps([{"errorCode": code, "message": message}])


def score(key: str) -> Write:
    return Write(key, "update", "lead", "00Q000000000001AAA", {"X__c": 1}, ours=frozenset({"X__c"}))


def sent(mock: responses.RequestsMock, path: str) -> list[requests.PreparedRequest]:
    return [call.request for call in mock.calls if (call.request.url or "").partition("?")[0] == ROOT + path]


def test_a_poll_asks_by_stamp_with_overlap_oldest_first_deleted_too(fake):
    fake.mock.get(ROOT + "queryAll", json={"totalSize": 0, "done": True, "records": []}, headers=DATE)
    cursor = json.dumps({"high": "2026-03-02T08:00:00.120Z"})
    [page] = pull(crm(), cursor=cursor)
    [asked] = sent(fake.mock, "queryAll")
    [soql] = parse_qs(urlsplit(asked.url or "").query)["q"]
    assert soql == (
        "SELECT Id, LastName, CreatedDate, SystemModstamp, IsDeleted, Handoff_Key__c FROM Lead"
        " WHERE SystemModstamp >= 2026-03-02T07:55:00.120Z ORDER BY SystemModstamp ASC, Id ASC"
    )
    assert asked.headers["Authorization"] == f"Bearer {TOKEN}"
    assert "X-PrettyPrint" not in asked.headers
    assert json.loads(page.cursor) == {"high": "2026-03-02T08:45:00.000Z"}


def test_writes_carry_the_headers_that_protect_people(fake):
    [outcome] = crm().apply([score("u")], now=AT)
    assert outcome.kind is OutcomeKind.WRITTEN
    assert outcome.before == {"X__c": 0}
    [request] = fake.writes
    body = json.loads(request.body or "")
    assert (body["allOrNone"], body["collateSubrequests"]) == (False, False)
    look, write = body["compositeRequest"]
    assert (look["method"], look["url"]) == (
        "GET",
        "/services/data/v60.0/composite/sobjects/Lead?ids=00Q000000000001AAA&fields=Id,X__c",
    )
    assert (write["method"], write["url"]) == ("PATCH", "/services/data/v60.0/composite/sobjects")
    for headers in (request.headers, write["httpHeaders"]):
        assert headers["Sforce-Auto-Assign"] == "FALSE"
        assert headers["Sforce-Duplicate-Rule-Header"] == "allowSave=true"
        assert headers["Sforce-Mru"] == "updateMru=false"
    assert write["body"] == {
        "allOrNone": False,
        "records": [{"attributes": {"type": "Lead"}, "id": "00Q000000000001AAA", "X__c": 1}],
    }


def test_a_renewed_token_replays_the_write_with_all_its_headers(fake):
    fake.mock.post(f"{HOST}/services/oauth2/token", json={"access_token": "old", "instance_url": HOST})
    fake.mock.post(f"{HOST}/services/oauth2/token", json={"access_token": "new", "instance_url": HOST})
    fake.whole = [(401, error("INVALID_SESSION_ID")), (200, "")]
    auth = {"flow": "client_credentials", "client_id": "id", "client_secret": "secret"}
    [outcome] = crm(auth=auth).apply([score("u")], now=AT)
    assert outcome.kind is OutcomeKind.WRITTEN
    first, second = fake.writes
    assert (first.headers["Authorization"], second.headers["Authorization"]) == ("Bearer old", "Bearer new")
    assert second.headers["Sforce-Auto-Assign"] == "FALSE"
    assert first.body == second.body


@pytest.mark.parametrize(
    ("body", "tries"),
    [
        (error("INVALID_SESSION_ID"), 2),
        ("<html>no</html>", 2),
        (error("INVALID_SESSION_ID", "This session is not valid for use with the REST API"), 1),
    ],
)
def test_a_token_that_is_refused_for_good_never_loops(fake, body, tries):
    fake.mock.get(ROOT + "queryAll", status=401, body=body)
    with pytest.raises(AccessError) as caught:
        pull(crm())
    assert len(sent(fake.mock, "queryAll")) == tries
    assert TOKEN not in str(caught.value)


def test_a_request_refused_as_a_whole_is_halved_until_the_guilty_row_stands_alone(fake):
    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        records = json.loads(request.body or "")["records"]
        if any(record["Handoff_Key__c"] == "bad" for record in records):
            return 400, DATE, error("JSON_PARSER_ERROR")
        return 200, DATE, json.dumps([{"id": "00Q", "success": True, "errors": []} for _ in records])

    fake.mock.add_callback("POST", ROOT + "composite/sobjects", answer)
    keys = [f"k{n}" for n in range(100)]
    keys[37] = "bad"
    outcomes = crm().apply([Write(key, "create", "lead", None, {"LastName": "X"}) for key in keys], now=AT)
    refused = [outcome.key for outcome in outcomes if outcome.kind is OutcomeKind.REJECTED]
    assert refused == ["bad"]
    assert sum(outcome.kind is OutcomeKind.WRITTEN for outcome in outcomes) == 99
    assert len(sent(fake.mock, "composite/sobjects")) < 20


def test_halving_is_bounded_when_every_row_is_refused(fake):
    fake.mock.post(ROOT + "composite/sobjects", status=400, body=error("INVALID_FIELD"))
    writes = [Write(f"k{n}", "create", "lead", None, {"LastName": "X"}) for n in range(200)]
    outcomes = crm().apply(writes, now=AT)
    assert len(sent(fake.mock, "composite/sobjects")) <= 60
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.REJECTED, OutcomeKind.RETRY}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (500, error("UNKNOWN_EXCEPTION"), OutcomeKind.UNKNOWN),
        (503, error("SERVER_UNAVAILABLE"), OutcomeKind.RETRY),
        (502, "<html></html>", OutcomeKind.UNKNOWN),
        (200, "<html></html>", OutcomeKind.UNKNOWN),
        (200, "{}", OutcomeKind.UNKNOWN),
        (200, "[]", OutcomeKind.UNKNOWN),
        (200, '[{"success": true', OutcomeKind.UNKNOWN),
        (200, '{"odd": 1}', OutcomeKind.UNKNOWN),
        (200, '[{"success": false, "errors": []}]', OutcomeKind.UNKNOWN),
        (200, "[null]", OutcomeKind.UNKNOWN),
        (400, error("UNABLE_TO_LOCK_ROW"), OutcomeKind.RETRY),
        (400, error("MALFORMED_ID"), OutcomeKind.REJECTED),
    ],
)
def test_what_an_answer_means_for_a_write(fake, status, body, kind):
    fake.mock.post(ROOT + "composite/sobjects", status=status, body=body)
    [outcome] = crm().apply([Write("k", "create", "lead", None, {"LastName": "X"})], now=AT)
    assert outcome.kind is kind
    assert outcome.code
    assert len(sent(fake.mock, "composite/sobjects")) == 1
    fake.whole = [(status, body)]
    if status >= 300:
        [outcome] = crm().apply([score("u")], now=AT)
        assert outcome.kind is kind
        assert (outcome.not_before is not None) == (kind is OutcomeKind.UNKNOWN)
        assert len(fake.writes) == 1


def test_rows_rolled_back_for_others_may_be_tried_again(fake):
    rolled = {
        "success": False,
        "id": "00Q",
        "created": True,
        "errors": [{"statusCode": "ALL_OR_NONE_OPERATION_ROLLED_BACK"}],
    }
    fake.results = [rolled]
    [outcome] = crm().apply([score("u")], now=AT)
    assert outcome.kind is OutcomeKind.RETRY


def test_somebody_elses_unique_field_is_no_sign_of_our_record(fake):
    taken = {
        "statusCode": "DUPLICATE_VALUE",
        "message": "duplicate value found: Theirs__c duplicates value on record with id: 00Q1",
    }
    fake.mock.post(ROOT + "composite/sobjects", json=[{"success": False, "errors": [taken]}])
    [outcome] = crm().apply([Write("k", "create", "lead", None, {"LastName": "X"})], now=AT)
    assert outcome.kind is OutcomeKind.REJECTED


def test_a_duplicate_without_an_id_is_looked_up(fake):
    taken = {"statusCode": "DUPLICATE_VALUE", "message": "duplicate value found: Handoff_Key__c duplicates value"}
    fake.mock.post(ROOT + "composite/sobjects", json=[{"success": False, "errors": [taken]}])
    row = {"Id": "00Q000000000001AAA", "Handoff_Key__c": "k", "IsDeleted": False}
    fake.mock.get(ROOT + "queryAll", json={"done": True, "records": [row]})
    [outcome] = crm().apply([Write("k", "create", "lead", None, {"LastName": "X"})], now=AT)
    assert (outcome.kind, outcome.id) == (OutcomeKind.UNCHANGED, "00Q000000000001AAA")


def test_a_slow_query_is_asked_in_narrower_windows_and_loses_nothing(fake):
    rows = [(AT - timedelta(days=n), f"00Q{n:015d}") for n in range(300, 0, -1)]
    windows = []

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        soql = parse_qs(urlsplit(request.url or "").query)["q"][0]
        words = soql.split()
        low = (
            datetime.fromisoformat(words[words.index(">=") + 1]) if ">=" in words else datetime(1999, 1, 1, tzinfo=UTC)
        )
        high = datetime.fromisoformat(words[words.index("<") + 1]) if "<" in words else None
        found = [row for row in rows if low <= row[0] and (high is None or row[0] < high)]
        if len(found) > 40:
            return 400, DATE, error("QUERY_TIMEOUT")
        windows.append((low, high))
        records = [
            {"Id": record_id, "SystemModstamp": stamp(when), "CreatedDate": stamp(when)} for when, record_id in found
        ]
        return 200, DATE, json.dumps({"done": True, "records": records})

    fake.mock.add_callback("GET", ROOT + "queryAll", answer)
    pages = pull(crm())
    assert {record.ref.id for page in pages for record in page.records} == {record_id for _, record_id in rows}
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
    assert windows[-1][1] is None


def test_a_query_that_is_always_too_slow_ends(fake):
    fake.mock.get(ROOT + "queryAll", status=400, body=error("QUERY_TIMEOUT"), headers=DATE)
    with pytest.raises(TransientError):
        pull(crm())
    assert len(sent(fake.mock, "queryAll")) < 60


def test_a_lost_place_starts_again_behind_what_was_handed_over(fake):
    first = {"Id": "00Q000000000001AAA", "SystemModstamp": stamp(AT - timedelta(hours=2))}
    second = {"Id": "00Q000000000002AAA", "SystemModstamp": stamp(AT - timedelta(hours=1))}
    more = "/services/data/v60.0/query/01g000000000001-2000"
    fake.mock.get(ROOT + "queryAll", json={"done": False, "records": [first], "nextRecordsUrl": more}, headers=DATE)
    fake.mock.get(HOST + more, status=404, body=error("INVALID_QUERY_LOCATOR"))
    fake.mock.get(ROOT + "queryAll", json={"done": True, "records": [first, second]}, headers=DATE)
    pages = pull(crm())
    assert [record.ref.id for page in pages for record in page.records] == [first["Id"], first["Id"], second["Id"]]
    again = sent(fake.mock, "queryAll")[1]
    assert ">=+2026-03-02T07" in (again.url or "") or "%3E%3D+2026-03-02T07" in (again.url or "")


def test_a_query_with_many_fields_travels_in_a_composite(fake):
    extra = [{"name": f"A_very_long_name_of_a_custom_field_{n}__c", "type": "string"} for n in range(200)]
    adapter = crm()
    adapter.want([("lead", field["name"]) for field in extra])
    fake.part = lambda part, plain=fake.part: (  # type: ignore[method-assign]
        {"httpStatusCode": 200, "body": described("Lead", *extra)} if part["url"].endswith("describe") else plain(part)
    )
    [page] = pull(adapter)
    assert page.last
    [soql] = fake.asked
    assert all(field["name"] in soql for field in extra)
    assert sent(fake.mock, "queryAll") == []


@pytest.mark.parametrize(
    ("header", "used"),
    [
        ("api-usage=18/5000", 18),
        ("api-usage=25/5000; per-app-api-usage=17/250(appName=sample)", 25),
        ("api-usage=10018/100000; api-bursts=1/750", 10018),
        ("per-app-api-usage=17/250(appName=sample)", None),
        ("nonsense", None),
    ],
)
def test_every_form_of_the_usage_header(fake, header, used):
    fake.mock.get(ROOT + "queryAll", json={"done": True, "records": []}, headers={**DATE, "Sforce-Limit-Info": header})
    adapter = crm()
    adapter.fields("lead")
    pull(adapter)
    usage = adapter.usage()
    assert usage is not None
    assert usage.used == (used or 18)


@pytest.mark.parametrize(
    ("message", "daily", "tries"),
    [
        ("TotalRequests Limit exceeded.", True, 1),
        ("ConcurrentRequests (Concurrent API Requests) Limit exceeded.", False, 5),
    ],
)
def test_which_limit_decides_whether_waiting_helps(fake, message, daily, tries):
    fake.mock.get(ROOT + "queryAll", status=403, body=error("REQUEST_LIMIT_EXCEEDED", message))
    with pytest.raises(RateLimited) as caught:
        pull(crm())
    assert caught.value.daily is daily
    assert len(sent(fake.mock, "queryAll")) == tries


@pytest.mark.parametrize(
    ("status", "code", "response"),
    [
        (403, "API_DISABLED_FOR_ORG", AccessError),
        (403, "FORBIDDEN", AccessError),
        (400, "INVALID_TYPE", AccessError),
        (400, "MALFORMED_QUERY", AdapterFault),
        (410, "GONE", AccessError),
        (300, "ODD", AdapterFault),
    ],
)
def test_a_refused_pull_ends_in_the_class_that_says_what_to_do(fake, status, code, response):
    fake.mock.get(ROOT + "queryAll", status=status, body=error(code, "person@corp.example"))
    with pytest.raises(response) as caught:
        pull(crm())
    assert "person@" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_lost_composite_write_is_unknown(fake):
    fake.mock.replace("POST", ROOT + "composite", body="<html></html>")
    with pytest.raises(OutcomeUnknown):
        crm()._connection.composite([], repeatable=False)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=40), st.integers(1, 7))
def test_what_goes_into_pages_comes_out(rows, size):
    """Rows that share stamps, some of them broken, on pages of any size: each is a record or a refusal."""
    made = [
        {"Id": f"00Q{n:015d}", "SystemModstamp": stamp(AT + timedelta(seconds=second)) if good else "broken"}
        for n, (second, good) in enumerate(rows)
    ]
    chunks = [made[start : start + size] for start in range(0, len(made), size)] or [[]]
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        FakeOrg(mock)
        for number, chunk in enumerate(chunks):
            last = number == len(chunks) - 1
            url = ROOT + "queryAll" if number == 0 else f"{ROOT}query/01g-{number}"
            more = None if last else f"/services/data/v60.0/query/01g-{number + 1}"
            mock.get(url, json={"done": last, "records": chunk, "nextRecordsUrl": more}, headers=DATE)
        pages = pull(crm())
    assert [page.last for page in pages] == [False] * (len(chunks) - 1) + [True]
    good = {record.ref.id for page in pages for record in page.records}
    refused = {row.row for page in pages for row in page.refused}
    assert good == {row["Id"] for row, (_, fine) in zip(made, rows, strict=True) if fine}
    assert refused == {row["Id"] for row, (_, fine) in zip(made, rows, strict=True) if not fine}
