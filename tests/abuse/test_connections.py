"""Systems that cannot be reached, do not let us in, or stop letting us in half-way; nothing is lost by any of it."""

from __future__ import annotations

import json
import socket
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from abuse_words import nothing_lost, silent, some, told

from benchmarks.survival.place import Place

_HS, _SF = "hubspot", "salesforce"
_KEY = {_HS: "base_url", _SF: "instance_url"}
#: two commands on a loaded machine; five tries per stream took twice as long
_SECONDS = 60


def _run(at: object) -> tuple[str, ...]:
    return ("run", "--once", "--as-of", at.isoformat(), "--json")  # type: ignore[attr-defined]


def _point(place: Place, vendor: str, url: str) -> None:
    path = place.project / "handoff.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(place.ready[vendor]["url"], url), encoding="utf-8")


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port at which nobody listens, and that nobody else gets meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


@pytest.mark.parametrize("vendor", [_HS, _SF])
@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_a_host_that_is_not_there_is_told_within_seconds(vendor, host, closed_port, first_load, place_of):
    place = place_of(first_load.template)
    scheme = "http" if host == "127.0.0.1" else "https"
    _point(place, vendor, f"{scheme}://{host}:{closed_port}")
    words = _run(first_load.at) if host == "127.0.0.1" else ("run", "--once", "--json")
    started = time.monotonic()
    done = place.handoff(*words)
    checked = place.handoff("check", "--online", "--json")
    assert time.monotonic() - started < _SECONDS
    error = told(done, 4, "address in handoff.yaml")
    assert (error["code"], error["at"]) == (f"{vendor}.unreachable", vendor)
    assert checked.code == 4
    assert checked.json["error"]["at"] == vendor
    bad = [finding for finding in checked.json["findings"] if not finding["ok"]]
    assert {finding["system"] for finding in bad if finding["subject"] == "connection"} == {vendor}
    assert {finding["system"] for finding in checked.json["findings"]} == {_HS, _SF}, (
        "the other one is asked all the same"
    )
    silent(place, [done.out, done.err, checked.out, checked.err])
    if host == "127.0.0.1":
        place.configure()
        place.cycle(first_load.at)
        nothing_lost(place, first_load.undisturbed)


@pytest.mark.parametrize("vendor", [_HS, _SF])
def test_a_wrong_token_is_refused_by_name_and_the_right_one_goes_on(vendor, first_load, place_of):
    place = place_of(first_load.template)
    name = {_HS: "HUBSPOT_TOKEN", _SF: "SF_TOKEN"}[vendor]
    good = place.environment()[name]
    place.env(**{name: "sesame-wrong"})
    done = place.handoff(*_run(first_load.at))
    error = told(done, 4, "token")
    assert error["at"] == vendor
    checked = place.handoff("check", "--online", "--json")
    assert checked.code == 4
    assert (checked.json["error"]["at"], bool(checked.json["error"]["cure"])) == (vendor, True)
    said = place.handoff("check", "--online")
    assert said.code == 4
    assert f"BAD  {vendor}: " in said.out
    assert said.err.startswith(f"{vendor}: ")
    for text in (done, checked, said):
        assert "sesame" not in text.out + text.err
    place.env(**{name: good})
    place.cycle(first_load.at)
    nothing_lost(place, first_load.undisturbed)


@pytest.mark.parametrize("match", some([r"/crm/v3/objects/contacts/search", r"/events", r"/email/public"], r"/events"))
def test_hubspots_token_expires_in_mid_run(match, first_load, place_of):
    """An access token that was given to us: a new one has to be given; what was pulled before stays."""
    place = place_of(first_load.template)
    place.faults(_HS, {"match": match, "what": "expire_token", "count": 1})
    done = place.handoff(*_run(first_load.at))
    error = told(done, 4, "expired", "refresh_token")
    assert (error["code"], error["at"]) == ("hubspot.expired_authentication", _HS)
    assert place.struck(_HS) == [1]
    assert done.json["pulled"]["crm_records"] > 0, "the other system was pulled"
    assert done.json["writes"]["planned"] == 0, "nothing is decided on half of the facts"
    silent(place, [done.out, done.err])
    place.faults(_HS)
    place.cycle(first_load.at)
    nothing_lost(place, first_load.undisturbed)


