"""Turns of a wide look: it decides in portions, and forms are looked at between, whatever the clock does meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

from connector.daemon.looks import Looks
from connector.daemon.pace import LEAST, MOST, Pace
from connector.pipeline.incremental.choosing import URGENT


class Played:
    """Looks over cycles that take as long as they are told, on a clock of their own."""

    def __init__(self, people: int, *, seconds: float = 1.0, each: float = 0.005) -> None:
        self.at, self.people, self._seconds, self._each = 100.0, people, seconds, each
        #: what was done, in order: scope and people
        self.done: list[tuple[str, int]] = []
        self.off = False
        #: of each wide cycle, whether everybody was to be worked anew
        self.anew: list[bool] = []
        self.looks = Looks(self._carry_out, lambda: self.at, lambda: 5.0, 60.0, lambda: self.off, self._forms)
        self.looks.seen_all = True

    def _forms(self) -> None:
        self.looks.narrow(goes_on=True)

    def _carry_out(self, name: Any, work: Callable[[Any], Any]) -> tuple[Any, Any]:
        cycle = SimpleNamespace(stood_aside=False, leaves=False, all_read=True, worked=0)

        def run(scope: str, *, portion: Callable[[], Any], full: bool = False, **_words: Any) -> Any:
            chosen = portion()
            if scope != "fast":
                self.anew.append(full)
            if chosen is None:
                cycle.stood_aside = True
            elif chosen == URGENT:
                cycle.worked = 1
            else:
                cycle.worked = min(self.people, chosen.most or self.people)
                self.people -= cycle.worked
                cycle.leaves = self.people > 0
            if cycle.worked:
                self.at += self._seconds + self._each * cycle.worked
            self.done.append((scope, cycle.worked))
            pulled = dict.fromkeys(("people", "activities", "crm_records"), 0)
            return SimpleNamespace(pulled=pulled, writes={"planned": cycle.worked})

        cycle.run = run
        return cycle, work(cycle)

    def longest_between_looks_at_forms(self) -> float:
        at, longest, since = 0.0, 0.0, 0.0
        for scope, worked in self.done:
            if scope == "fast":
                longest, since = max(longest, at - since), at
            at += self._seconds + self._each * worked if worked else 0.0
        return longest


def test_a_wide_look_decides_in_portions_and_looks_at_forms_between() -> None:
    played = Played(3_000)
    assert played.looks.wide("crm") == "news"
    scopes = [scope for scope, _ in played.done]
    assert scopes[0] == "all", "what is read is read once"
    assert set(scopes[1:]) == {"left", "fast"}
    assert played.people == 0
    assert played.longest_between_looks_at_forms() <= 6.5
    assert scopes.count("fast") >= 3


def test_where_even_the_least_takes_too_long_both_get_on() -> None:
    played = Played(3_000, seconds=9.0)
    played.looks.wide("source")
    told = [scope for scope, worked in played.done if worked]
    assert told.count("fast") >= 2
    assert ("fast", "fast") not in list(pairwise(told)), "never forms twice without a portion between"


def test_few_are_decided_at_once() -> None:
    played = Played(20)
    played.looks.wide("source")
    assert played.done == [("sources", 20)]


def test_forms_come_first_where_a_wide_look_would_keep_them_waiting_past_their_span() -> None:
    played = Played(20, seconds=3.0)
    played.looks.wide("source")
    assert played.done == [("sources", 20)], "nothing is known yet of what it takes"
    for waited, first in ((1.0, ["sources"]), (3.0, ["fast", "sources"])):
        played.looks.narrow()
        played.at, played.people = played.looks._sought + waited, 20
        played.done.clear()
        played.looks.wide("source")
        assert [scope for scope, _ in played.done][: len(first)] == first, waited
        assert played.people == 0


def test_a_short_wide_look_takes_forms_with_it() -> None:
    played = Played(20, seconds=0.1)
    for _ in range(3):
        played.done.clear()
        played.at, played.people = played.at + 20.0, 20
        played.looks.wide("source")
        assert played.done == [("sources", 20)]


def test_the_nightly_job_begins_with_everybody_once_and_goes_on_by_portions() -> None:
    night = Played(3_000)
    night.looks.wide("full_rescore")
    assert night.people == 0
    assert night.anew == [True] + [False] * (len(night.anew) - 1)
    assert night.longest_between_looks_at_forms() <= 6.5


def test_a_look_that_takes_long_leaves_the_rest_to_the_next_which_reads_first() -> None:
    played = Played(30_000)
    assert played.looks.wide("crm") == "news"
    assert 60 <= played.at - 100.0 <= 80
    left = played.people
    assert left > 0
    played.done.clear()
    played.looks.wide("source")
    assert [scope for scope, _ in played.done[:2]] == ["fast", "sources"]
    assert played.people < left


def test_the_first_look_of_a_process_is_not_divided() -> None:
    played = Played(90_000)
    played.looks.seen_all = False
    played.looks.wide("crm")
    assert played.done == [("all", 90_000)]


def test_it_is_broken_off_between_two_portions() -> None:
    played = Played(3_000)
    played.off = True
    assert played.looks.wide("crm") is None
    assert len(played.done) == 1
    assert played.people > 0


def test_the_pace_learns_what_a_cycle_and_what_a_person_takes() -> None:
    pace = Pace()
    for _ in range(40):
        pace.took(3, 1.0)
        pace.took(1_000, 3.0)
    assert 0.9 <= pace.fixed_seconds <= 1.1
    assert 0.0018 <= pace.each_seconds <= 0.0022
    assert pace.fits(3.0) in range(900, 1_100)
    assert (pace.fits(1.1), pace.fits(1e6)) == (None, MOST)
    assert (pace.fits(1.6) or 0) >= LEAST
