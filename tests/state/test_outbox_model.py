"""The outbox beside a model of a few lines: whatever is done in whatever order, both end up the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from connector.domain.outbox_states import MOVES, OUTCOME_MOVES, Move, check_move
from connector.domain.own_updates import AsAsked
from connector.domain.writes import OutcomeKind, RowState, WriteOutcome
from connector.ports.store import OwnRows

LANES = ("1", "2")
GROUPS = ("score", "stage")
KEYS = ("k1", "k2", "k3")
HOPEFUL = ("todo", "doing", "unknown", "done")


@dataclass
class Row:
    id: int
    lane: str
    group: str
    plan: int
    key: str = ""
    needs: tuple[str, ...] = ()
    state: str = "todo"
    held_by: str = ""
    priority: int = 2
    was_unknown: bool = False
    dismissed: bool = False
    until: int = 0
    until_lease: int = 0


@dataclass
class Model:
    """What the port promises, one row at a time."""

    rows: list[Row] = field(default_factory=list)
    quiet: dict[str, tuple[int, int]] = field(default_factory=dict)

    def creation(self, key):
        return next((r for r in self.rows if r.key == key and r.state != "superseded"), None)

    def hopeless(self, row):
        found = [self.creation(key) for key in row.needs]
        return any(r is None or r.state not in HOPEFUL for r in found)

    def refresh(self):
        for _ in self.rows:
            for row in self.rows:
                if row.state == "todo" and self.hopeless(row):
                    row.state, row.held_by = "held", "dependency"
                elif row.held_by == "dependency" and not self.hopeless(row):
                    row.state, row.held_by = "todo", ""

    def add(self, row):
        if row.key and any(r.key == row.key and (r.state != "superseded" or r.dismissed) for r in self.rows):
            return
        for old in self.rows:
            if (old.lane, old.group) == (row.lane, row.group) and old.state in MOVES[Move.SUPERSEDE].sources:
                old.state, old.held_by = "superseded", ""
        self.rows.append(row)

    def claimable(self, now):
        def may(row):
            blockers = [r for r in self.rows if r.lane == row.lane and r.state in ("todo", "doing", "unknown")]
            other, until = self.quiet.get(row.lane, (row.id, 0))
            return (
                row.state == "todo"
                and row.until <= now
                and not any(r.state != "todo" for r in blockers)
                and row.id == min(r.id for r in blockers)
                and all(self.creation(key) and self.creation(key).state == "done" for key in row.needs)
                and (other == row.id or until <= now)
            )

        order = sorted(filter(may, self.rows), key=lambda r: (r.priority, "create" if r.key else "update", r.id))
        return [r.id for r in order]

    def overtaken(self, row):
        return any(
            (r.lane, r.group) == (row.lane, row.group) and r.id > row.id and r.state != "superseded" for r in self.rows
        )

    def settle(self, row, kind, until, now):
        target = check_move(OUTCOME_MOVES[kind], RowState(row.state))
        waits = kind in (OutcomeKind.RETRY, OutcomeKind.UNKNOWN)
        row.state, row.until = str(target), (until if waits else 0)
        if kind is OutcomeKind.UNKNOWN and until:
            self.quiet[row.lane] = (row.id, until)
        back = kind is OutcomeKind.REJECTED or (kind is OutcomeKind.RETRY and not row.was_unknown)
        row.was_unknown = kind is OutcomeKind.UNKNOWN or (row.was_unknown and kind is not OutcomeKind.RETRY)
        if back and self.overtaken(row):
            row.state = "superseded"

    def reopen(self, rows):
        overtaken = {row.id for row in rows if self.overtaken(row)}
        for row in rows:
            row.state, row.held_by = ("superseded" if row.id in overtaken else "todo"), ""


class OutboxMachine(RuleBasedStateMachine):
    def __init__(self, hand, words):
        super().__init__()
        self.hand, self.words, self.model = hand, words, Model()
        self.now, self.plan = 0, 0
        self.keys = {}
        #: what was taken and is not answered, as it was given out
        self.taken = {}
        self.latest = ()
        with hand.store.database.write() as connection:
            for table in ("outbox_needs", "outbox_quiet", "outbox_taken", "outbox", "audit"):
                connection.exec_driver_sql(f"DELETE FROM {table}")

    def at(self, minute):
        return self.words.NOW + timedelta(minutes=minute)

    def row(self, id_):
        return next(r for r in self.model.rows if r.id == id_)

    @rule(
        wishes=st.lists(st.tuples(st.sampled_from(LANES), st.sampled_from(GROUPS)), unique=True, max_size=3),
        keys=st.lists(st.sampled_from(KEYS), unique=True, max_size=2),
        needs=st.sampled_from(["", "", "", *KEYS]),
        held=st.sampled_from(["", "", "", "", "limit", "mode"]),
        priority=st.integers(0, 2),
    )
    def decide(self, wishes, keys, needs, held, priority):
        self.plan += 1
        depends = (needs,) if needs else ()
        common = {"plan_id": f"p{self.plan}", "priority": priority, "state": RowState.HELD if held else RowState.TODO}
        common_update = {**common, "depends_on": depends, "held_by": held, "expected": {"Score": 0}}
        rows = [self.words.update(lane, g, **common_update) for lane, g in wishes]
        # a creation waits only for one with a smaller key: no circles
        rows += [self.words.create(k, depends_on=depends if needs < k else (), held_by=held, **common) for k in keys]
        self.hand.add(*rows)
        for row in rows:
            number = max((r.id for r in self.model.rows), default=0) + 1
            key = row.write.key
            self.model.add(
                Row(number, row.lane, row.group, self.plan, key, row.depends_on, str(row.state), held, priority)
            )
        self.model.refresh()

    @precondition(lambda self: any(r.state == "todo" for r in self.model.rows))
    @rule(limit=st.integers(1, 4))
    def claim(self, limit):
        expected = self.model.claimable(self.now)[:limit]
        rows = self.hand.claim(limit, now=self.at(self.now))
        assert [r.id for r in rows] == expected
        for id_ in expected:
            self.row(id_).state = "doing"
            self.row(id_).until_lease = self.now + 5
        self.keys.update((r.id, r.write.key) for r in rows)

    @rule(
        limit=st.integers(0, 4),
        kinds=st.lists(st.sampled_from([*OutcomeKind, *[OutcomeKind.WRITTEN] * 15]), max_size=4),
        cut=st.integers(0, 3),
    )
    def turn(self, limit, kinds, cut):
        """Settle what was taken by turns, in two batches, mostly as it was asked for, and take more."""
        sent = [row for id_, row in self.taken.items() if self.row(id_).state in ("doing", "unknown")]
        pairs = list(zip(sent, kinds, strict=False))
        now = self.at(self.now)
        rows = [row for row, _ in pairs]
        outcomes = [WriteOutcome(row.write.key, kind, row.write.id, row.write.expected) for row, kind in pairs]
        came_true = {kind for _, kind in pairs} == {OutcomeKind.WRITTEN}
        batches = [(rows[:cut], outcomes[:cut]), (rows[cut:], outcomes[cut:])]
        if came_true and isinstance(self.latest, OwnRows) and list(self.latest) == rows:
            batches = [(some, AsAsked(some.updates)) for some in (self.latest[:cut], self.latest[cut:])]
        turned = self.hand.outbox.turn(
            *batches,
            spent=None,
            limit=limit,
            owner="me",
            now=now,
            lease=self.words.LEASE,
        )
        assert turned.moved == [{row.id for row, _ in some} for some in (pairs[:cut], pairs[cut:])]
        for row, kind in pairs:
            del self.taken[row.id]
            self.model.settle(self.row(row.id), kind, 0, self.now)
        self.model.refresh()
        expected = self.model.claimable(self.now)[:limit]
        assert [row.id for row in turned.rows] == expected
        for row in turned.rows:
            self.row(row.id).state = "doing"
            self.row(row.id).until_lease = self.now + 5
        self.keys.update((row.id, row.write.key) for row in turned.rows)
        self.taken |= {row.id: row for row in turned.rows}
        self.latest = turned.rows or self.latest

    @precondition(lambda self: any(r.state in ("doing", "unknown") for r in self.model.rows))
    @rule(
        pick=st.integers(0, 9), kinds=st.lists(st.sampled_from(OutcomeKind), min_size=1, max_size=3), wait=st.booleans()
    )
    def settle(self, pick, kinds, wait):
        until = self.now + 3 if wait else 0
        sent = [r for r in self.model.rows if r.state in ("doing", "unknown")]
        sent = sent[pick % len(sent) :]
        pairs = list(zip(sent, kinds, strict=False))
        instant = self.at(until) if until else None
        outcomes = {r.id: WriteOutcome(self.keys[r.id], kind, not_before=instant) for r, kind in pairs}
        self.hand.outbox.settle(outcomes, now=self.at(self.now))
        for row, kind in pairs:
            self.taken.pop(row.id, None)
            self.model.settle(row, kind, until, self.now)
        self.model.refresh()

    @rule()
    def forget_quiet(self):
        """What is over is forgotten, and nothing else: the model goes by its own list."""
        self.hand.outbox.forget_quiet(now=self.at(self.now))
        with self.hand.store.database.read() as connection:
            left = set(connection.exec_driver_sql("SELECT lane FROM outbox_quiet").scalars())
        assert left == {lane for lane, (_, until) in self.model.quiet.items() if until > self.now}

    @rule()
    def time_passes(self):
        self.now += 3
        expired = [r for r in self.model.rows if r.state == "doing" and r.until_lease <= self.now]
        assert self.hand.outbox.expire(now=self.at(self.now)) == len(expired)
        for row in expired:
            row.state, row.was_unknown = "unknown", True

    @rule(pick=st.integers(0, 20), held_by=st.sampled_from(["limit", "budget"]))
    def hold(self, pick, held_by):
        todo = [r for r in self.model.rows if r.state == "todo"]
        if todo:
            row = todo[pick % len(todo)]
            self.hand.outbox.hold([row.id], held_by=held_by)
            row.state, row.held_by = "held", held_by
            self.model.refresh()

    @rule(
        do=st.sampled_from(["limit", "budget", "dependency", "mode", "retry", "dismiss", "drop"]),
        pick=st.integers(0, 9),
    )
    def operate(self, do, pick):
        {"retry": self.retry_all, "dismiss": lambda: self.dismiss(pick), "drop": self.drop}.get(
            do, lambda: self.release(do)
        )()
        self.model.refresh()

    def release(self, held_by):
        rows = [r for r in self.model.rows if r.held_by == held_by]
        released = self.hand.outbox.release(plan_id=None, held_by=held_by, now=self.at(self.now))
        self.model.reopen(rows)
        self.model.refresh()
        assert released == sum(r.state == "todo" for r in rows)

    def retry_all(self):
        rows = [r for r in self.model.rows if r.state in ("dead", "held")]
        self.hand.outbox.retry(None, now=self.at(self.now))
        self.model.reopen(rows)

    def dismiss(self, pick):
        rows = [r for r in self.model.rows if r.state in ("dead", "held")]
        if rows:
            row = rows[pick % len(rows)]
            self.hand.outbox.dismiss([row.id], who="ann", now=self.at(self.now))
            row.dismissed = row.held_by != "mode"
            row.state, row.held_by = "superseded", ""

    def drop(self):
        rows = [r for r in self.model.rows if r.held_by == "mode"]
        assert self.hand.outbox.drop(held_by="mode", now=self.at(self.now)) == len(rows)
        for row in rows:
            row.state, row.held_by = "superseded", ""

    @invariant()
    def same(self):
        assert self.hand.all() == [(r.lane, r.state, r.held_by) for r in self.model.rows]

    @invariant()
    def one_on_its_way_per_lane(self):
        doing = [lane for lane, state, _ in self.hand.all() if state == "doing"]
        assert len(doing) == len(set(doing))


@pytest.mark.timeout(280)
def test_outbox_is_its_model(hand, words, state_url):
    examples = 60 if state_url.startswith("sqlite") else 10
    run_state_machine_as_test(
        lambda: OutboxMachine(hand, words),
        settings=settings(
            max_examples=examples,
            stateful_step_count=60,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
