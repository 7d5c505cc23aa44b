"""What Handoff remembers of people and accounts, and the one commit of a cycle's decisions."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

import pyarrow as pa
from sqlalchemy import Connection, select, text

from connector.ports.store import (
    ACCOUNT_MOVES,
    IDENTITIES,
    PERSONS,
    SCORE_HISTORY,
    STAGE_MOVES,
    Decisions,
    Review,
    parts_of,
)
from state import bulk, tables
from state.audit import note
from state.bulk import storable
from state.database import Database
from state.erasure import erase, lift
from state.instants import to_us
from state.leases import refuse_outdated
from state.outbox_enqueue import enqueue
from state.past import put_identities
from state.task_times import put_events

_REVIEW: Final = tuple(tables.REVIEWS.c[name] for name in Review.__slots__)
_PUT_REVIEW: Final = """
    INSERT INTO reviews (id, kind, person_id, candidates, opened_at, state, answer)
    VALUES (:id, :kind, :person_id, :candidates, :opened_at, :state, :answer)
    ON CONFLICT (id) DO UPDATE SET person_id = excluded.person_id, candidates = excluded.candidates
    WHERE reviews.state = 'open'
"""
_ANSWER: Final = """
    UPDATE reviews SET state = :state, answer = :answer, answered_by = :who, answered_at = :at
    WHERE id = :id AND state = 'open'
"""
_REOPEN: Final = """
    UPDATE reviews SET state = 'open', answer = 'withdrawn:' || state || ':' || answer, answered_by = :who,
        answered_at = :at
    WHERE id = :id AND state <> 'open'
"""
_PUT_ACCOUNT: Final = """
    INSERT INTO accounts (account_id, shown) VALUES (:name, :value)
    ON CONFLICT (account_id) DO UPDATE SET shown = excluded.shown
"""
_PUT_ROTATION: Final = """
    INSERT INTO rotations (pool, place) VALUES (:name, :value)
    ON CONFLICT (pool) DO UPDATE SET place = excluded.place
