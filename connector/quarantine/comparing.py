"""What is on the list beside what was judged now: which rows are new or changed, and what they were before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa

from connector.domain.sql_text import moment
from connector.lake.engine import querying
from connector.ports.quarantine import EVENT, QUARANTINE, QUARANTINE_PAST, REFERENCES, QuarantineAnswer
from connector.quarantine.judging import JUDGED

_KEY = ", ".join(EVENT)
#: what may change of an event: the evidence
_EVIDENCE = ("patterns", "after_ms", "after", "at_once")
_TOLD = tuple(name for name in JUDGED.names if name not in (*EVENT, "caught"))
_ANSWERS = pa.schema([("number", pa.int64()), ("answer", pa.string()), ("scope", pa.string()), ("name", pa.string())])
#: scope of an answer → how an event names what it speaks of
_NAMES = {
    "event": "b.system || ':' || b.kind || ':' || b.id",
    "person": "b.ref_system || ':' || b.ref_object || ':' || b.ref_id",
    "campaign": "b.system || ':' || coalesce(b.campaign, '')",
}


def compared(
    listed: pa.Table,
    judged: pa.Table,
    answers: Sequence[QuarantineAnswer],
    *,
    as_of: datetime,
    inside: str,
    refs: pa.Table | None = None,
) -> tuple[pa.Table, pa.Table]:
    """Give the rows (``QUARANTINE``) that are new or changed, and what those whose state changed were before.

    ``inside`` is the condition, over a listed row ``l``, that it was judged; it may ask ``refs``. A listed event that
    was judged and shows no sign any more is cleared; one that was not judged keeps what is known of it. Of all answers
    that speak of an event the latest counts, however wide it is.
    """
    either = ", ".join(f"CASE WHEN j.id IS NULL THEN l.{name} ELSE j.{name} END AS {name}" for name in _TOLD)
    before = ", ".join(f"l.{name} AS l_{name}" for name in (*_EVIDENCE, "version"))
    same = " AND ".join(f"{name} IS NOT DISTINCT FROM l_{name}" for name in _EVIDENCE)
    now = moment(as_of)
    saying = " UNION ALL ".join(
        f"SELECT b.system, b.kind, b.id, a.number, a.answer FROM sides b JOIN answers a "
        f"ON a.scope = '{scope}' AND a.name = {name}"
        for scope, name in _NAMES.items()
    )
    words = [{name: getattr(one, name) for name in _ANSWERS.names} for one in answers]
    with querying() as connection:
        connection.register("listed", listed)
        connection.register("judged", judged)
        connection.register("answers", pa.Table.from_pylist(words, _ANSWERS))
        connection.register("refs", REFERENCES.empty_table() if refs is None else refs)
        connection.execute(f"""
            CREATE TEMP TABLE sides AS
            SELECT {_KEY}, {either}, l.state AS was, l.since AS was_since, {before},
                coalesce(j.caught, l.state <> 'cleared' AND NOT ({inside}), false) AS caught
            FROM judged j FULL JOIN listed l USING ({_KEY})""")
        connection.execute(f"""
            CREATE TEMP TABLE said AS
            SELECT b.*, CASE WHEN NOT caught THEN 'cleared' WHEN answer = 'release' THEN 'released' ELSE 'held' END
                AS state
            FROM sides b LEFT JOIN (SELECT {_KEY}, arg_max(answer, number) AS answer FROM ({saying}) GROUP BY ALL)
            USING ({_KEY})""")
        # Only what counts otherwise than before needs to be rebuilt.
        version = """CASE WHEN (coalesce(was, 'cleared') = 'held') = (state = 'held')
            THEN coalesce(l_version, 0) ELSE -1 END AS version"""
        rows = connection.sql(f"""
            SELECT {", ".join(QUARANTINE.names)} FROM (
                SELECT *, CASE WHEN was = state THEN was_since ELSE {now} END AS since, {version} FROM said
                WHERE was IS DISTINCT FROM state OR was IS NOT NULL AND NOT ({same}))
            ORDER BY {_KEY}""").to_arrow_table()
        past = connection.sql(f"""
            SELECT {_KEY}, was_since AS since, was AS state, {now} AS until FROM said
            WHERE was IS NOT NULL AND was <> state AND was_since < {now} ORDER BY {_KEY}""").to_arrow_table()
        connection.execute("DROP TABLE said")
        connection.execute("DROP TABLE sides")
    return rows.cast(QUARANTINE), past.cast(QUARANTINE_PAST)
