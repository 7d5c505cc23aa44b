"""Two and three senders of one outbox beside a model of a few lines: whatever they do in whatever order, and die."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from connector.domain.outbox_states import BLOCKING, HOPEFUL, MOVES, OUTCOME_MOVES, Move
from connector.domain.own_updates import AsAsked
from connector.domain.writes import Cause, OutcomeKind, RowState, Write, WriteOutcome
from connector.ports.store import (
    IDENTITIES,
    PERSONS,
    SCORE_HISTORY,
    SENDER,
    STAGE_MOVES,
    Decisions,
    OutboxRow,
    OwnRows,
    Store,
    Taken,
)
from state import open_store
from state.outbox_folded import lines
from state.tables import METADATA

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
TTL = timedelta(minutes=2)
LONGEST = timedelta(days=1)
RECORDS, GROUPS, KEYS = ("1", "2"), ("score", "owner"), ("k1", "k2", "k3")
#: what outcomes a CRM can give for what was sent, and what comes of it
KINDS = tuple(OutcomeKind)


@dataclass
class Row:
    """One row as the port promises it."""

    id: int
    lane: str
    group: str
    key: str
    needs: tuple[str, ...]
    state: RowState = RowState.TODO
    held_by: str = ""
    attempts: int = 0
    was_unknown: bool = False
    owner: str = ""
    until: int = 0


@dataclass
class Model:
    """The outbox in words."""

    rows: list[Row] = field(default_factory=list)
    #: lane → the row whose answer was lost, and until when no other may go
    quiet: dict[str, tuple[int, int]] = field(default_factory=dict)

    def creation(self, key: str) -> Row | None:
        return next((row for row in self.rows if row.key == key and row.state is not RowState.SUPERSEDED), None)

    def hopeless(self, row: Row) -> bool:
        found = [self.creation(key) for key in row.needs]
        return any(one is None or one.state not in HOPEFUL for one in found)

    def look_again(self) -> None:
        for row in [row for _ in self.rows for row in self.rows]:
            if row.state is RowState.TODO and self.hopeless(row):
                row.state, row.held_by = RowState.HELD, "dependency"
            elif row.held_by == "dependency" and not self.hopeless(row):
                row.state, row.held_by = RowState.TODO, ""

    def wish(self, row: Row) -> None:
        """A newer wish supersedes todo, held and dead rows of its lane and group, never doing or unknown."""
        if row.key and self.creation(row.key):
            return
        for old in self.rows:
            if (old.lane, old.group) == (row.lane, row.group) and old.state in MOVES[Move.SUPERSEDE].sources:
                old.state, old.held_by = RowState.SUPERSEDED, ""
        self.rows.append(row)

    def claimable(self, row: Row, now: int) -> bool:
        """Only a record's oldest unsettled row, none beside one on its way, nothing before what it depends on."""
        blockers = [one for one in self.rows if one.lane == row.lane and one.state in BLOCKING]
        lost, until = self.quiet.get(row.lane, (row.id, 0))
        creations = [self.creation(key) for key in row.needs]
        return (
            row.state is RowState.TODO
            and row.until <= now
            and all(one.state is RowState.TODO for one in blockers)
            and row.id == min(one.id for one in blockers)
            and all(one is not None and one.state is RowState.DONE for one in creations)
            and (lost == row.id or until <= now)
        )

    def settle(self, row: Row, kind: OutcomeKind, until: int) -> None:
        lost, back = kind is OutcomeKind.UNKNOWN, kind is OutcomeKind.RETRY
        row.state = MOVES[OUTCOME_MOVES[kind]].target
        row.until = until if lost or back else 0
        if lost and until:
            self.quiet[row.lane] = (row.id, until)
        returned = kind is OutcomeKind.REJECTED or (back and not row.was_unknown)
        row.was_unknown = lost or (row.was_unknown and not back)
        newer = [
            one
            for one in self.rows
            if (one.lane, one.group) == (row.lane, row.group)
            and one.id > row.id
            and one.state is not RowState.SUPERSEDED
        ]
        if returned and newer:
            row.state = RowState.SUPERSEDED


@dataclass
class Sender:
    """One process: a name for its lease, and what it believes to have on its way (row id → attempts)."""

    number: int
    store: Store
    name: str = ""
    alive_until: int = -1
    sent: dict[int, int] = field(default_factory=dict)
    #: the rows of these as they were given to it
    rows: dict[int, Taken] = field(default_factory=dict)
    #: what it took last
    latest: Sequence[Taken] = ()


