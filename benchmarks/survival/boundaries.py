"""Where a process can end: before each durable step, and on either side of each request.

Put around the connector from outside, in the child process only: transactions of the state before their commit, files
before they are synced, renamed or deleted, requests before they are sent and after their answer. Ending before step n+1
is ending after step n, so that every state between two steps is visited. A boundary has a name and, as names come
again, a number among those of its name: ``commit#3``, ``before POST composite/sobjects#1``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from connector.delivery import bulk, sender
from connector.pipeline import turn

#: GET and HEAD never write; these paths are reads or sign-in whatever the method
_READS = ("/search", "/batch/read", "/oauth", "/services/oauth2", "/associations/", "/composite/batch")
#: threads that only say that a process lives: where their commits fall is a matter of time, not of the work
_KEEPERS = ("engine-lease", "sender-lease")


@dataclass(frozen=True, slots=True)
class Watch:
    """What is put around a process from outside, before it begins."""

    #: ends it: a boundary's name and number (``commit#3``), or its place among all of them, from 0
    end_at: str | int | None = None
    #: by SIGKILL, or by SIGSTOP: then it sleeps until somebody continues it
    end_by: int = signal.SIGKILL
    #: appends the names of the boundaries to this file
    listing: str | None = None
    #: counts requests that only read as boundaries too
    reads: bool = False
    #: how long the engine's turn outlives its holder, and how long a sender's name outlives the sender
    turn_seconds: float = 0.6
    sender_seconds: float | None = None
    #: a file that holds the instant at which the daemon lives
    clock: str | None = None
    #: a file in which somebody may write later where the process is to end (``Order``); read once, then deleted
    orders: str | None = None
    #: a mistake that the process makes (``mistakes.py``), to see that it is found out
    mistake: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """Where a process that is at work already ends: at so many boundaries from now whose name matches."""

    match: str
    count: int
    by: int = signal.SIGKILL

    def give(self, path: Path) -> None:
        """Write it where the process looks."""
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(self)), encoding="utf-8")
        draft.replace(path)


class _Boundaries:
    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._order: Order | None = None
        self._left = 0
        self._count = 0
        self._named: Counter[str] = Counter()
        self._lock = threading.RLock()

    def reach(self, name: str) -> None:
        """End here if this is the one."""
        if threading.current_thread().name in _KEEPERS:
            return
        with self._lock:
            self._named[name] += 1
            numbered = f"{name}#{self._named[name]}"
            if self._watch.end_at in (self._count, numbered):
                # the process group is the command's own, and so are its children
                os.killpg(os.getpgrp(), self._watch.end_by)
            if self._watch.orders is not None:
                self._obey(name, self._watch.orders)
            if self._watch.listing is not None:
                with Path(self._watch.listing).open("a", encoding="utf-8") as listing:
                    listing.write(numbered + "\n")
            self._count += 1

    def _obey(self, name: str, orders: str) -> None:
        if os.path.exists(orders):  # noqa: PTH110 - asked at every boundary
            with open(orders, encoding="utf-8") as file:  # noqa: PTH123 - as above
                self._order = Order(**json.load(file))
            os.unlink(orders)  # noqa: PTH108 - Path.unlink is a boundary
            self._left = self._order.count
        if self._order is not None and re.search(self._order.match, name):
            self._left -= 1
            if self._left <= 0:
                by, self._order = self._order.by, None
                os.killpg(os.getpgrp(), by)

    def before(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **words: Any) -> Any:
            self.reach(name)
            return function(*arguments, **words)

        return wrapped


def watch_process(watch: Watch) -> None:
    """Patch this process: it ends at a boundary, or lists them in a file."""
    boundaries = _Boundaries(watch)
    _shorten_leases(watch)

    def committing(connection: Connection) -> None:
        if connection.get_execution_options().get("handoff_writes"):
            boundaries.reach("commit")

    event.listen(Engine, "commit", committing)
    os.fsync = boundaries.before("fsync", os.fsync)
    Path.replace = boundaries.before("rename", Path.replace)  # type: ignore[method-assign]
    Path.rename = boundaries.before("rename", Path.rename)  # type: ignore[method-assign]
    Path.unlink = boundaries.before("delete", Path.unlink)  # type: ignore[method-assign]
    shutil.rmtree = boundaries.before("delete", shutil.rmtree)  # type: ignore[assignment]
    send = requests.Session.send

    def sending(session: requests.Session, request: requests.PreparedRequest, **words: Any) -> requests.Response:
        path = request.path_url.partition("?")[0]
        if request.method in ("GET", "HEAD") or any(part in path for part in _READS):
            if watch.reads:
                boundaries.reach("read")
            return send(session, request, **words)
        # versions and ids are no part of what a request is
        place = re.sub(r"^/services/data/v[0-9.]+/|/[0-9A-Za-z]{15,18}(?=/|$)", "", path)
        boundaries.reach(f"before {request.method} {place}")
        response = send(session, request, **words)
        boundaries.reach(f"after {request.method} {place}")
        return response

    requests.Session.send = sending  # type: ignore[method-assign,assignment]


def _shorten_leases(watch: Watch) -> None:
    """Let the next process not wait long for a dead one's lease: by default eight seconds for each of hundreds."""
    turn.TTL = timedelta(seconds=watch.turn_seconds)
    turn._RENEW_SECONDS = turn._STAND_BY_SECONDS = watch.turn_seconds / 3
    bulk._TURN = timedelta(seconds=watch.turn_seconds)
    if watch.sender_seconds is not None:
        sender.TTL, sender.RENEW_SECONDS = timedelta(seconds=watch.sender_seconds), watch.sender_seconds / 4
