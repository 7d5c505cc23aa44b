"""Updates that go out as they were written down: nothing of them is looked at unless one did not simply come true."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import responses

from adapters.salesforce import SalesforceCrm
from connector.domain.own_updates import AsAsked, OwnUpdates
from connector.domain.writes import OutcomeKind, Write, WriteOutcome
from connector.errors import AccessError, RateLimited

HOST = "https://corp.my.salesforce.com"
ROOT = f"{HOST}/services/data/v60.0/"
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
DATE = {"Date": "Mon, 02 Mar 2026 09:00:00 GMT"}
IDS = ("00Q000000000001AAA", "00Q000000000002AAA", "00Q000000000003AAA")
GOOD = [{"id": id_, "success": True, "errors": []} for id_ in IDS]
LOCKED = {"success": False, "errors": [{"statusCode": "UNABLE_TO_LOCK_ROW", "message": "busy", "fields": []}]}


class Org:
    """Describes leads, and answers collections with what a test lays ready, the last again and again."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.bodies: list[str] = []
        self.answers: list[tuple[int, Any]] = [(200, GOOD)]
        mock.add_callback("POST", ROOT + "composite", self._describe)
        mock.add_callback("PATCH", ROOT + "composite/sobjects", self._write)
        self.crm = SalesforceCrm(
            {"instance_url": HOST, "auth": {"flow": "token", "access_token": "00D!x"}}, sleep=lambda _s: None
        )

    def _describe(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        parts = json.loads(request.body or "{}")["compositeRequest"]
        free = {"createable": True, "updateable": True}
        answers = [
            {
                "referenceId": part["referenceId"],
                "httpStatusCode": 200,
                "httpHeaders": {},
                "body": {
                    "name": part["url"].split("/")[-2],
                    **free,
                    "fields": [{"name": "Id", "type": "id"}, {"name": "X__c", "type": "string", **free}],
                },
            }
            for part in parts
        ]
        return 200, DATE, json.dumps({"compositeResponse": answers})

    def _write(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        body = request.body
        self.bodies.append(body.decode() if isinstance(body, bytes) else str(body))
        status, answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return status, DATE, json.dumps(answer)


@pytest.fixture
def org() -> Iterator[Org]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Org(mock)


class Looked(Exception):
    """Somebody looked at updates one by one."""


def updates(*values: str, ids: Sequence[str] = IDS, may_look: bool = True) -> OwnUpdates:
    names = frozenset({"X__c"})
    writes = [
        Write(f"k{n}", "update", "lead", id_, {"X__c": value}, {"X__c": "old"}, names)
        for n, (id_, value) in enumerate(zip(ids, values, strict=True))
    ]

    def look() -> Sequence[Write]:
        if not may_look:
            raise Looked
        return writes

    return OwnUpdates("lead", ids, [json.dumps({"X__c": value}) for value in values], look)


def kinds(outcomes: Sequence[WriteOutcome]) -> list[str]:
    return [str(outcome.kind) for outcome in outcomes]


def test_what_comes_true_is_never_looked_at(org: Org) -> None:
    asked = updates("1", 'a "word", \u00e9\u2028\ud83d', '},{"id":', may_look=False)
    told = org.crm.apply(asked, now=AT)
    assert isinstance(told, AsAsked)
    assert told.updates is asked
    [body] = org.bodies
    assert json.loads(body) == {
        "allOrNone": False,
        "records": [
            {"attributes": {"type": "Lead"}, "id": id_, "X__c": value}
            for id_, value in zip(IDS, ("1", 'a "word", \u00e9\u2028\ud83d', '},{"id":'), strict=True)
        ],
    }


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ([GOOD[0], LOCKED, GOOD[2]], ["written", "retry", "written"]),
        ([GOOD[0], GOOD[1], {**GOOD[2], "success": "true"}], ["written", "written", "unknown"]),
        ([GOOD[0], GOOD[1], None], ["written", "written", "unknown"]),
        ([*GOOD, GOOD[0]], ["unknown"] * 3),
        ([*GOOD, LOCKED], ["unknown"] * 3),
        (GOOD[:2], ["unknown"] * 3),
        ({"odd": True}, ["unknown"] * 3),
    ],
)
def test_what_does_not_come_true_is_told_of_each(org: Org, answer: Any, expected: list[str]) -> None:
    org.answers = [(200, answer)]
    told = org.crm.apply(updates("1", "2", "3"), now=AT)
    assert kinds(told) == expected
    assert [outcome.key for outcome in told] == ["k0", "k1", "k2"]
    assert [outcome.before for outcome in told] == [{"X__c": "old"}] * 3
    assert all((outcome.not_before is not None) == (outcome.kind is OutcomeKind.UNKNOWN) for outcome in told)
    assert len(org.bodies) == 1


def test_results_in_another_order_are_of_other_records(org: Org) -> None:
    org.answers = [(200, [GOOD[1], GOOD[0], GOOD[2]])]
    told = org.crm.apply(updates("1", "2", "3"), now=AT)
    assert not isinstance(told, AsAsked)
    assert [outcome.id for outcome in told] == [IDS[1], IDS[0], IDS[2]]


def test_a_lost_answer_is_unknown_of_each(org: Org) -> None:
    org.answers = [(200, requests.ConnectionError("gone"))]
    assert kinds(org.crm.apply(updates("1", "2", "3"), now=AT)) == ["unknown"] * 3
    assert len(org.bodies) == 1


def test_a_refused_whole_is_halved_until_the_guilty_one_stands_alone(org: Org) -> None:
    refused = (400, [{"errorCode": "MALFORMED_ID", "message": "no"}])
    org.answers = [refused, (200, GOOD[:1]), refused, refused, (200, GOOD[2:])]
    assert kinds(org.crm.apply(updates("1", "2", "3"), now=AT)) == ["written", "rejected", "written"]


def test_of_what_an_edge_turned_away_nobody_knows(org: Org) -> None:
    org.answers = [(503, [])]
    assert kinds(org.crm.apply(updates("1", "2", "3"), now=AT)) == ["unknown"] * 3


def test_where_nothing_was_attempted_it_says_so(org: Org) -> None:
    org.answers = [(401, [{"errorCode": "INVALID_SESSION_ID", "message": "no"}])]
    with pytest.raises(AccessError):
        org.crm.apply(updates("1", "2", "3"), now=AT)
    org.answers = [(429, [])]
    with pytest.raises(RateLimited):
        org.crm.apply(updates("1", "2", "3"), now=AT)


@pytest.mark.parametrize(
    ("values", "ids"),
    [
        (("1", "", "3"), IDS),
        (("1", "2", "3"), (IDS[0], IDS[0], IDS[2])),
        (("1", "2", "3"), (IDS[0], '"},{"id":"', IDS[2])),
        (("1", "2", "3"), (IDS[0], "00Q\u00b2", IDS[2])),
    ],
)
def test_what_cannot_go_out_as_it_stands_is_looked_at(org: Org, values: Any, ids: Any) -> None:
    with pytest.raises(Looked):
        org.crm.apply(updates(*values, ids=ids, may_look=False), now=AT)
    assert org.bodies == []


def test_an_empty_text_goes_out_as_the_vendor_keeps_it(org: Org) -> None:
    org.crm.apply(updates("1", "", "3"), now=AT)
    [body] = org.bodies
    assert [record["X__c"] for record in json.loads(body)["records"]] == ["1", None, "3"]
