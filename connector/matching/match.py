"""Find each person's account: existing link, then domain, then name and place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from connector.domain.engine_answers import answer
from connector.mapping.fields import AccountMatching
from connector.matching.crowds import SUSPECT_ACCOUNTS, lay_crowds, suspects
from connector.matching.ledger import Domains, lay_people, open_ledger
from connector.matching.names import company_name
from connector.matching.near import Near, NearNames
from connector.matching.near_tier import by_near_name, names_of_accounts
from connector.matching.one_by_one import OneByOne
from connector.matching.suggest import Suggestion, Suggestions
from connector.matching.tables import ANSWERS, CANDIDATES, MATCHES
from connector.matching.tiers import LINKED, by_domain, by_link, by_name

#: up to so many people are matched without tables: planning their statements takes as long as these do
FEW = 50

_CHOSEN = """
CREATE OR REPLACE TABLE chosen AS
WITH graded AS (
    SELECT found.*, verdict = 'sure' AND confidence >= accept AS accepted
    FROM found JOIN bar USING (tier)
    WHERE verdict IN ('torn', 'shared') OR confidence >= least(accept, review)
), barred AS (
    SELECT person_id, min(tier) AS tier FROM graded WHERE verdict = 'torn' GROUP BY person_id
)
SELECT graded.person_id, account_id, method, confidence, evidence, runner_up,
       NOT (accepted AND graded.tier < coalesce(barred.tier, 1000000)) AS review, graded.tier
FROM graded LEFT JOIN barred USING (person_id)
QUALIFY row_number() OVER (
    PARTITION BY graded.person_id
    ORDER BY review, CASE WHEN review THEN 0 ELSE graded.tier END, confidence DESC, graded.tier, account_id
) = 1
"""

# where the whole family is one account to the admin, its top is the answer, unless somebody said that it is not
_ROLLED_UP = """
UPDATE chosen SET account_id = a.root, runner_up = coalesce(runner_up, chosen.account_id),
       evidence = evidence || '; the top of its hierarchy'
FROM a JOIN a top ON top.account_id = a.root
WHERE a.account_id = chosen.account_id AND a.root <> a.account_id AND method IN ('domain', 'name')
  AND NOT EXISTS (FROM answer WHERE answer = 'different' AND answer.person_id = chosen.person_id
                  AND answer.account_id = a.root)
"""

_MATCHES = """
SELECT p.person_id, account_id, coalesce(method, 'none') AS method, coalesce(confidence, 0.0) AS confidence,
       coalesce(evidence, '') AS evidence,
       coalesce(runner_up, (SELECT arg_max(f.account_id, (f.confidence, f.account_id)) FROM found f
                            WHERE f.person_id = p.person_id AND f.account_id <> chosen.account_id)) AS runner_up,
       coalesce(review, false) AS review
