"""Time matching beside a plain loop over people: ``python -m benchmarks.matching [people] [accounts]``.

Both find accounts by link, domain and equal name; the loop has no ties, near names or runners-up, so it does less.
Prints seconds of each, their ratio, and what was found. Data comes from one seed. ``--growth`` prints a table of sizes
up to 1,000,000 people against 200,000 accounts instead, matched part by part as a cycle does, each size in a process of
its own; ``--names`` how fast misspelt names are looked for among 100,000.
"""

from __future__ import annotations

import random
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter

import pyarrow as pa

from connector.domain.company_domains import NeverMatched, mail_host, registrable, web_host
from connector.mapping.fields import AccountMatching, AccountTier
from connector.matching import ANSWERS, Matcher, match, matcher
from connector.matching.names import company_name

#: people of one part, as in a cycle
_PART = 50_000
_GROWTH = ((10_000, 2_000), (100_000, 20_000), (300_000, 60_000), (1_000_000, 200_000))
_SYLLABLES = ("bar", "cor", "del", "fen", "gra", "hal", "jun", "kel", "lor", "mar", "nor", "pel", "quin", "ros", "sol")
_KINDS = ["Systems", "Logistics", "Foods", "Energy", "Partners", "Software", "Medical", "Design", "Steel", "Capital"]
_FORMS = ("Inc.", "GmbH", "Ltd", "LLC", "S.A.", "")


def _name(chance: random.Random) -> str:
    first, second = ("".join(chance.choices(_SYLLABLES, k=size)).capitalize() for size in (3, 2))
    return f"{first} {second} {chance.choice(_KINDS)}"


def _misspelt(name: str, chance: random.Random) -> str:
    at = chance.randrange(1, len(name) - 1)
    return name[:at] + name[at + 1 :]


def world(people: int, accounts: int) -> tuple[pa.Table, pa.Table]:
    """Make people of whom a tenth are linked, half have a known domain, a sixth a known name, 3 % a misspelt one."""
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
        company = f"{names[mine]} {chance.choice(_FORMS)}" if kind < 0.8 else _name(random.Random(place % 20_000))
        company = _misspelt(company, chance) if 0.77 < kind < 0.8 else company
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


def grow(people: int, accounts: int) -> None:
    """Match part by part and print one line of the table."""
    persons, books = world(people, accounts)
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    used, started = time.process_time(), time.perf_counter()
    count: Counter[str] = Counter()
    with matcher(books, matching=AccountMatching(), decided=ANSWERS.empty_table()) as one:
        for first in range(0, people, _PART):
            found = one.match(persons.slice(first, _PART))
            reviews = found.column("review").to_pylist()
            count.update("review" if r else m for r, m in zip(reviews, found.column("method").to_pylist(), strict=True))
    took, clock = time.process_time() - used, time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = ", ".join(f"{kind} {number:,}" for kind, number in sorted(count.items()))
    print(f"| {people:,} | {accounts:,} | {took:.1f} | {clock:.1f} | {peak:,.0f} ({held:,.0f}) | {told} |")


def names(accounts: int = 100_000, asked: int = 5_000) -> None:
    """Print how fast misspelt names are looked for among many, in a batch and one by one."""
    _, books = world(1, accounts)
    chance = random.Random(2)
    known = books.column("name").to_pylist()
    typed = [_misspelt(chance.choice(known), chance) for _ in range(asked)]
    people = pa.table({"person_id": [f"p{place}" for place in range(asked)], "company": typed})
    with matcher(books, matching=AccountMatching(), decided=ANSWERS.empty_table()) as one:
        used = time.process_time()
        found = one.match(people).column("method").to_pylist()
        took = time.process_time() - used
        print(f"batch: {asked / took:,.0f} names/s of processor, {asked - found.count('none')} of {asked} found")
        one.suggest("warm")
        clocks, cpus = [], []
        for name in typed[:500]:
            used, started = time.process_time(), time.perf_counter()
            one.suggest(name)
            clocks.append((time.perf_counter() - started) * 1000)
            cpus.append((time.process_time() - used) * 1000)
        print(
            f"while typing: {statistics.median(cpus):.2f} ms of processor, {max(cpus):.2f} at most;"
            f" on the clock {statistics.median(clocks):.2f}, 95 of 100 within {sorted(clocks)[475]:.2f}"
        )
        _one_by_one(one, "a misspelt name each", people)
    mixed, books = world(500, accounts)
    with matcher(books, matching=AccountMatching(), decided=ANSWERS.empty_table()) as one:
        one.match(mixed.slice(0, 1))
        one.suggest("warm")
        _one_by_one(one, "links, domains and names", mixed)
        used = time.process_time()
        for place in range(10):
            one.match_many(mixed.slice(place, 1))
        print(f"by tables instead: {(time.process_time() - used) * 100:.0f} ms of processor")


def _one_by_one(one: Matcher, title: str, people: pa.Table) -> None:
    """Print what one full match of one person takes."""
    clocks, cpus = [], []
    for place in range(300):
        used, started = time.process_time(), time.perf_counter()
        one.match(people.slice(place, 1))
        clocks.append((time.perf_counter() - started) * 1000)
        cpus.append((time.process_time() - used) * 1000)
    print(
        f"one full match, {title}: {statistics.median(cpus):.1f} ms of processor, 95 of 100 within"
        f" {sorted(cpus)[285]:.1f}; on the clock {statistics.median(clocks):.1f}, 95 of 100 within"
        f" {sorted(clocks)[285]:.1f}"
    )


def growth() -> None:
    """Print the table of growth."""
    print("| people | accounts | processor s | clock s | peak MiB (before matching) | found |", flush=True)
    print("| --: | --: | --: | --: | --: | --- |", flush=True)
    for people, accounts in _GROWTH:
        subprocess.run(  # noqa: S603
            [sys.executable, "-m", "benchmarks.matching", "--grow", str(people), str(accounts)], check=True
        )


def main() -> None:
    """Run both once, each with empty memories; or what the options say."""
    if "--growth" in sys.argv:
        growth()
        return
    if "--names" in sys.argv:
        names()
        return
    if "--grow" in sys.argv:
        grow(int(sys.argv[2]), int(sys.argv[3]))
        return
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