"""
#: the setting that names the run whose decisions were stored last, written with them
_DECIDED: Final = "last_decided"
_PUT_DECIDED: Final = """
    INSERT INTO settings (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""
_PUT_MARK: Final = "INSERT INTO marks (name, at) VALUES (:name, :at) ON CONFLICT (name) DO NOTHING"
#: any number that no other program on the same server is likely to lock by; not that of the migrations
_DECIDING: Final = 0x48414E444F47


class SqlKnowledge:
    """``connector.ports.store.Knowledge`` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def identities(self, person_ids: Sequence[str] | None = None) -> pa.Table:
        """Give all references and their persons, or those of some (schema ``IDENTITIES``)."""
        return (
            self._all("identities", IDENTITIES)
            if person_ids is None
            else self._of("identities", IDENTITIES, person_ids)
        )

    def last_decided(self) -> str:
        """Name the run whose decisions were stored last; see the port."""
        with self._database.read() as connection:
            found = connection.execute(text("SELECT value FROM settings WHERE name = :name"), {"name": _DECIDED})
            return str(found.scalar() or "")

    def persons(self, ids: Sequence[str] | None = None) -> pa.Table:
        """Give the memory of all persons, or of some (schema ``PERSONS``)."""
        return self._all("persons", PERSONS) if ids is None else self._of("persons", PERSONS, ids)

    def _of(self, table: str, schema: pa.Schema, ids: Sequence[str]) -> pa.Table:
        # the list goes first, so that each person is looked up and nobody else's row is touched
        statement = f"""
            SELECT {", ".join(schema.names)} FROM {self._database.list_of("ids", "text")} AS asked
            CROSS JOIN {table} WHERE person_id = v
        """
        with self._database.read() as connection:
            found = connection.execute(text(statement), {"ids": self._database.packed(ids)})
            parts = [bulk.table_of(rows, schema) for rows in found.partitions(bulk.CHUNK_ROWS)]
        return pa.concat_tables([schema.empty_table(), *parts])

    def remembered(self) -> int:
        """Count the persons in memory."""
        with self._database.read() as connection:
            return int(connection.exec_driver_sql("SELECT count(*) FROM persons").scalar_one())

    def retired(self) -> list[str]:
        """List persons who turned out to be others; see the port."""
        query = (
            "SELECT person_id FROM persons p WHERE NOT EXISTS"
            " (SELECT 1 FROM identities i WHERE i.person_id = p.person_id) ORDER BY person_id"
        )
        with self._database.read() as connection:
            return list(connection.execute(text(query)).scalars())

    def _all(self, table: str, schema: pa.Schema) -> pa.Table:
        select_all = f"SELECT {', '.join(schema.names)} FROM {table}"
        with self._database.read() as connection:
            return bulk.read_arrow(self._database, connection, select_all, schema)

    def accounts(self) -> dict[str, str]:
        """Give what was last written per account: account id → JSON."""
        with self._database.read() as connection:
            return dict(bulk.fetch(self._database, connection, "SELECT account_id, shown FROM accounts", {}))

    def commit_decisions(self, decisions: Decisions) -> None:
        """Store all of it or nothing; see the port."""
        with self._database.write() as connection:
            if self._database.make == "postgresql":
                # wishes of one record are numbered in order of commit: two deciders take turns
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_DECIDING})")
            self._remember(connection, decisions)
            self._small(connection, decisions)
            enqueue(self._database, connection, decisions.rows, at_us=to_us(decisions.at))
            put_events(connection, decisions.events)
            refuse_outdated(self._database, connection)

    def given_to(self, owners: Mapping[str, str]) -> None:
        """Change whom records were given to; see the port. Nothing else of the memory, which others may be renewing."""
        lock = "FOR UPDATE" if self._database.make == "postgresql" else ""
        among = self._database.list_of("ids", "text")
        statement = f"SELECT person_id, shown FROM persons WHERE person_id IN {among} ORDER BY person_id {lock}"
        with self._database.write() as connection:
            found = connection.execute(text(statement), {"ids": self._database.packed(sorted(owners))}).all()
            for person_id, shown in found:
                memory = json.loads(shown or "{}")
                if memory.get("given"):
                    told = json.dumps(
                        memory | {"given": owners[person_id]}, sort_keys=True, ensure_ascii=False, separators=(",", ":")
                    )
                    change = "UPDATE persons SET shown = :shown WHERE person_id = :id"
                    connection.execute(text(change), {"shown": storable(told), "id": person_id})

    def _remember(self, connection: Connection, decisions: Decisions) -> None:
        for part in parts_of(decisions.identities):
            put_identities(self._database, connection, part, decisions.at)
        for table, rows, schema, replace in (
            (tables.PERSONS, decisions.persons, PERSONS, True),
            (tables.STAGE_MOVES, decisions.stage_moves, STAGE_MOVES, False),
            (tables.SCORE_HISTORY, decisions.scores, SCORE_HISTORY, False),
            (tables.ACCOUNT_MOVES, decisions.account_moves, ACCOUNT_MOVES, False),
        ):
            for part in parts_of(rows):
                bulk.upsert_arrow(self._database, connection, table, part, schema, replace=replace)
        if decisions.gone:
            # references that still point at a person who is gone would bring it back
            statement = f"DELETE FROM persons WHERE person_id IN {self._database.list_of('ids', 'text')}"
            connection.execute(text(statement), {"ids": self._database.packed(list(decisions.gone))})

        if decisions.moot:
            # An answer taken back is told to every cycle until one has stored who is who without it.
            told = "" if decisions.identities.num_rows else " AND answer = ''"
            among = f"id IN {self._database.list_of('ids', 'text')}"
            statement = f"DELETE FROM reviews WHERE state = 'open' AND {among}{told}"
            connection.execute(text(statement), {"ids": self._database.packed(list(decisions.moot))})

    def _small(self, connection: Connection, decisions: Decisions) -> None:
        decided = [{"name": _DECIDED, "value": decisions.run_id}] if decisions.moves_on else []
        for statement, values in (
            (_PUT_DECIDED, decided),
            (_PUT_ACCOUNT, [{"name": name, "value": storable(v)} for name, v in decisions.accounts.items()]),
            (_PUT_ROTATION, [{"name": name, "value": storable(v)} for name, v in decisions.rotations.items()]),
            (_PUT_MARK, [{"name": name, "at": to_us(at)} for name, at in decisions.marks.items()]),
        ):
            if values:
                connection.execute(text(statement), values)
        for first in range(0, len(decisions.reviews), bulk.CHUNK_ROWS):
            some = decisions.reviews[first : first + bulk.CHUNK_ROWS]
            connection.execute(text(_PUT_REVIEW), [_review_values(review) for review in some])

    def marks(self) -> dict[str, datetime]:
        """Give the marks by name."""
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(select(tables.MARKS.c.name, tables.MARKS.c.at))}

    def rotations(self) -> dict[str, str]:
        """Give the stored rotation of each pool."""
        with self._database.read() as connection:
            return {
                row[0]: row[1] for row in connection.execute(select(tables.ROTATIONS.c.pool, tables.ROTATIONS.c.place))
            }

    def reviews(self, state: str | None = None) -> list[Review]:
        """List reviews, oldest first."""
        query = select(*_REVIEW).order_by(tables.REVIEWS.c.opened_at, tables.REVIEWS.c.id)
        if state == "withdrawn":
            query = query.where(tables.REVIEWS.c.state == "open", tables.REVIEWS.c.answer != "")
        elif state is not None:
            query = query.where(tables.REVIEWS.c.state == state)
        with self._database.read() as connection:
            return [Review(*row) for row in connection.execute(query)]

    def open_questions(self) -> int:
        """Count the reviews that wait for an answer."""
        with self._database.read() as connection:
            return int(connection.exec_driver_sql("SELECT count(*) FROM reviews WHERE state = 'open'").scalar_one())

    def unasked(self, reviews: Sequence[Review]) -> list[Review]:
        """Leave out reviews that are answered, or open in just these words."""
        if not reviews:
            return []
        statement = f"""
            SELECT id, person_id, candidates, state FROM {self._database.list_of("ids", "text")} AS asked
            CROSS JOIN reviews WHERE id = v
        """
        with self._database.read() as connection:
            ids = self._database.packed([review.id for review in reviews])
            found = {row[0]: tuple(row[1:]) for row in connection.execute(text(statement), {"ids": ids})}
        return [review for review in reviews if _is_news(review, found.get(review.id))]

    def ids_of_open_questions(self) -> list[str]:
        """List the ids of open reviews; see the port."""
        with self._database.read() as connection:
            query = "SELECT id FROM reviews WHERE state = 'open' ORDER BY id"
            return [row[0] for row in bulk.fetch(self._database, connection, query, {})]

    def answer_review(
        self, review_id: str, *, state: Literal["accepted", "rejected"], answer: str, who: str, at: datetime
    ) -> bool:
        """Close an open review with a person's answer; see the port."""
        values = {"id": review_id, "state": state, "answer": storable(answer), "who": who, "at": to_us(at)}
        with self._database.write() as connection:
            closed = bool(connection.execute(text(_ANSWER), values).rowcount)
            if closed:
                note(connection, who, f"review {state}", at, {"review": review_id, "answer": answer})
            return closed

    def reopen_review(self, review_id: str, *, who: str, at: datetime) -> bool:
        """Take an answer back; see the port."""
        with self._database.write() as connection:
            taken = bool(connection.execute(text(_REOPEN), {"id": review_id, "who": who, "at": to_us(at)}).rowcount)
            if taken:
                note(connection, who, "review reopen", at, {"review": review_id})
            return taken

    def account_moves(self, person_id: str) -> pa.Table:
        """Give one person's ways between accounts in time order (schema ``ACCOUNT_MOVES``)."""
        return self._history("account_moves", person_id, "at, run_id", ACCOUNT_MOVES)

    def stage_moves(self, person_id: str) -> pa.Table:
        """Give one person's moves in time order (schema ``STAGE_MOVES``)."""
        return self._history("stage_moves", person_id, "at, entry", STAGE_MOVES)

    def score_history(self, person_id: str) -> pa.Table:
        """Give one person's shown numbers in time order (schema ``SCORE_HISTORY``)."""
        return self._history("score_history", person_id, "at, run_id", SCORE_HISTORY)

    def _history(self, table: str, person_id: str, order: str, schema: pa.Schema) -> pa.Table:
        query = f"SELECT {', '.join(schema.names)} FROM {table} WHERE person_id = :id ORDER BY {order}"
        with self._database.read() as connection:
            return bulk.table_of(list(connection.execute(text(query), {"id": person_id})), schema)

    def tombstones(self) -> set[str]:
        """Give the hashes of erased people."""
        with self._database.read() as connection:
            return set(connection.execute(select(tables.TOMBSTONES.c.hash)).scalars())

    def erase(self, person_ids: Sequence[str], *, hashes: Collection[str], who: str, at: datetime) -> dict[str, int]:
        """Take people out of everything the state holds; see the port."""
        with self._database.write() as connection:
            connection.execute(text(_PUT_DECIDED), {"name": _DECIDED, "value": ""})
            receipt = erase(self._database, connection, person_ids, hashes=hashes, who=who, at=at)
        self._database.empty_log()
        return receipt

    def lift_tombstones(self, hashes: Collection[str], *, who: str, at: datetime) -> int:
        """Forget that these people were erased; see the port."""
        with self._database.write() as connection:
            connection.execute(text(_PUT_DECIDED), {"name": _DECIDED, "value": ""})
            lifted = lift(self._database, connection, hashes)
            note(connection, who, "tombstones lifted", at, {"people": lifted})
            return lifted


def _review_values(review: Review) -> dict[str, Any]:
    return {
        "id": review.id,
        "kind": review.kind,
        "person_id": review.person_id,
        "candidates": storable(review.candidates),
        "opened_at": to_us(review.opened_at),
        "state": review.state,
        "answer": storable(review.answer),
    }


def _is_news(review: Review, stored: tuple[str, str, str] | None) -> bool:
    if stored is None:
        return True
    values = _review_values(review)
    return stored[2] == "open" and stored != (values["person_id"], values["candidates"], values["state"])
