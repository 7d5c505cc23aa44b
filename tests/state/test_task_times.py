"""From an event to its task in the CRM: kept with the decision, measured once, by whoever asks first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from connector.domain.writes import Cause, OutcomeKind, Write, WriteOutcome
from connector.ports.store import IDENTITIES, PERSONS, SCORE_HISTORY, STAGE_MOVES, Decisions, OutboxRow
from connector.ports.task_times import TaskEvent
from state import open_store

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def _decided(*keys: str) -> Decisions:
    def empty(schema: pa.Schema) -> pa.Table:
        return schema.empty_table()

    rows = [
        OutboxRow(
            id=0,
            write=Write(key=key, kind="create", object="task", id=None, fields={"subject": "Call"}),
            lane=key,
            group="create",
            cause=Cause.FAST_LANE_TASK,
            rule="contact-us",
            person_id="p1",
            reason="",
            run_id="r",
            plan_id="p",
            priority=0,
            decided_at=NOW,
        )
        for key in keys
    ]
    events = [TaskEvent(key, "contact-us", "event", NOW - timedelta(seconds=30)) for key in keys]
    return Decisions(
        "r", "p", NOW, empty(IDENTITIES), empty(PERSONS), empty(STAGE_MOVES), empty(SCORE_HISTORY), rows=rows,
        events=events,
    )  # fmt: skip


def test_a_task_is_measured_once_when_it_is_confirmed(state_url: str) -> None:
    store = open_store(state_url)
    store.knowledge.commit_decisions(_decided("k1", "k2"))
    assert store.task_times.measure() == []
    row, other = store.outbox.claim(5, owner="me", now=NOW, lease=timedelta(minutes=1))
    done = NOW + timedelta(seconds=5)
    store.outbox.settle({row.id: WriteOutcome(row.write.key, OutcomeKind.WRITTEN, id="T1")}, now=done)
    store.outbox.settle({other.id: WriteOutcome(other.write.key, OutcomeKind.UNKNOWN)}, now=done)
    (measured,) = store.task_times.measure()
    assert (measured.key, measured.seconds, measured.opened_by) == (row.write.key, 35.0, "event")
    assert store.task_times.measure() == []
    # an answer that was lost counts when the task is found
    found = NOW + timedelta(minutes=10)
    store.outbox.settle({other.id: WriteOutcome(other.write.key, OutcomeKind.WRITTEN, id="T2")}, now=found)
    assert [one.seconds for one in store.task_times.measure()] == [630.0]
    assert [one.seconds for one in store.task_times.of_person("p1")] == [35.0, 630.0]
    assert [one.key for one in store.task_times.since(found)] == [other.write.key]
    assert store.task_times.of_person("p2") == []
    store.close()


def test_the_same_decision_twice_keeps_the_first_event(state_url: str) -> None:
    store = open_store(state_url)
    store.knowledge.commit_decisions(_decided("k1"))
    store.knowledge.commit_decisions(_decided("k1"))
    (row,) = store.outbox.claim(5, owner="me", now=NOW, lease=timedelta(minutes=1))
    store.outbox.settle({row.id: WriteOutcome("k1", OutcomeKind.UNCHANGED, id="T1")}, now=NOW)
    assert [one.seconds for one in store.task_times.measure()] == [30.0]
    store.close()
