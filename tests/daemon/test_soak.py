"""Hours of the daemon on a clock that leaps: what must stay small stays small. Days of it: benchmarks/soak.py."""

from __future__ import annotations

import gc
import os
import resource
import threading
from pathlib import Path

import pytest
from daemon_house import Desk, overheard

#: megabytes that engines and caches may still take after the first third
_ROOM_MIB = 60


def _figures(desk: Desk, folder: Path) -> dict[str, float]:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return {
        "rss": pages * resource.getpagesize() / 2**20,
        "fds": len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - counting open descriptors
        "threads": threading.active_count(),
        "files": sum(1 for _ in (folder / "lake").rglob("*.parquet")),
        "runs": desk.runs(),
    }


def test_hours_of_cycles_leave_memory_files_and_lines_as_they_were(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.daemon.jobs.check_ready", lambda _house, today: None)
    schedule = {"source": "15m", "crm": "3h", "fast_lane": "5m", "deliver": "5m", "full_rescore": "02:00"}
    desk = Desk(tmp_path, sqlite_url, schedule=schedule)
    desk.past_the_baseline()
    figures, lines = [], []
    for hour in range(8):
        desk.small.contact(f"n{hour}", title="VP Sales", employees=400)
        desk.small.asks(f"e{hour}", f"n{hour}")
        desk.small.did(f"v{hour}", "page_view", "1", path="/pricing")
        with overheard() as heard:
            desk.live(hours=1)
            desk.metrics.exposition()
        assert desk.jobs.fatal is None
        lines.append(len([line for line in heard if line["event"] != "stream"]))
        figures.append(_figures(desk, tmp_path))
    assert desk.tasks() == 8
    warm, end = figures[2], figures[-1]
    assert end["rss"] < warm["rss"] + _ROOM_MIB, figures
    assert end["fds"] <= warm["fds"] + 2, figures
    assert end["threads"] <= warm["threads"] + 1, figures
    assert max(row["files"] for row in figures) < 150, figures
    assert max(lines[-4:]) <= max(lines[:3]) + 20, lines
    assert desk.health.ready()[0], desk.reasons()
    desk.small.close()
