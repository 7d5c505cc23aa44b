"""Time matching beside a plain loop over people: ``python benchmarks/matching.py [people] [accounts]``.

Both find accounts by link, domain and equal name; the loop has no ties, near names or runners-up, so it does less.
Prints seconds of each, their ratio, and what was found. Data comes from one seed.
"""

from __future__ import annotations

import random
import sys
import time

import pyarrow as pa

from connector.domain.company_domains import NeverMatched, mail_host, registrable, web_host
from connector.mapping.fields import AccountMatching, AccountTier
from connector.matching import ANSWERS, match
from connector.matching.names import company_name

_SYLLABLES = ("bar", "cor", "del", "fen", "gra", "hal", "jun", "kel", "lor", "mar", "nor", "pel", "quin", "ros", "sol")
_KINDS = ["Systems", "Logistics", "Foods", "Energy", "Partners", "Software", "Medical", "Design", "Steel", "Capital"]
_FORMS = ("Inc.", "GmbH", "Ltd", "LLC", "S.A.", "")


def _name(chance: random.Random) -> str:
    return "".join(chance.choices(_SYLLABLES, k=3)).capitalize() + " " + chance.choice(_KINDS)


def world(people: int, accounts: int) -> tuple[pa.Table, pa.Table]:
    """Make people of whom about a tenth are linked, half have a known domain, a fifth a known name only."""
    chance = random.Random(1)
    names = [_name(chance) for _ in range(accounts)]
    hosts = [f"{name.split()[0].lower()}{place}.example" for place, name in enumerate(names)]
    books = pa.table(
        {
            "account_id": [f"A{place}" for place in range(accounts)],
            "name": [f"{name} {chance.choice(_FORMS)}" for name in names],
            "website": [f"https://www.{host}/" for host in hosts],
        }
    )
    rows = []
    for place in range(people):
        mine, kind = chance.randrange(accounts), chance.random()
        link = f"A{mine}" if kind < 0.1 else None
        host = hosts[mine] if kind < 0.6 else chance.choice(("gmail.com", "gmx.de", f"else{place % 5000}.example"))
        company = f"{names[mine]} {chance.choice(_FORMS)}" if kind < 0.8 else _name(chance)
        rows.append((f"p{place}", link, f"u{place}@{host}", company))
    columns = zip(("person_id", "link_account_id", "email", "company"), zip(*rows, strict=True), strict=True)
    return pa.table({name: pa.array(list(column), pa.string()) for name, column in columns}), books


def plain_loop(persons: pa.Table, accounts: pa.Table) -> int:
    """Match one person after the other with dictionaries; give how many have an account."""
    never, by_domain, by_name, ids = NeverMatched(), {}, {}, set()
    for row in accounts.to_pylist():
        ids.add(row["account_id"])
        by_domain.setdefault(registrable(web_host(row["website"])), []).append(row["account_id"])
        by_name.setdefault(company_name(row["name"]).core, []).append(row["account_id"])
    found = 0
    for row in persons.to_pylist():
        if row["link_account_id"] in ids:
            found += 1
            continue
        host = mail_host(row["email"].rpartition("@")[2])
        options = [] if host in never else by_domain.get(registrable(host), [])
        options = options or by_name.get(company_name(row["company"]).core, [])
        found += len(options) == 1
    return found


def _clear() -> None:
    for remembered in (registrable, web_host, mail_host, company_name):
        remembered.cache_clear()


def main() -> None:
    """Run both once, each with empty memories."""
    people, accounts = (int(text) for text in (*sys.argv[1:3], *("100000", "20000")[len(sys.argv) - 1 :]))
    persons, books = world(people, accounts)
    registrable("warm.example")
    figures = {}
    for title, tiers in (
        ("whole", AccountMatching().tiers),
        ("without names", (AccountTier(by="link"), AccountTier(by="domain"))),
    ):
        _clear()
        started = time.perf_counter()
        found = match(persons, books, matching=AccountMatching(tiers=tiers), decided=ANSWERS.empty_table())
        figures[title] = time.perf_counter() - started
        sure = sum(1 for row in found.to_pylist() if row["account_id"] and not row["review"])
        print(f"match, {title}: {figures[title]:.2f} s, {sure} of {people} accepted")
    _clear()
    started = time.perf_counter()
    plain = plain_loop(persons, books)
    loop_seconds = time.perf_counter() - started
    print(f"plain loop: {loop_seconds:.2f} s, {plain} found; ratio match / loop {figures['whole'] / loop_seconds:.2f}")


if __name__ == "__main__":
    main()
