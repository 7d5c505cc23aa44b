"""A wide look that takes long makes room for forms and replies, and loses nothing by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from daemon_house import Desk

from adapters.memory import MemorySource
from connector.errors import TransientError
from connector.pipeline.cycle import Cycle
from connector.pipeline.intake.pulling import Aside
from connector.ports.traits import StreamTraits

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
    # forms are late already when it begins: after its first page it makes room, then after every third
    assert scopes == [first, fast, then, fast, then, fast, ("sources", True, False)]
    lake = desk.small.engine.store.manifest.segments("activities/hubspot")
    assert sum(segment.rows for segment in lake) == 100 * PAGES, "each was read once"


def test_what_was_landed_before_standing_aside_is_decided_on(desk: Desk, scopes: Any) -> None:
    desk.fire("source")
    assert len(scopes) == 7
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
    # nine pages: one before forms are first looked for, then as many as the least share of the span has room for;
    # what they brought is decided on after forms have been looked for once more
    assert [aside for scope, _, aside in scopes if scope == "sources"] == [True, True, True, True]
    assert [scope for scope, *_ in scopes][-2:] == ["fast", "left"]


def test_room_is_made_between_streams_and_each_is_read_once(
    desk: Desk, scopes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.fire("source")
    scopes.clear()
    read: list[str] = []
    pull = MemorySource.pull

    def slow(source: MemorySource, stream: str, cursor: str | None, **words: Any) -> Any:
        read.append(stream)
        desk.hands.on(seconds=40)
        return pull(source, stream, cursor, **words)

    monkeypatch.setattr(MemorySource, "pull", slow)
    desk.hands.on(minutes=2)
    desk.fire("source")
    assert read == ["accounts", "contacts", "activities"]
    assert scopes[0][0] == "fast", "they would wait for long"
    assert [aside for scope, _, aside in scopes if scope == "sources"][:2] == [True, True]
    desk.hands.on(minutes=2)
    desk.fire("source")
    assert len(read) == 6, "the next look reads all of them again"


def test_forms_are_left_to_looks_of_their_own_once_room_was_made_for_these() -> None:
    form, view = StreamTraits("forms", "", "fast"), StreamTraits("page_views", "")
    aside = Aside(lambda: True)
    assert (aside.has_still("hubspot", form), aside.has_still("hubspot", view)) == (True, True)
    aside.made = True
    assert (aside.has_still("hubspot", form), aside.has_still("hubspot", view)) == (False, True)
    aside.read.add(("hubspot", "page_views"))
    assert not aside.has_still("hubspot", view)
    assert aside.has_still("marketo", view)


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
    desk.jobs._looks.seen_all = False
    desk.fire("source")
    assert scopes == [("sources", False, False)]


def test_asked_to_stop_it_does_not_go_on(desk: Desk, scopes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopping() -> None:
        desk.asked_to_stop = True

    monkeypatch.setattr(desk.jobs._looks, "fast_lane_first", stopping)
    desk.fire("source")
    assert scopes == [("sources", False, True)]


class TwoAtATime:
    """A pace by which two people are decided about as long as forms are not late."""

    def fits(self, room_seconds: float) -> int | None:
        return 2 if room_seconds > 0 else None

    def took(self, people: int, seconds: float) -> None:
        """Learn nothing."""


def test_who_asks_while_a_wide_look_decides_is_called_before_its_end(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.daemon.jobs.check_ready", lambda _house, today: None)
    desk = Desk(tmp_path, sqlite_url).past_the_baseline()
    for number in range(5):
        desk.small.contact(f"n{number}", email=f"jo@firm{number}.example", company=f"Firm {number}")
    desk.small.did("first", "page_view", "1", path="/")
    for _ in range(3):
        desk.hands.on(minutes=6)
        desk.fire("crm")
    monkeypatch.setattr(desk.jobs._looks, "_pace", TwoAtATime())
    for number in range(5):
        desk.small.did(f"v{number}", "page_view", f"n{number}", path="/pricing")
    told: list[tuple[str, int, int, bool]] = []
    begun: list[str] = []
    asked: list[int] = []
    run = Cycle.run

    def heard(cycle: Cycle, scope: Any, **words: Any) -> Any:
        # forms have no stream of their own in memory
        begun.append(scope)
        report = run(cycle, "sources" if scope == "fast" else scope, **words)
        told.append((scope, cycle.worked, desk.tasks(), cycle.leaves))
        return report

    def sending(_step: str, detail: str, _rows: int) -> None:
        if detail == "sending":
            desk.hands.on(seconds=20)
            if not asked and begun[-1] != "fast":
                asked.append(len(told))
                desk.small.now = desk.hands.wall
                desk.small.asks("ask", "n4")

    monkeypatch.setattr(Cycle, "run", heard)
    desk.small.engine.progress = sending
    desk.hands.on(minutes=20)
    desk.fire("crm")
    scopes = [scope for scope, *_ in told]
    next_look = scopes.index("fast", asked[0])
    assert scopes[0] == "all"
    assert "all" not in scopes[scopes.index("left") :], "what is read is read once"
    assert told[next_look][1:3] == (1, 1), "of all who wait the one alone, and the task is there"
    assert "left" in scopes[next_look + 1 :], "the others are decided about after"
    assert [leaves for *_, leaves in told][-1] is False, "and nobody is left"
    assert desk.tasks() == 1
    desk.small.close()
