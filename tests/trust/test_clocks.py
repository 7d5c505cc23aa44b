"""A machine whose clock is wrong decides too late or too early, and cannot know it: the vendors' clocks tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.memory import MemorySource
from adapters.salesforce import SalesforceCrm
from connector.pipeline.circuits import clocks_told, note_circuits
from connector.pipeline.turn import last_clock, remember_clock
from connector.ports.waits import Clocked
from connector.trust.clocks import clock_findings, wrong_clock
from state import open_store

NOW = datetime(2027, 1, 1, 12, tzinfo=UTC)


class Answered(MemorySource):
    """A source that has heard its system's clock."""

    by: timedelta | None = None

    def ahead(self) -> timedelta | None:
        """Give what a test has set."""
        return self.by


@pytest.mark.parametrize(
    ("by", "words"),
    [
        (timedelta(minutes=-3), "3 minutes behind that of crm: what people do is acted on only when ours gets there"),
        (timedelta(hours=-26), "26 hours behind that of crm"),
        (timedelta(hours=5, minutes=59), "5 hours ahead of that of crm"),
        (timedelta(days=40, hours=23), "40 days ahead of that of crm"),
    ],
)
def test_how_far_and_what_follows_is_said(by: timedelta, words: str) -> None:
    (told,) = wrong_clock({"crm": by}, last=None, now=NOW)
    assert told.startswith("this machine's clock is " + words)
    (finding,) = clock_findings({"crm": by})
    assert finding.ok
    assert finding.system == "crm"
    assert finding.message == told


def test_cycles_that_have_lived_ahead_are_told_of_when_the_clock_is_right_again() -> None:
    assert wrong_clock({}, last=NOW, now=NOW) == []
    (told,) = wrong_clock({}, last=NOW + timedelta(days=30), now=NOW)
    assert told.startswith("the last cycle lived at 2027-01-31 12:00 UTC, 30 days ahead of this machine's clock")


def test_what_the_last_answer_said_is_kept_and_goes_once_the_clock_is_right(tmp_path: Path) -> None:
    store, source = open_store(f"sqlite:///{tmp_path / 'handoff.db'}"), Answered()
    system = source.traits().system
    for by, kept in (
        (None, {}),
        (timedelta(minutes=1), {}),
        (timedelta(hours=-1), {system: timedelta(hours=-1)}),
        # no write for each second by which two clocks drift apart
        (timedelta(hours=-1, seconds=-9), {system: timedelta(hours=-1)}),
        (timedelta(hours=1), {system: timedelta(hours=1)}),
        (timedelta(seconds=3), {}),
    ):
        source.by = by
        note_circuits(store, [source])
        assert clocks_told(store) == kept
    assert last_clock(store) is None
    remember_clock(store, NOW)
    assert last_clock(store) == NOW
    store.close()


def test_the_crm_that_has_a_clock_tells_of_it() -> None:
    assert issubclass(SalesforceCrm, Clocked)
