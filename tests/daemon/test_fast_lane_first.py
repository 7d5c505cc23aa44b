"""A wide look that takes long makes room for forms and replies, and loses nothing by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from daemon_house import Desk

from connector.errors import TransientError
from connector.pipeline.cycle import Cycle

#: pages of 100 rows, and what each takes
PAGES, PAGE_SECONDS = 9, 6.0


@pytest.fixture
def desk(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr("connector.daemon.jobs.check_ready", lambda _house, today: None)
    made = Desk(tmp_path, sqlite_url)
    made.past_the_baseline()

    def slow(_step: str, detail: str, _rows: int) -> None:
        if detail == "hubspot activities":
            made.hands.on(seconds=PAGE_SECONDS)

    made.small.engine.progress = slow
    made.hands.on(seconds=60)
    made.small.now = made.hands.wall
    for number in range(100 * PAGES):
        made.small.did(f"v{number}", "page_view", "1", path="/pricing")
    yield made
    made.small.close()


@pytest.fixture
def scopes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool, bool]]:
    """Looks in order: how far, whether going on with an earlier one, whether it stood aside."""
    seen = []
    run = Cycle.run

    def heard(cycle: Cycle, scope: Any, **words: Any) -> Any:
        report = run(cycle, scope, **words)
        seen.append((scope, words["goes_on"], cycle.stood_aside))
        return report

    monkeypatch.setattr(Cycle, "run", heard)
    return seen


def test_a_long_look_stands_aside_and_goes_on_where_it_was(desk: Desk, scopes: Any) -> None:
    desk.fire("source")
    first, fast, then = ("sources", False, True), ("fast", True, False), ("sources", True, True)
    assert scopes == [first, fast, then, fast, ("sources", True, False)]
    lake = desk.small.engine.store.manifest.segments("activities/hubspot")
    assert sum(segment.rows for segment in lake) == 100 * PAGES, "each was read once"


def test_what_was_landed_before_standing_aside_is_decided_on(desk: Desk, scopes: Any) -> None:
    desk.fire("source")
    assert len(scopes) == 5
    assert desk.store.knowledge.last_decided() == desk.store.runs.last(1)[0].id


def test_what_a_look_at_forms_took_is_not_waited_for_once_more(
    desk: Desk, scopes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Cycle.run

    def slow(cycle: Cycle, scope: Any, **words: Any) -> Any:
        if scope == "fast":
            desk.hands.on(seconds=2 * PAGE_SECONDS)
        return run(cycle, scope, **words)

    monkeypatch.setattr(Cycle, "run", slow)
    desk.fire("source")
    # nine pages: three before forms are first looked for, then as many as the least share of the span has room for
    stood_aside = [aside for scope, _, aside in scopes if scope == "sources"]
    assert stood_aside == [True, True, True, False]


def test_the_fast_lane_may_fail_meanwhile(desk: Desk, scopes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Cycle.run

    def failing(cycle: Cycle, scope: Any, **words: Any) -> Any:
        if scope == "fast":
            raise TransientError("hubspot.away", "nobody answers")
        return run(cycle, scope, **words)

    monkeypatch.setattr(Cycle, "run", failing)
    desk.fire("source")
    assert desk.jobs.fatal is None
    # one that fails is waited for as long as its own rhythm says
    assert scopes == [("sources", False, True), ("sources", True, True), ("sources", True, False)]


def test_the_first_load_is_not_interrupted(desk: Desk, scopes: Any) -> None:
    desk.jobs._seen_all = False
    desk.fire("source")
    assert scopes == [("sources", False, False)]


def test_asked_to_stop_it_does_not_go_on(desk: Desk, scopes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopping() -> None:
        desk.asked_to_stop = True

    monkeypatch.setattr(desk.jobs, "_fast_lane_first", stopping)
    desk.fire("source")
    assert scopes == [("sources", False, True)]
