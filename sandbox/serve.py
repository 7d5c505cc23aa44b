"""Start the orgs of one directory: from the command line, or inside a test."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import gc
import importlib.util
import json
import signal
import sqlite3
import ssl
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import trustme

from sandbox.core.clock import OrgClock, parse_instant
from sandbox.core.door import Door
from sandbox.core.org import Org, OrgOptions
from sandbox.core.server import Server
from sandbox.images import image_of, keep_as, take_from
from sandbox.people.build import build_world
from sandbox.people.truth import write_truth
from sandbox.people.world import World

#: Vendors and their usual ports; those not built yet bind nothing.
PORTS = {"salesforce": 8801, "hubspot": 8802, "marketo": 8803, "account_engagement": 8804, "mautic": 8805}
ORGS = {"salesforce": ("sandbox.salesforce.org", "SalesforceOrg"), "hubspot": ("sandbox.hubspot.org", "HubSpotOrg")}
#: Vendors that are also served over TLS, for clients that speak nothing else.
OVER_TLS = frozenset({"salesforce"})
DEFAULT_PEOPLE = 1000
DEFAULT_SEED = 1


class BadStart(ValueError):
    """The sandbox cannot start like this; the message says what to change."""


class Occupied(RuntimeError):
    """Another process is at work in this directory."""


@dataclass(slots=True)
class Running:
    """One org at work."""

    org: Org
    url: str
    tls_url: str | None = None
    ca_file: Path | None = None
    servers: list[Server] = field(default_factory=list)

    def entry(self) -> dict[str, Any]:
        """Return what the sandbox's JSON line says of the org."""
        shown: dict[str, Any] = {"url": self.url}
        if self.tls_url is not None:
            shown |= {"tls_url": self.tls_url, "ca_file": str(self.ca_file)}
        own = getattr(self.org, "credentials", None)
        return {**shown, **{name: _plain(getattr(own, name)) for name in getattr(own, "__slots__", ())}}


def _plain(value: object) -> str:
    return str(value)


