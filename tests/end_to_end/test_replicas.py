"""Two daemons on one PostgreSQL: the leader is killed, and the other leads within ten seconds."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from benchmarks.survival.commands import Started
from benchmarks.survival.place import Place

PEOPLE = 20
_PATIENCE_SECONDS = 90
#: the promise; the lease itself runs eight seconds, and who stands by asks every second
REPLACED_SECONDS = 10.0


def _until(daemon: Started, event: str) -> float:
    """Wait until the event stands in a daemon's log; give when it was seen."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        # the file is made by the process itself, a moment after its start
        if daemon.err.exists() and _logged(daemon, event):
            return time.monotonic()
        time.sleep(0.05)
    raise AssertionError(daemon.errors()[-3000:])


@contextmanager
def _daemons(place: Place, count: int) -> Iterator[list[Started]]:
    started: list[Started] = []
    try:
        for _ in range(count):
            started.append(place.start("run"))
            _until(started[-1], "daemon.started")
        yield started
    finally:
        for each in started:
            with suppress(ProcessLookupError):
                each.signal(signal.SIGKILL)
        for each in started:
            each.wait()


def _logged(daemon: Started, event: str) -> list[dict[str, Any]]:
    """Give what was logged of an event, but not of deliveries: who stands by delivers beside the leader."""
    text = daemon.errors()
    lines = [line for line in text[: text.rfind("\n") + 1].splitlines() if line.startswith("{")]
    return [found for found in map(json.loads, lines) if found["event"] == event and found.get("job") != "deliver"]


def test_a_killed_leader_is_replaced_within_ten_seconds(place_of, prepared, postgres_url):
    place = place_of(prepared(PEOPLE))
    config = place.project / "handoff.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(re.sub(r"(?m)^state: .*$", f"state: '{postgres_url}'", text), encoding="utf-8")
    with _daemons(place, 2) as (leader, heir):
        _until(leader, "job.done")
        assert [line["engine"] for line in _logged(heir, "daemon.started")] == ["standing by"]
        assert not _logged(heir, "job.done")
        killed = time.monotonic()
        leader.signal(signal.SIGKILL)
        assert _until(heir, "engine.taken_over") - killed < REPLACED_SECONDS
        _until(heir, "job.done")
        assert _logged(heir, "job.done")[0]["verdict"] == "green"
