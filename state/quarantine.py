"""Events of machines, kept apart: the list, what it was before, and what people said of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, text

from connector.ports.quarantine import (
    QUARANTINE,
    QUARANTINE_PAST,
    REFERENCES,
    CampaignShare,
    QuarantineAnswer,
    QuarantineState,
    Scope,
    Word,
)
from state import bulk, tables
from state.audit import note
from state.database import Database
from state.instants import from_us, to_us

_MARK: Final = "quarantine_mark"
#: counted apart from the rows: those that are erased must not take a number back with them
_VERSION: Final = "quarantine_version"
_WORD: Final = "SELECT value FROM settings WHERE name = :name"
_PUT_WORD: Final = """
    INSERT INTO settings (name, value) VALUES (:name, :value)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""
_ANSWER: Final = """
    INSERT INTO quarantine_answers (number, answer, scope, name, who, at)
    VALUES (:number, :answer, :scope, :name, :who, :at)
"""
_HELD: Final = "SELECT system, kind, id FROM quarantine WHERE state = 'held'"
_KEY: Final = "system, kind, id"
#: a row that has changed since an instant was then what its past says, or not there
_HELD_AT: Final = """
    SELECT system, kind, id FROM quarantine WHERE state = 'held' AND since <= {at}
    UNION SELECT system, kind, id FROM quarantine_past WHERE state = 'held' AND since <= {at} AND until > {at}
"""
_OTHERS: Final = ", ".join(name for name in QUARANTINE.names if name not in ("system", "kind", "id", "state", "since"))
_THEN: Final = f"""(
    SELECT q.system, q.kind, q.id, {_OTHERS}, CASE WHEN q.since <= :at THEN q.state ELSE p.state END AS state,
        CASE WHEN q.since <= :at THEN q.since ELSE p.since END AS since
    FROM quarantine q LEFT JOIN quarantine_past p
    ON p.system = q.system AND p.kind = q.kind AND p.id = q.id AND p.since <= :at AND p.until > :at
    WHERE q.since <= :at OR p.state IS NOT NULL
) AS then_listed"""
_EVENT: Final = pa.schema([QUARANTINE.field(name) for name in ("system", "kind", "id")])


