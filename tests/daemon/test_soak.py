"""Hours of the daemon on a clock that leaps: what must stay small stays small. Days of it: benchmarks/soak.py."""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import sys
import threading
from pathlib import Path

import pytest
from daemon_house import Desk, overheard

import connector.domain.engine_apart
import connector.lake.engine

_HOURS = 5
#: cycles at the end that all find news and decide
_DECIDING = 12
#: MiB that pages, fragments and caches may still take after the first third
_ROOM_MIB = 24
#: what may still be in use then: a page of the state's cache, names of files. One engine for all cycles of a process
#: kept 120 KiB of each cycle that decided; any but the two that are replaced in time (tests/lake/test_engine.py) would
#: be seen here
_KEPT_MIB = 1.25
#: of Python's own small objects, 0.1 KiB each
_KEPT_BLOCKS = 4_000


class _Mallinfo(ctypes.Structure):
    """The C library's account of its memory (mallinfo2(3))."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keep",
        )
    )


def _in_use_mib() -> float:
    """Give what is allocated and not freed outside Python's own pools; 0 where the C library does not tell."""
    tell = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if tell is None:
        return 0.0
    tell.restype = _Mallinfo
    told = tell()
    return float(told.uordblks + told.hblkhd) / 2**20


def _make_room_for_names() -> None:
    """Let Python double its table of interned strings now, before anything is measured.

    It does so whenever its time has come, by 1.8 MiB at once in a process of this size, and twelve cycles use three
    thousand of its places: where the table stands depends on which tests were collected before this one.
    """
    kept: list[list[str]] = []
    before = now = _in_use_mib()
    while now - before < 1.0 and len(kept) < 500:
        before = now
        kept.append([sys.intern(f"name {len(kept)} {number}") for number in range(1_000)])
        now = _in_use_mib()


def _figures(desk: Desk, folder: Path) -> dict[str, float]:
    # Like with like: what a kept engine has piled up depends on how far it is from being replaced.
    for engine in (connector.domain.engine_apart._kept, connector.lake.engine._kept, connector.lake.engine._alone):
        engine.renew()
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return {
        "rss": pages * resource.getpagesize() / 2**20,
        "in_use": _in_use_mib(),
        "blocks": sys.getallocatedblocks(),
        "fds": len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - counting open descriptors
        "threads": threading.active_count(),
        "files": sum(1 for _ in (folder / "lake").rglob("*.parquet")),
        "runs": desk.runs(),
    }


@pytest.mark.timeout(1200)  # some hundred cycles: minutes on a busy machine
def test_hours_of_cycles_leave_memory_files_and_lines_as_they_were(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.daemon.jobs.check_ready", lambda _house, today: None)
    schedule = {"source": "15m", "crm": "3h", "fast_lane": "5m", "deliver": "5m", "full_rescore": "02:00"}
    desk = Desk(tmp_path, sqlite_url, schedule=schedule)
    desk.past_the_baseline()
    _make_room_for_names()
    figures, lines = [], []
    for hour in range(_HOURS):
        desk.small.contact(f"n{hour}", title="VP Sales", employees=400)
        desk.small.asks(f"e{hour}", f"n{hour}")
        desk.small.did(f"v{hour}", "page_view", "1", path="/pricing")
        with overheard() as heard:
            desk.live(hours=1)
            desk.metrics.exposition()
        assert desk.jobs.fatal is None
        lines.append(len([line for line in heard if line["event"] != "stream"]))
        figures.append(_figures(desk, tmp_path))
    assert desk.tasks() == _HOURS
    warm = figures[2]
    for number in range(_DECIDING):
        desk.small.did(f"w{number}", "page_view", "1", path="/pricing")
        desk.hands.on(hours=3, minutes=1)
        desk.fire("crm")
    end = _figures(desk, tmp_path)
    figures.append(end)
    assert end["rss"] < warm["rss"] + _ROOM_MIB, figures
    assert end["in_use"] < warm["in_use"] + _KEPT_MIB, figures
    assert end["blocks"] < warm["blocks"] + _KEPT_BLOCKS, figures
    assert end["fds"] <= warm["fds"] + 2, figures
    assert end["threads"] <= warm["threads"] + 1, figures
    assert max(row["files"] for row in figures) < 150, figures
    assert max(lines[-2:]) <= max(lines[:3]) + 20, lines
    assert desk.health.ready()[0], desk.reasons()
    desk.small.close()
