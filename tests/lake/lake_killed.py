"""Lands or merges, and kills itself where it was told: ``python lake_killed.py STATE_URL ROOT``.

Each point gets a child of its own, forked before any thread is there, and a system of its own in the one lake. Prints
one line per child: what it did, where it was to die, and by which signal it went (0 where the point was never reached).
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

from sqlalchemy import event

from connector.domain.records import Activity, Page
from connector.domain.refs import Ref
from connector.lake import segments as protocol
from connector.lake.compaction import FAN
from connector.lake.landing import Landing
from state import open_store

T0 = datetime(2026, 3, 1, tzinfo=UTC)
POINTS = ("half written", "written", "synced", "renamed", "folder synced", "committing", "committed")
STATEMENTS = tuple(f"statement {number}" for number in range(5))


def die(*_args: object, **_words: object) -> NoReturn:
    """Go as in a power cut: nothing of ours runs any more."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def after(function: Any) -> Any:
    """Do it and die."""

    def done(*args: Any, **words: Any) -> NoReturn:
        function(*args, **words)
        die()

    return done


def half(path: Path, parts: list[bytes]) -> NoReturn:
    """Write half of it and die."""
    path.write_bytes(parts[0][: len(parts[0]) // 2])
    die()


def arm(point: str, store: Any) -> None:
    """Make this process die at a point of the protocol."""
    commit = type(store.manifest).commit_segments
    match point:
        case "half written":
            protocol.write_durably = half
        case "written":
            os.fsync = die
        case "synced":
            os.fsync = after(os.fsync)
        case "renamed":
            Path.replace = after(Path.replace)
        case "folder synced":
            protocol.fsync = after(protocol.fsync)
        case "committing":
            event.listen(store.database.engine, "commit", die)
        case "committed":
            type(store.manifest).commit_segments = after(commit)
        case _:
            _die_before(int(point.removeprefix("statement ")), store, commit)


def _die_before(number: int, store: Any, commit: Any) -> None:
    left = [number]

    def count(*_args: object, **_words: object) -> None:
        if left[0] == 0:
            die()
        left[0] -= 1

    def counted(*args: Any, **words: Any) -> None:
        event.listen(store.database.engine, "before_cursor_execute", count)
        commit(*args, **words)

    type(store.manifest).commit_segments = counted


def page(system: str, first: int, last: int, cursor: str) -> tuple[list[Page], dict[str, Any]]:
    """Make a page of activities, one a minute."""
    rows = [
        Activity(Ref(system, "visit", str(n)), "page_view", Ref(system, "contact", "1"), T0 + timedelta(minutes=n))
        for n in range(first, last)
    ]
    return [Page([], rows, cursor=cursor, last=True)], {"shapes": {}, "landed_at": T0}


def land(url: str, root: Path, system: str, point: str) -> None:
    """Land ten activities of which three are there already, up to the point."""
    store = open_store(url)
    landing = Landing(root, store.manifest)
    pages, words = page(system, 0, 5, "before")
    landing.land(system, "s", pages, **words)
    arm(point, store)
    pages, words = page(system, 2, 10, "after")
    landing.land(system, "s", pages, **words)


def merge(url: str, root: Path, system: str, point: str) -> None:
    """Merge pages of one activity each, up to the point."""
    store = open_store(url)
    landing = Landing(root, store.manifest)
    for number in range(FAN + 1):
        pages, words = page(system, number, number + 1, str(number))
        landing.land(system, "s", pages, **words)
    arm(point, store)
    landing.compact()


def main() -> None:
    """Run every point of both."""
    url, root = sys.argv[1], Path(sys.argv[2])
    for work in (land, merge):
        for number, point in enumerate(POINTS + STATEMENTS):
            child = os.fork()
            if child == 0:
                work(url, root, f"{work.__name__}{number}", point)
                os._exit(0)
            _, status = os.waitpid(child, 0)
            sys.stdout.write(f"{work.__name__}{number}\t{point}\t{os.waitstatus_to_exitcode(status)}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
