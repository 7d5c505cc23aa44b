"""What was remembered at an earlier instant."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
from sqlalchemy import Connection, select, text

from connector.ports.store import ACCOUNT_MOVES, IDENTITIES, INSTANT, PERSONS, Review
from state import bulk, tables
from state.database import Database
from state.instants import from_us, to_us

_REVIEW: Final = tuple(tables.REVIEWS.c[name] for name in Review.__slots__)
#: what the audit calls an answer, and what the question's state is after it
_ANSWERS: Final = {"review accepted": "accepted", "review rejected": "rejected", "review reopen": "open"}
_SINCE: Final = pa.schema([*IDENTITIES, ("since", INSTANT)])
#: of the rows whose key comes in, those that say another person go to the past
_KEEP: Final = """
    INSERT INTO identities_past (system, object, id, person_id, since, until)
    SELECT system, object, id, person_id, since, {at} FROM identities
    WHERE system = {mark} AND object = {mark} AND id = {mark} AND person_id <> {mark}
    ON CONFLICT (system, object, id, until) DO NOTHING
"""
_THEN: Final = """
    SELECT {names} FROM identities WHERE since IS NULL OR since <= {at}
    UNION ALL
    SELECT {names} FROM identities_past WHERE until > {at} AND (since IS NULL OR since <= {at})
"""


class SqlPast:
    """``connector.ports.past.Past`` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def identities(self, at: datetime) -> pa.Table:
        """Give all references known by then and whose they were; see the port."""
        query = _THEN.format(names=", ".join(IDENTITIES.names), at=to_us(at))
        with self._database.read() as connection:
            return bulk.read_arrow(self._database, connection, query, IDENTITIES)

    def retired(self, at: datetime) -> list[str]:
        """List persons who had references before, and none then; see the port."""
        then = _THEN.format(names="person_id", at=to_us(at))
        query = (
            f"SELECT DISTINCT person_id FROM identities_past WHERE until <= {to_us(at)}"
            f" EXCEPT SELECT person_id FROM ({then}) AS known"
        )
        with self._database.read() as connection:
            return sorted(connection.exec_driver_sql(query).scalars())

    def references_of(self, person_id: str) -> list[str]:
        """List the references that once belonged to somebody; see the port."""
        past = tables.IDENTITIES_PAST.c
        query = select(past.system, past.object, past.id).distinct().where(past.person_id == person_id)
        with self._database.read() as connection:
            return sorted(":".join(row) for row in connection.execute(query))

    def moves_at_account(self, account_id: str, at: datetime) -> pa.Table:
        """Give who came to an account and who left it by then; see the port."""
        query = (
            f"SELECT {', '.join(ACCOUNT_MOVES.names)} FROM account_moves"
            " WHERE at <= :at AND (to_account = :id OR from_account = :id) ORDER BY at, person_id"
        )
        with self._database.read() as connection:
            found = connection.execute(text(query), {"at": to_us(at), "id": account_id})
            return bulk.table_of(list(found), ACCOUNT_MOVES)

    def reviews(self, at: datetime, state: str | None = None) -> list[Review]:
        """List the questions asked by then with the answers given by then; see the port."""
        asked = select(*_REVIEW).where(tables.REVIEWS.c.opened_at <= at)
        told = select(tables.AUDIT.c.at, tables.AUDIT.c.who, tables.AUDIT.c.what, tables.AUDIT.c.details)
        told = told.where(tables.AUDIT.c.what.in_(_ANSWERS), tables.AUDIT.c.at <= at).order_by(tables.AUDIT.c.id)
        with self._database.read() as connection:
            rows = connection.execute(asked.order_by(tables.REVIEWS.c.opened_at, tables.REVIEWS.c.id))
            unanswered = {
                row[0]: replace(Review(*row), state="open", answer="", answered_by=None, answered_at=None)
                for row in rows
            }
            for when, who, what, details in connection.execute(told):
                said = json.loads(details)
                review = unanswered.get(said["review"])
                if review is not None:
                    unanswered[review.id] = _answered(review, what, said.get("answer", ""), who, when)
        return [review for review in unanswered.values() if _is(review, state)]

    def persons(self, ids: Sequence[str], at: datetime) -> pa.Table:
        """Give what is still known of some people's memory at the time; see the port."""
        asked = f"SELECT v AS person_id FROM {self._database.list_of('ids', 'text')} AS listed"
        stages = f"""
            SELECT person_id, to_stage, at, entry FROM (
                SELECT m.*, row_number() OVER (PARTITION BY person_id ORDER BY at DESC, entry DESC) AS place
                FROM stage_moves m WHERE at <= :at AND person_id IN ({asked})) s WHERE place = 1
        """
        numbers = f"""
            SELECT person_id, total, grade, verdict FROM (
                SELECT h.*, row_number() OVER (PARTITION BY person_id ORDER BY at DESC, run_id DESC) AS place
                FROM score_history h WHERE at <= :at AND person_id IN ({asked})) s WHERE place = 1
        """
        today = f"SELECT person_id, subject, shown FROM persons WHERE person_id IN ({asked})"
        values = {"ids": self._database.packed(ids), "at": to_us(at)}
        with self._database.read() as connection:
            found: dict[str, dict[str, Any]] = {}
            for person_id, stage, since, entry in connection.execute(text(stages), values):
                found[person_id] = {"stage": stage, "stage_since": from_us(since), "stage_entry": entry}
            for person_id, total, grade, verdict in connection.execute(text(numbers), values):
                row = found.setdefault(person_id, {})
                row["shown"] = {"total": total, "grade": grade, "verdict": verdict, "stage": row.get("stage")}
            for person_id, subject, shown in connection.execute(text(today), {"ids": values["ids"]}):
                if person_id in found:
                    found[person_id]["subject"] = subject
                    _with_calls(found[person_id], shown, at)
        rows = [{"person_id": person_id, **row} for person_id, row in sorted(found.items())]
        for row in rows:
            row["shown"] = json.dumps(row["shown"]) if "shown" in row else None
        return pa.Table.from_pylist([{name: row.get(name) for name in PERSONS.names} for row in rows], PERSONS)