class Senders(RuleBasedStateMachine):
    """Each step is one call of one sender; nobody knows of the others but by the database."""

    def __init__(self, url: str, senders: int) -> None:
        super().__init__()
        self.minute = 0
        self.model = Model()
        self.names = itertools.count(1)
        #: until when the lease of each name runs; that of a process which is gone does so, too
        self.leases: dict[str, int] = {}
        self.plans = itertools.count(1)
        clock = self.now
        self.senders = [Sender(number, open_store(url, now=clock)) for number in range(senders)]
        self.store: Any = self.senders[0].store
        with self.store.database.write() as connection:
            for table in reversed(METADATA.sorted_tables):
                connection.execute(table.delete())

    def teardown(self) -> None:
        for sender in self.senders:
            sender.store.close()

    def now(self) -> datetime:
        return NOW + timedelta(minutes=self.minute)

    def row(self, id_: int) -> Row:
        return next(row for row in self.model.rows if row.id == id_)

    def lives(self, sender: Sender) -> bool:
        return self.minute < sender.alive_until

    @rule(
        wishes=st.lists(st.tuples(st.sampled_from(RECORDS), st.sampled_from(GROUPS)), unique=True, max_size=3),
        key=st.sampled_from(("", *KEYS)),
        needs=st.sampled_from(("", "", *KEYS)),
    )
    def decide(self, wishes: list[tuple[str, str]], key: str, needs: str) -> None:
        depends = (needs,) if needs else ()
        rows = [_update(record, group, depends) for record, group in wishes]
        # a creation waits only for one with a smaller key: no circles
        rows += [_create(key, depends if needs < key else ())] if key else []
        self.store.knowledge.commit_decisions(_decisions(f"plan{next(self.plans)}", rows, self.now()))
        for row in rows:
            number = max((one.id for one in self.model.rows), default=0) + 1
            self.model.wish(Row(number, row.lane, row.group, row.write.key, row.depends_on))
        self.model.look_again()

    @rule(who=st.integers(0, 2))
    def begin(self, who: int) -> None:
        """A process starts to be alive, under a name nobody had before; the one in its place is gone."""
        sender = self.senders[who % len(self.senders)]
        sender.name, sender.sent, sender.rows = f"{SENDER}{next(self.names)}", {}, {}
        assert sender.store.switches.acquire(sender.name, sender.name, TTL)
        sender.alive_until = self.leases[sender.name] = self.minute + 2

    @rule(who=st.integers(0, 2))
    def renew(self, who: int) -> None:
        """It says that it lives, which it can only while it does."""
        sender = self.senders[who % len(self.senders)]
        if sender.name:
            assert sender.store.switches.renew(sender.name, sender.name, TTL) == self.lives(sender)
            sender.alive_until = self.leases[sender.name] = self.minute + 2 if self.lives(sender) else -1

    @precondition(lambda self: any(row.state is RowState.TODO for row in self.model.rows))
    @rule(who=st.integers(0, 2), limit=st.integers(1, 3))
    def claim(self, who: int, limit: int) -> None:
        """The oldest of free lanes, creations first; nothing for whoever is dead without knowing."""
        sender = self.senders[who % len(self.senders)]
        if not sender.name:
            return
        taken = sender.store.outbox.claim(limit, owner=sender.name, now=self.now(), lease=LONGEST)
        self._took(sender, taken, limit)

    def _took(self, sender: Sender, taken: Sequence[Taken], limit: int) -> None:
        free = [row for row in self.model.rows if self.model.claimable(row, self.minute)]
        expected = sorted(free, key=lambda row: (not row.key, row.id))[:limit] if self.lives(sender) else []
        assert [row.id for row in taken] == [row.id for row in expected]
        for row in expected:
            row.state, row.owner, row.attempts = RowState.DOING, sender.name, row.attempts + 1
            sender.sent[row.id] = row.attempts
        sender.rows |= {row.id: row for row in taken}
        sender.latest = taken or sender.latest
        assert [row.attempts for row in taken] == [row.attempts for row in expected]

    @precondition(lambda self: any(sender.name for sender in self.senders))
    @rule(
        who=st.integers(0, 2),
        limit=st.integers(0, 3),
        kinds=st.lists(st.sampled_from((*KINDS, *[OutcomeKind.WRITTEN] * 12)), max_size=3),
        cut=st.integers(0, 3),
    )
    def turn(self, who: int, limit: int, kinds: list[OutcomeKind], cut: int) -> None:
        """A sender settles the first of what it believes to have on its way, in two batches, and takes what is next."""
        sender = self.senders[who % len(self.senders)]
        if not sender.name:
            return
        asked = [(sender.rows[id_], kind) for id_, kind in zip(sender.sent, kinds, strict=False)]
        batches = [_answer(some, sender.latest) for some in (asked[:cut], asked[cut:])]
        valid = [(row.id, kind) for row, kind in asked if self._awaited(row.id, row.attempts)]
        turned = sender.store.outbox.turn(
            *batches, spent=None, limit=limit, owner=sender.name, now=self.now(), lease=LONGEST
        )
        assert turned.moved == [{row.id for row, _ in some} & dict(valid).keys() for some in (asked[:cut], asked[cut:])]
        for id_, kind in valid:
            self.model.settle(self.row(id_), kind, 0)
        self.model.look_again()
        for row, _ in asked:
            del sender.sent[row.id]
        self._took(sender, turned.rows, limit)

    def _awaited(self, id_: int, attempts: int) -> bool:
        return self.row(id_).attempts == attempts and self.row(id_).state in (RowState.DOING, RowState.UNKNOWN)

    @precondition(lambda self: any(sender.sent for sender in self.senders))
    @rule(who=st.integers(0, 2), kind=st.sampled_from(KINDS), wait=st.booleans(), count=st.integers(1, 2))
    def answer(self, who: int, kind: OutcomeKind, wait: bool, count: int) -> None:
        """A sender, dead or alive, settles what it believes to have on its way; what others took over stays theirs."""
        sender = self.senders[who % len(self.senders)]
        mine = dict(itertools.islice(sender.sent.items(), count))
        self._settle(sender.store, mine, kind, wait)
        for id_ in mine:
            del sender.sent[id_]

    @precondition(lambda self: any(row.state is RowState.UNKNOWN for row in self.model.rows))
    @rule(who=st.integers(0, 2), kind=st.sampled_from(KINDS), wait=st.booleans())
    def look_up(self, who: int, kind: OutcomeKind, wait: bool) -> None:
        """Whoever lists what is unknown first finds out about the oldest."""
        sender = self.senders[who % len(self.senders)]
        listed = sender.store.outbox.unknown(5)
        assert [row.id for row in listed] == [row.id for row in self.model.rows if row.state is RowState.UNKNOWN][:5]
        self._settle(sender.store, {listed[0].id: listed[0].attempts}, kind, wait)

    def _settle(self, store: Store, claims: dict[int, int], kind: OutcomeKind, wait: bool) -> None:
        until = self.minute + 3 if wait else 0
        instant = NOW + timedelta(minutes=until) if until else None
        outcomes = {id_: WriteOutcome(self.keys()[id_], kind, id=f"R{id_}", not_before=instant) for id_ in claims}
        valid = [id_ for id_ in claims if self._awaited(id_, claims[id_])]
        assert store.outbox.settle(outcomes, now=self.now(), claims=claims) == set(valid)
        for id_ in valid:
            self.model.settle(self.row(id_), kind, until)
        self.model.look_again()

    def keys(self) -> dict[int, str]:
        with self.store.database.read() as connection:
            found = connection.exec_driver_sql("SELECT id, key FROM outbox")
            return {row[0]: row[1] for row in found}

    @rule(who=st.integers(0, 2))
    def bury(self, who: int) -> None:
        """What dead senders had on its way becomes unknown, never todo; the living keep theirs."""
        living = {name for name, until in self.leases.items() if self.minute < until}
        lost = [row for row in self.model.rows if row.state is RowState.DOING and row.owner not in living]
        assert self.senders[who % len(self.senders)].store.outbox.lose_dead() == len(lost)
        for row in lost:
            row.state, row.was_unknown = RowState.UNKNOWN, True

    @rule()
    def time_passes(self) -> None:
        self.minute += 1

    @rule(what=st.sampled_from(("hold", "release", "retry", "dismiss")), pick=st.integers(0, 9))
    def people(self, what: str, pick: int) -> None:
        """Somebody holds, approves, retries or dismisses."""
        wanted = {"hold": (RowState.TODO,), "release": (RowState.HELD,)}.get(what, (RowState.HELD, RowState.DEAD))
        rows = [row for row in self.model.rows if row.state in wanted]
        rows = [row for row in rows if what != "release" or row.held_by == "limit"]
        if not rows:
            return
        row, outbox = rows[pick % len(rows)], self.store.outbox
        if what == "hold":
            outbox.hold([row.id], held_by="limit")
            row.state, row.held_by = RowState.HELD, "limit"
        elif what == "dismiss":
            if row.key:
                return  # it would not be asked for again, which is another model's matter
            outbox.dismiss([row.id], who="ann", now=self.now())
            row.state, row.held_by = RowState.SUPERSEDED, ""
        else:
            again = rows if what == "release" else [row]
            if what == "release":
                outbox.release(plan_id=None, held_by="limit", now=self.now())
            else:
                outbox.retry([row.id], now=self.now())
            # of one lane and group at most one row is held or dead without a newer wish: it would be superseded
            for one in again:
                newer = [r for r in self.model.rows if (r.lane, r.group) == (one.lane, one.group) and r.id > one.id]
                gone = any(r.state is not RowState.SUPERSEDED for r in newer)
                one.state, one.held_by = (RowState.SUPERSEDED if gone else RowState.TODO), ""
        self.model.look_again()

    @invariant()
    def both_are_the_same(self) -> None:
        with self.store.database.read() as connection:
            # looking lays nothing open, so that it can stay folded from step to step
            flying = {id_ for line in lines(self.store.database, connection) for id_ in line.ids}
            found = connection.exec_driver_sql("SELECT id, lane, state, held_by, attempts FROM outbox ORDER BY id")
            rows = [
                (lane, "doing", held_by, attempts + 1) if id_ in flying else (lane, state, held_by, attempts)
                for id_, lane, state, held_by, attempts in found
            ]
        assert rows == [(row.lane, row.state.value, row.held_by, row.attempts) for row in self.model.rows]

    @invariant()
    def one_on_its_way_per_record(self) -> None:
        doing = [row.lane for row in self.model.rows if row.state is RowState.DOING]
        assert len(doing) == len(set(doing))


