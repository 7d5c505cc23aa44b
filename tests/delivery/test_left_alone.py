"""A system that is left alone because it is down costs no row, and nobody more time than its rest."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from drain_bench import Bench, Crm
from outbox_words import NOW, create, update

from connector.errors import TransientError
from connector.ports.waits import Circuit


class _Down(Crm):
    """A CRM that is left alone until a moment."""

    def __init__(self, bench: Bench, until: float) -> None:
        super().__init__()
        self._bench = bench
        self._until = until

    def circuit(self) -> Circuit:
        rest = max(0.0, self._until - self._bench.seconds)
        return Circuit("open", 5, 1, "crm.http_503", NOW, rest) if rest else Circuit()

    def apply(self, writes: Any, *, now: datetime) -> Any:
        rest = self.circuit().rest_seconds
        if rest:
            raise TransientError("crm.circuit_open", "left alone", retry_after_seconds=rest)
        return super().apply(writes, now=now)


def test_a_system_that_is_left_alone_costs_no_row_and_is_asked_as_soon_as_it_may_be(bench: Bench) -> None:
    bench.crm = _Down(bench, until=13)
    bench.add(create("a"), update("1"))
    assert bench.drain().written == 2
    assert bench.slept == [13]


def test_who_comes_back_anyway_does_not_sit_it_out(bench: Bench) -> None:
    bench.crm = _Down(bench, until=13)
    bench.add(create("a"))
    assert bench.drain(sits_out=False).stopped_by == "circuit"
    assert (bench.slept, bench.states()) == ([], {"todo": 1})
    bench.seconds = 13
    assert bench.drain(sits_out=False).written == 1
