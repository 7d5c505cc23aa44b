"""The daemon's door for machines: what it answers, to whom, and what it never says."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.daemon import probe
from connector.daemon.door import JSON, Door, json_page
from connector.daemon.health import SILENT_SECONDS, STUCK_SECONDS, Health
from connector.errors import LocalFault


class Ask:
    def __init__(self, port: int) -> None:
        self.port = port

    def __call__(self, method: str, path: str, body: bytes | None = None) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body=body)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()


class Seconds:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def health(seconds: Seconds, tmp_path: Path) -> Health:
    made = Health(seconds, lake=tmp_path / "var" / "lake")
    made.beat()
    return made


def _broken() -> Any:
    raise ZeroDivisionError


@pytest.fixture
def ask(health: Health) -> Iterator[Ask]:
    pages = {
        "/livez": lambda: json_page(*health.live()),
        "/readyz": lambda: json_page(*health.ready()),
        "/broken": _broken,
    }
    with Door("127.0.0.1", 0, pages) as door:
        assert door.url == f"http://127.0.0.1:{door.port}"
        yield Ask(door.port)


def test_get_and_head_answer_alike_and_nothing_else_does(ask: Ask) -> None:
    status, headers, body = ask("GET", "/livez?verbose=1")
    assert (status, headers["Content-Type"], json.loads(body)["alive"]) == (200, JSON, True)
    assert headers["Cache-Control"] == "no-store"
    assert headers["Server"].strip() == "handoff", "no version is told"
    status, head, nothing = ask("HEAD", "/livez")
    assert (status, head["Content-Length"], nothing) == (200, str(len(body)), b"")
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        status, headers, _ = ask(method, "/livez")
        assert (status, headers["Allow"]) == (405, "GET, HEAD")
    assert ask("GET", "/livez", b"a body")[0] == 400
    status, _, body = ask("GET", "/nothing")
    assert (status, json.loads(body)["pages"]) == (404, ["/broken", "/livez", "/readyz"])
    assert ask("GET", "/broken")[0] == 500
    assert ask("GET", "/livez")[0] == 200, "a broken page harms no other"


def test_a_scheduler_that_fires_nothing_is_not_alive(ask: Ask, health: Health, seconds: Seconds) -> None:
    seconds.now += SILENT_SECONDS + 1
    status, _, body = ask("GET", "/livez")
    assert status == 503
    assert "no job was fired" in json.loads(body)["checks"]["scheduler"]["reason"]
    health.beat()
    assert ask("GET", "/livez")[0] == 200


def test_a_long_job_is_alive_while_it_moves(ask: Ask, health: Health, seconds: Seconds) -> None:
    with health.at_work("crm"):
        for _ in range(5):
            seconds.now += STUCK_SECONDS - 1
            health.beat()
            assert ask("GET", "/livez")[0] == 200
            health.moved()
        seconds.now += STUCK_SECONDS + 1
        health.beat()
        status, _, body = ask("GET", "/livez")
        assert (status, json.loads(body)["checks"]["job"]["name"]) == (503, "crm")
    assert ask("GET", "/livez")[0] == 200


def test_ready_says_what_is_missing_until_nothing_is(ask: Ask, health: Health) -> None:
    status, _, body = ask("GET", "/readyz")
    checks = json.loads(body)["checks"]
    assert (status, checks["state"]["ok"], checks["engine"]["ok"], checks["cycle"]["ok"]) == (503, True, False, False)
    health.engine = "held"
    health.ended(["crm"], verdict="amber")
    assert ask("GET", "/readyz")[0] == 200
    health.ended(["source"], code="hubspot.unreachable")
    status, _, body = ask("GET", "/readyz")
    assert (status, json.loads(body)["checks"]["cycle"]["reason"]) == (503, "source: hubspot.unreachable")
    health.ended(["source"])
    health.ended(["crm"], verdict="red")
    assert ask("GET", "/readyz")[0] == 503
    health.ended(["crm"], verdict="green")
    assert ask("GET", "/readyz")[0] == 200


def test_a_lake_that_takes_nothing_and_a_state_that_is_away_are_named(
    health: Health, seconds: Seconds, monkeypatch: pytest.MonkeyPatch
) -> None:
    health.engine = "held"
    health.ended(["crm"], verdict="green")
    asked = []

    def away() -> None:
        asked.append(1)
        raise LocalFault("state.unreachable", "it does not answer", at="db.example/handoff")

    health.look_at_state = away
    seconds.now += 60
    for _ in range(5):
        ready, document = health.ready()
    assert (ready, len(asked)) == (False, 1), "however many ask, the state is asked once in two seconds"
    assert document["checks"]["state"]["reason"] == "state.unreachable: it does not answer"
    assert "db.example" not in json.dumps(document)
    health.look_at_state = lambda: None
    seconds.now += 60
    assert health.ready()[0]
    monkeypatch.setattr("connector.daemon.health.os.access", lambda *_: False)
    assert "may not be written" in health.ready()[1]["checks"]["lake"]["reason"]
    monkeypatch.undo()
    monkeypatch.setattr("connector.daemon.health.shutil.disk_usage", lambda _: type("Disk", (), {"free": 1 << 20}))
    assert "1 MiB left" in health.ready()[1]["checks"]["lake"]["reason"]


def test_a_port_that_is_taken_is_a_fault_with_a_cure() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(LocalFault) as caught:
            Door("127.0.0.1", other.getsockname()[1], {})
    assert (caught.value.code, caught.value.exit_code) == ("console.port_taken", 5)
    assert "console.port" in caught.value.cure
    with pytest.raises(LocalFault) as nowhere:
        Door("192.0.2.1", 0, {})
    assert nowhere.value.code == "console.address"


def test_a_caller_that_says_nothing_keeps_nobody_waiting(ask: Ask) -> None:
    with socket.create_connection(("127.0.0.1", ask.port)):
        assert ask("GET", "/livez")[0] == 200


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("console: {host: 127.0.0.1, port: 9000}", ("127.0.0.1", 9000)),
        ("console: {host: 0.0.0.0}", ("127.0.0.1", 8880)),
        ("console: {host: '::', port: 1}", ("::1", 1)),
        ("sources: [{token: ${TOKEN}}]\ncrm: {auth: {secret: ${file:/run/secrets/x}}}", ("127.0.0.1", 8880)),
    ],
)
def test_the_probe_finds_the_door(tmp_path: Path, text: str, where: tuple[str, int]) -> None:
    config = tmp_path / "handoff.yaml"
    config.write_text(text)
    assert probe.listening(config) == where


def test_the_probe_says_yes_or_no(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "handoff.yaml"
    config.write_text(f"console: {{port: {ask.port}}}")
    monkeypatch.setenv("HANDOFF_CONFIG", str(config))
    assert probe.main([]) == 0
    assert probe.main(["/readyz"]) == 1
    assert "503" in capsys.readouterr().err
    monkeypatch.setenv("HANDOFF_CONFIG", str(tmp_path / "none.yaml"))
    assert probe.main([]) == 1
