"""Give groups of references their person ids, keeping every id that was given before."""

from __future__ import annotations

import duckdb
import pyarrow as pa

#: A new person's id is ``p`` and this many characters of ``domain.refs.digest(install, system, object, id)`` of the
#: subject, written in SQL. So the id names its subject: a known person's subject is the reference that hashes to it.
_ID = "'p' || substr(sha256(concat_ws(chr(31), $install, system, object, id)), 1, 24)"
_AGE = "created NULLS LAST, system, id, object"

_CLAIMS = f"""
CREATE TABLE claim AS
WITH mine AS (
    SELECT person_id, n, root, created, system, id, object, {_ID} = person_id AS is_subject
    FROM known JOIN node USING (system, object, id) JOIN fact USING (n) JOIN member USING (n)
), claims AS (
    SELECT * FROM mine
    QUALIFY row_number() OVER (PARTITION BY person_id ORDER BY is_subject DESC, {_AGE}) = 1
)
SELECT *, row_number() OVER (PARTITION BY root ORDER BY {_AGE}, person_id) = 1 AS keeps FROM claims
"""

_PERSONS = f"""
CREATE TABLE person AS
WITH kept AS (SELECT root, n, person_id FROM claim WHERE keeps),
fresh AS (
    SELECT root, n, {_ID} AS person_id
    FROM member JOIN node USING (n) JOIN fact USING (n)
    WHERE root NOT IN (SELECT root FROM kept)
    QUALIFY row_number() OVER (PARTITION BY root ORDER BY is_crm, is_email, NOT seen, {_AGE}) = 1
)
SELECT root, person_id, ref AS subject FROM (FROM kept UNION ALL FROM fresh) JOIN node USING (n)
"""


def name_groups(con: duckdb.DuckDBPyConnection, install: str) -> pa.Table:
    """Fill ``person`` (root, person_id, subject); give the known persons that became another (schema ``ALIASES``).

    A group that holds known persons keeps the id whose subject is oldest; when a known person falls apart, the part
    with its subject keeps its id. Only a group without a known person gets a new id, from its oldest reference outside
    the CRM, else its oldest.
    """
    con.execute(_CLAIMS, {"install": install})
    con.execute(_PERSONS, {"install": install})
    return con.sql(
        'SELECT claim.person_id, person.person_id AS "into" FROM claim JOIN person USING (root)'
        " WHERE NOT keeps ORDER BY ALL"
    ).to_arrow_table()
