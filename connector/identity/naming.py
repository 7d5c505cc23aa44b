"""Give groups of references their person ids, keeping every id that was given before."""

from __future__ import annotations

from collections.abc import Collection

import duckdb
import pyarrow as pa

from connector.domain.engine_answers import answer

#: A new person's id is ``p`` and this many characters of ``domain.refs.digest(install, system, object, id)`` of the
#: subject, written in SQL. So the id names its subject: a known person's subject is the reference that hashes to it.
_ID = "'p' || substr(sha256(concat_ws(chr(31), $install, system, object, id)), 1, 24)"
_AGE = "created NULLS LAST, system, id, object"
_COLUMNS = "created, system, id, object"

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

#: which reference a nameless group is named after, best first
_FIRST = f"is_crm, is_email, NOT seen, {_AGE}"
_FRESH = f"""
    SELECT root, n, {_ID} AS person_id
    FROM member JOIN node USING (n) JOIN fact USING (n)
    WHERE root NOT IN (SELECT root FROM kept)
    QUALIFY row_number() OVER (PARTITION BY root ORDER BY {_FIRST}) = 1
"""
_FRESH_OR_BACK = f"""
    SELECT root, n, person_id FROM (
        SELECT root, n, {_ID} AS person_id, is_crm, is_email, seen, created, system, id, object
        FROM member JOIN node USING (n) JOIN fact USING (n)
        WHERE root NOT IN (SELECT root FROM kept)
    ) LEFT JOIN (SELECT person_id, true AS back FROM retired) USING (person_id)
    QUALIFY row_number() OVER (PARTITION BY root ORDER BY back NULLS LAST, {_FIRST}) = 1
"""
_PERSONS = """
CREATE TABLE person AS
WITH kept AS (SELECT root, n, person_id FROM claim WHERE keeps), fresh AS ({fresh})
SELECT root, person_id, ref AS subject FROM (FROM kept UNION ALL FROM fresh) JOIN node USING (n)
"""


def name_groups(con: duckdb.DuckDBPyConnection, install: str, retired: Collection[str] = ()) -> pa.Table:
    """Fill ``person`` (root, person_id, subject); give the known persons that became another (schema ``ALIASES``).

    A group that holds known persons keeps the id whose subject is oldest; when a known person falls apart, the part
    with its subject keeps its id. Only a group without a known person gets a new id, from its oldest reference outside
    the CRM, else its oldest. A group that holds the subject of a person who had become another (``retired``) is that
    person again: who was merged by mistake comes back under the old id.
    """
    con.register("retired_in", pa.table({"person_id": pa.array(sorted(retired), pa.string())}))
    con.execute("CREATE TABLE retired AS SELECT * FROM retired_in")
    con.unregister("retired_in")
    con.execute(_CLAIMS, {"install": install})
    con.execute(_PERSONS.format(fresh=_FRESH_OR_BACK if retired else _FRESH), {"install": install})
    return answer(
        con,
        'SELECT claim.person_id, person.person_id AS "into" FROM claim JOIN person USING (root)'
        " WHERE NOT keeps ORDER BY ALL",
    )
