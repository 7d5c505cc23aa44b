"""Where a cycle can die: before each durable step, and on either side of each request that may write.

Put around the connector from outside, in the child process only: transactions of the state before their commit, files
of the lake before fsync and rename, requests other than reads before they are sent and after their answer. Killing
before step n+1 is killing after step n, so that every state between two steps is visited.
"""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from connector.delivery import sender
from connector.pipeline import turn

#: GET and HEAD never write; these paths are reads or sign-in whatever the method
_READS = ("/search", "/batch/read", "/oauth", "/services/oauth2", "/associations/", "/composite/batch")


class _Boundaries:
    def __init__(self, kill_at: int | None, images: tuple[str, str] | None) -> None:
        self._kill_at = kill_at
        self._images = images
        self._count = 0

    def reach(self, name: str) -> None:
        """Die here if this is the one; threads beside the cycle (lease keeping) are not counted."""
        if threading.current_thread() is not threading.main_thread():
            return
        if self._kill_at == self._count:
            os.kill(os.getpid(), signal.SIGKILL)
        if self._images is not None:
            place, folder = self._images
            image = Path(folder) / f"{self._count:04d}"
            shutil.copytree(place, image)
            (image / "boundary").write_text(name)
        self._count += 1

    def before(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **words: Any) -> Any:
            self.reach(name)
            return function(*arguments, **words)

        return wrapped


def watch_boundaries(*, kill_at: int | None, images: tuple[str, str] | None) -> None:
    """Patch this process: it kills itself at boundary ``kill_at`` (from 0), or copies the place at each.

    A copy of what stands on the disk is what a kill at that moment leaves, at half the cost of getting there again.
    """
    boundaries = _Boundaries(kill_at, images)
    # The next process waits for a dead one's lease to run out: by default eight seconds for each of hundreds.
    turn.TTL = timedelta(seconds=0.6)
    # A renewal would write into the state while it is copied; nobody else is after this lease.
    turn._RENEW_SECONDS = 0.2 if images is None else 3600.0
    if images is not None:
        # A sender that has been silent is dead for good; on SQLite the next process need not wait for its lease.
        sender.TTL, sender.RENEW_SECONDS = timedelta(hours=1), 3600.0

    def committing(connection: Connection) -> None:
        if connection.get_execution_options().get("handoff_writes"):
            boundaries.reach("commit")

    event.listen(Engine, "commit", committing)
    os.fsync = boundaries.before("fsync", os.fsync)
    Path.replace = boundaries.before("rename", Path.replace)  # type: ignore[method-assign]
    send = requests.Session.send

    def sending(session: requests.Session, request: requests.PreparedRequest, **words: Any) -> requests.Response:
        path = request.path_url.partition("?")[0]
        if request.method in ("GET", "HEAD") or any(part in path for part in _READS):
            return send(session, request, **words)
        boundaries.reach(f"before {request.method} {path}")
        response = send(session, request, **words)
        boundaries.reach(f"after {request.method} {path}")
        return response

    requests.Session.send = sending  # type: ignore[method-assign,assignment]
