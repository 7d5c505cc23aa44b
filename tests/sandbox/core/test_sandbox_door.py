"""The wire and the control surface, in front of a toy org."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
from datetime import UTC, datetime

import pytest

from sandbox.core.calls import Call, CallLedger
from sandbox.core.clock import OrgClock
from sandbox.core.door import Door
from sandbox.core.faults import FaultList
from sandbox.core.http import Request, Response
from sandbox.core.org import BadAct
from sandbox.core.router import Router
from sandbox.core.server import Server


class Toy:
    """Counts what it was asked to do."""

    vendor = "toy"

    def __init__(self) -> None:
        self.clock = OrgClock(datetime(2026, 3, 1, 9, tzinfo=UTC))
        self.faults, self.calls = FaultList(), CallLedger()
        self.done: list[str] = []
        self.closed = False

    def handle(self, request):
        self.calls.record(Call(request.method, request.path, 200))
        if request.path == "/break":
            raise RuntimeError("inside")
        if request.method == "POST":
            self.done.append(request.body.decode())
        return Response(200, {"done": len(self.done), "q": request.args("q")})

    def spoil(self, fault, request, proceed):
        return Response(503, {"what": fault.what})

    def snapshot(self):
        return json.dumps(self.done).encode()

    def act(self, acts):
        if acts and acts[0]["do"] == "fly":
            raise BadAct("nobody can fly")
        return [{"do": act["do"]} for act in acts]

    def reset(self):
        self.done.clear()

    def close(self):
        self.closed = True


@pytest.fixture
def toy():
    org = Toy()
    door = Door(org)
    server = Server(door.handle, org.clock)
    server.start()
    org.port = server.port
    yield org
    server.stop()
    door.close()
    assert org.closed


def ask(toy, method, path, body=None, headers=None):
    link = http.client.HTTPConnection("127.0.0.1", toy.port, timeout=5)
    try:
        link.request(
            method, path, body if body is None or isinstance(body, bytes | str) else json.dumps(body), headers or {}
        )
        answer = link.getresponse()
        raw = answer.read()
        return answer.status, json.loads(raw) if raw else None
    finally:
        link.close()


def fault(toy, **entry):
    assert ask(toy, "POST", "/__sandbox__/faults", [{"match": "", **entry}])[0] == 200


def test_one_connection_serves_many_requests_and_the_date_is_the_orgs(toy):
    link = http.client.HTTPConnection("127.0.0.1", toy.port, timeout=5)
    for number in (1, 2, 3):
        link.request("POST", "/x", "one")
        answer = link.getresponse()
        assert json.loads(answer.read())["done"] == number
        assert answer.headers["Date"].startswith("Sun, 01 Mar 2026 09:00")
    link.close()


def test_gzip_and_chunked_bodies_are_taken(toy):
    assert ask(toy, "POST", "/x", gzip.compress(b"packed"), {"Content-Encoding": "gzip"})[0] == 200
    link = http.client.HTTPConnection("127.0.0.1", toy.port, timeout=5)
    link.request("POST", "/x", iter([b"in ", b"pieces"]), {"Transfer-Encoding": "chunked"}, encode_chunked=True)
    assert link.getresponse().status == 200
    link.close()
    link = http.client.HTTPConnection("127.0.0.1", toy.port, timeout=5)
    link.request("POST", "/x", b"not packed", {"Content-Encoding": "gzip"})
    assert link.getresponse().status == 400
    link.close()
    assert toy.done == ["packed", "in pieces"]


def test_what_breaks_inside_is_a_readable_500(toy):
    status, body = ask(toy, "GET", "/break")
    assert status == 500
    assert "RuntimeError: inside" in body["sandbox_fault"][-1]


@pytest.mark.parametrize(("what", "done"), [("drop_after_commit", 1), ("reset", 0)])
def test_a_dropped_answer_leaves_the_write_or_not(toy, what, done):
    fault(toy, what=what, count=1)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        ask(toy, "POST", "/x", "once")
    assert len(toy.done) == done
    assert ask(toy, "POST", "/x", "again")[0] == 200


def test_a_fault_tells_how_often_it_has_struck(toy):
    fault(toy, what="duplicate", count=2)
    ask(toy, "POST", "/x", {})
    told = ask(toy, "GET", "/__sandbox__/faults")[1]
    assert told == {"faults": [{"what": "duplicate", "hits": 1, "left": 1}]}


def test_commit_late_commits_when_the_orgs_clock_says_so(toy):
    fault(toy, what="commit_late", count=1, after="5m")
    with pytest.raises(http.client.RemoteDisconnected):
        ask(toy, "POST", "/x", "late")
    assert ask(toy, "GET", "/__sandbox__/snapshot")[1] == []
    assert ask(toy, "POST", "/__sandbox__/clock", {"advance": "4m"})[0] == 200
    assert ask(toy, "GET", "/x")[1]["done"] == 0
    assert ask(toy, "POST", "/__sandbox__/clock", {"advance": "2m"})[0] == 200
    assert ask(toy, "GET", "/x")[1]["done"] == 1


def test_duplicate_executes_twice_and_answers_once(toy):
    fault(toy, what="duplicate", count=1)
    assert ask(toy, "POST", "/x", "twice")[1]["done"] == 2


def test_a_truncated_body_is_shorter_than_it_says(toy):
    fault(toy, what="truncate", count=1)
    with pytest.raises(http.client.IncompleteRead):
        ask(toy, "GET", "/x?q=long,list&q=more")


def test_html_502_slow_body_and_the_vendors_own_faults(toy):
    fault(toy, what="html_502", count=1)
    link = http.client.HTTPConnection("127.0.0.1", toy.port, timeout=5)
    link.request("GET", "/x")
    answer = link.getresponse()
    assert (answer.status, answer.headers["Content-Type"][:9]) == (502, "text/html")
    link.close()
    fault(toy, what="slow_body", count=1, after="100ms")
    assert ask(toy, "GET", "/x?q=a,b")[1]["q"] == ["a", "b"]
    fault(toy, what="lock_row", count=1)
    assert ask(toy, "GET", "/x") == (503, {"what": "lock_row"})
    assert ask(toy, "GET", "/__sandbox__/calls")[1]["apart"] == {"fault": 1}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "word"),
    [
        ("POST", "clock", {"advance": "soon"}, 400, "soon"),
        ("POST", "clock", {"jump": 1}, 400, "advance"),
        ("POST", "clock", "{", 400, "error"),
        ("POST", "faults", {"what": "reset"}, 400, "list"),
        ("POST", "act", [{"do": "fly"}], 400, "fly"),
        ("POST", "act", {"do": "edit"}, 400, "list"),
        ("GET", "nothing", None, 404, "snapshot"),
        ("DELETE", "snapshot", None, 404, "snapshot"),
    ],
)
def test_bad_control_input_is_answered_in_words(toy, method, path, body, status, word):
    got, shown = ask(toy, method, f"/__sandbox__/{path}", body)
    assert got == status
    assert word in json.dumps(shown)


def test_control_calls_are_not_counted_and_reset_forgets(toy):
    ask(toy, "POST", "/x", "one")
    assert ask(toy, "GET", "/__sandbox__/calls")[1]["used"] == 1
    assert ask(toy, "POST", "/__sandbox__/calls/mark")[0] == 200
    assert ask(toy, "GET", "/__sandbox__/calls")[1]["used"] == 0
    ask(toy, "POST", "/x", "two")
    assert ask(toy, "POST", "/__sandbox__/reset") == (200, {"reset": True})
    assert ask(toy, "GET", "/__sandbox__/calls")[1]["used"] == 0
    assert toy.done == []


def test_the_router_decodes_parts_takes_a_trailing_slash_and_knows_other_methods():
    router = Router()
    router.add("GET", "/a/{b}", lambda request, params: Response(200, params))
    router.add("PATCH", "/a/{b}/{c*}", lambda request, params: Response(200, params))
    found = router.match(Request.make("GET", "/a/x%2Fy/"))
    assert found.params == {"b": "x/y"}
    assert router.match(Request.make("PATCH", "/a/x/1/2")).params == {"b": "x", "c": "1/2"}
    assert router.match(Request.make("DELETE", "/a/x")).allowed == ["GET"]
    assert router.match(Request.make("GET", "/b")).route is None


@pytest.mark.parametrize(
    "wrong",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: abc\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"POST / HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    ],
)
def test_what_is_no_request_is_a_400(toy, wrong):
    with socket.create_connection(("127.0.0.1", toy.port)) as connection:
        connection.sendall(wrong)
        assert connection.recv(4096).startswith(b"HTTP/1.1 400 ")