def _session_token(place: Place) -> str:
    """Sign in as the connected app does: a token that dies when its session ends."""
    ready = place.ready[_SF]
    form = {
        "grant_type": "client_credentials",
        "client_id": ready["client_id"],
        "client_secret": ready["client_secret"],
    }
    request = urllib.request.Request(
        f"{ready['url']}/services/oauth2/token", data=urllib.parse.urlencode(form).encode(), method="POST"
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(json.load(answer)["access_token"])


@pytest.mark.parametrize("match", [r"composite$", r"composite/sobjects"])
def test_salesforces_session_ends_in_mid_run(match, buyers, place_of):
    """Whether it ends while reading or between two writes: the next run with a fresh token ends it the same."""
    place = place_of(buyers.template)
    place.env(SF_TOKEN=_session_token(place))
    place.faults(_SF, {"match": match, "what": "expire_token", "count": 1})
    done = place.handoff(*_run(buyers.at))
    assert place.struck(_SF) == [1]
    if done.code == 0:
        # the session ended between two batches: what waits is held in the open, not lost
        assert done.json["verdict"] != "green"
    else:
        error = told(done, 4, "fresh access token")
        assert error["at"] == _SF
    silent(place, [done.out, done.err])
    place.faults(_SF)
    assert place.handoff("status", "--json").code == 0
    told(place.handoff(*_run(buyers.at)), 4, "fresh access token")
    place.env(SF_TOKEN=_session_token(place))
    place.cycle(buyers.at)
    nothing_lost(place, buyers.undisturbed)


def _give_back_rights(place: Place) -> None:
    state = place._sandbox.running[_SF].org._state
    state.records.keep("removed_rights", [])


def test_hubspots_scope_is_taken_in_mid_run(first_load, place_of):
    place = place_of(first_load.template)
    place.faults(
        _HS, {"match": "/crm/v3/objects/companies", "what": "right_removed", "field": "crm.objects.companies.read"}
    )
    done = place.handoff(*_run(first_load.at))
    error = told(done, 4, "crm.objects.companies.read", "add the scopes")
    assert (error["code"], error["at"]) == ("hubspot.missing_scopes", _HS)
    assert done.json["pulled"]["people"] > 0, "the other streams go on"
    checked = place.handoff("check", "--online", "--json")
    assert checked.code == 3
    [bad] = [finding for finding in checked.json["findings"] if not finding["ok"]]
    assert (bad["system"], bad["subject"]) == (_HS, "read companies")
    place.faults(_HS)
    place.cycle(first_load.at)
    nothing_lost(place, first_load.undisturbed)


def test_salesforces_right_to_edit_is_taken_in_mid_run(first_load, place_of):
    """What cannot be written is dead with the vendor's words and who cures it; after that, retry ends it the same."""
    place = place_of(first_load.template)
    place.faults(_SF, {"match": r"composite", "what": "right_removed", "object": "Lead", "count": 1})
    done = place.handoff(*_run(first_load.at))
    assert place.struck(_SF) == [1]
    assert done.code == 1, (done.out, done.err)
    assert done.json["verdict"] == "red"
    assert done.json["writes"]["dead"] > 0
    assert done.json["needs_person"] >= done.json["writes"]["dead"]
    groups = [group for group in place.json("outbox", "list")["groups"] if group["state"] == "dead"]
    assert sum(group["rows"] for group in groups) == done.json["writes"]["dead"]
    assert {group["fixer"] for group in groups} == {"crm_admin"}
    said = place.handoff("outbox", "list")
    assert "handoff outbox retry" in said.out
    assert place.handoff("check", "--online").code == 3
    silent(place, [done.err, said.err])
    place.faults(_SF)
    _give_back_rights(place)
    assert place.json("outbox", "retry")["retried"] == done.json["writes"]["dead"]
    assert place.cycle(first_load.at)["verdict"] == "green"
    nothing_lost(place, None)
    removed = b'"removed_rights":[]'
    assert place.snapshots()[_SF] == first_load.undisturbed[_SF]
    assert removed in place.snapshots()[_SF]


def test_salesforces_right_to_read_is_taken_in_mid_run(first_load, place_of):
    place = place_of(first_load.template)
    place.act(_SF, {"do": "remove_right", "object": "Lead", "right": "read"})
    done = place.handoff(*_run(first_load.at))
    assert done.code in {3, 4}, done
    assert done.json["error"]["cure"]
    assert "Lead" in done.json["error"]["message"] or "lead" in done.json["error"]["message"]
    _give_back_rights(place)
    place.cycle(first_load.at)
    nothing_lost(place, first_load.undisturbed)


class _LoginPage(BaseHTTPRequestHandler):
    """Answers everything as a hotel's network does."""

    status = 200

    def _answer(self) -> None:
        body = b"<html><body>Please sign in to the network</body></html>"
        self.send_response(self.status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer  # noqa: N815 - the names that http.server looks for

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def login_page() -> Iterator[Callable[[int], str]]:
    servers: list[ThreadingHTTPServer] = []

    def start(status: int) -> str:
        handler = type("Page", (_LoginPage,), {"status": status})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("vendor", [_HS, _SF])
@pytest.mark.parametrize("status", some([200, 404], 200))
def test_a_page_in_place_of_the_vendor_is_told_apart(
    vendor, status, login_page, first_load, place_of: Callable[[Path], Place]
):
    place = place_of(first_load.template)
    _point(place, vendor, login_page(status))
    done = place.handoff(*_run(first_load.at))
    error = told(done, 4, "proxy or login page")
    assert error["at"] == vendor
    assert "hotel" not in done.err
    assert "sign in" not in done.out + done.err
    assert place.handoff("check", "--online", "--json").code == 4
    place.configure()
    place.cycle(first_load.at)
    nothing_lost(place, first_load.undisturbed)
