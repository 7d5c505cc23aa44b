"""Score pairs with recordlinkage: ``python recordlinkage_pairs.py DATASET RECORDS.csv PAIRS.csv``.

Blocks by each field that identifies, compares by Jaro-Winkler, learns without labels (expectation and maximisation).
"""

from __future__ import annotations

import json
import sys
import time
import warnings

import pandas as pd
import recordlinkage

warnings.filterwarnings("ignore")


def main() -> None:
    """Index, compare, classify, write the pairs."""
    dataset, records, pairs = sys.argv[1:4]
    frame = pd.read_csv(records, dtype=str).set_index("unique_id").drop(columns=["cluster"])
    fake = dataset == "persons_fake_1000"
    begun = time.process_time()
    frame["initial"] = frame["first_name"].str[:1]
    frame["start"] = frame["surname"].str[:4]
    frame["area"] = None if fake else frame["postcode_fake"].str.split(" ").str[0]
    index = recordlinkage.Index()
    blocks = (
        [["surname"], ["dob"], ["email"]] if fake else [["postcode_fake"], ["dob", "initial"], ["surname", "initial"]]
    )
    blocks.append(["first_name", "city"] if fake else ["first_name", "area"])
    for block in blocks:
        index.block(block)
    candidates = index.index(frame)
    compare = recordlinkage.Compare(n_jobs=1)
    for name in ("first_name", "surname"):
        compare.string(name, name, method="jarowinkler", threshold=0.88, label=name)
    compare.string("dob", "dob", method="damerau_levenshtein", threshold=0.85, label="dob")
    for name in ("city", "email") if fake else ("birth_place", "postcode_fake", "occupation"):
        compare.string(name, name, method="jarowinkler", threshold=0.88, label=name)
    vectors = compare.compute(candidates, frame)
    model = recordlinkage.ECMClassifier(binarize=0.5)
    model.fit_predict(vectors)
    scores = model.prob(vectors)
    seconds = time.process_time() - begun
    found = scores[scores > 0.01].reset_index()
    found.columns = ["left", "right", "score"]
    found.to_csv(pairs, index=False)
    sys.stdout.write(json.dumps({"seconds": seconds, "pairs": len(found)}) + "\n")


main()
