"""A system that is down as a whole is left alone, asked once in a while, and believed at its first answer."""

from __future__ import annotations

import pytest
import requests
import responses
from hypothesis import given
from hypothesis import strategies as st

from adapters.http import Patience, VendorSession
from adapters.http.breaker import FAILURES_TO_OPEN, FIRST_REST_SECONDS, LONGEST_REST_SECONDS, Breaker
from connector.errors import HandoffError, TransientError

URL = "https://vendor.example/things"


class Org:
    """A session to a system that a test switches off and on, on a clock of the test's own."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.breaker = Breaker(timer=lambda: self.seconds)
        self.http = VendorSession("acme", patience=Patience(tries=3), sleep=lambda _seconds: None, breaker=self.breaker)

    def ask(self, method: str = "GET") -> str:
        try:
            self.http.request(method, URL)
        except HandoffError as error:
            return error.code
        return "answered"

    def break_it(self) -> None:
        while not self.breaker.open:
            self.ask()


@pytest.fixture
def org() -> Org:
    return Org()


@responses.activate
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_reads_and_writes_share_it_and_nothing_is_sent_while_it_is_open(org: Org, method: str) -> None:
    responses.get(URL, status=503, body="<html>down</html>")
    responses.post(URL, status=503, body="<html>down</html>")
    for _ in range(FAILURES_TO_OPEN):
        org.ask(method)
    sent = org.http.calls
    assert [org.ask("GET"), org.ask("POST")] == ["acme.circuit_open"] * 2
    assert org.http.calls == sent
    circuit = org.http.circuit
    assert (circuit.state, circuit.opened, circuit.code) == ("open", 1, "acme.http_503")
    assert circuit.since is not None


@responses.activate
def test_a_probe_is_one_request_and_one_answer_closes_it(org: Org) -> None:
    responses.get(URL, status=503)
    org.break_it()
    org.seconds += FIRST_REST_SECONDS
    assert org.http.circuit.state == "half_open"
    sent = org.http.calls
    assert org.ask() == "acme.http_503"
    assert org.http.calls == sent + 1, "a probe is not tried again"
    assert org.http.circuit.rest_seconds == 2 * FIRST_REST_SECONDS
    responses.replace(responses.GET, URL, json={})
    org.seconds += 2 * FIRST_REST_SECONDS
    assert org.ask() == "answered"
    assert org.http.circuit.state == "closed"
    assert org.ask() == "answered"


@responses.activate
def test_nobody_waits_longer_than_the_longest_rest(org: Org) -> None:
    responses.get(URL, status=503)
    org.break_it()
    for _ in range(20):
        org.seconds += org.breaker.rest_seconds()
        org.ask()
        assert 0 < org.breaker.rest_seconds() <= LONGEST_REST_SECONDS
    with pytest.raises(TransientError) as caught:
        org.http.get(URL)
    assert caught.value.retry_after_seconds == org.breaker.rest_seconds()


@responses.activate
@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("POST", {"status": 400, "json": [{"errorCode": "INVALID_FIELD"}]}),
        ("POST", {"status": 500, "json": [{"errorCode": "UNKNOWN_EXCEPTION"}]}),
        ("GET", {"status": 404, "json": []}),
        ("GET", {"status": 429, "headers": {"Retry-After": "100"}}),
    ],
)
def test_whatever_the_vendor_itself_says_is_an_answer(org: Org, method: str, answer: dict) -> None:
    responses.add(method, URL, **answer)
    for _ in range(2 * FAILURES_TO_OPEN):
        org.ask(method)
    assert org.http.circuit.state == "closed"


@responses.activate
def test_lost_answers_to_writes_count(org: Org) -> None:
    responses.post(URL, body=requests.ConnectionError("cut"))
    codes = [org.ask("POST") for _ in range(FAILURES_TO_OPEN + 1)]
    assert codes == ["acme.no_answer"] * FAILURES_TO_OPEN + ["acme.circuit_open"]


@given(st.lists(st.sampled_from(["fail", "answer", "wait"]), max_size=60))
def test_it_is_open_only_after_enough_failures_in_a_row_and_until_the_next_answer(deeds: list[str]) -> None:
    seconds = [0.0]
    breaker = Breaker(timer=lambda: seconds[0])
    in_a_row = 0
    for deed in deeds:
        if deed == "wait":
            seconds[0] += 1
        elif deed == "answer":
            breaker.answered()
            in_a_row = 0
        else:
            breaker.failed("acme.down")
            in_a_row += 1
        assert breaker.open == (in_a_row >= FAILURES_TO_OPEN)
        assert breaker.rest_seconds() == 0 or breaker.open
