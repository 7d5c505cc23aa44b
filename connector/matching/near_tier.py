"""From a company name that no account bears to the account whose name is nearest."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import duckdb
import pyarrow as pa

from connector.mapping.fields import AccountMatching
from connector.matching.evidence import in_words
from connector.matching.name_model import name_model
from connector.matching.names import company_name
from connector.matching.near import Near, NearNames
from connector.matching.tiers import AGREEMENT, HOW, PARENT, RULED_NAME, UNDECIDED
from connector.matching.ties import settle_ties

# What speaks for and against beside the names, as logs of odds. Public lists say too little about places to learn them:
# these are set by hand, lower than such evidence is usually worth. (what, in words, when, log of odds)
BESIDE = (
    ("same telephone", "a.phone = u.phone", 3.0),
    ("same postal code", "a.postal_code = u.postal_code", 1.5),
    ("same city", "a.city = u.city", 1.0),
    ("another city", "a.city <> u.city", -0.4),
    ("same state", "a.state = u.state", 0.4),
    ("another state", "length(a.state) = length(u.state) AND a.state <> u.state", -0.6),
    ("same country", "a.country = u.country", 0.2),
    ("another country", "length(a.country) = length(u.country) AND a.country <> u.country", -2.0),
    ("the domain is called so", "u.label = n.key AND length(n.key) >= 3", 2.0),
)
# no near name is as sure as an equal one: what lies above the first figure is squeezed, to 0.955 at most
_SQUEEZED, _SQUEEZE = 0.92, 0.5625
_BELOW_EQUAL = f"({{share}}) - greatest(({{share}}) - {_SQUEEZED}, 0) * {_SQUEEZE}"
_WEIGHED = " + ".join(f"{odds} * coalesce({when}, false)::INT" for _, when, odds in BESIDE)
_TOLD = " || ".join(f"CASE WHEN {when} THEN '; {words}' ELSE '' END" for words, when, _ in BESIDE)


def below_equal(share: float) -> float:
    """Give the confidence of a near name from its share among all that could be meant."""
    return share - max(share - _SQUEEZED, 0.0) * _SQUEEZE


def names_of_accounts(con: duckdb.DuckDBPyConnection) -> NearNames:
    """Index the names of the accounts; of spellings that are equal in normal form the first of the alphabet stands."""
    written = con.execute(
        "SELECT key, min(trim(a.name)) FROM account_name JOIN a USING (account_id) WHERE key IS NOT NULL GROUP BY key"
    ).fetchall()
    return NearNames({key: company_name(name) for key, name in written}, name_model())


def by_near_name(
    con: duckdb.DuckDBPyConnection,
    tier: int,
    matching: AccountMatching,
    look: Callable[[str], Sequence[Near]],
    *,
    least: float,
) -> None:
    """Look for near names, for people nobody has found an account for.

    The confidence is the share of right answers among such: what speaks for a name beside all others that are near and
    beside none being meant. Two that are nearly as near leave each other half.
    """
    if not _look(con, look):
        return
    con.execute(
        f"""
        CREATE OR REPLACE TABLE near_candidate AS
        SELECT unit, n.key, account_id, leaning + {_WEIGHED} AS leaning, {AGREEMENT} AS grade
        FROM (SELECT DISTINCT unit FROM near_unit) JOIN name_asked u USING (unit) JOIN near_in USING (written)
        JOIN account_name n ON n.key = near_key JOIN a USING (account_id)
        WHERE NOT EXISTS (FROM answer WHERE answer = 'different' AND answer.person_id = u.refuser
                          AND answer.account_id = n.account_id)
        """
    )
    _weigh(con, least)
    con.execute(
        "CREATE OR REPLACE TABLE near_of_key AS SELECT unit, c.account_id, grade FROM near_candidate c"
        " JOIN near_best USING (unit, key)"
    )
    settle_ties(con, "near_of_key", "near_settled", matching, suspect=False)
    con.execute(
        f"""
        INSERT INTO found
        SELECT person_id, ?, s.account_id, 'name',
               CASE how WHEN 'only' THEN b.confidence WHEN 'tied' THEN least(b.confidence, {UNDECIDED})
                        WHEN 'parent' THEN least(b.confidence, {PARENT}) ELSE least(b.confidence, {RULED_NAME}) END,
               'near name: ' || u.written || ' ~ ' || a.name || ': ' || near_in.told || {HOW} || {_TOLD},
               coalesce(s.runner_up, b.next_account), CASE WHEN how = 'tied' THEN 'weak' ELSE 'sure' END
        FROM near_unit JOIN name_asked u USING (unit) JOIN near_best b USING (unit) JOIN near_settled s USING (unit)
        JOIN near_in ON near_in.written = u.written AND near_key = b.key
        JOIN a ON a.account_id = s.account_id JOIN account_name n ON n.account_id = s.account_id
        """,
        [tier],
    )


def _weigh(con: duckdb.DuckDBPyConnection, least: float) -> None:
    """Lay out ``near_best``: the best name of each, where it is at least so likely beside all others and none."""
    # a sum of doubles in whatever order they come would differ in its last digit: it is taken in the order of keys
    con.execute(
        f"""
        CREATE OR REPLACE TABLE near_best AS
        WITH each_key AS (
            SELECT unit, key, max(leaning) AS leaning, exp(least(max(leaning), 40)) AS odds,
                   arg_max(account_id, (leaning, account_id)) AS account_id
            FROM near_candidate GROUP BY unit, key
        ), summed AS (
            SELECT unit, 1 + list_sum(list(odds ORDER BY leaning DESC, key)) AS whole,
                   list(key ORDER BY leaning DESC, key)[1] AS key,
                   list(account_id ORDER BY leaning DESC, key)[2] AS next_account
            FROM each_key GROUP BY unit
        )
        SELECT unit, key, next_account, round({_BELOW_EQUAL.format(share="odds / whole")}, 4) AS confidence
        FROM summed JOIN each_key USING (unit, key)
        WHERE odds / whole >= ?
        """,
        [least],
    )


def _look(con: duckdb.DuckDBPyConnection, look: Callable[[str], Sequence[Near]]) -> bool:
    """Lay out ``near_unit`` (who asks) and ``near_in`` (written, near_key, leaning, told): each name once.

    Give false where nothing is near: for one person the statements behind would cost more than all else.
    """
    con.execute(
        "CREATE OR REPLACE TABLE near_unit AS SELECT person_id, unit FROM name_unit"
        " WHERE unit NOT IN (SELECT unit FROM name_settled)"
        " AND person_id NOT IN (SELECT person_id FROM found WHERE verdict = 'sure')"
    )
    asked = con.execute(
        "SELECT DISTINCT written FROM name_asked WHERE unit IN (SELECT unit FROM near_unit) ORDER BY ALL"
    ).fetchall()
    rows = [
        (written, near.key, near.leaning, "; ".join(in_words(near.compared)) or "nearly the same letters")
        for (written,) in asked
        for near in look(written)
    ]
    if not rows:
        return False
    names, types = (
        ("written", "near_key", "leaning", "told"),
        (pa.string(), pa.string(), pa.float64(), pa.string()),
    )
    columns = list(zip(*rows, strict=True))
    table = {name: pa.array(list(each), kind) for name, each, kind in zip(names, columns, types, strict=True)}
    con.register("incoming_near", pa.table(table))
    con.execute("CREATE OR REPLACE TABLE near_in AS FROM incoming_near")
    con.unregister("incoming_near")
    return True
