"""The durable list of writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Literal, TypeVar

from sqlalchemy import Connection, text

from connector.domain.outbox_states import MOVES, UNSETTLED, Move, check_move
from connector.domain.writes import Cause, RowState, WriteOutcome
from connector.errors import HandoffError
from connector.ports.outbox import Answered, DoneRow
from connector.ports.store import OutboxRow, Spent, Taken, Turned
from state import bulk, outbox_claim, outbox_finish, outbox_settle
from state.audit import note
from state.database import Database
from state.faults import Collision
from state.instants import from_us, to_us
from state.leases import lose_dead
from state.ledger import spend
from state.outbox_dependents import UNSETTLED_ROWS, refresh, states
from state.outbox_enqueue import known_keys
from state.outbox_folded import lines, reading, unfold
from state.outbox_renew import renew
from state.outbox_rows import COLUMNS, TAKEN, done_of, ids_of, row_of, taken_of

#: senders that meet try again at once; more than a few in a row means something else is wrong
_CLAIM_TRIES: Final = 20
#: rows read in one go
_AT_ONCE: Final = 5_000


_Done = TypeVar("_Done")


class SqlOutbox:
    """``connector.ports.store.Outbox`` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, limit: int, *, owner: str, now: datetime, lease: timedelta) -> Sequence[Taken]:
        """Take rows for sending; see the port."""
        return self.turn(spent=None, limit=limit, owner=owner, now=now, lease=lease).rows

    def settle(
        self, outcomes: Mapping[int, WriteOutcome], *, now: datetime, claims: Mapping[int, int] | None = None
    ) -> set[int]:
        """Move rows to what their outcomes say; see the port."""
        with self._database.write() as connection:
            return outbox_settle.settle(self._database, connection, outcomes, now_us=to_us(now), claims=claims)

    def turn(
        self,
        *answered: Answered,
        spent: Spent | None,
        limit: int,
        owner: str,
        now: datetime,
        lease: timedelta,
    ) -> Turned:
        """Settle, record calls and take more in one transaction; see the port."""
        now_us = to_us(now)

        def once() -> Turned:
            # what stands folded is looked at here with open eyes
            with self._database.write(as_it_is=True) as connection:
                moved = [self._settled(connection, batch, now_us, owner) for batch in answered]
                if spent is not None and spent.calls:
                    spend(self._database, connection, spent, at_us=now_us)
                taken = self._take(connection, limit, owner, now_us, to_us(now + lease)) if limit else []
                return Turned(moved, taken)

        return _meeting(once)

    def _settled(self, connection: Connection, answered: Answered, now_us: int, owner: str) -> set[int]:
        """Settle what was answered, the usual way or the long one; give the ids of the moved."""
        rows, outcomes = answered
        if not rows:
            return set()
        folded = lines(self._database, connection)
        ours = all(line.owner == owner for line in folded)
        finish = partial(outbox_finish.finish, self._database, connection, rows, outcomes, now_us=now_us)
        if ours and finish(folded=folded):
            return set(ids_of(rows))
        unfold(self._database, connection)
        if folded and finish():
            return set(ids_of(rows))
        told = {row.id: outcome for row, outcome in zip(rows, outcomes, strict=True)}
        claims = {row.id: row.attempts for row in rows}
        return outbox_settle.settle(self._database, connection, told, now_us=now_us, claims=claims)

    def _take(self, connection: Connection, limit: int, owner: str, now_us: int, until_us: int) -> Sequence[Taken]:
        if bulk.fetch(self._database, connection, "SELECT 1 FROM pauses", {}):
            return []
        take = outbox_claim.claim_folded if self._database.make == "sqlite" else outbox_claim.claim
        return take(self._database, connection, limit, owner=owner, now_us=now_us, lease_until_us=until_us)

    def lose_dead(self, *, alone: bool = False) -> int:
        """Move ``doing`` rows of senders whose lease has run out to ``unknown``; see the port."""
        return lose_dead(self._database, alone=alone)

    def forget_quiet(self, *, now: datetime) -> int:
        """Forget what kept newer wishes back until now; see the port."""
        over, values = "outbox_quiet WHERE until <= :now", {"now": to_us(now)}
        with self._database.read() as connection:
            if connection.execute(text(f"SELECT 1 FROM {over} LIMIT 1"), values).first() is None:
                return 0
        with self._database.write() as connection:
            return int(connection.execute(text(f"DELETE FROM {over}"), values).rowcount)

    def expire(self, *, now: datetime) -> int:
        """Move ``doing`` rows whose lease has run out to ``unknown``; return how many."""
        with self._database.write() as connection:
            return outbox_settle.expire(connection, now_us=to_us(now))

    def unknown(self, limit: int) -> list[Taken]:
        """List rows whose fate is unknown, oldest first."""
        statement = f"SELECT {TAKEN} FROM outbox WHERE state = 'unknown' AND {UNSETTLED_ROWS} ORDER BY id LIMIT :limit"
        with self._database.read() as connection:
            return [taken_of(values) for values in connection.execute(text(statement), {"limit": limit})]

    def unsettled(self) -> list[OutboxRow]:
        """List rows in todo, doing, unknown, held and dead, oldest first."""
        return list(self.each_unsettled())

    def each_unsettled(self) -> Iterator[OutboxRow]:
        """Give unsettled rows one after the other, oldest first."""
        where = f"state IN ({states(*UNSETTLED)}) AND {UNSETTLED_ROWS} AND id > :after ORDER BY id LIMIT {_AT_ONCE}"
        after = 0
        while rows := self._rows(where, {"after": after}):
            yield from rows
            after = rows[-1].id

    def each_done(self, kind: Literal["create", "update"], object: str) -> Iterator[DoneRow]:  # noqa: A002 - our word
        """Give done rows of one kind and object one after the other, oldest first."""
        statement = f"""
            SELECT {COLUMNS}, record_id, result, settled_at FROM outbox
            WHERE state = 'done' AND kind = :kind AND object = :object AND id > :after ORDER BY id LIMIT {_AT_ONCE}
        """
        after = 0
        while True:
            with self._database.read() as connection:
                found = list(connection.execute(text(statement), {"kind": kind, "object": object, "after": after}))
            yield from map(done_of, found)
            if not found:
                return
            after = found[-1][0]

    def tasks_made(self, since: datetime) -> list[DoneRow]:
        """Give creations of tasks done at or after an instant."""
        # word for word what their index is for
        statement = f"""
            SELECT {COLUMNS}, record_id, result, settled_at FROM outbox
            WHERE kind = 'create' AND object = 'task' AND state = 'done' AND settled_at >= :since
            ORDER BY settled_at, id
        """
        with self._database.read() as connection:
            return [done_of(values) for values in connection.execute(text(statement), {"since": to_us(since)})]

    def ids(self, wanted: Collection[RowState]) -> list[int]:
        """List the ids of rows in some states, oldest first."""
        unsettled = f" AND {UNSETTLED_ROWS}" if set(wanted) <= set(UNSETTLED) else ""
        statement = f"SELECT id FROM outbox WHERE state IN ({states(*wanted)}){unsettled} ORDER BY id"
        with reading(self._database) as connection:
            return list(connection.execute(text(statement)).scalars())

    def created_ids(self, keys: Sequence[str]) -> dict[str, str]:
        """Give the record ids that done creations left, by creation key."""
        statement = f"""
            SELECT o.key, o.record_id FROM outbox o WHERE o.kind = 'create' AND o.state <> 'superseded'
            AND o.state = 'done' AND o.record_id IS NOT NULL AND o.key IN {self._database.list_of("keys", "text")}
        """
        with self._database.read() as connection:
            found = connection.execute(text(statement), {"keys": self._database.packed(keys)})
            return {row[0]: row[1] for row in found}

    def created_for(self, person_ids: Sequence[str]) -> list[tuple[str, str]]:
        """Give object and id of every record that done creations for some people left; see the port."""
        statement = f"""
            SELECT object, record_id FROM outbox WHERE kind = 'create' AND state = 'done' AND record_id IS NOT NULL
            AND person_id IN {self._database.list_of("ids", "text")} ORDER BY id
        """
        with self._database.read() as connection:
            found = connection.execute(text(statement), {"ids": self._database.packed(person_ids)})
            return [(row[0], row[1]) for row in found]

    def known_keys(self, keys: Sequence[str]) -> set[str]:
        """Say which of these creation keys would add nothing; see the port."""
        with self._database.read() as connection:
            return known_keys(self._database, connection, keys)

    def counts(self, run_id: str | None = None) -> dict[str, int]:
        """Count rows by state, with held split as ``held:limit`` …; of one run or of all."""
        where, values = ("WHERE run_id = :run", {"run": run_id}) if run_id is not None else ("", {})
        statement = f"SELECT state, held_by, count(*) FROM outbox {where} GROUP BY state, held_by"
        with reading(self._database) as connection:
            found = connection.execute(text(statement), values)
            return {f"{state}:{held_by}" if held_by else state: count for state, held_by, count in found}

    def unsettled_counts(self) -> dict[str, int]:
        """Count unsettled rows as ``counts`` does; what has been done is not looked at, and is most of the table."""
        # word for word what the indexes of unsettled rows are for
        statement = """
            SELECT state, held_by, count(*) FROM outbox WHERE state <> 'done' AND state <> 'superseded'
            GROUP BY state, held_by
        """
        with reading(self._database) as connection:
            found = connection.execute(text(statement))
            return {f"{state}:{held_by}" if held_by else state: count for state, held_by, count in found}

    def any_by(self, by: datetime) -> bool:
        """Say whether a todo row may go until then, as far as time alone keeps it; see the port."""
        statement = f"""
            SELECT 1 FROM outbox o WHERE o.state = 'todo' AND {UNSETTLED_ROWS}
            AND (o.not_before IS NULL OR o.not_before <= :by)
            AND (SELECT count(*) FROM outbox_quiet q
                 WHERE q.lane = o.lane AND q.row_id <> o.id AND q.until > :by) = 0 LIMIT 1
        """
        with reading(self._database) as connection:
            return connection.execute(text(statement), {"by": to_us(by)}).first() is not None

    def oldest(self) -> dict[str, datetime]:
        """Give when the oldest row of each unsettled state was decided."""
        statement = f"""
            SELECT state, min(decided_at) FROM outbox
            WHERE state IN ({states(*UNSETTLED)}) AND {UNSETTLED_ROWS} GROUP BY state
        """
        with reading(self._database) as connection:
            return {state: from_us(at) for state, at in connection.execute(text(statement))}

    def tally(self, run_id: str, ids: Sequence[int]) -> dict[str, int]:
        """Count rows of a run and rows with these ids by what has become of them; see the port."""
        statement = f"""
            SELECT state, held_by, result, count(*) FROM outbox
            WHERE id IN (SELECT id FROM outbox WHERE run_id = :run
                         UNION SELECT v FROM {self._database.list_of("ids", "bigint")} AS asked)
            GROUP BY state, held_by, result
        """
        tally: Counter[str] = Counter()
        with reading(self._database) as connection:
            values = {"run": run_id, "ids": self._database.packed(ids)}
            for state, held_by, result, count in connection.execute(text(statement), values):
                done = "written" if result == "written" else "unchanged"
                tally[done if state == "done" else f"held:{held_by}" if held_by else state] += count
        return dict(tally)

    def used_by_cause(self, since: datetime) -> dict[Cause, int]:
        """Count what people notice, decided at or after ``since`` and todo, doing, unknown or done by writing."""
        statement = """
            SELECT cause, count(*) FROM outbox WHERE decided_at >= :since AND cause <> 'score'
            AND (state IN ('todo', 'doing', 'unknown') OR (state = 'done' AND result = 'written')) GROUP BY cause
        """
        with self._database.read() as connection:
            found = connection.execute(text(statement), {"since": to_us(since)})
            return {Cause(cause): count for cause, count in found}

    def hold(self, ids: Sequence[int], *, held_by: str) -> None:
        """Hold todo rows with their reason; see the port."""
        if not held_by:
            raise HandoffError("outbox.unlawful_move", "a held row needs to say by what it is held")
        with self._database.write() as connection:
            self._check(connection, ids, Move.HOLD)
            keys = self._set(connection, ids, "state = 'held', held_by = :held_by", {"held_by": held_by})
            refresh(self._database, connection, keys=keys)

    def release(self, *, plan_id: str | None, held_by: str | None, now: datetime) -> int:
        """Turn held rows into todo, of one plan or of one reason; see the port."""
        if plan_id is None and held_by is None:
            raise HandoffError("outbox.release_all", "a release needs a plan or a reason")
        wanted = {"plan_id": plan_id, "held_by": held_by}
        values = {name: value for name, value in wanted.items() if value is not None}
        where = " AND ".join(f"{name} = :{name}" for name in values)
        return self._reopen(where, values, Move.RELEASE, now)

    def retry(self, ids: Sequence[int] | None, *, now: datetime) -> int:
        """Turn dead and held rows (all when None) into todo; see the port."""
        if ids is None:
            return self._reopen("", {}, Move.RETRY, now)
        where = f"id IN {self._database.list_of('ids', 'bigint')}"
        return self._reopen(where, {"ids": self._database.packed(ids)}, Move.RETRY, now, asked=ids)

    def dismiss(self, ids: Sequence[int], *, who: str, now: datetime) -> int:
        """Turn dead and held rows into superseded for good; see the port."""
        with self._database.write() as connection:
            self._check(connection, ids, Move.DISMISS)
            change = """state = 'superseded', dismissed = CASE held_by WHEN 'mode' THEN 0 ELSE 1 END, held_by = '',
                        settled_at = :now"""
            keys = self._set(connection, ids, change, {"now": to_us(now)})
            refresh(self._database, connection, keys=keys)
            note(connection, who, "outbox dismiss", now, {"rows": len(set(ids))})
        return len(set(ids))

    def renew(self, rows: Mapping[int, OutboxRow], *, now: datetime) -> int:
        """Put other wishes in the place of dead or held creations; see the port."""
        with self._database.write() as connection:
            return renew(self._database, connection, rows, at_us=to_us(now))

    def drop(self, *, held_by: str, now: datetime) -> int:
        """Forget held rows of one reason; see the port."""
        statement = "SELECT id FROM outbox WHERE state = 'held' AND held_by = :held_by"
        with self._database.write() as connection:
            ids = list(connection.execute(text(statement), {"held_by": held_by}).scalars())
            keys = self._set(
                connection, ids, "state = 'superseded', held_by = '', settled_at = :now", {"now": to_us(now)}
            )
            refresh(self._database, connection, keys=keys)
        return len(ids)

    def _rows(self, where: str, values: Mapping[str, Any]) -> list[OutboxRow]:
        with reading(self._database) as connection:
            found = connection.execute(text(f"SELECT {COLUMNS} FROM outbox WHERE {where}"), dict(values))
            return [row_of(values) for values in found]

    def _check(self, connection: Connection, ids: Sequence[int], move: Move) -> None:
        """Lock the rows and refuse all when one of them cannot make the move or does not exist."""
        lock = " FOR UPDATE" if self._database.make == "postgresql" else ""
        statement = f"""
            SELECT id, state FROM outbox WHERE id IN {self._database.list_of("ids", "bigint")} ORDER BY id{lock}
        """
        found = list(connection.execute(text(statement), {"ids": self._database.packed(ids)}))
        if len(found) != len(set(ids)):
            raise HandoffError("outbox.no_such_row", f"{len(set(ids)) - len(found)} of the rows do not exist")
        for _, state in found:
            check_move(move, RowState(state))

    def _set(self, connection: Connection, ids: Sequence[int], change: str, values: Mapping[str, Any]) -> list[str]:
        """Change rows; give the keys of creations among them."""
        statement = f"""
            UPDATE outbox SET {change} WHERE id IN {self._database.list_of("ids", "bigint")} RETURNING kind, key
        """
        result = connection.execute(text(statement), {"ids": self._database.packed(ids), **values})
        return [key for kind, key in result if kind == "create"]

    def _reopen(
        self, where: str, values: Mapping[str, Any], move: Move, now: datetime, asked: Sequence[int] | None = None
    ) -> int:
        """Turn rows into todo, but not those whose wish has been overtaken; return how many may be sent again."""
        lock = " FOR UPDATE" if self._database.make == "postgresql" else ""
        also = f" AND {where}" if where else ""
        sources = f"state IN ({states(*MOVES[move].sources)}) AND {UNSETTLED_ROWS}"
        statement = f"SELECT id FROM outbox WHERE {sources}{also} ORDER BY id{lock}"
        with self._database.write() as connection:
            if asked is not None:
                self._check(connection, asked, move)
            ids = list(connection.execute(text(statement), dict(values)).scalars())
            keys = outbox_settle.drop_outdated(self._database, connection, ids, to_us(now))
            change = (
                "state = 'todo', held_by = '', settled_at = NULL, result = NULL, code = '', message = '', fixer = ''"
            )
            keys += self._open(connection, ids, change)
            refresh(self._database, connection, rows=ids, keys=keys)
            left = (
                f"SELECT count(*) FROM outbox WHERE state = 'todo' AND id IN {self._database.list_of('ids', 'bigint')}"
            )
            return int(connection.execute(text(left), {"ids": self._database.packed(ids)}).scalar_one())

    def _open(self, connection: Connection, ids: Sequence[int], change: str) -> list[str]:
        statement = f"""
            UPDATE outbox SET {change} WHERE state <> 'superseded'
            AND id IN {self._database.list_of("ids", "bigint")} RETURNING kind, key
        """
        result = connection.execute(text(statement), {"ids": self._database.packed(ids)})
        return [key for kind, key in result if kind == "create"]


def _meeting(once: Callable[[], _Done]) -> _Done:
    """Do a transaction, and again where it met another sender's."""
    for _ in range(_CLAIM_TRIES - 1):
        try:
            return once()
        except Collision:
            continue
    return once()