class SqlQuarantine:
    """``connector.ports.quarantine.Quarantine`` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        #: what is held, and the version of the list it was read at: a cycle asks, and there may be tens of thousands
        self._held: tuple[int, pa.Table] | None = None

    def commit(
        self, rows: pa.Table, past: pa.Table, *, answers: Sequence[int] = (), at: datetime, mark: str | None = None
    ) -> int:
        """Put rows and what they were before, all or nothing; see the port."""
        with self._database.write() as connection:
            version = _version(connection)
            if rows.num_rows:
                place = rows.schema.get_field_index("version")
                fresh = pc.less(rows.column(place), 0)
                if pc.any(fresh).as_py():
                    version += 1
                    connection.execute(text(_PUT_WORD), {"name": _VERSION, "value": str(version)})
                numbers = pc.if_else(fresh, pa.scalar(version, pa.int64()), rows.column(place))
                stamped = rows.set_column(place, "version", numbers)
                bulk.upsert_arrow(self._database, connection, tables.QUARANTINE, stamped, QUARANTINE, replace=True)
            if past.num_rows:
                of_past = tables.QUARANTINE_PAST
                bulk.upsert_arrow(self._database, connection, of_past, past, QUARANTINE_PAST, replace=True)
            if answers:
                among = f"number IN {self._database.list_of('numbers', 'bigint')}"
                take = f"UPDATE quarantine_answers SET known_at = :at WHERE known_at IS NULL AND {among}"
                connection.execute(text(take), {"at": to_us(at), "numbers": self._database.packed(list(answers))})
            if mark is not None:
                connection.execute(text(_PUT_WORD), {"name": _MARK, "value": mark})
            return version

    def mark(self) -> str | None:
        """Give the words of the last commit."""
        with self._database.read() as connection:
            word: str | None = connection.execute(text(_WORD), {"name": _MARK}).scalar_one_or_none()
            return word

    def version(self) -> int:
        """Give the version of the latest change; 0 before the first."""
        with self._database.read() as connection:
            return _version(connection)

    def rows(self, *, low: datetime | None = None, high: datetime | None = None) -> pa.Table:
        """Give rows that occurred between two instants, both included; all without them."""
        query = f"SELECT {', '.join(QUARANTINE.names)} FROM quarantine"
        if low is not None and high is not None:
            query += f" WHERE occurred_at BETWEEN {to_us(low)} AND {to_us(high)}"
        with self._database.read() as connection:
            return bulk.read_arrow(self._database, connection, query, QUARANTINE)

    def held(self, *, as_of: datetime | None = None) -> pa.Table:
        """Give what counts for nothing, now or as it was known at an instant."""
        query = _HELD if as_of is None else _HELD_AT.format(at=to_us(as_of))
        with self._database.read() as connection:
            # Read before the list: what another program adds in between is only read once more.
            version = _version(connection)
            if as_of is None and self._held is not None and self._held[0] == version:
                return self._held[1]
            found = bulk.read_arrow(self._database, connection, query, _EVENT)
        found = found.sort_by([(name, "ascending") for name in _EVENT.names])
        if as_of is None:
            self._held = (version, found)
        return found

    def rows_of(self, references: Sequence[str], *, as_of: datetime | None = None) -> pa.Table:
        """Give the rows of some references, latest event first, now or as they were known at an instant."""
        ids, names = self._database.list_of("ids", "text"), self._database.list_of("names", "text")
        where = f"ref_id IN {ids} AND ref_system || ':' || ref_object || ':' || ref_id IN {names}"
        lists = {"ids": [name.split(":", 2)[-1] for name in references], "names": list(references)}
        values = {word: self._database.packed(values) for word, values in lists.items()}
        if as_of is None:
            return self._some(where, values)
        return self._some(where, {**values, "at": to_us(as_of)}, table=_THEN)

    def references_of(self, id_: str) -> list[str]:
        """Give the references with this id under which anything on the list was done, as text, in order."""
        query = """
            SELECT DISTINCT ref_system || ':' || ref_object || ':' || ref_id AS name FROM quarantine
            WHERE ref_id = :id ORDER BY name
        """
        with self._database.read() as connection:
            return list(connection.execute(text(query), {"id": id_}).scalars())

    def find(self, id_: str) -> pa.Table:
        """Give the rows of events with this id, in whatever system."""
        return self._some("id = :id", {"id": id_})

    def listed(
        self, states: Sequence[QuarantineState], *, campaign: str | None = None, limit: int
    ) -> tuple[pa.Table, int]:
        """Give at most ``limit`` rows in some states, latest event first, and how many there are."""
        values: dict[str, Any] = {"states": self._database.packed(list(states))}
        where = f"state IN {self._database.list_of('states', 'text')}"
        if campaign is not None:
            where += " AND campaign = :campaign"
            values["campaign"] = campaign
        with self._database.read() as connection:
            count = connection.execute(text(f"SELECT count(*) FROM quarantine WHERE {where}"), values).scalar_one()
        return self._some(where, values, limit=limit), int(count)

    def counts(self) -> dict[str, int]:
        """Count rows by state."""
        with self._database.read() as connection:
            found = connection.exec_driver_sql("SELECT state, count(*) FROM quarantine GROUP BY state")
            return {state: int(count) for state, count in found}

    def by_campaign(self) -> list[CampaignShare]:
        """Count held and released events by campaign, most held first."""
        query = """
            SELECT system, coalesce(campaign, ''), sum(CASE WHEN state = 'held' THEN 1 ELSE 0 END) AS held,
                sum(CASE WHEN state = 'released' THEN 1 ELSE 0 END)
            FROM quarantine WHERE state <> 'cleared' GROUP BY system, coalesce(campaign, '')
            ORDER BY held DESC, 1, 2
        """
        with self._database.read() as connection:
            return [CampaignShare(row[0], row[1], int(row[2]), int(row[3])) for row in connection.execute(text(query))]

    def changed_since(self, version: int) -> pa.Table:
        """Give the references of whom any row changed after a version."""
        query = (
            "SELECT DISTINCT ref_system AS system, ref_object AS object, ref_id AS id FROM quarantine"
            f" WHERE version > {int(version)} ORDER BY 1, 2, 3"
        )
        with self._database.read() as connection:
            return bulk.read_arrow(self._database, connection, query, REFERENCES)

    def answer(self, answer: Word, scope: Scope, names: Sequence[str], *, who: str, at: datetime) -> int:
        """Note an answer for each name."""
        with self._database.write() as connection:
            first = 1 + int(
                connection.exec_driver_sql("SELECT coalesce(max(number), 0) FROM quarantine_answers").scalar_one()
            )
            said = {"answer": answer, "scope": scope, "who": bulk.storable(who), "at": to_us(at)}
            rows = [{**said, "number": number, "name": name} for number, name in enumerate(names, first)]
            if rows:
                connection.execute(text(_ANSWER), rows)
                note(connection, who, f"quarantine {answer}", at, {"scope": scope, "names": len(rows)})
            return len(rows)

    def answers(self) -> list[QuarantineAnswer]:
        """List all answers ever, oldest first."""
        query = "SELECT number, answer, scope, name, who, at, known_at FROM quarantine_answers ORDER BY number"
        with self._database.read() as connection:
            found = connection.execute(text(query)).all()
        return [
            QuarantineAnswer(number, answer, scope, name, who, _instant(at), from_us(known_at))
            for number, answer, scope, name, who, at, known_at in found
        ]

    def _some(
        self, where: str, values: dict[str, Any], *, table: str = "quarantine", limit: int | None = None
    ) -> pa.Table:
        names = ", ".join(QUARANTINE.names)
        query = f"SELECT {names} FROM {table} WHERE {where} ORDER BY occurred_at DESC, {_KEY}"
        if limit is not None:
            query += f" LIMIT {int(limit)}"
        with self._database.read() as connection:
            return bulk.table_of(connection.execute(text(query), values).all(), QUARANTINE)


def _version(connection: Connection) -> int:
    return int(connection.execute(text(_WORD), {"name": _VERSION}).scalar_one_or_none() or 0)


def _instant(microseconds: int) -> datetime:
    found = from_us(microseconds)
    assert found is not None
    return found


def erase_quarantined(connection: Connection, database: Database, person_ids: Sequence[str]) -> int:
    """Forget, inside the caller's transaction, what machines did in the names of some people; give the events.

    Must come before the people's references go.
    """
    values = {"ids": database.packed(list(person_ids))}
    references = f"FROM identities WHERE person_id IN {database.list_of('ids', 'text')}"
    mine = f"(ref_system, ref_object, ref_id) IN (SELECT system, object, id {references})"
    past = f"DELETE FROM quarantine_past WHERE ({_KEY}) IN (SELECT {_KEY} FROM quarantine WHERE {mine})"
    connection.execute(text(past), values)
    events = f"""
        DELETE FROM quarantine_answers WHERE scope = 'event' AND name IN (
            SELECT system || ':' || kind || ':' || id FROM quarantine WHERE {mine})
    """
    connection.execute(text(events), values)
    said = f"""
        DELETE FROM quarantine_answers WHERE scope = 'person' AND name IN (
            SELECT system || ':' || object || ':' || id {references})
    """
    connection.execute(text(said), values)
    return int(connection.execute(text(f"DELETE FROM quarantine WHERE {mine}"), values).rowcount)
