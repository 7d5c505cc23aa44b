"""The working tables of one identification: numbered references, their records, and the joins between them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connector.domain.engine_answers import answer
from connector.domain.engine_apart import engine_apart
from connector.identity.addresses import compared, lay_domains
from connector.identity.groups import Groups
from connector.identity.tables import DECIDED, RECORDS
from connector.mapping.fields import PersonKey
from connector.ports.store import IDENTITIES

#: ranks of joins beside those of the stated keys, which lie between: facts hold even against a person's answer
FACT_RANK, DECIDED_RANK, KNOWN_RANK = -1, 0, 100

_REFERENCE = r"'^[^:]+:[^:]+:.'"

_NODES = f"""
CREATE TABLE node AS
SELECT row_number() OVER (ORDER BY ref) - 1 AS n, ref, split_part(ref, ':', 1) AS system,
       split_part(ref, ':', 2) AS object, regexp_extract(ref, '^[^:]+:[^:]+:(.*)$', 1, 's') AS id
FROM (
    SELECT ref FROM record
    UNION SELECT merged_into FROM record WHERE regexp_matches(merged_into, {_REFERENCE})
    UNION SELECT crm_id FROM record WHERE regexp_matches(crm_id, {_REFERENCE})
    UNION SELECT source_id FROM record WHERE regexp_matches(source_id, {_REFERENCE})
    UNION SELECT concat_ws(':', system, object, id) FROM known
)
"""

#: side C: records of the CRM; side S: everybody else's
_FACTS = """
CREATE TABLE fact AS
SELECT n, r.n IS NOT NULL AS seen, r.created, coalesce(r.deleted, false) AS deleted, r.merged_into, r.crm_id,
       r.source_id, CASE WHEN node.object = 'email' THEN lower(trim(node.id)) ELSE r.email END AS email,
       r.additional_emails, node.system = $crm AND node.object IN ('lead', 'contact') AS is_crm,
       node.object = 'email' AS is_email, coalesce(r.merged_into IS NOT NULL, false) AS is_alias
FROM node LEFT JOIN (SELECT node.n, record.* FROM record JOIN node USING (ref)) r USING (n)
"""

#: every address that somebody holds, as it is written
_ADDRESSES = """
CREATE TEMP TABLE address AS
SELECT n, is_crm, lower(trim(email)) AS written FROM fact WHERE email <> ''
UNION ALL
SELECT n, is_crm, lower(trim(unnest(string_split(additional_emails, ';')))) FROM fact WHERE additional_emails <> ''
"""

_HOLDERS = f"""
CREATE TABLE holder AS
WITH spread AS (
    SELECT DISTINCT n, is_crm, {compared("written")} AS email
    FROM address LEFT JOIN mail_domain ON mail_domain.host = split_part(written, '@', -1)
), shared AS (
    SELECT email, row_number() OVER (ORDER BY email) AS hub FROM spread
    WHERE contains(email, '@') GROUP BY email HAVING count(DISTINCT n) > 1
)
SELECT hub, n, is_crm FROM spread JOIN shared USING (email)
"""


@contextmanager
def open_ledger(
    records: pa.Table, known: pa.Table, decided: pa.Table, *, crm: str
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Number the references: tables ``known``, ``decided``, ``node``, ``fact``, ``holder``, ``joined``.

    Raises:
        ValueError: a column is missing, or a reference has two rows in ``records``.
    """
    with engine_apart(records.num_rows + known.num_rows) as con:
        _number(con, records, known, decided, crm=crm)
        yield con


def _number(con: duckdb.DuckDBPyConnection, records: pa.Table, known: pa.Table, decided: pa.Table, *, crm: str) -> None:
    shaped = _shaped(records, RECORDS, required=5)
    micros = pc.cast(shaped.column("created_at"), pa.int64())
    shaped = shaped.drop_columns(["created_at"]).append_column("created", micros)
    for name, table in (("raw", shaped), ("known", _shaped(known, IDENTITIES)), ("decided", _shaped(decided, DECIDED))):
        con.register(f"{name}_in", table)
        con.execute(f"CREATE TABLE {name} AS SELECT * FROM {name}_in")
        con.unregister(f"{name}_in")
    con.execute(
        "CREATE TABLE record AS SELECT concat_ws(':', system, object, id) AS ref, email, created, additional_emails,"
        " deleted, nullif(nullif(merged_into, ''), concat_ws(':', system, object, id)) AS merged_into, crm_id,"
        " source_id FROM raw"
    )
    con.execute("DROP TABLE raw")
    if con.execute("SELECT count(*) - count(DISTINCT ref) FROM record").fetchall()[0][0]:
        raise ValueError("records holds two rows for one reference")
    con.execute(_NODES)
    con.execute(_FACTS, {"crm": crm})
    con.execute(_ADDRESSES)
    lay_domains(con, "address", "written")
    con.execute(_HOLDERS)
    con.execute("DROP TABLE address")
    con.execute("DROP TABLE record")
    con.execute("CREATE TABLE joined (a BIGINT, b BIGINT, rank INTEGER, key VARCHAR, hub_a VARCHAR, hub_b VARCHAR)")


def _shaped(table: pa.Table, schema: pa.Schema, required: int | None = None) -> pa.Table:
    """Give exactly the columns of ``schema``; those after the first ``required`` may be left out and become empty."""
    columns = []
    for place, field in enumerate(schema):
        if field.name in table.column_names:
            columns.append(table.column(field.name).cast(field.type))
        elif required is not None and place >= required:
            columns.append(pa.nulls(table.num_rows, field.type))
        else:
            raise ValueError(f"column {field.name} is missing")
    return pa.table(columns, schema=schema)


