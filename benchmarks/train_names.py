"""Learn the figures behind near names: ``HANDOFF_SHARED=... python -m benchmarks.train_names [half] [--write]``.

Reads ``data/company_names_listed``, ``company_names_patents`` and ``company_domains`` of that folder. What is learned
comes from one half of the entities of each list (by a hash of the entity) and from one half of the world-wide names,
bent by a seed; nothing of the lists but counts of common words is kept. ``--write`` puts the figures into the product;
without it they are only measured, on the other half.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import random
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from connector.matching.evidence import MEASURES, compare
from connector.matching.name_model import NameModel
from connector.matching.names import CompanyName, company_name
from connector.matching.near import NearNames
from connector.matching.word_kinds import SHORT

LISTS = ("company_names_listed", "company_names_patents")
MODEL = Path("connector/matching/name_model.json")
#: a word that stands in fewer of the world's names than this is not common
_COMMON = 4
_RIDGE = 4.0
#: what can only speak for, and what may speak either way; everything else can only speak against
_FOR = frozenset({"shared", "joined_words", "all_words", "reordered", "short_words"})
_EITHER = frozenset({"tail", "bent_words"})
#: Set by hand, because the lists hold too few: brackets on one side only (a country, a unit) tell companies of one
#: house apart, and first letters alone are a question (four in five right), never an answer
_BY_HAND = {"acronym": 0.0, "aside_differs": -2.5}
_FIRST_LETTERS = 1.39
_BENT_NAMES = 3000

Rows = list[tuple[np.ndarray, int, float]]


def half(entity: str) -> int:
    """Give the half an entity belongs to."""
    return int(hashlib.md5(entity.encode(), usedforsecurity=False).hexdigest(), 16) % 2


def read(*parts: str) -> list[dict[str, str]]:
    """Read one file of the shared folder."""
    with Path(os.environ["HANDOFF_SHARED"], "data", *parts).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def key_of(name: CompanyName) -> str:
    """Give what equal names have in common."""
    return name.core.replace(" ", "")


def world_words(which: int) -> dict[str, float]:
    """Count words in one half of the world-wide names and of the lists' accounts."""
    names = {key_of(each): each for each in map(company_name, world_names(which))}
    for folder in LISTS:
        rows = [row["account_name"] for row in read(folder, "accounts.csv") if half(row["account_id"]) == which]
        names |= {key_of(each): each for each in map(company_name, rows)}
    count = Counter(word for name in names.values() for word in set(name.words))
    return {word: n / len(names) for word, n in count.items() if n >= _COMMON and not word.isdigit()}


def world_names(which: int) -> list[str]:
    """Give one half of the world-wide names."""
    return sorted({row["name"] for row in read("company_domains", "companies.csv") if half(row["name"]) == which})


def relatives(names: list[str], chance: random.Random, count: int) -> list[str]:
    """Make names that share words with real ones and are other companies."""
    others = [word for name in chance.sample(names, 500) for word in name.split() if word.isalpha() and len(word) > 3]
    made = []
    while len(made) < count:
        words = chance.choice(names).split()
        at = chance.randrange(len(words))
        if len(words) > 1:
            words[at] = chance.choice(others)
        else:
            words.append(chance.choice(others))
        made.append(" ".join(words))
    return made


def bent(name: str, chance: random.Random) -> str:
    """Write a name as people write it who heard it, are in a hurry, or copy it from a register."""
    words = name.split()
    way = chance.randrange(8)
    at = chance.randrange(len(words))
    word = words[at]
    if way <= 2 and len(word) > 4:
        spot = chance.randrange(1, len(word) - 1)
        letter = chance.choice("aeinorst")
        edit = chance.randrange(4)
        tail = {0: word[spot + 1 :], 1: letter + word[spot:], 2: letter + word[spot + 1 :]}
        words[at] = word[:spot] + tail.get(edit, word[spot + 1 : spot + 2] + word[spot] + word[spot + 2 :])
    elif way == 3:
        short = {long: short for short, long in SHORT.items()}
        words = [short.get(each.lower(), each) for each in words]
    elif way == 4 and len(words) > 2:
        words = [*words[1:], words[0]]
    elif way == 5 and len(words) > 1:
        words[max(at - 1, 0) : at + 1] = ["".join(words[max(at - 1, 0) : at + 1])]
    elif way == 6 and len(word) > 6:
        words[at] = word[: chance.randrange(4, len(word) - 1)]
    elif len(words) > 3 and not any(each.isdigit() for each in words):
        words = words[:-1]
    return " ".join(words)


