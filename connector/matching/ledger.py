"""The working tables of one matching: people, accounts, their hosts and names."""

from __future__ import annotations

from typing import NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from connector.domain.company_domains import NeverMatched, domain_label, mail_host, registrable, web_host
from connector.domain.engine_memory import engine_memory
from connector.mapping.fields import AccountMatching
from connector.matching.names import company_name
from connector.matching.tables import ACCOUNTS_IN, ANSWERS, PERSONS_IN, shaped

#: what is looked at of a person, from columns as in ``PERSONS_IN``
PERSON_COLUMNS = """
       person_id, nullif(link_account_id, '') AS link, nullif(regexp_extract(email, '@([^@]+)$', 1), '') AS mail,
       nullif(trim(website), '') AS web, nullif(trim(company), '') AS company,
       nullif(lower(trim(country)), '') AS country, nullif(lower(trim(state)), '') AS state,
       nullif(lower(trim(city)), '') AS city,
       nullif(regexp_replace(lower(postal_code), '[^0-9a-z]', '', 'g'), '') AS postal_code,
       nullif(right(regexp_replace(phone, '[^0-9]', '', 'g'), 8), '') AS phone
"""
_PERSON = f"""
CREATE OR REPLACE TABLE p AS
SELECT {PERSON_COLUMNS},
       CASE WHEN person_id IN (SELECT person_id FROM answer WHERE answer = 'different') THEN person_id ELSE '' END
         AS refuser
FROM person_in
"""
_ACCOUNT = """
CREATE OR REPLACE TABLE a AS
SELECT account_id, name, website, domains, root, coalesce(open_opportunity, false)::INT AS open_opportunity,
       coalesce(owner_active, false)::INT AS active_owner, coalesce(latest_us, -9223372036854775808) AS latest_activity,
       nullif(lower(trim(country)), '') AS country, nullif(lower(trim(state)), '') AS state,
       nullif(lower(trim(city)), '') AS city,
       nullif(regexp_replace(lower(postal_code), '[^0-9a-z]', '', 'g'), '') AS postal_code,
       nullif(right(regexp_replace(phone, '[^0-9]', '', 'g'), 8), '') AS phone
FROM account_in JOIN hierarchy USING (account_id)
"""


class Host(NamedTuple):
    """Where an address leads: host, registrable domain, what that calls itself, why it never names an account."""

    host: str
    domain: str
    label: str
    never: str


NOWHERE = Host("", "", "", "")


class Domains:
    """What the admin says of domains: which are shared, and which stand for another."""

    def __init__(self, matching: AccountMatching) -> None:
        self.never = NeverMatched(matching.shared_domains)
        self._aliases = matching.aliases

    def stands_for(self, host: str) -> str:
        """Give the host itself, or what it or its domain stands for."""
        if not self._aliases or not host:
            return host
        return self._aliases.get(host) or self._aliases.get(registrable(host)) or host

    def host(self, written: str | None, *, mail: bool) -> Host | None:
        """Give where an e-mail host or a website leads; None where that is no domain."""
        if not written:
            return None
        host = self.stands_for(mail_host(written) if mail else web_host(written))
        domain = registrable(host) if host else ""
        return Host(host, domain, domain_label(domain), self.never.why(host)) if domain else None


def open_ledger(accounts: pa.Table, decided: pa.Table, domains: Domains) -> duckdb.DuckDBPyConnection:
    """Lay out ``a``, ``answer``, ``account_host`` and ``account_name``; ``lay_people`` adds people to it.

    Raises:
        ConfigError: ``account_id`` is missing, or names one twice.
    """
    books = shaped(accounts, ACCOUNTS_IN, "accounts")
    con = duckdb.connect(":memory:", config=engine_memory())
    lay_answers(con, decided)
    _store(con, "hierarchy", _hierarchy(books))
    lay_ties(con, books)
    web = (
        "SELECT DISTINCT trim(web) FROM (SELECT website AS web FROM a"
        " UNION SELECT unnest(string_split(domains, ';')) FROM a) WHERE trim(web) <> ''"
    )
    _store(con, "account_web", hosts_of(con, web, domains, mail=False))
    _store(con, "account_spelling", _spellings(con, "SELECT DISTINCT trim(name) FROM a WHERE name IS NOT NULL"))
    con.execute(
        "CREATE TABLE account_host AS SELECT DISTINCT account_id, host, domain FROM ("
        " SELECT account_id, trim(website) AS written FROM a"
        " UNION SELECT account_id, trim(unnest(string_split(domains, ';'))) FROM a) JOIN account_web USING (written)"
        " WHERE never = ''"
    )
    con.execute(
        "CREATE TABLE account_name AS SELECT account_id, key, core, full_name, form FROM a"
        " JOIN account_spelling ON account_spelling.written = trim(a.name)"
    )
    return con


