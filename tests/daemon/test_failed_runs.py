"""Runs that failed are runs: they stand in the history, and the lake remembers them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from daemon_house import Desk

from connector.errors import AccessError
from connector.trust.put_back import is_older_than_lake


def test_a_state_is_not_taken_for_put_back_when_housekeeping_forgets_the_last_look_that_went_well(desk: Desk) -> None:
    desk.past_the_baseline()
    desk.hands.on(seconds=90)
    desk.fire("source")
    look = desk.store.runs.last(1)[0]
    desk.small.source.faults.unreachable(10_000)
    desk.hands.on(hours=25)
    desk.fire("crm", "housekeeping")
    assert desk.store.runs.find(look.id) is None
    assert not is_older_than_lake(desk.store, desk.small.engine.lake_root)


def test_a_crm_that_does_not_say_whether_we_may_begin_stands_among_the_runs(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shut(_house: object, today: Any) -> None:
        raise AccessError("crm.authentication", "the token is not valid", at="crm")

    with monkeypatch.context() as patch:
        patch.setattr("connector.daemon.jobs.check_ready", shut)
        desk.fire("crm")
    run = desk.store.runs.last(1)[0]
    assert (run.verdict, json.loads(run.report)["error"]["code"]) == ("red", "crm.authentication")
    assert not is_older_than_lake(desk.store, desk.small.engine.lake_root)
    assert desk.jobs.fatal is None
    desk.hands.on(minutes=10)
    desk.past_the_baseline()
