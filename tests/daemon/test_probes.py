"""Rows for a system that was down wait for its probe, and not for the rhythm of a job that failed."""

from __future__ import annotations

import pytest
from daemon_house import Desk

from connector.ports.waits import Circuit


def test_a_system_that_was_down_is_asked_as_soon_as_it_may_be(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.past_the_baseline()
    desk.small.asks("e1", "1")
    desk.small.crm.faults.lost_requests = 10_000
    desk.live(minutes=30)
    desk.small.crm.faults.lost_requests = 0
    circuit = Circuit("open", rest_seconds=15.0)
    monkeypatch.setattr(desk.small.crm, "circuit", lambda: circuit, raising=False)
    desk.live(seconds=20)
    assert desk.tasks() == 0
    circuit = Circuit("half_open")
    desk.live(seconds=5)
    assert desk.tasks() == 1, "the rows wait for the probe and not for their own rhythm"
