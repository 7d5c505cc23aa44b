"""Find out who is who: references of all systems become persons, by stated keys in a stated order."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

import duckdb
import pyarrow as pa

from connector.domain.engine_answers import answer
from connector.identity.ledger import collect_joins, open_ledger
from connector.identity.naming import name_groups
from connector.identity.questions import Candidate, ask
from connector.identity.splitting import settle_groups
from connector.identity.tables import ALIASES, PEOPLE, WHY, Identified
from connector.mapping.fields import PersonKey
from connector.ports.store import IDENTITIES, Review

_IDENTITIES = """
SELECT system, object, id, person_id FROM member JOIN node USING (n) JOIN person USING (root) ORDER BY ALL
"""

#: what stands in a system: neither deleted nor merged or converted into another
_STANDING = "(seen AND NOT deleted AND NOT is_alias)"

_PEOPLE = f"""
CREATE TABLE being AS
SELECT root, min(created) AS created, coalesce(bool_or({_STANDING} AND NOT is_email), false) AS living,
       bool_or(is_crm) AS in_crm,
       coalesce(list(ref ORDER BY ref) FILTER ({_STANDING} AND is_crm), []) AS crm_records,
       {{sources}} AS sources
FROM member JOIN node USING (n) JOIN fact USING (n) GROUP BY root
"""

_SOURCES = f"coalesce(list(ref ORDER BY ref) FILTER ({_STANDING} AND NOT is_crm AND NOT is_email), [])"

_CHOICES = """
CREATE TABLE choice AS
SELECT being.root, any_value("right") AS chosen
FROM decided JOIN node a ON a.ref = "left" JOIN member ma ON ma.n = a.n
JOIN node b ON b.ref = "right" JOIN member mb ON mb.n = b.n AND mb.root = ma.root
JOIN being ON being.root = ma.root
WHERE list_contains(crm_records, "right")
  AND (answer = 'chosen' OR (answer = 'same' AND NOT list_contains(crm_records, "left")))
GROUP BY being.root HAVING count(DISTINCT "right") = 1
"""

_ANSWERS = """
WITH stated AS (
    SELECT being.*, person_id, subject, chosen,
           CASE WHEN doubt.root IS NOT NULL THEN 'several'
                WHEN len(crm_records) = 1 OR chosen IS NOT NULL THEN 'one'
                WHEN len(crm_records) > 1 THEN 'several'
                WHEN in_crm THEN 'gone' ELSE 'none' END AS crm_state
    FROM being JOIN person USING (root) LEFT JOIN choice USING (root)
    LEFT JOIN (SELECT DISTINCT root FROM doubt) doubt ON doubt.root = being.root
), written AS (
    SELECT *, CASE WHEN crm_state = 'one' THEN coalesce(chosen, crm_records[1]) END AS crm FROM stated
)
SELECT person_id, subject, make_timestamp(created) AS created_at, living, crm_state,
       split_part(crm, ':', 2) AS crm_object,
       regexp_extract(crm, '^[^:]+:[^:]+:(.*)$', 1, 's') AS crm_id, {lists}
FROM written ORDER BY person_id
"""
_LISTS = "crm_records, sources"
_NO_LISTS = "NULL::VARCHAR[] AS crm_records, NULL::VARCHAR[] AS sources"

_WHY = """
WITH edge AS (
    SELECT a AS n, b AS other, rank, key FROM joined UNION ALL SELECT b, a, rank, key FROM joined
), best AS (
    SELECT edge.n, edge.other, edge.key FROM edge
    JOIN member m ON m.n = edge.n JOIN member o ON o.n = edge.other AND o.root = m.root
    WHERE edge.n <> edge.other
    QUALIFY row_number() OVER (PARTITION BY edge.n ORDER BY rank, edge.other, key) = 1
)
SELECT node.system, node.object, node.id, person_id,
       CASE WHEN node.ref = subject THEN 'subject' ELSE coalesce(key, 'known') END AS key,
       CASE WHEN node.ref = subject THEN '' ELSE coalesce(target.ref, subject) END AS "to"
