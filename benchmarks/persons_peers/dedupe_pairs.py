"""Score pairs with dedupe: ``python dedupe_pairs.py DATASET RECORDS.csv PAIRS.csv``.

dedupe asks a person while it learns; here the truth of the tuning half answers 400 of its pairs, which no other
contestant sees.
"""

from __future__ import annotations

import csv
import hashlib
import json
import random
import sys
import time
from itertools import combinations
from pathlib import Path

import dedupe
from dedupe import variables

_TAUGHT = 200


def taught(rows: dict[str, dict[str, str | None]], truth: dict[str, str]) -> dict[str, list[object]]:
    """Make as many pairs that match and that do not, from the tuning half."""
    chance = random.Random(1)
    groups: dict[str, list[str]] = {}
    for id_, cluster in truth.items():
        if hashlib.sha256(cluster.encode()).digest()[0] % 2 == 0:
            groups.setdefault(cluster, []).append(id_)
    same = [pair for members in groups.values() for pair in combinations(members, 2)]
    ids = [id_ for members in groups.values() for id_ in members]
    other = [
        pair for pair in (tuple(chance.sample(ids, 2)) for _ in range(_TAUGHT)) if truth[pair[0]] != truth[pair[1]]
    ]
    # near misses teach more than strangers: another record with the same last name or birth date
    by_value: dict[str, list[str]] = {}
    for id_ in ids:
        for name in ("surname", "dob"):
            if rows[id_][name]:
                by_value.setdefault(str(rows[id_][name]), []).append(id_)
    near = [p for v in by_value.values() for p in combinations(v[:6], 2) if truth[p[0]] != truth[p[1]]]
    chosen = chance.sample(same, _TAUGHT), chance.sample(near, min(_TAUGHT // 2, len(near))) + other[: _TAUGHT // 2]
    return {
        name: [(rows[a], rows[b]) for a, b in pairs] for name, pairs in zip(("match", "distinct"), chosen, strict=True)
    }


def main() -> None:
    """Learn, score, write the pairs."""
    dataset, records, pairs = sys.argv[1:4]
    with Path(records).open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    more = ["city", "email"] if dataset == "persons_fake_1000" else ["birth_place", "postcode_fake", "occupation"]
    names = ["first_name", "surname", "dob", *more]
    rows = {row["unique_id"]: {name: row[name] or None for name in names} for row in table}
    truth = {row["unique_id"]: row["cluster"] for row in table}
    begun = time.process_time()
    model = dedupe.Dedupe([variables.String(name, has_missing=True) for name in names], num_cores=1)
    model.prepare_training(rows, sample_size=1500)
    model.mark_pairs(taught(rows, truth))
    model.train(recall=0.95)
    scored = model.score(model.pairs(rows))
    seconds = time.process_time() - begun
    with Path(pairs).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["left", "right", "score"])
        writer.writerows(
            [pair[0], pair[1], float(score)] for pair, score in zip(scored["pairs"], scored["score"], strict=True)
        )
    sys.stdout.write(json.dumps({"seconds": seconds, "pairs": len(scored)}) + "\n")


if __name__ == "__main__":
    main()