def rows_of(
    accounts: list[tuple[str, str]], queries: list[tuple[str, str]], world: dict[str, float], weight: float
) -> Rows:
    """Measure queries beside their candidates: measures, place of the right one or -1, weight; equal names are out."""
    names: dict[str, CompanyName] = {}
    ids: dict[str, set[str]] = {}
    for account, written in sorted(accounts):
        name = company_name(written)
        names.setdefault(key_of(name), name)
        ids.setdefault(key_of(name), set()).add(account)
    index = NearNames(names, NameModel(0.0, (0.0,) * len(MEASURES), world))
    rows: Rows = []
    for written, right in queries:
        name = company_name(written)
        if key_of(name) in names:
            continue
        places = index._candidates(name)  # noqa: SLF001
        measured = [compare(name, index._names[place], index._weights).measures for place in places]  # noqa: SLF001
        hit = [at for at, place in enumerate(places) if right and right in ids[index._keys[place]]]  # noqa: SLF001
        rows.append((np.array(measured).reshape(-1, len(MEASURES)), hit[0] if hit else -1, weight))
    return rows


def listed_rows(folder: str, which: int, world: dict[str, float], crowd: list[str], weight: float) -> Rows:
    """Measure one half of a list's queries, among its accounts and a crowd of others."""
    accounts = [(row["account_id"], row["account_name"]) for row in read(folder, "accounts.csv")]
    accounts += [(f"crowd{place}", name) for place, name in enumerate(crowd)]
    queries = [
        (row["query_name"], row["account_id"]) for row in read(folder, "queries.csv") if half(row["entity"]) == which
    ]
    return rows_of(accounts, queries, world, weight)


