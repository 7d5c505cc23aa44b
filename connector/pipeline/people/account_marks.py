"""What people see of accounts, as hashes: whoever sees another than the last cycle did is asked again."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from connector.domain.sql_text import quoted
from connector.mapping.bundle import Mappings
from connector.pipeline.incremental.ground import asked_of_accounts
from connector.pipeline.incremental.news import Grown
from connector.pipeline.incremental.touched import Touched
from connector.pipeline.people.columns import ACCOUNT_STANDING
from connector.pipeline.tables import sql

#: what accounts are chosen by when several would do
_TIES = ("open_opportunity", "owner_active", "latest_activity")
#: what people are matched by; everything else is a fact about the account that is found
_MATCHED_BY = (
    "name",
    "website",
    "domains",
    "parent_id",
    "country",
    "state",
    "city",
    "postal_code",
    "phone",
)


def account_marks(accounts: pa.Table, mappings: Mappings) -> pa.Table:
    """Give ``account_id match ties facts`` of all accounts (``kept.ACCOUNTS`` but for the score).

    ``accounts`` is what ``columns.accounts_with_ties`` gives.
    """
    here = accounts.column_names
    asked = asked_of_accounts(mappings)
    match = [name for name in _MATCHED_BY if name in here]
    ties = [name for name in _TIES if name in here]
    facts = [name for name in here if name not in _TIES or name in asked]
    hashed = (
        f"hash({', '.join(['1', *map(quoted, names)])}) AS {what}"
        for what, names in (('"match"', match), ("ties", ties), ("facts", facts))
    )
    return sql(f"SELECT account_id, {', '.join(hashed)} FROM accounts", accounts=accounts)


def with_gathering(touched: Touched | None, marks: pa.Table) -> pa.Table:
    """Say beside each account that came or changed words which round has yet to come to its people; else null.

    What they add up to is not known before everybody has been worked since, in whichever round: with one account after
    another one round follows the other, and none comes to its end. Others lose or win people one by one, as always.
    """
    if touched is None or not touched.round_goes_on:
        return marks.append_column("gathers", pa.nulls(marks.num_rows, pa.int64()))
    others = touched.kept.beside("people", touched.persons, ["round"])
    earliest = pc.min(others.column("round")).as_py() or 0
    return sql(
        f"""
        SELECT n.*, CASE WHEN n.match IS DISTINCT FROM o.match THEN {touched.round}
            WHEN o.gathers > {earliest} THEN o.gathers END AS gathers
        FROM marks n LEFT JOIN before o USING (account_id)
        """,
        marks=marks,
        before=touched.kept.accounts(),
    )


def with_score_marks(marks: pa.Table, scores: pa.Table, mappings: Mappings) -> pa.Table:
    """Set beside each account a hash of the results that people see, as far as anybody asks for them.

    ``scores`` is what ``roll_up`` gives; it may have accounts that only people name.
    """
    asked = asked_of_accounts(mappings)
    seen = [column for name, column in ACCOUNT_STANDING.items() if name.removeprefix("account.") in asked]
    return sql(
        f"SELECT coalesce(m.account_id, s.account_id) AS account_id, m.match, m.ties, m.facts, "
        f"hash({', '.join(['1', *(f's.{quoted(name)}' for name in seen)])}) AS score, "
        "m.gathers "
        "FROM marks m FULL JOIN scores s USING (account_id)",
        marks=marks,
        scores=scores,
    )


def met_by_others(touched: Touched, marks: pa.Table, mappings: Mappings) -> bool:
    """See to those who are not worked and see another account than the last cycle did.

    A cycle that leaves people to the next one leaves these as well. ``marks``: of all accounts, with or without scores.
    Says whether accounts are known by the same words: else nobody is matched as before, and a cycle that leaves people
    begins to work everybody anew.

    Raises:
        Grown: the cycle has to take them in.
    """
    moved = _moved(touched, marks)
    left = touched.left
    if pc.any(moved.column("matched")).as_py():
        if left is None:
            raise Grown(everybody="accounts")
        left.begins = True
        return False
    if moved.num_rows:
        found = _seeing(touched, moved, mappings)
        if len(found) and left is None:
            raise Grown(found)
        if left is not None:
            left.add(found.to_pylist())
    return True


def _moved(touched: Touched, marks: pa.Table) -> pa.Table:
    """Find the accounts of which people see something else than before, and what it is."""
    scored = "score" in marks.column_names
    return sql(
        f"""
        SELECT coalesce(n.account_id, o.account_id) AS account_id,
            n.match IS DISTINCT FROM o.match AS matched, n.ties IS DISTINCT FROM o.ties AS tied,
            n.facts IS DISTINCT FROM o.facts OR {"n.score IS DISTINCT FROM o.score" if scored else "false"} AS told
        FROM marks n FULL JOIN (FROM before{"" if scored else " WHERE match IS NOT NULL"}) o USING (account_id)
        WHERE matched OR tied OR told
        """,
        marks=marks,
        before=touched.kept.accounts(),
    )


def _seeing(touched: Touched, moved: pa.Table, mappings: Mappings) -> pa.Array:
    """Find the people who are not worked and see these accounts."""
    ids = moved.filter(moved.column("told")).select(["account_id"])
    contested = bool(pc.any(moved.column("tied")).as_py()) and bool(mappings.matching.account.tie_break)
    torn = "SELECT person_id FROM people ANTI JOIN worked USING (person_id) WHERE contested"
    found = touched.kept.ask(
        "SELECT person_id FROM people SEMI JOIN ids USING (account_id) ANTI JOIN worked USING (person_id)"
        + (f" UNION {torn}" if contested else ""),
        ids=ids,
        worked=pa.table({"person_id": touched.persons}),
    )
    return found.column("person_id").combine_chunks()
