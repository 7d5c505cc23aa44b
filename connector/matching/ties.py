"""Choose among several accounts by stated rules, and say when no rule decides."""

from __future__ import annotations

from typing import NamedTuple

import duckdb

from connector.mapping.fields import AccountMatching
from connector.matching.around import Account
from connector.matching.crowds import SUSPECT_ACCOUNTS


def settle_ties(
    con: duckdb.DuckDBPyConnection, candidates: str, settled: str, matching: AccountMatching, *, suspect: bool
) -> None:
    """Turn candidates (unit, account_id, grade) into one row per unit in table ``settled``.

    ``grade`` is evidence of identity: only the candidates with the highest compete. Then the rules of ``tie_break``
    apply one after the other, each keeping those it prefers. Columns: unit, account_id (the answer or the best
    candidate), runner_up, how, rivals (how many competed), grade. How: ``only``, the rule that decided, ``parent``
    where the rest is one hierarchy, its top is in it and ``hierarchy`` is not ``ask``, ``shared`` where ``suspect`` and
    too many unrelated accounts compete, else ``tied``.
    """
    order = matching.tie_break
    family = "false" if matching.hierarchy == "ask" else "left_over = 1 AND has_top"
    ranks = ["grade DESC"] + [f"{rule} DESC" for rule in order]
    steps = ",\n".join(
        f"rank() OVER (PARTITION BY unit ORDER BY {', '.join(ranks[: place + 1])}) AS r{place}"
        for place in range(len(ranks))
    )
    last = len(ranks) - 1
    counts = ", ".join(f"count(*) FILTER (r{place} = 1) AS n{place}" for place in range(len(ranks)))
    decisions = "\n".join(f"WHEN n{place} = 1 THEN '{rule}'" for place, rule in enumerate(order, start=1))
    limit = SUSPECT_ACCOUNTS if suspect else 1_000_000_000
    con.execute(
        f"""
        CREATE OR REPLACE TABLE {settled} AS
        WITH ranked AS (
            SELECT c.unit, c.account_id, c.grade, a.root, {steps},
                   row_number() OVER (PARTITION BY unit ORDER BY {", ".join(ranks)}, c.account_id <> a.root,
                                      c.account_id) AS place
            FROM {candidates} c JOIN a USING (account_id)
        ), summed AS (
            SELECT unit, {counts}, max(grade) AS grade,
                   count(DISTINCT root) FILTER (r0 = 1) AS families,
                   count(DISTINCT root) FILTER (r{last} = 1) AS left_over,
                   bool_or(account_id = root) FILTER (r{last} = 1) AS has_top,
                   max(account_id) FILTER (place = 1) AS account_id, max(account_id) FILTER (place = 2) AS runner_up
            FROM ranked GROUP BY unit
        )
        SELECT unit, account_id, runner_up, n0 AS rivals, grade,
               CASE WHEN n0 = 1 THEN 'only'
                    WHEN families >= {limit} THEN 'shared'
                    {decisions}
                    WHEN {family} THEN 'parent'
                    ELSE 'tied' END AS how
        FROM summed
        """
    )


class Competitor(NamedTuple):
    """An account that may be meant, and its evidence of identity."""

    account: Account
    grade: int


class Settled(NamedTuple):
    """Who is left of several; the words of ``settle_ties``."""

    account_id: str
    runner_up: str | None
    how: str
    rivals: int


def settle(candidates: list[Competitor], matching: AccountMatching, *, suspect_from: int | None = None) -> Settled:
    """Choose for one unit as ``settle_ties`` does for all; there is at least one candidate."""
    order = matching.tie_break
    keys = {
        each.account.account_id: (each.grade, *(getattr(each.account, rule) for rule in order)) for each in candidates
    }
    ranked = sorted(
        (each.account for each in candidates),
        key=lambda its: (
            tuple(-rank for rank in keys[its.account_id]),
            its.account_id != its.root,
            its.account_id,
        ),
    )
    top = keys[ranked[0].account_id]
    level = [
        [its for its in ranked if keys[its.account_id][: place + 1] == top[: place + 1]] for place in range(len(top))
    ]
    left = level[-1]
    if len(level[0]) == 1:
        how = "only"
    elif suspect_from is not None and len({its.root for its in level[0]}) >= suspect_from:
        how = "shared"
    elif decided := next((rule for rule, its in zip(order, level[1:], strict=True) if len(its) == 1), None):
        how = decided
    elif matching.hierarchy != "ask" and len({its.root for its in left}) == 1 and left[0].account_id == left[0].root:
        how = "parent"
    else:
        how = "tied"
    return Settled(ranked[0].account_id, ranked[1].account_id if len(ranked) > 1 else None, how, len(level[0]))