FROM member JOIN node USING (n) JOIN person USING (root)
LEFT JOIN best ON best.n = member.n LEFT JOIN node target ON target.n = best.other
ORDER BY ALL
"""

_CANDIDATES = """
WITH option AS (
    SELECT root, unnest(crm_records) AS ref FROM being
    WHERE (len(crm_records) > 1 AND root NOT IN (SELECT root FROM choice)) OR root IN (SELECT root FROM doubt)
    UNION
    SELECT doubt.root, unnest(crm_records) FROM doubt JOIN being ON being.root = doubt.fits
)
SELECT person_id, subject, option.root IN (SELECT root FROM doubt) AS apart, option.ref, created,
       list(DISTINCT [key, other.ref] ORDER BY [key, other.ref])
       FILTER (key IS NOT NULL AND other.n <> node.n) AS evidence
FROM option JOIN person USING (root) JOIN node USING (ref) JOIN fact USING (n)
LEFT JOIN (SELECT a AS n, b AS other, key FROM joined UNION SELECT b, a, key FROM joined) j ON j.n = node.n
LEFT JOIN node other ON other.n = j.other
GROUP BY ALL ORDER BY person_id, option.ref
"""


def identify(
    records: pa.Table,
    known: pa.Table,
    *,
    keys: tuple[PersonKey, ...],
    install: str,
    decided: pa.Table,
    crm: str,
    now: datetime,
    brief: bool = False,
    retired: Collection[str] = (),
) -> Identified:
    """Group all references into persons and say for each which CRM record is theirs.

    The outcome does not depend on the order of rows. Records told in several calls, ``known`` fed back, give the
    groups of one call with all of them, or larger ones: a pair once joined stays joined until somebody answers
    ``different``, or what had made them one is taken back (``parted``). Where a later, stronger key contradicts a
    remembered pair, the person goes to review. No reference ever leaves a person id for a new one, except so. Deleted
    and merged records keep their person.

    Args:
        records: current versions of all people's records, not only what changed; schema ``RECORDS``.
        known: ``identities`` of the last call.
        keys: by which keys records are one person, in order of trust.
        install: the installation's word, part of every new id.
        decided: remembered answers, schema ``DECIDED``; see ``questions.answers``.
        crm: name of the system that is the CRM; its leads and contacts are what is written.
        now: stamped on questions.
        retired: ids of persons who became another in an earlier call: should they part again, they are themselves.
        brief: leave out what only a reader wants: ``why``, ``crm_records`` and ``sources`` are empty.

    Raises:
        ValueError: a column is missing, or a reference has two rows.
    """
    with open_ledger(records, known, decided, crm=crm) as con:
        groups = collect_joins(con, keys)
        doubts = settle_groups(con, groups)
        aliases = name_groups(con, install, retired).cast(ALIASES)
        return _answer(con, aliases, doubts, now, brief=brief)


def _answer(
    con: duckdb.DuckDBPyConnection, aliases: pa.Table, doubts: Mapping[int, list[int]], now: datetime, *, brief: bool
) -> Identified:
    con.execute(_PEOPLE.format(sources="NULL::VARCHAR[]" if brief else _SOURCES))
    con.execute(_CHOICES)
    con.execute("CREATE TABLE doubt (root BIGINT, fits BIGINT)")
    pairs = [(root, other) for root, fits in doubts.items() for other in fits]
    if pairs:
        con.executemany("INSERT INTO doubt VALUES (?, ?)", pairs)
    return Identified(
        identities=answer(con, _IDENTITIES).cast(IDENTITIES),
        persons=answer(con, _ANSWERS.format(lists=_NO_LISTS if brief else _LISTS)).cast(PEOPLE),
        why=WHY.empty_table() if brief else answer(con, _WHY).cast(WHY),
        aliases=aliases,
        reviews=_reviews(con, now),
        merged=aliases.num_rows,
    )


def _reviews(con: duckdb.DuckDBPyConnection, now: datetime) -> list[Review]:
    by_person: dict[tuple[str, str, bool], list[Candidate]] = {}
    for person_id, subject, apart, ref, created, evidence in con.execute(_CANDIDATES).fetchall():
        candidate = Candidate(ref, created, tuple((key, other) for key, other in evidence or ()))
        by_person.setdefault((person_id, subject, apart), []).append(candidate)
    return [ask(who, subject, found, apart=apart, now=now) for (who, subject, apart), found in by_person.items()]
