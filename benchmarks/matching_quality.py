"""Measure how often names and domains find the right account, beside the libraries people use for it.

``HANDOFF_SHARED=... python -m benchmarks.matching_quality [--peers] [--environments DIR]``. Everything is measured on
the half of the entities (md5 of the entity, modulo 2, is 1) that the product's figures were not learned from; the row
"learned the other way round" is the other half with figures learned from this one. Peers run in environments of their
own below DIR (default: a temporary folder); one that does not install is named with the reason. Seconds are the
processor's, with the index built in them.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pyarrow as pa
from rapidfuzz.distance import DamerauLevenshtein

from benchmarks.train_names import (
    LISTS,
    half,
    key_of,
    learn,
    learning_rows,
    read,
    relatives,
    world_names,
    world_words,
)
from connector.domain.company_domains import NeverMatched, registrable, web_host
from connector.mapping.fields import AccountMatching, AccountTier
from connector.matching import ANSWERS, match
from connector.matching.name_model import NameModel, name_model
from connector.matching.names import company_name
from connector.matching.word_kinds import SHORT

ACCEPT = 0.92
#: the starter's threshold, and one for who wants none wrong
BARS = (ACCEPT, 0.95)
#: peer -> what pip installs
PEERS = {
    "rapidfuzz": ["rapidfuzz"],
    "tfidf": ["scikit-learn"],
    "emm": ["emm"],
    "name-matching": ["name-matching"],
}


class Task(NamedTuple):
    """One list: accounts by id, and queries with their right account (empty: none)."""

    accounts: list[tuple[str, str]]
    queries: list[tuple[str, str]]


class Told(NamedTuple):
    """One answer: how sure, and whether it is right."""

    sure: float
    right: bool


def task_of(folder: str, which: int, crowd: Sequence[str] = ()) -> Task:
    """Read one list with one half of its queries."""
    accounts = [(row["account_id"], row["account_name"]) for row in read(folder, "accounts.csv")]
    accounts += [(f"crowd{place}", name) for place, name in enumerate(crowd)]
    rows = [row for row in read(folder, "queries.csv") if half(row["entity"]) == which]
    return Task(accounts, [(row["query_name"], row["account_id"]) for row in rows])


def answered(task: Task) -> list[dict[str, Any]]:
    """Answer with the product, one row per query in their order."""
    people = pa.table(
        {
            "person_id": [f"{place:06}" for place in range(len(task.queries))],
            "company": [name for name, _ in task.queries],
        }
    )
    accounts = pa.table(
        {"account_id": [each for each, _ in task.accounts], "name": [name for _, name in task.accounts]}
    )
    matching = AccountMatching(tiers=(AccountTier(by="name", accept=ACCEPT, review=0.0),))
    found: list[dict[str, Any]] = match(people, accounts, matching=matching, decided=ANSWERS.empty_table()).to_pylist()
    return found


def ours(task: Task) -> tuple[list[Told | None], float]:
    """Give the product's answers as for a peer, and seconds."""
    started = time.process_time()
    found = answered(task)
    seconds = time.process_time() - started
    told = [
        Told(row["confidence"], row["account_id"] == right) if row["account_id"] else None
        for row, (_, right) in zip(found, task.queries, strict=True)
    ]
    return told, seconds


class Figures(NamedTuple):
    """What is reported of one way on one list."""

    top1: float
    precision: float
    f1: float
    at99: float
    at95: float
    ece: float
    per_second: float


def figures(told: Sequence[Told | None], task: Task, seconds: float) -> Figures:
    """Work them out: top 1 is also recall when everything is answered; ties of confidence stand or fall together."""
    wanted = sum(bool(right) for _, right in task.queries)
    given = sorted((each for each in told if each), key=lambda each: -each.sure)
    right, f1, at99, at95 = 0, 0.0, 0.0, 0.0
    for place, each in enumerate(given, 1):
        right += each.right
        if place < len(given) and given[place].sure == each.sure:
            continue
        precision, recall = right / place, right / wanted
        f1 = max(f1, 2 * precision * recall / (precision + recall) if right else 0.0)
        at99 = max(at99, recall if precision >= 0.99 else 0.0)
        at95 = max(at95, recall if precision >= 0.95 else 0.0)
    bins = [[each for each in given if min(int(each.sure * 10), 9) == tenth] for tenth in range(10)]
    off = sum(abs(sum(e.sure for e in group) - sum(e.right for e in group)) for group in bins)
    return Figures(
        right / wanted, right / max(len(given), 1), f1, at99, at95, off / max(len(given), 1), len(told) / seconds
    )