def _row(write: Write, lane: str, group: str, needs: tuple[str, ...]) -> OutboxRow:
    return OutboxRow(0, write, lane, group, Cause.SCORE, "rule", "p1", "because", "run", "", 2, NOW, depends_on=needs)


def _update(record: str, group: str, needs: tuple[str, ...]) -> OutboxRow:
    write = Write("", "update", "lead", record, {"Score": 1}, {"Score": 0}, frozenset({"Score"}))
    return _row(write, f"crm:lead:{record}", group, needs)


def _answer(
    asked: list[tuple[Taken, OutcomeKind]], latest: Sequence[Taken]
) -> tuple[Sequence[Taken], Sequence[WriteOutcome]]:
    """What came of rows; as one thing where they are what was taken last, and all of it came true."""
    rows = [row for row, _ in asked]
    if isinstance(latest, OwnRows) and rows == list(latest) and {kind for _, kind in asked} == {OutcomeKind.WRITTEN}:
        return latest, AsAsked(latest.updates)
    return rows, [WriteOutcome(row.write.key, kind, row.write.id, row.write.expected) for row, kind in asked]


def _create(key: str, needs: tuple[str, ...]) -> OutboxRow:
    return _row(Write(key, "create", "task", None, {"Subject": key}), key, "create", needs)


def _decisions(plan: str, rows: list[OutboxRow], now: datetime) -> Decisions:
    """One plan for each decision: the same wish again is a newer one."""
    return Decisions(
        run_id=plan,
        plan_id="",
        at=now,
        identities=IDENTITIES.empty_table(),
        persons=PERSONS.empty_table(),
        stage_moves=STAGE_MOVES.empty_table(),
        scores=SCORE_HISTORY.empty_table(),
        rows=[_of(row, plan) for row in rows],
    )


def _of(row: OutboxRow, plan: str) -> OutboxRow:
    return replace(row, plan_id=plan, run_id=plan)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("senders", [2, 3])
def test_senders_of_one_outbox_are_their_model(state_url: str, senders: int) -> None:
    run_state_machine_as_test(
        lambda: Senders(state_url, senders),
        settings=settings(
            max_examples=15 if state_url.startswith("sqlite") else 5,
            stateful_step_count=40,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