FROM p LEFT JOIN chosen USING (person_id) ORDER BY p.person_id
"""


def match(persons: pa.Table, accounts: pa.Table, *, matching: AccountMatching, decided: pa.Table) -> pa.Table:
    """Give one row per person (schema ``MATCHES``), sorted by person, the same for any order of rows.

    Tiers are tried in the order written; the first answer that is sure and reaches its tier's ``accept`` counts. What
    reaches only ``review``, and a tie that no rule breaks, is a review row with the best candidate; a tie on a domain
    is not overruled by a name. An answer of a person (``decided``, schema ``ANSWERS``) comes before all tiers.

    Confidences: link and remembered answer 1; domain of the e-mail 0.98, of the website 0.96, chosen by a tie-break
    or the stated company name 0.95, the top of a hierarchy 0.93; equal name 0.99, equal but for the legal form 0.98,
    with another legal form 0.96, chosen by a tie-break 0.93, in another country 0.85; undecided ties 0.8; near names
    what ``near_tier`` gives them.
    Free-mail, throw-away and configured shared domains never match.

    A row depends on the person, the accounts and the answers alone, never on the other people of a batch: matching the
    new and changed people against the same accounts gives the rows that matching everybody would give.

    Raises:
        ConfigError: ``person_id`` or ``account_id`` is missing, or names one twice.
    """
    with matcher(accounts, matching=matching, decided=decided) as one:
        return one.match(persons)


class Matcher:
    """Accounts laid out once, and people matched against them part by part; see ``matcher``."""

    def __init__(self, con: duckdb.DuckDBPyConnection, matching: AccountMatching) -> None:
        self._con = con
        self._matching = matching
        self._domains = Domains(matching)
        self._suggestions: Suggestions | None = None
        #: near names of the people at hand: who is asked about is looked for once more
        self._near: dict[str, list[Near]] = {}
        self._one_by_one = OneByOne(con, matching, self._domains, self._near_names)
        self._of_accounts = self._tables()
        #: the most people who were matched by tables at a time
        self.most_at_once = 0

    @cached_property
    def _names(self) -> NearNames:
        # laid out when the first name is asked for that no account bears: links and domains do not need it
        return names_of_accounts(self._con)

    def _near_names(self, written: str) -> list[Near]:
        if written not in self._near:
            self._near[written] = self._names.near(company_name(written))
        return self._near[written]

    def match(self, persons: pa.Table) -> pa.Table:
        """Match some people; nobody's answer depends on who else is among them. Otherwise as ``match``.

        Up to ``FEW`` people are answered in some milliseconds, the rows being the same either way.
        """
        return self.match_few(persons) if persons.num_rows <= FEW else self.match_many(persons)

    def forget(self) -> None:
        """Let go of what was found for the last people who were matched, and of their words."""
        self._near.clear()
        if self.most_at_once:
            for table in self._tables() - self._of_accounts:
                self._con.execute(f"DROP TABLE {table}")

    def _tables(self) -> set[str]:
        return {name for (name,) in self._con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}

    def match_few(self, persons: pa.Table) -> pa.Table:
        """As ``match``, one person after the other, whatever their number."""
        self._near.clear()
        return self._one_by_one.match(persons)

    def match_many(self, persons: pa.Table) -> pa.Table:
        """As ``match``, by tables, whatever the number of people."""
        con = self._con
        self._near.clear()
        self.most_at_once = max(self.most_at_once, persons.num_rows)
        lay_people(con, persons, self._domains)
        _run_tiers(con, self._matching, self._near_names)
        con.execute(_CHOSEN)
        if self._matching.hierarchy == "roll_up":
            con.execute(_ROLLED_UP)
        found = answer(con, _MATCHES)
        return found.append_column("candidates", self._candidates(persons, found)).cast(MATCHES)

    def _candidates(self, persons: pa.Table, found: pa.Table) -> pa.ChunkedArray:
        """Name who could be meant where a person is asked: few rows, so they go one by one."""
        asked = found.filter(found.column("review")).column("person_id").combine_chunks()
        if not len(asked):
            return pa.chunked_array([pa.nulls(found.num_rows, CANDIDATES)])
        some = persons.filter(pc.is_in(persons.column("person_id"), value_set=asked))
        keys = {each.key for near in self._near.values() for each in near}
        told = self._one_by_one.match(some, near_keys=keys)
        place = pc.index_in(found.column("person_id"), value_set=told.column("person_id").combine_chunks())
        return told.column("candidates").take(place)

    def suspect_domains(self) -> pa.Table:
        """As the function of this name, for the accounts that are laid out."""
        return suspects(self._con)

    def suggest(self, company: str, *, at_most: int = 5) -> list[Suggestion]:
        """Give the accounts that a typed name may mean, likeliest first; what is remembered of persons plays no part.

        The first call lays the names out, later ones take about a thousandth of a second.
        """
        if self._suggestions is None:
            self._suggestions = Suggestions(self._con, self._names)
        return self._suggestions.of(company, at_most=at_most)


@contextmanager
def matcher(
    accounts: pa.Table, *, matching: AccountMatching, decided: pa.Table, linked: pa.Table | None = None
) -> Iterator[Matcher]:
    """Open a matcher; its memory goes at the end of the block.

    ``linked`` (schema ``LINKED_IN``) are people whom links lead to accounts: a domain whose people belong to many
    unrelated accounts, and most of them to no single one, decides nothing.

    Raises:
        ConfigError: ``account_id`` is missing, or names one twice.
    """
    domains = Domains(matching)
    con = open_ledger(accounts, decided, domains)
    try:
        lay_crowds(con, linked, domains)
        yield Matcher(con, matching)
    finally:
        con.close()


def _run_tiers(
    con: duckdb.DuckDBPyConnection, matching: AccountMatching, near: Callable[[str], Sequence[Near]]
) -> None:
    con.execute(
        "CREATE OR REPLACE TABLE found (person_id VARCHAR, tier INTEGER, account_id VARCHAR, method VARCHAR,"
        " confidence DOUBLE, evidence VARCHAR, runner_up VARCHAR, verdict VARCHAR)"
    )
    bars = [(-1, 0.0, 0.0), *((place, tier.accept, tier.review) for place, tier in enumerate(matching.tiers))]
    con.execute(
        "CREATE OR REPLACE TABLE bar AS FROM (VALUES "
        + ", ".join(f"({place}, {accept!r}::DOUBLE, {review!r}::DOUBLE)" for place, accept, review in bars)
        + ") AS given (tier, accept, review)"
    )
    con.execute(
        "INSERT INTO found SELECT person_id, -1, min(account_id), 'link', ?, 'said by a person', NULL, 'sure'"
        " FROM answer JOIN a USING (account_id) JOIN p USING (person_id) WHERE answer = 'same' GROUP BY person_id"
        " HAVING count(DISTINCT account_id) = 1",
        [LINKED],
    )
    for place, tier in enumerate(matching.tiers):
        if tier.by == "link":
            by_link(con, place)
        elif tier.by == "domain":
            by_domain(con, place, matching)
        elif by_name(con, place, matching):
            by_near_name(con, place, matching, near, least=min(tier.accept, tier.review))


def suspect_domains(
    accounts: pa.Table,
    *,
    matching: AccountMatching | None = None,
    linked: pa.Table | None = None,
    at_least: int = SUSPECT_ACCOUNTS,
) -> pa.Table:
    """List domains that are nobody's own, with what was seen (schema ``SUSPECTS``), most shared first.

    At least so many unrelated accounts carry them, or their people belong to as many and most of them to no single one.
    They are candidates for ``shared_domains``; matching by them alone already waits for a person.
    """
    domains = Domains(matching or AccountMatching())
    con = open_ledger(accounts, ANSWERS.empty_table(), domains)
    try:
        lay_crowds(con, linked, domains)
        return suspects(con, at_least)
    finally:
        con.close()
