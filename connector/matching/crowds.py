"""Domains that are nobody's own: many unrelated accounts carry them, or their people belong to many."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from connector.matching.ledger import Domains, hosts_of
from connector.matching.tables import LINKED_IN, shaped

#: An address that so many unrelated accounts carry, or whose people belong to so many, is nobody's own.
SUSPECT_ACCOUNTS = 5

#: one row per domain; ``accounts`` counts families of accounts
SUSPECTS = pa.schema([("domain", pa.string()), ("accounts", pa.int64()), ("because", pa.string())])

_CROWDS = f"""
CREATE OR REPLACE TABLE crowd AS
WITH each_family AS (
    SELECT domain, root, count(*) AS people
    FROM linked_in JOIN linked_host ON linked_host.written = regexp_extract(email, '@([^@]+)$', 1)
    JOIN a USING (account_id) WHERE never = '' GROUP BY domain, root
)
SELECT domain, count(*) AS families FROM each_family GROUP BY domain
HAVING count(*) >= {SUSPECT_ACCOUNTS} AND 2 * max(people) <= sum(people)
"""


def lay_crowds(con: duckdb.DuckDBPyConnection, linked: pa.Table | None, domains: Domains) -> None:
    """Lay out ``crowd`` (domain, families): whose people are linked to many families, most of them to no single one.

    Raises:
        ConfigError: ``account_id`` is missing.
    """
    table = shaped(LINKED_IN.empty_table() if linked is None else linked, LINKED_IN, "links", unique=False)
    con.register("linked_in", table)
    mails = "SELECT DISTINCT regexp_extract(email, '@([^@]+)$', 1) FROM linked_in WHERE email IS NOT NULL"
    con.register("linked_host", hosts_of(con, mails, domains, mail=True))
    con.execute(_CROWDS)
    con.unregister("linked_host")
    con.unregister("linked_in")


def suspects(con: duckdb.DuckDBPyConnection, at_least: int = SUSPECT_ACCOUNTS) -> pa.Table:
    """List suspect domains with what was seen (schema ``SUSPECTS``), most shared first."""
    return (
        con.sql(
            f"""
        SELECT domain, max(accounts) AS accounts, string_agg(because, '; ' ORDER BY because) AS because FROM (
            SELECT domain, count(DISTINCT root) AS accounts,
                   count(DISTINCT root) || ' unrelated accounts carry it' AS because
            FROM account_host JOIN a USING (account_id) GROUP BY domain HAVING accounts >= {int(at_least)}
            UNION ALL
            SELECT domain, families, 'its people belong to ' || families || ' unrelated accounts' FROM crowd
        ) GROUP BY domain ORDER BY accounts DESC, domain
        """
        )
        .to_arrow_table()
        .cast(SUSPECTS)
    )