def _answered(review: Review, what: str, answer: str, who: str, when: datetime) -> Review:
    """Give a question as it stood after one more deed."""
    if what == "review reopen":
        answer = f"withdrawn:{review.state}:{review.answer}"
    state: Any = _ANSWERS[what]
    return replace(review, state=state, answer=answer, answered_by=who, answered_at=when)


def _is(review: Review, state: str | None) -> bool:
    if state == "withdrawn":
        return review.state == "open" and bool(review.answer)
    return state is None or review.state == state


def _with_calls(row: dict[str, Any], shown: str | None, at: datetime) -> None:
    """Take over which calls had been acted on: whoever has acted on a later one had on those before."""
    fast = json.loads(shown).get("fast", {}) if shown else {}
    if fast:
        acted = {rule: min(instant, at.isoformat()) for rule, instant in fast.items()}
        row["shown"] = {**row.get("shown", {}), "fast": acted}


def keep_past(database: Database, connection: Connection, incoming: pa.Table, at: datetime) -> None:
    """Keep whose references were until ``at``, of those that ``incoming`` (schema ``IDENTITIES``) gives to others."""
    if not connection.exec_driver_sql("SELECT count(*) FROM (SELECT 1 FROM identities LIMIT 1) AS first").scalar_one():
        return
    mark = "?" if database.make == "sqlite" else "%s"
    rows = zip(*(incoming.column(name).to_pylist() for name in IDENTITIES.names), strict=True)
    cursor = connection.connection.cursor()
    try:
        cursor.executemany(_KEEP.format(at=to_us(at), mark=mark), list(rows))
    finally:
        cursor.close()


def put_identities(database: Database, connection: Connection, incoming: pa.Table, at: datetime) -> None:
    """Say whose references are from ``at`` on, and keep whose they were."""
    keep_past(database, connection, incoming, at)
    since = pa.array([at] * incoming.num_rows, INSTANT)
    dated = incoming.select(IDENTITIES.names).append_column("since", since)
    bulk.upsert_arrow(database, connection, tables.IDENTITIES, dated, _SINCE, replace=True)
