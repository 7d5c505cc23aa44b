"""Deals by account: whether one is open, whose it is, and whether one was won."""

from __future__ import annotations

import pyarrow as pa

from connector.domain.sql_text import quoted
from connector.lake.layout import FIELD, LINK
from connector.pipeline.people.gathering import Holdings
from connector.pipeline.tables import sql
from connector.ports.traits import AdapterTraits

#: facts that say the same where fields.yaml takes them from the CRM
_FACTS = ("open_opportunity", "customer")
_NONE = pa.schema(
    [("account_id", pa.string()), ("open", pa.bool_()), ("won", pa.bool_()), ("deal_owner_id", pa.string())]
).empty_table()


def deals(holdings: Holdings, crm: AdapterTraits) -> pa.Table:
    """Give every account with a deal: ``account_id open won deal_owner_id``.

    The owner is that of the open deal that changed last, then of the greatest id; null without an open deal.
    """
    table = holdings.get(crm.system, "opportunity")
    names = crm.native.get("opportunity", {})
    closed, won = FIELD + names.get("closed", ""), FIELD + names.get("won", "")
    if not {closed, won, LINK + "account"} <= set(table.column_names):
        return _NONE
    owner = quoted(LINK + "owner") if LINK + "owner" in table.column_names else "NULL::VARCHAR"
    return sql(
        f"""
        WITH told AS (
            SELECT id, modified_at, {quoted(LINK + "account")} AS account_id, {owner} AS owner,
                coalesce({quoted(won)} = 'true', false) AS won,
                coalesce({quoted(closed)} = 'true', false) OR coalesce({quoted(won)} = 'true', false) AS closed
            FROM opportunities WHERE NOT deleted AND {quoted(LINK + "account")} IS NOT NULL
        )
        SELECT account_id, bool_or(NOT closed) AS open, bool_or(won) AS won,
            arg_max(owner, (modified_at, id)) FILTER (NOT closed) AS deal_owner_id
        FROM told GROUP BY account_id ORDER BY account_id
        """,
        opportunities=table,
    )


def with_deals(accounts: pa.Table, of_deals: pa.Table) -> pa.Table:
    """Set ``open_opportunity``, ``customer`` and ``deal_owner_id`` beside accounts, in order of their ids.

    What is there already (a tie that people's deals tell of, a line of fields.yaml) says so as well.
    """
    here = [name for name in _FACTS if name in accounts.column_names]
    rest = f" EXCLUDE ({', '.join(here)})" if here else ""
    told = {
        name: f"coalesce(TRY_CAST(a.{name} AS BOOLEAN), false) OR " if name in accounts.column_names else ""
        for name in _FACTS
    }
    return sql(
        f"""
        SELECT a.*{rest}, {told["open_opportunity"]}coalesce(d.open, false) AS open_opportunity,
            {told["customer"]}coalesce(d.won, false) AS customer, d.deal_owner_id
        FROM accounts a LEFT JOIN deals d USING (account_id) ORDER BY account_id
        """,
        accounts=accounts,
        deals=of_deals,
    )
