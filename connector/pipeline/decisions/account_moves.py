"""Why people go from account to account: nobody moves without a cause that is kept."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from connector.pipeline.people.passes import PopulationPart
from connector.pipeline.tables import sql
from connector.ports.store import ACCOUNT_MOVES, Store


def account_moves(part: PopulationPart, aliases: pa.Table, store: Store, run_id: str, now: datetime) -> pa.Table:
    """Give those of one part whose account is another than the last cycle left, and why (schema ``ACCOUNT_MOVES``).

    Somebody seen for the first time has not moved: how their account was found stands in their memory. Somebody who
    turned out to be another person goes with that person, and the cause says so.
    """
    here = pc.is_in(aliases.column("into"), value_set=part.people.column("person_id").combine_chunks())
    aliases = aliases.filter(here)
    return sql(
        """
        SELECT person_id, $now::TIMESTAMPTZ AS "at", coalesce(kept_account, '') AS from_account,
            coalesce(account_id, '') AS to_account,
            CASE WHEN account = 'review' THEN 'waits for an answer: ' || match_method
                ELSE match_method END || coalesce(': ' || nullif(match_evidence, ''), '') AS cause, $run AS run_id
        FROM people WHERE remembered AND kept_account IS DISTINCT FROM account_id
        UNION ALL
        SELECT m.person_id, $now::TIMESTAMPTZ, m.account_id, coalesce(p.account_id, ''),
            'is one person with ' || a.into, $run
        FROM aliases a JOIN memory m USING (person_id) JOIN people p ON p.person_id = a.into
        WHERE m.account_id IS NOT NULL AND m.account_id IS DISTINCT FROM p.account_id
        ORDER BY person_id
        """,
        {"now": now, "run": run_id},
        people=part.people.select(
            ["person_id", "remembered", "kept_account", "account_id", "account", "match_method", "match_evidence"]
        ),
        aliases=aliases,
        memory=store.knowledge.persons(aliases.column("person_id").to_pylist()),
    ).cast(ACCOUNT_MOVES)