def bent_rows(which: int, world: dict[str, float], weight: float) -> Rows:
    """Measure bent names of the world, of which a third have no right answer and as many have relatives."""
    chance = random.Random(which)
    names = world_names(which)
    chance.shuffle(names)
    accounts = [(str(place), name) for place, name in enumerate(names[: 2 * _BENT_NAMES])]
    accounts += [(f"r{place}", name) for place, name in enumerate(relatives(names, chance, _BENT_NAMES))]
    queries = [(bent(name, chance), account) for account, name in accounts[:_BENT_NAMES]]
    queries += [(bent(name, chance), "") for name in names[2 * _BENT_NAMES : 3 * _BENT_NAMES - 500]]
    queries += [(name, "") for name in relatives(names, chance, _BENT_NAMES // 2)]
    return rows_of(accounts, queries, world, weight)


def learning_rows(which: int, world: dict[str, float]) -> tuple[Rows, int]:
    """Measure all that one half can teach; and how much of it is real."""
    crowd = relatives(world_names(which), random.Random(7), 20_000)
    rows: Rows = []
    for folder in LISTS:
        rows += listed_rows(folder, which, world, [], 1.0)
        rows += listed_rows(folder, which, world, crowd, 1.0)
    return rows + bent_rows(which, world, 0.1), len(rows)


def learn(rows: Rows) -> tuple[float, np.ndarray]:
    """Fit the choice among candidates and none (conditional logit) by Newton's method; intercept and coefficients."""
    rows = [row for row in rows if len(row[0])]
    spread = np.concatenate([each for each, _, _ in rows]).std(axis=0) + 1e-9
    free = np.array([name not in _BY_HAND for name in MEASURES])
    given = np.array([_BY_HAND.get(name, 0.0) for name in MEASURES])
    while True:
        beta = _fitted([(np.column_stack([np.ones(len(x)), x / spread, x @ given]), y, w) for x, y, w in rows], free)
        against = np.array(
            [
                name not in _EITHER and (each < 0 if name in _FOR else each > 0)
                for name, each in zip(MEASURES, np.round(beta[1:-1], 9), strict=True)
            ]
        )
        if not (free & against).any():
            break
        free &= ~against
    coefficients = np.where(free, beta[1:-1] / spread, given)
    coefficients[MEASURES.index("acronym")] = _FIRST_LETTERS - beta[0]
    return float(beta[0]), coefficients


def _fitted(rows: Rows, free: np.ndarray) -> np.ndarray:
    # the last column is what was set by hand: it counts as it stands
    beta = np.zeros(len(MEASURES) + 2)
    beta[-1] = 1.0
    ridge = np.concatenate(([1e-6], np.where(free, float(_RIDGE), 1e12), [0.0]))
    for _ in range(30):
        slope, curve = -ridge * beta, np.diag(ridge)
        for x, right, weight in rows:
            odds = np.exp(np.clip(x @ beta, -40, 40))
            share = odds / (1 + odds.sum())
            mean = x.T @ share
            slope += weight * ((x[right] if right >= 0 else 0.0) - mean)
            curve += weight * ((x.T * share) @ x - np.outer(mean, mean))
        step = np.append(np.linalg.solve(curve[:-1, :-1], slope[:-1]), 0.0)
        beta += np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-6:
            break
    return beta


def judged(rows: Rows, intercept: float, coefficients: np.ndarray) -> list[tuple[float, bool]]:
    """Give confidence and rightness of each best candidate, surest first."""
    told = []
    for measured, right, _ in rows:
        if len(measured):
            odds = np.exp(np.clip(intercept + measured @ coefficients, -40, 40))
            told.append((float(odds.max() / (1 + odds.sum())), int(odds.argmax()) == right))
    return sorted(told, reverse=True)


def main() -> None:
    """Learn from one half, measure on the other."""
    which = int(next((word for word in sys.argv[1:] if word.isdigit()), "0"))
    world = world_words(which)
    rows, real = learning_rows(which, world)
    intercept, coefficients = learn(rows)
    print(f"{len(world)} common words, {real} real rows, {len(rows) - real} bent rows")
    print({name: round(float(each), 2) for name, each in zip(MEASURES, coefficients, strict=True)}, round(intercept, 2))
    other = world_names(1 - which)
    for folder in LISTS:
        for title, more in (("alone", []), ("in a crowd", relatives(other, random.Random(8), 20_000))):
            told = judged(listed_rows(folder, 1 - which, world, more, 1.0), intercept, coefficients)
            for bar in (0.5, 0.75, 0.92):
                taken = [right for sure, right in told if sure >= bar]
                print(f"{folder}, {title}: at {bar} {len(taken)} of {len(told)}, right {sum(taken)}")
    told = judged(bent_rows(1 - which, world, 1.0), intercept, coefficients)
    for bar in (0.5, 0.75, 0.92):
        taken = [right for sure, right in told if sure >= bar]
        print(f"bent: at {bar} {len(taken)} of {len(told)}, right {sum(taken)}")
    if "--write" in sys.argv:
        write(which, world, intercept, coefficients, real, len(rows) - real)


def write(
    which: int, world: dict[str, float], intercept: float, coefficients: np.ndarray, real: int, made: int
) -> None:
    """Put the figures where the product reads them."""
    groups: dict[int, list[str]] = {}
    for word, share in sorted(world.items()):
        groups.setdefault(int(share * 1e6 + 0.5), []).append(word)
    told = {
        "learned_from": f"half {which} of the entities (md5 of the entity, modulo 2) of two public lists of company"
        f" names, alone and in a crowd of 20,000 made-up relatives ({real} names without an equal one), and {made} bent"
        " names of half of a world-wide list; acronym and aside_differs are set by hand",
        "learned_by": "benchmarks/train_names.py",
        "intercept": round(intercept, 4),
        "coefficients": {name: round(float(each), 4) for name, each in zip(MEASURES, coefficients, strict=True)},
        "words_per_million": [[share, " ".join(words)] for share, words in sorted(groups.items(), reverse=True)],
    }
    MODEL.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
