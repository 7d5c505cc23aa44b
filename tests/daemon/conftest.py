from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# tests are no package: what several files here share is found beside them, and the small house beside the pipeline's
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "pipeline")]

from daemon_house import Desk  # noqa: E402 - found by the line above


@pytest.fixture
def desk(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    # who may write, and where, is agreed elsewhere
    monkeypatch.setattr("connector.daemon.jobs.check_ready", lambda _house, today: None)
    made = Desk(tmp_path, sqlite_url)
    yield made
    made.small.close()