def collect_joins(con: duckdb.DuckDBPyConnection, keys: tuple[PersonKey, ...]) -> Groups:
    """Fill ``joined`` in order of trust and give the groups it makes, answers of ``different`` not yet heeded.

    A weaker key does not lead a source record that a stronger key has placed at a living CRM record to another one.
    """
    groups = Groups(con.execute("SELECT count(*) FROM node").fetchall()[0][0])
    con.execute(
        "INSERT INTO joined SELECT fact.n, target.n, ?, CASE WHEN mine.object = 'lead' AND target.object = 'contact'"
        " THEN 'converted' ELSE 'merged' END, NULL, NULL FROM fact JOIN node mine USING (n)"
        " JOIN node target ON target.ref = fact.merged_into",
        [FACT_RANK],
    )
    con.execute(
        "INSERT INTO joined SELECT a.n, b.n, ?, 'decided', NULL, NULL FROM decided"
        " JOIN node a ON a.ref = \"left\" JOIN node b ON b.ref = \"right\" WHERE answer IN ('same', 'chosen')",
        [DECIDED_RANK],
    )
    _apply(con, groups, (FACT_RANK, DECIDED_RANK))
    for place, key in enumerate(keys):
        rank = 10 * (place + 1)
        if key == "name_account":
            continue  # it only asks (``likely``)
        _publish(con, groups)
        if key == "email":
            _join_by_email(con, rank)
        else:
            _join_by_reference(con, rank, key)
        _apply(con, groups, (rank, rank + 1))
    _publish(con, groups)
    con.execute(_KNOWN, [KNOWN_RANK])
    _apply(con, groups, (KNOWN_RANK,))
    return groups


#: What one merger or one answer had made of two persons, and has been taken back, is no longer remembered as one: its
#: records stand by what they state today. Where they still belong together by that, nothing is forgotten.
_KNOWN = """
INSERT INTO joined
WITH parted AS (
    SELECT ka.person_id
    FROM decided JOIN node a ON a.ref = "left" JOIN node b ON b.ref = "right"
    JOIN placed pa ON pa.n = a.n JOIN placed pb ON pb.n = b.n AND pb.root <> pa.root
    JOIN known ka ON ka.system = a.system AND ka.object = a.object AND ka.id = a.id
    JOIN known kb ON kb.system = b.system AND kb.object = b.object AND kb.id = b.id AND kb.person_id = ka.person_id
    WHERE answer = 'parted'
)
SELECT n, min(n) OVER (PARTITION BY person_id), ?, 'known', 'k' || person_id, NULL
FROM known JOIN node USING (system, object, id) WHERE person_id NOT IN (FROM parted)
"""


def _apply(con: duckdb.DuckDBPyConnection, groups: Groups, ranks: tuple[int, ...]) -> None:
    listed = ", ".join(map(str, ranks))
    pairs = answer(con, f"SELECT a, b FROM joined WHERE rank IN ({listed}) AND a <> b")
    groups.join(pairs.column("a").to_numpy(), pairs.column("b").to_numpy())


def _publish(con: duckdb.DuckDBPyConnection, groups: Groups) -> None:
    """Show the groups so far as ``placed`` (n, root, and whether a living CRM record is in the group)."""
    roots = groups.roots()
    con.register("roots_in", pa.table({"n": pa.array(np.arange(len(roots))), "root": pa.array(roots)}))
    con.execute(
        "CREATE OR REPLACE TABLE placed AS SELECT n, root, bool_or(seen AND is_crm AND NOT deleted AND NOT is_alias)"
        " OVER (PARTITION BY root) AS linked FROM roots_in JOIN fact USING (n)"
    )
    con.unregister("roots_in")


def _join_by_reference(con: duckdb.DuckDBPyConnection, rank: int, key: PersonKey) -> None:
    """Join records with the reference they state; ``crm_id`` is stated by sources, ``source_id`` by the CRM."""
    source, target = ("here", "there") if key == "crm_id" else ("there", "here")
    con.execute(
        f"""
        INSERT INTO joined
        SELECT fact.n, node.n, ?, ?, NULL, NULL
        FROM fact JOIN node ON node.ref = fact.{key}
        JOIN placed here ON here.n = fact.n JOIN placed there ON there.n = node.n
        WHERE fact.is_crm = ? AND NOT ({source}.linked AND {source}.root <> {target}.root)
        """,
        [rank, key, key == "source_id"],
    )


def _join_by_email(con: duckdb.DuckDBPyConnection, rank: int) -> None:
    """Join all sources' holders of an address, all CRM holders of it, and (one rank later) the two."""
    con.execute(
        "INSERT INTO joined SELECT n, min(n) OVER (PARTITION BY hub, is_crm), ?, 'email',"
        " CASE WHEN is_crm THEN 'c' ELSE 's' END || hub, NULL FROM holder",
        [rank],
    )
    con.execute(
        """
        INSERT INTO joined
        WITH sides AS (
            SELECT hub, min(n) FILTER (NOT is_crm) AS s, min(n) FILTER (is_crm) AS c,
                   list(DISTINCT root) FILTER (NOT is_crm AND linked) AS linked_roots,
                   list(DISTINCT root) FILTER (is_crm) AS crm_roots
            FROM holder JOIN placed USING (n) GROUP BY hub
        )
        SELECT s, c, ?, 'email', 's' || hub, 'c' || hub FROM sides
        WHERE s IS NOT NULL AND c IS NOT NULL
          AND (linked_roots IS NULL OR list_has_any(linked_roots, crm_roots))
        """,
        [rank + 1],
    )