def row(title: str, found: Figures) -> str:
    """Write one line of a table."""
    shares = " | ".join(f"{each:.3f}" for each in found[:-1])
    return f"| {title} | {shares} | {found.per_second:,.0f} |"


HEAD = """| | top 1 = recall | precision | best F1 | recall at 99 % | recall at 95 % | ECE | names/s |
| --- | --: | --: | --: | --: | --: | --: | --: |"""


def peer(name: str, task: Task, environments: Path) -> tuple[list[Told | None], float] | str:
    """Answer with a peer in its own environment, or say why not."""
    home = environments / name
    python = home / "bin" / "python"
    if not python.exists():
        venv.create(home, with_pip=True)
        done = subprocess.run(  # noqa: S603
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PEERS[name]],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            return "does not install: " + (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "task.json")
        file.write_text(
            json.dumps({"accounts": [name for _, name in task.accounts], "queries": [name for name, _ in task.queries]})
        )
        script = Path(__file__).with_name("matching_peers.py")
        done = subprocess.run(  # noqa: S603
            [python, script, name, file], capture_output=True, text=True, check=False, cwd=scratch
        )
    if done.returncode:
        return "does not run: " + (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    result = json.loads(done.stdout.strip().splitlines()[-1])
    told = [
        None if answer is None else Told(answer[1], task.accounts[answer[0]][0] == right)
        for answer, (_, right) in zip(result["answers"], task.queries, strict=True)
    ]
    return told, result["seconds"]


def other_way_round() -> NameModel:
    """Learn from the half on which the product is measured."""
    world = world_words(1)
    intercept, coefficients = learn(learning_rows(1, world)[0])
    return NameModel(intercept, tuple(map(float, coefficients)), world)


def names(environments: Path | None) -> None:
    """Print a table per list."""
    other = other_way_round()
    for folder in LISTS:
        task = task_of(folder, 1)
        print(f"\n### {folder}: {len(task.queries)} names against {len(task.accounts):,} accounts\n\n{HEAD}")
        told, seconds = ours(task)
        print(row("Handoff", figures(told, task, seconds)))
        back = task_of(folder, 0)
        with mock.patch("connector.matching.near_tier.name_model", return_value=other):
            told, seconds = ours(back)
        print(row("Handoff, learned the other way round", figures(told, back, seconds)))
        for name in PEERS if environments else ():
            result = peer(name, task, environments)
            print(
                f"| {name} | {result} |" if isinstance(result, str) else row(name, figures(result[0], task, result[1]))
            )


def sizes() -> None:
    """Print what thresholds fixed beforehand accept among 100 to 100,000 accounts, both ways round."""
    print("\n### Accepted at a fixed threshold, by size of the account list\n")
    print("| list, half | accounts | with an answer | at | accepted | precision | recall | alike | without these |")
    print("| --- | --: | --: | --: | --: | --: | --: | --: | --: |")
    other = other_way_round()
    wrong: dict[str, None] = {}
    for folder in LISTS:
        for which, model in ((1, None), (0, other)):
            with mock.patch("connector.matching.near_tier.name_model", return_value=model or name_model()):
                wrong |= dict.fromkeys(sizes_of(folder, which))
    print("\nAccepted at the lower threshold though the list says otherwise; * nothing tells the two names apart:\n")
    for told in wrong:
        print(told)


def sizes_of(folder: str, which: int) -> list[str]:
    """Print the lines of one list and half; give the pairs of names that were taken wrongly."""
    whole = task_of(folder, which)
    chance = random.Random(3)
    rights = sorted({right for _, right in whole.queries if right})
    others = sorted({each for each, _ in whole.accounts} - set(rights))
    chance.shuffle(others)
    named = dict(whole.accounts)
    taken = {key_of(company_name(name)) for name in (*named.values(), *(name for name, _ in whole.queries))}
    pool = [row["account_name"] for each in LISTS if each != folder for row in read(each, "accounts.csv")]
    pool += relatives([*named.values(), *pool, *world_names(which)], chance, 110_000)
    crowd = [name for name in dict.fromkeys(pool) if key_of(company_name(name)) not in taken]
    wrong = []
    for size in (100, 1_000, 10_000, 100_000):
        kept = (rights + others)[:size]
        books = [(each, named[each]) for each in kept]
        books += [(f"crowd{place}", name) for place, name in enumerate(crowd[: size - len(kept)])]
        task = Task(books, [(name, right if right in set(kept) else "") for name, right in whole.queries])
        answers = answered(task)
        wanted = sum(bool(right) for _, right in task.queries)
        for bar in BARS:
            took = [(row, query) for row, query in zip(answers, task.queries, strict=True) if row["confidence"] >= bar]
            missed = [
                (dict(books)[row["account_id"]], query[0]) for row, query in took if row["account_id"] != query[1]
            ]
            right = len(took) - len(missed)
            alike = sum(told_apart_by_nothing(*names) for names in missed)
            without = right / max(len(took) - alike, 1)
            print(
                f"| {folder}, {which} | {len(books):,} | {wanted} | {bar} | {len(took)} |"
                f" {right / max(len(took), 1):.4f} | {right / max(wanted, 1):.3f} | {alike} | {without:.4f} |",
                flush=True,
            )
            wrong += [
                f"- {asked} = {account}{' *' if told_apart_by_nothing(account, asked) else ''}"
                for account, asked in missed
            ]
    return wrong


def told_apart_by_nothing(one: str, other: str) -> bool:
    """Say whether nothing tells two names apart but a listed abbreviation or one letter of a word of eight or more.

    A list that calls such two companies is right where they are namesakes and wrong where it missed that they are one:
    no name can tell. The makers of the patents' list leave out entities whose names are equal but for legal form and
    word order ("their labels under-merge"); these are the same case one step on.
    """
    mine, theirs = (sorted(SHORT.get(word, word) for word in company_name(name).words) for name in (one, other))
    if len(mine) != len(theirs):
        return False
    apart = [(a, b) for a, b in zip(mine, theirs, strict=True) if a != b]
    return not apart or (
        len(apart) == 1 and min(map(len, apart[0])) >= 8 and DamerauLevenshtein.distance(*apart[0], score_cutoff=1) == 1
    )


def domains() -> None:
    """Print how the domain tier does on the world-wide list, with what people write around a domain."""
    rows = read("company_domains", "companies.csv")
    chance = random.Random(4)
    accounts = pa.table(
        {
            "account_id": [f"A{place}" for place in range(len(rows))],
            "name": [row["name"] for row in rows],
            "website": [f"https://www.{row['domain']}/home" for row in rows],
        }
    )
    bare = [registrable(web_host(row["domain"])) for row in rows]
    never = NeverMatched()
    carriers: dict[str, set[str]] = {}
    for place, domain in enumerate(bare):
        carriers.setdefault(domain, set()).add(f"A{place}")
    asked: list[tuple[str, set[str]]] = []
    free = ("gmail.com", "yahoo.co.uk", "gmx.de", "qq.com", "163.com", "mailinator.com")
    for row, domain in zip(rows, bare, strict=True):
        fit = set() if not domain or web_host(row["domain"]) in never else carriers[domain]
        asked.append((f"x@{chance.choice(('', 'mail.', 'eu.', 'smtp.corp.'))}{row['domain']}", fit))
        label, _, ending = domain.partition(".")
        if chance.random() < 0.3 and domain:
            # others that look alike: another country's ending, a hyphen, a word more
            like = chance.choice((f"{label}.example", f"{label}-group.{ending}", f"my{label}.{ending}"))
            asked.append((f"x@{like}", carriers.get(registrable(like), set())))
        if chance.random() < 0.3:
            asked.append((f"x@{chance.choice(free)}", set()))
    people = pa.table(
        {"person_id": [f"{place:06}" for place in range(len(asked))], "email": [address for address, _ in asked]}
    )
    matching = AccountMatching(tiers=(AccountTier(by="domain"),))
    started = time.process_time()
    found = match(people, accounts, matching=matching, decided=ANSWERS.empty_table()).to_pylist()
    seconds = time.process_time() - started
    taken = [
        (row["account_id"], fit)
        for row, (_, fit) in zip(found, asked, strict=True)
        if row["account_id"] and not row["review"]
    ]
    right, wanted = sum(account in fit for account, fit in taken), sum(bool(fit) for _, fit in asked)
    wrongly = sum(
        1
        for row, (address, _) in zip(found, asked, strict=True)
        if row["account_id"] and address.rpartition("@")[2] in never
    )
    print("\n### company_domains\n")
    print("| addresses | with an answer | accepted | precision | recall | free or disposable matched | addresses/s |")
    print("| --: | --: | --: | --: | --: | --: | --: |")
    print(
        f"| {len(asked):,} | {wanted:,} | {len(taken):,} | {right / len(taken):.4f} | {right / wanted:.4f} |"
        f" {wrongly} | {len(asked) / seconds:,.0f} |"
    )


def main() -> None:
    """Print every table."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--peers", action="store_true", help="measure the libraries too")
    arguments.add_argument("--environments", type=Path, help="where the libraries' environments are kept")
    told = arguments.parse_args(sys.argv[1:])
    with tempfile.TemporaryDirectory() as scratch:
        names((told.environments or Path(scratch)) if told.peers else None)
    sizes()
    domains()


if __name__ == "__main__":
    main()