def lay_answers(con: duckdb.DuckDBPyConnection, decided: pa.Table) -> None:
    """Lay out ``answer``, in place of what was there."""
    _store(con, "answer", shaped(decided, ANSWERS, "answers", unique=False))


def lay_ties(con: duckdb.DuckDBPyConnection, books: pa.Table) -> None:
    """Lay out ``a``, in place of what was there: other accounts only by what breaks ties.

    ``books`` has the schema ``ACCOUNTS_IN``.
    """
    micros = pc.cast(books.column("latest_activity"), pa.int64())
    _store(con, "account_in", books.drop_columns(["latest_activity"]).append_column("latest_us", micros))
    con.execute(_ACCOUNT)
    con.execute("DROP TABLE account_in")


def lay_people(con: duckdb.DuckDBPyConnection, persons: pa.Table, domains: Domains) -> None:
    """Lay out ``p``, ``mail_host``, ``web_host`` and ``spelling`` of some people, in place of those before them.

    Raises:
        ConfigError: ``person_id`` is missing, or names one twice.
    """
    _store(con, "person_in", shaped(persons, PERSONS_IN, "people"))
    con.execute(_PERSON)
    _store(con, "mail_host", hosts_of(con, "SELECT DISTINCT mail FROM p WHERE mail IS NOT NULL", domains, mail=True))
    _store(con, "web_host", hosts_of(con, "SELECT DISTINCT web FROM p WHERE web IS NOT NULL", domains, mail=False))
    _store(con, "spelling", _spellings(con, "SELECT DISTINCT company FROM p WHERE company IS NOT NULL"))


def _store(con: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    con.register("incoming", table)
    con.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM incoming")
    con.unregister("incoming")


def _hierarchy(accounts: pa.Table) -> pa.Table:
    """Give the topmost account above each; accounts that are each other's parents count as below the smallest id."""
    ids = accounts.column("account_id").to_pylist()
    parent = {child: above for child, above in zip(ids, accounts.column("parent_id").to_pylist(), strict=True) if above}
    roots = []
    for each in ids:
        seen, top = {each}, each
        while top in parent and parent[top] not in seen:
            top = parent[top]
            seen.add(top)
        roots.append(min(seen) if top in parent and parent[top] in seen else top)
    return pa.table({"account_id": pa.array(ids, pa.string()), "root": pa.array(roots, pa.string())})


def hosts_of(con: duckdb.DuckDBPyConnection, query: str, domains: Domains, *, mail: bool) -> pa.Table:
    """Work out each distinct host once: written, host, domain, its label, and why it never names an account."""
    rows = []
    for (written,) in con.execute(query).fetchall():
        found = domains.host(written, mail=mail)
        if found:
            rows.append((written, *found))
    names = ("written", "host", "domain", "label", "never")
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return pa.table({name: pa.array(list(each), pa.string()) for name, each in zip(names, columns, strict=True)})


def _spellings(con: duckdb.DuckDBPyConnection, query: str) -> pa.Table:
    """Take each distinct company name apart once: written, key (core without spaces), core, full_name, form."""
    written = [row[0] for row in con.execute(query).fetchall()]
    parts = [company_name(each) for each in written]
    return pa.table(
        {
            "written": pa.array(written, pa.string()),
            "key": pa.array([each.core.replace(" ", "") or None for each in parts], pa.string()),
            "core": pa.array([each.core for each in parts], pa.string()),
            "full_name": pa.array([each.full for each in parts], pa.string()),
            "form": pa.array([each.form for each in parts], pa.string()),
        }
    )
