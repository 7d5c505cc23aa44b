"""The commands in this process, against orgs in this process: seconds saved with every one of them."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from benchmarks.survival.commands import Done
from connector.cli import main
from sandbox.serve import Sandbox

#: a Tuesday morning in the hours of the starter's pools
AT = datetime(2026, 11, 17, 9, tzinfo=UTC)
_CONFIG = """\
install: main
sources:
  - {{name: hubspot, adapter: hubspot, base_url: '{hubspot}', token: '${{HUBSPOT_TOKEN}}'}}
crm: {{adapter: salesforce, instance_url: '{salesforce}', auth: {{flow: token, access_token: '${{SF_TOKEN}}'}}}}
state: sqlite:///var/handoff.db
lake: var/lake
mappings: mappings/default
mode: {mode}
cutover: {{waived_by: ops, reason: local orgs, 'on': '2026-11-01'}}
limits: {limits}
console: {{host: 127.0.0.1, port: 0}}
"""
_SIGNED = {
    "marketing: null": "marketing: M. Arketing",
    "sales: null": "sales: S. Ales",
    "approved_on: null": "approved_on: '2026-11-01'",
    "review_by: null": "review_by: '2099-11-01'",
}


@dataclass(slots=True)
class Door:
    """Runs commands in a folder, and keeps everything they ever said on standard error."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def __call__(self, *words: str) -> Done:
        out, err = io.StringIO(), io.StringIO()
        environ = {name: text for name, text in os.environ.items() if not name.endswith("_TOKEN")}
        kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            with (
                contextlib.chdir(self.folder),
                mock.patch.dict(os.environ, environ | {"NO_COLOR": "1"} | self.env, clear=True),
                contextlib.redirect_stdout(out),
                contextlib.redirect_stderr(err),
                pytest.raises(SystemExit) as end,
            ):
                main(list(words))
        finally:
            for number, handler in kept.items():
                signal.signal(number, handler)
        self.said.append(err.getvalue())
        assert isinstance(end.value.code, int)
        return Done(end.value.code, out.getvalue(), err.getvalue())


@dataclass(slots=True)
class Place:
    """A project that points at running orgs."""

    handoff: Door
    orgs: Sandbox

    @property
    def folder(self) -> Path:
        return self.handoff.folder

    def configure(self, *, mode: str = "live", limits: str = "{}") -> None:
        """Write handoff.yaml."""
        text = _CONFIG.format(
            hubspot=self.orgs.hubspot.url, salesforce=self.orgs.salesforce.url, mode=mode, limits=limits
        )
        (self.folder / "handoff.yaml").write_text(text, encoding="utf-8")

    def sign(self) -> None:
        """Let both teams sign."""
        path = self.folder / "mappings" / "default" / "lifecycle.yaml"
        text = path.read_text(encoding="utf-8")
        for null, signed in _SIGNED.items():
            assert null in text
            text = text.replace(null, signed)
        path.write_text(text, encoding="utf-8")

    def cycle(self, at: datetime, *words: str, code: int = 0) -> dict[str, Any]:
        """Run one cycle at a clock and give its document."""
        done = self.handoff("run", "--once", "--json", "--as-of", at.isoformat(), *words)
        assert done.code == code, (done.code, done.out[-2000:], done.err[-2000:])
        return done.json

    def clock(self, at: datetime) -> None:
        """Move both orgs' clocks."""
        for vendor in ("hubspot", "salesforce"):
            self.ask(vendor, "clock", {"at": at.isoformat()})

    def submit(self, *emails: str) -> None:
        """Let people ask to talk to sales."""
        acts = [{"do": "submit_form", "email": email, "form": "contact-us", "values": {}} for email in emails]
        self.ask("hubspot", "act", acts)

    def ask(self, vendor: str, path: str, body: Any = None) -> Any:
        """Ask an org's control surface; with a body it is a POST."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.orgs.running[vendor].url}/__sandbox__/{path}", data=data)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def query(self, soql: str) -> list[dict[str, Any]]:
        """Ask Salesforce as its administrator would."""
        salesforce = self.orgs.ready()["salesforce"]
        url = f"{salesforce['url']}/services/data/v62.0/query?q={urllib.request.quote(soql)}"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {salesforce['access_token']}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            rows: list[dict[str, Any]] = json.load(answer)["records"]
        return rows


@pytest.fixture
def handoff(tmp_path: Path) -> Door:
    """Commands in an empty folder."""
    return Door(tmp_path)


@pytest.fixture(scope="module")
def make_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Place]]:
    """Make orgs of fifty people and an initialised, unsigned project; they close with the module."""
    with contextlib.ExitStack() as stack:

        def make() -> Place:
            folder = tmp_path_factory.mktemp("place")
            orgs = stack.enter_context(Sandbox(folder / "orgs", people=50, seed=1, at=AT))
            ready = orgs.ready()
            env = {"HUBSPOT_TOKEN": ready["hubspot"]["token"], "SF_TOKEN": ready["salesforce"]["access_token"]}
            door = Door(folder, env)
            assert door("init", "project").code == 0
            place = Place(Door(folder / "project", env), orgs)
            place.configure()
            return place

        yield make
