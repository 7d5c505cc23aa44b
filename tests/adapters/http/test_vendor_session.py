from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import requests
import responses
from hypothesis import given
from hypothesis import strategies as st

from adapters.http import Patience, VendorSession, body_of, checked_address, is_loopback, retry_after_seconds
from connector.errors import (
    AdapterFault,
    ConfigError,
    HandoffError,
    OutcomeUnknown,
    RateLimited,
    TransientError,
)

URL = "https://vendor.example/things"
SECRET = "person@corp.example"


def session(waits: list[float] | None = None, **kwargs) -> VendorSession:
    taken = waits if waits is not None else []
    return VendorSession("acme", sleep=taken.append, **kwargs)


@responses.activate
def test_a_read_is_tried_again_and_counted_and_leaves_the_vendors_clock():
    responses.get(URL, status=503)
    responses.get(URL, body="<html>busy</html>", status=200)
    responses.get(URL, json={"a": 1}, headers={"Date": "Tue, 05 Mar 2024 10:00:00 GMT"})
    with session() as http:
        assert body_of(http.get(URL)) == {"a": 1}
        assert http.calls == 3
        assert http.clock == datetime(2024, 3, 5, 10, tzinfo=UTC)
        assert http.ahead is not None
        assert http.clock + http.ahead <= datetime.now(UTC)
    assert responses.calls[0].request.headers["User-Agent"].startswith("handoff")


@responses.activate
def test_tries_are_bounded_and_the_error_says_nothing_of_the_request():
    responses.get(URL, status=502, body=f"<html>{SECRET}</html>")
    with session(patience=Patience(tries=3)) as http, pytest.raises(TransientError) as caught:
        http.get(URL, params={"email": SECRET})
    assert http.calls == 3
    assert caught.value.code == "acme.http_502"
    assert SECRET not in str(caught.value)
    assert "vendor.example" not in str(caught.value)


@responses.activate
def test_without_a_retry_after_waits_have_full_jitter():
    responses.get(URL, status=503)
    rounds: list[list[float]] = []
    for _ in range(40):
        waits: list[float] = []
        with session(waits) as http, pytest.raises(TransientError):
            http.get(URL)
        rounds.append(waits)
    for number, ceiling in enumerate((0.5, 1.0, 2.0, 4.0)):
        taken = [waits[number] for waits in rounds]
        assert all(0.0 <= wait <= ceiling for wait in taken)
        assert min(taken) < ceiling / 4 < 3 * ceiling / 4 < max(taken)


@responses.activate
def test_retry_after_is_waited_in_full():
    waits: list[float] = []
    responses.get(URL, status=429, headers={"Retry-After": "37"})
    responses.get(URL, json=[])
    with session(waits) as http:
        http.get(URL)
        assert (http.waits.retries, http.waits.rate_limited, http.waits.seconds) == (1, 1, 37.0)
    assert waits == [37.0]


@responses.activate
def test_a_retry_after_beyond_our_patience_ends_the_read_at_once():
    waits: list[float] = []
    responses.get(URL, status=429, headers={"Retry-After": "61"})
    with session(waits) as http, pytest.raises(RateLimited) as caught:
        http.get(URL)
    assert waits == []
    assert caught.value.retry_after_seconds == 61.0


@responses.activate
def test_no_wait_starts_that_would_end_after_the_bound_in_seconds():
    waits: list[float] = []
    responses.get(URL, status=429, headers={"Retry-After": "30"})
    with session(waits, patience=Patience(seconds=20)) as http, pytest.raises(RateLimited):
        http.get(URL)
    assert waits == []


@responses.activate
def test_a_write_is_sent_once_and_its_status_left_to_the_caller():
    responses.post(URL, status=503, body="<html></html>")
    with session() as http:
        assert http.post(URL, json={}).status_code == 503
        assert http.calls == 1


@responses.activate
def test_a_write_that_hits_the_rate_was_certainly_not_applied():
    responses.post(URL, status=429)
    with session() as http, pytest.raises(RateLimited):
        http.post(URL, json={})
    assert http.calls == 1


@responses.activate
def test_a_post_that_only_reads_is_tried_again_when_we_say_so():
    responses.post(URL, status=500)
    responses.post(URL, json={"ok": True})
    with session() as http:
        assert body_of(http.request("POST", URL, repeatable=True, json={})) == {"ok": True}


@responses.activate
def test_a_judge_sees_answers_first():
    def judge(response: requests.Response) -> HandoffError | None:
        return RateLimited("acme.daily", "spent", daily=True) if response.status_code == 403 else None

    responses.get(URL, status=403)
    with session(judge=judge) as http, pytest.raises(RateLimited) as caught:
        http.get(URL)
    assert caught.value.code == "acme.daily"
    assert http.calls == 1


@responses.activate
def test_redirects_are_left_to_the_caller_so_that_tokens_stay_home():
    responses.get(URL, status=302, headers={"Location": "https://elsewhere.example/"})
    with session() as http:
        assert http.get(URL).status_code == 302