class Sandbox:
    """Run the orgs of one directory; use it as a context manager.

    A directory that holds orgs goes on with them; asking it for others (people, seed, empty) is refused. Port 0 picks a
    free one.

    Raises: BadStart, also when a port is taken; Occupied when another process holds the directory; OSError and
    sqlite3.OperationalError when the disk does not take it.
    """

    def __init__(
        self,
        directory: Path | str,
        *,
        people: int | None = None,
        seed: int | None = None,
        at: datetime | None = None,
        empty: bool | None = None,
        unique_task_key: bool = True,
        ports: dict[str, int] | None = None,
        vendors: Sequence[str] = tuple(ORGS),
        images: Path | str | None = None,
    ) -> None:
        """Take the options; nothing is bound before the context is entered.

        ``images`` is a folder in which finished orgs are kept, and from which equal ones are taken.
        """
        self._images = None if images is None else Path(images)
        self._directory = Path(directory)
        self._asked = {"people": people, "seed": seed, "empty": empty}
        self._at = at
        self._unique_task_key = unique_task_key
        self._ports = dict.fromkeys(PORTS, 0) if ports is None else ports
        self._vendors = vendors
        self._stack = contextlib.ExitStack()
        self.running: dict[str, Running] = {}

    @property
    def salesforce(self) -> Running:
        """Return the Salesforce org."""
        return self.running["salesforce"]

    @property
    def hubspot(self) -> Running:
        """Return the HubSpot org."""
        return self.running["hubspot"]

    def __enter__(self) -> Self:
        """Open the orgs and their ports."""
        with contextlib.ExitStack() as stack:
            self._open(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close ports, connections and files."""
        self._stack.close()

    def ready(self) -> dict[str, Any]:
        """Return the JSON line of a started sandbox."""
        return {"ready": True, **{vendor: running.entry() for vendor, running in self.running.items()}}

    # -- starting ------------------------------------------------------------------------------

    def _hold(self, stack: contextlib.ExitStack) -> None:
        """Keep every other process out of the directory: two would write over each other's rows.

        The lock ends with the process, however that ends.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        lock = stack.enter_context((self._directory / "lock").open("a"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"another sandbox is at work in {self._directory}: stop it, or name another directory"
            raise Occupied(message) from error

    def _settled(self) -> dict[str, Any]:
        """Return people, seed, empty and start of the orgs, as the directory remembers them or as asked."""
        path = self._directory / "sandbox.json"
        if path.exists():
            kept: dict[str, Any] = json.loads(path.read_text())
            for name, asked in self._asked.items():
                if asked is not None and asked != kept[name]:
                    held = f"{self._directory} holds orgs with {name} {kept[name]}"
                    raise BadStart(f"{held}: ask for the same, or for another directory")
            return kept
        at = (self._at or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)
        kept = {
            "people": DEFAULT_PEOPLE if self._asked["people"] is None else self._asked["people"],
            "seed": DEFAULT_SEED if self._asked["seed"] is None else self._asked["seed"],
            "empty": bool(self._asked["empty"]),
            "at": at.isoformat(),
        }
        path.write_text(json.dumps(kept))
        return kept

    def _open(self, stack: contextlib.ExitStack) -> None:
        if (self._asked["people"] or 0) < 0:
            raise BadStart(f"{self._asked['people']} people cannot be: ask for 0 or more")
        self._hold(stack)
        kept = self._settled()
        start = datetime.fromisoformat(kept["at"])
        options = OrgOptions(kept["seed"], kept["empty"], self._unique_task_key)
        fresh = not any((self._directory / vendor).exists() for vendor in self._vendors)
        image = image_of(self._images, kept) if self._images is not None and fresh else None
        if image is not None and take_from(image, self._directory):
            image = None
        # Built only when an org is made for the first time; an org that stands does not look at it.
        world: World | None = None
        for vendor in self._vendors:
            found = _org_class(vendor)
            if found is None:
                continue
            room = self._directory / vendor
            if world is None and not any(room.glob("*.seed")):
                world = build_world(kept["seed"], start, 0 if kept["empty"] else kept["people"])
                if world.hidden is not None:
                    write_truth(world, self._directory)
            org: Org = found(
                room, OrgClock(max(start, self._at or start), room / "clock.json"), world=world, options=options
            )
            door = Door(org, start)
            stack.callback(door.close)
            self.running[vendor] = self._serve(vendor, org, door, stack)
        if image is not None:
            keep_as(image, self._directory)

    def _serve(self, vendor: str, org: Org, door: Door, stack: contextlib.ExitStack) -> Running:
        port = self._ports.get(vendor, 0)
        try:
            plain = Server(door.handle, org.clock, port)
        except OSError as error:
            held = f"port {port} for {vendor} cannot be had ({error.strerror})"
            raise BadStart(f"{held}: name another one, or 0 for any that is free") from error
        running = Running(org, plain.url, servers=[plain])
        if vendor in OVER_TLS:
            running.ca_file = self._directory / "ca.pem"
            secure = Server(door.handle, org.clock, 0, tls=_tls(self._directory))
            running.tls_url = secure.url
            running.servers.append(secure)
        for server in running.servers:
            stack.callback(server.stop)
            server.start()
        return running


def _org_class(vendor: str) -> Any:
    module, name = ORGS[vendor]
    if importlib.util.find_spec(module) is None:
        return None
    return getattr(importlib.import_module(module), name)


def _tls(directory: Path) -> ssl.SSLContext:
    """Return the server's TLS context; authority and certificate stay the same over restarts."""
    chain = directory / "server.pem"
    if not chain.exists():
        authority = trustme.CA()
        own = authority.issue_cert("127.0.0.1", "localhost", "::1")
        authority.cert_pem.write_to_path(directory / "ca.pem")
        own.private_key_and_cert_chain_pem.write_to_path(chain)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context


def _port(text: str) -> int:
    """Read a port; 0 stands for any that is free."""
    number = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= number <= 65_535:
        message = f"{text} is no port: 0 to 65535"
        raise argparse.ArgumentTypeError(message)
    return number


def _instant(text: str) -> datetime:
    """Read an instant; without an offset it is UTC."""
    try:
        return parse_instant(text)
    except ValueError as error:
        message = f"{text} is no instant such as 2026-03-03T09:00:00Z"
        raise argparse.ArgumentTypeError(message) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="handoff sandbox", description="Run local orgs that real clients believe.")
    parser.add_argument("--dir", type=Path, required=True, help="where the orgs are kept")
    for vendor, port in PORTS.items():
        option = f"--{vendor.replace('_', '-')}-port"
        parser.add_argument(option, type=_port, default=port, dest=vendor, help=f"default {port}; 0 picks a free one")
    parser.add_argument("--people", type=int, help=f"living marketing contacts, default {DEFAULT_PEOPLE}")
    parser.add_argument("--seed", type=int, help=f"default {DEFAULT_SEED}")
    parser.add_argument("--at", type=_instant, help="the orgs' clock at the start, default now")
    parser.add_argument("--empty", action="store_true", default=None, help="users and standard fields, no people")
    parser.add_argument("--images", type=Path, help="a folder of finished orgs, to start equal ones from")
    parser.add_argument("--no-unique-task-key", action="store_true", help="refuse Unique on activity fields")
    return parser


def _words(error: Exception, directory: Path) -> str:
    """Say what the disk refused, and where."""
    if isinstance(error, OSError):
        return f"{error.filename or directory}: {error.strerror or error}"
    if isinstance(error, sqlite3.Error):
        return f"{directory}: {error}"
    return str(error)


def main(argv: Sequence[str]) -> int:
    """Run the orgs until SIGTERM or SIGINT.

    Return the exit status: 0; 2 when it cannot start as asked; 5 when the disk or the directory stand in the way.
    """
    try:
        asked = _parser().parse_args(list(argv))
    except SystemExit as error:
        return int(error.code or 0)
    enough = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: enough.set())
    sandbox = Sandbox(
        asked.dir,
        people=asked.people,
        seed=asked.seed,
        at=asked.at,
        empty=asked.empty,
        unique_task_key=not asked.no_unique_task_key,
        ports={vendor: getattr(asked, vendor) for vendor in PORTS},
        images=asked.images,
    )
    # What the orgs hold never becomes garbage: looking through it again and again would triple the time of a page.
    gc.disable()
    try:
        with sandbox:
            gc.freeze()
            gc.enable()
            sys.stdout.write(json.dumps(sandbox.ready()) + "\n")
            sys.stdout.flush()
            enough.wait()
    except BadStart as error:
        sys.stderr.write(f"sandbox: {error}\n")
        return 2
    except (Occupied, OSError, sqlite3.Error) as error:
        sys.stderr.write(f"sandbox: {_words(error, asked.dir)}\n")
        return 5
    finally:
        # Frozen objects would be reported as leaks by extension modules when the interpreter ends.
        gc.unfreeze()
        gc.enable()
    return 0
