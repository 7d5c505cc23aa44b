"""The few accounts around some people: looked up in the ledger as they are asked for, each once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from connector.matching.ledger import PERSON_COLUMNS, Domains, Host
from connector.matching.names import company_name
from connector.matching.tables import PERSONS_IN, shaped


class Name(NamedTuple):
    """A stated company name in normal form."""

    key: str
    full: str
    form: str


class Asked(NamedTuple):
    """What matching looks at of one person; hosts that never name an account are left out."""

    person_id: str
    link: str | None
    company: str | None
    country: str | None
    state: str | None
    city: str | None
    postal_code: str | None
    phone: str | None
    mail: Host | None
    web: Host | None
    name: Name | None
    #: accounts that are there and that somebody said it is, or is not
    same: frozenset[str]
    different: frozenset[str]


class Account(NamedTuple):
    """One account; ``root`` is the topmost above it."""

    account_id: str
    name: str | None
    root: str
    open_opportunity: int
    active_owner: int
    latest_activity: int
    country: str | None
    state: str | None
    city: str | None
    postal_code: str | None
    phone: str | None
    key: str | None
    full_name: str
    form: str


_ACCOUNTS = (
    "SELECT a.account_id, a.name, root, open_opportunity, active_owner, latest_activity, country, state, city,"
    " postal_code, phone, key, coalesce(full_name, ''), coalesce(form, '')"
    " FROM a LEFT JOIN account_name USING (account_id) WHERE a.account_id IN (SELECT unnest(?::VARCHAR[]))"
)


class Around:
    """Accounts by id, by domain and by name, fetched for all who are known to be asked for at once."""

    def __init__(self, con: duckdb.DuckDBPyConnection, domains: Domains) -> None:
        """Take a ledger with its accounts laid out."""
        self._con = con
        self._domains = domains
        self._accounts: dict[str, Account | None] = {}
        self._carriers: dict[str, list[tuple[str, str]]] = {}
        self._bearers: dict[str, list[str]] = {}
        self._crowds: dict[str, int] | None = None

    def people(self, persons: pa.Table) -> list[Asked]:
        """Read people, in order of their ids, and fetch the accounts of their links, domains and names.

        Raises:
            ConfigError: ``person_id`` is missing, or names one twice.
        """
        self._con.register("asked_in", shaped(persons, PERSONS_IN, "people"))
        rows = self._con.execute(f"SELECT {PERSON_COLUMNS} FROM asked_in ORDER BY person_id").fetchall()
        self._con.unregister("asked_in")
        told: dict[str, list[tuple[str, str]]] = defaultdict(list)
        query = "SELECT person_id, account_id, answer FROM answer WHERE person_id IN (SELECT unnest(?::VARCHAR[]))"
        for person_id, account_id, answer in self._rows(query, [row[0] for row in rows]):
            told[person_id].append((account_id, answer))
        found = [self._asked(row, told[row[0]]) for row in rows]
        hosts = [one.mail or one.web for one in found]
        self.fetch_domains(host.domain for host in hosts if host)
        self.fetch_keys(one.name.key for one in found if one.name)
        self._fetch([one.link for one in found if one.link] + [each for one in found for each in one.same])
        return [
            one._replace(same=frozenset(each for each in one.same if self.is_there(each))) if one.same else one
            for one in found
        ]

    def _asked(self, row: tuple[Any, ...], told: list[tuple[str, str]]) -> Asked:
        person_id, link, mail, web, company, country, state, city, postal_code, phone = row
        name = company_name(company) if company else None
        key = name.core.replace(" ", "") if name else ""
        hosts = [
            host if host and not host.never else None
            for host in (self._domains.host(mail, mail=True), self._domains.host(web, mail=False))
        ]
        return Asked(
            str(person_id),
            link,
            company,
            country,
            state,
            city,
            postal_code,
            phone,
            mail=hosts[0],
            web=hosts[1],
            name=Name(key, name.full, name.form) if name and key else None,
            same=frozenset(account for account, answer in told if answer == "same"),
            different=frozenset(account for account, answer in told if answer == "different"),
        )

    def is_there(self, account_id: str) -> bool:
        """Say whether there is such an account."""
        self._fetch([account_id])
        return self._accounts[account_id] is not None

    def account(self, account_id: str) -> Account:
        """Give an account that is there."""
        self._fetch([account_id])
        found = self._accounts[account_id]
        if found is None:
            raise KeyError(account_id)
        return found

    def carriers(self, domain: str) -> list[tuple[str, str]]:
        """Give the accounts that carry a domain, each with the host it states."""
        self.fetch_domains([domain])
        return self._carriers[domain]

    def crowd(self, domain: str) -> int:
        """Give to how many unrelated accounts people of a domain belong where it is nobody's own, else 0."""
        if self._crowds is None:
            self._crowds = dict(self._con.execute("SELECT domain, families FROM crowd").fetchall())
        return self._crowds.get(domain, 0)

    def bearers(self, key: str) -> list[Account]:
        """Give the accounts of a name in normal form, in order of their ids."""
        self.fetch_keys([key])
        return [self.account(each) for each in self._bearers[key]]

    def fetch_domains(self, domains: Iterable[str]) -> None:
        """Fetch the carriers of domains that will be asked for."""
        new = sorted({each for each in domains if each not in self._carriers})
        if not new:
            return
        self._carriers |= {each: [] for each in new}
        query = "SELECT domain, account_id, host FROM account_host WHERE domain IN (SELECT unnest(?::VARCHAR[]))"
        for domain, account_id, host in self._rows(query, new):
            self._carriers[domain].append((account_id, host))
        self._fetch(account_id for each in new for account_id, _ in self._carriers[each])

    def fetch_keys(self, keys: Iterable[str]) -> None:
        """Fetch the bearers of names that will be asked for."""
        new = sorted({each for each in keys if each not in self._bearers})
        if not new:
            return
        self._bearers |= {each: [] for each in new}
        query = "SELECT key, account_id FROM account_name WHERE key IN (SELECT unnest(?::VARCHAR[])) ORDER BY ALL"
        for key, account_id in self._rows(query, new):
            self._bearers[key].append(account_id)
        self._fetch(account_id for each in new for account_id in self._bearers[each])

    def _fetch(self, ids: Iterable[str]) -> None:
        new = sorted({each for each in ids if each not in self._accounts})
        if not new:
            return
        self._accounts |= dict.fromkeys(new)
        for row in self._rows(_ACCOUNTS, new):
            self._accounts[row[0]] = Account(*row)

    def _rows(self, query: str, values: Sequence[str]) -> list[Any]:
        return self._con.execute(query, [list(values)]).fetchall()