@responses.activate
def test_a_netrc_password_never_replaces_our_authorization(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine vendor.example login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    responses.get(URL, json={})
    with session() as http:
        http.get(URL, headers={"Authorization": "Bearer mine"})
    assert responses.calls[0].request.headers["Authorization"] == "Bearer mine"


@contextmanager
def peer(answer: bytes) -> Iterator[str]:
    """Answer each connection with these bytes and hang up."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


CUT = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"a": '


@pytest.mark.parametrize("answer", [b"", CUT])
def test_a_lost_answer_is_transient_for_a_read_and_unknown_for_a_write(answer):
    with peer(answer) as url, session(patience=Patience(tries=2)) as http:
        with pytest.raises(TransientError):
            http.get(url)
        assert http.calls == 2
        with pytest.raises(OutcomeUnknown):
            http.post(url, json={})
        assert http.calls == 3


def test_a_write_to_a_closed_port_was_certainly_not_sent():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with session() as http, pytest.raises(TransientError) as caught:
        http.post(f"http://127.0.0.1:{port}/", json={})
    assert caught.value.code == "acme.unreachable"


def test_a_host_that_was_never_there_is_tried_twice_and_one_that_was_is_worth_waiting_for():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with session() as http, pytest.raises(TransientError) as caught:
        http.get(f"http://127.0.0.1:{port}/")
    assert (caught.value.code, http.calls) == ("acme.unreachable", 2)
    assert "address" in caught.value.cure
    with peer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") as url, session() as http:
        http.get(url)
        with pytest.raises(TransientError):
            http.get(f"http://127.0.0.1:{port}/")
        assert http.calls == 1 + Patience().tries


@responses.activate
def test_patience_that_was_used_up_is_not_spent_again_until_somebody_answers():
    for _ in range(4):
        responses.get(URL, status=502)
    responses.get(URL, json={})
    responses.get(URL, status=502)
    responses.get(URL, json={})
    with session(patience=Patience(tries=3)) as http:
        for calls in (3, 4):
            with pytest.raises(TransientError) as caught:
                http.get(URL)
            assert http.calls == calls
        assert caught.value.cure
        http.get(URL)
        http.get(URL)
        assert http.calls == 7


def test_loopback_ignores_the_environments_proxies(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9/")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with peer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") as url, session() as http:
        assert body_of(http.get(url)) == {}


@responses.activate
def test_the_environment_is_asked_once_for_a_host_and_each_host_for_itself(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:8080/")
    monkeypatch.setenv("NO_PROXY", "direct.example.com")
    monkeypatch.delenv("no_proxy", raising=False)
    seen = []

    def answer(request):
        seen.append(request.req_kwargs["proxies"].get("https"))
        return 200, {}, "{}"

    for host in ("direct", "outside"):
        responses.add_callback(responses.GET, f"https://{host}.example.com/x", callback=answer)
    with session() as http:
        for host in ("direct", "outside", "direct", "outside"):
            http.get(f"https://{host}.example.com/x")
        assert seen == 2 * [None, "http://proxy.example.com:8080/"]


def test_no_address_reaches_the_log_however_loud_it_is(caplog):
    caplog.set_level(logging.DEBUG)
    with peer(b"HTTP/1.1 200 OK\r\nbroken header\r\nContent-Length: 2\r\n\r\n{}") as url, session() as http:
        http.get(url, params={"email": SECRET})
    assert "person" not in caplog.text
    assert "email" not in caplog.text


def test_a_request_that_cannot_be_built_is_our_fault():
    with session() as http, pytest.raises(AdapterFault):
        http.get("no-scheme/at-all")


@responses.activate
def test_a_retry_after_date_counts_from_the_answers_own_date():
    responses.get(
        URL,
        headers={"Retry-After": "Tue, 05 Mar 2024 10:00:30 GMT", "Date": "Tue, 05 Mar 2024 10:00:00 GMT"},
    )
    assert retry_after_seconds(requests.get(URL, timeout=1)) == 30.0


@given(st.text(max_size=40))
def test_a_strange_retry_after_never_breaks(text):
    answer = requests.Response()
    answer.headers["Retry-After"] = text
    waited = retry_after_seconds(answer)
    assert waited is None or waited >= 0


@pytest.mark.parametrize(
    "address",
    [
        "http://vendor.example",
        "https://10.0.0.8",
        "https://192.168.1.4:8443",
        "https://user:pw@vendor.example",
        "https://vendor.example/?token=x",
        "ftp://vendor.example",
        "vendor.example",
        "https://[::1",
        "https://vendor.example:port",
    ],
)
def test_addresses_that_are_refused(address):
    with pytest.raises(ConfigError):
        checked_address(address, at="sources.acme")


@pytest.mark.parametrize(
    ("address", "given"),
    [
        ("https://vendor.example/", "https://vendor.example"),
        ("http://127.0.0.1:8801", "http://127.0.0.1:8801"),
        ("http://localhost:8801/", "http://localhost:8801"),
        ("http://[::1]:80/base/", "http://[::1]:80/base"),
    ],
)
def test_addresses_that_are_taken(address, given):
    assert checked_address(address, at="sources.acme") == given


def test_names_that_only_look_like_loopback():
    assert not is_loopback("127.0.0.1.vendor.example")
    assert is_loopback("127.9.9.9")
