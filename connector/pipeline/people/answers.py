"""Who answered the five questions, and when: read from the versions of CRM records."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import pyarrow as pa

from connector.domain.engine_answers import answer
from connector.domain.sql_text import literal, quoted
from connector.lake.layout import FIELD
from connector.mapping.bundle import Mappings
from connector.pipeline.tables import beside, sql
from connector.ports.traits import AdapterTraits

#: one row per record: ``record`` (object:id) and, per question, ``bants.QUESTION.on`` and ``.by``
_RECORD = pa.field("record", pa.string())


def read_answers(
    connection: duckdb.DuckDBPyConnection, views: Mapping[str, pa.Table], crm: AdapterTraits, mappings: Mappings
) -> pa.Table:
    """Say of each CRM record when each question that has an answer got it, and which user gave it.

    ``views`` are the versions of records by their object, registered as ``OBJECT_versions``. ``by`` is a CRM user id;
    null where the CRM does not say, or the answer was there when the record was first seen: then ``on`` is when that
    version was made.
    """
    fields = mappings.scoring.dimensions.qualification.bants
    parts = []
    for object_, table in views.items():
        changed_by = FIELD + crm.native.get(object_, {}).get("changed_by", "")
        by_user = quoted(changed_by) if changed_by in table.column_names else "NULL::VARCHAR"
        for question, field in fields.items():
            if FIELD + field in table.column_names:
                parts.append(_latest(object_, question, FIELD + field, by_user))
    if not parts:
        return pa.schema([_RECORD]).empty_table()
    columns = "".join(
        f', max(told_at) FILTER (question = {literal(question)}) AS "bants.{question}.on"'
        f', max(by_user) FILTER (question = {literal(question)}) AS "bants.{question}.by"'
        for question in fields
    )
    query = f"SELECT record{columns} FROM ({' UNION ALL '.join(parts)}) GROUP BY record"
    return answer(connection, query)


def _latest(object_: str, question: str, column: str, by_user: str) -> str:
    """Write the query for the version of each record in which one field got the value that it has."""
    order = "PARTITION BY id ORDER BY modified_at, landed_at, serial"
    return f"""
        SELECT {literal(object_ + ":")} || id AS record, {literal(question)} AS question, modified_at AS told_at,
            CASE WHEN modified_at > earlier THEN by_user END AS by_user
        FROM (
            SELECT * FROM (
                SELECT id, modified_at, landed_at, serial, {by_user} AS by_user, {quoted(column)} AS value,
                    lag({quoted(column)}) OVER ({order}) AS before, lag(modified_at) OVER ({order}) AS earlier
                FROM {object_}_versions WHERE NOT deleted
            ) WHERE value IS DISTINCT FROM before
            QUALIFY row_number() OVER (PARTITION BY id ORDER BY modified_at DESC, landed_at DESC, serial DESC) = 1
        ) WHERE value IS NOT NULL"""


def with_evidence(people: pa.Table, answers: pa.Table) -> pa.Table:
    """Set beside each person when their record got its answers, and from whom (columns of ``read_answers``)."""
    names = [name for name in answers.column_names if name != "record"]
    if not names:
        return people
    listed = ", ".join(f"a.{quoted(name)}" for name in names)
    found = sql(
        f"SELECT p.person_id, {listed} FROM people p LEFT JOIN answers a USING (record) ORDER BY p.person_id",
        people=people.select(["person_id", "record"]),
        answers=answers,
    )
    return beside(people, found)
