"""Answer names with one of the libraries people use for it: ``python matching_peers.py PEER FILE``, in its environment.

FILE is JSON: ``accounts`` and ``queries``, lists of names. Prints JSON: ``answers``, per query the place of the account
and the library's own score in [0, 1] (or null), and ``seconds`` of processor, building its index included.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections import defaultdict
from pathlib import Path

Answers = list[tuple[int, float] | None]


def rapidfuzz(accounts: list[str], queries: list[str]) -> Answers:
    """Compare by ``WRatio`` with the accounts that share the first three letters or a word of four or more letters."""
    from rapidfuzz import fuzz, process, utils  # noqa: PLC0415

    plain = [utils.default_process(name) for name in accounts]
    blocks: dict[str, list[int]] = defaultdict(list)
    for place, name in enumerate(plain):
        for key in _blocks(name):
            blocks[key].append(place)
    told: Answers = []
    for query in map(utils.default_process, queries):
        places = sorted({place for key in _blocks(query) for place in blocks.get(key, ())[:3000]})
        best = process.extractOne(query, {place: plain[place] for place in places}, scorer=fuzz.WRatio)
        told.append((best[2], best[1] / 100) if best else None)
    return told


def _blocks(name: str) -> set[str]:
    return {name[:3]} | {word for word in name.split() if len(word) >= 4}


def tfidf(accounts: list[str], queries: list[str]) -> Answers:
    """Compare by the cosine of TF-IDF vectors of character n-grams (2 to 4, inside words)."""
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415

    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), lowercase=True, sublinear_tf=True)
    known = vectors.fit_transform(accounts).T.tocsc()
    told: Answers = []
    for start in range(0, len(queries), 200):
        close = (vectors.transform(queries[start : start + 200]) @ known).toarray()
        best = close.argmax(axis=1)
        told += [(int(place), float(row[place])) if row[place] > 0 else None for place, row in zip(best, close)]  # noqa: B905
    return told


def emm(accounts: list[str], queries: list[str]) -> Answers:
    """Use the indexers by words and by pairs of characters that its guide shows, without a trained model."""
    import pandas  # noqa: PLC0415, ICN001
    from emm import PandasEntityMatching  # noqa: PLC0415

    cosine = {"type": "cosine_similarity", "num_candidates": 10, "cos_sim_lower_bound": 0.2}
    model = PandasEntityMatching(
        {
            "name_only": True,
            "entity_id_col": "id",
            "name_col": "name",
            "preprocessor": "preprocess_merge_abbr",
            "indexers": [
                cosine | {"tokenizer": "words", "ngram": 1},
                cosine | {"tokenizer": "characters", "ngram": 2},
            ],
            "supervised_on": False,
        }
    )
    model.fit(pandas.DataFrame({"id": range(len(accounts)), "name": accounts}))
    found = model.transform(pandas.DataFrame({"id": range(len(queries)), "name": queries}))
    found["sure"] = found[["score_0", "score_1"]].fillna(0).mean(axis=1)
    told: Answers = [None] * len(queries)
    for row in found.sort_values("sure").itertuples():
        if row.gt_entity_id == row.gt_entity_id:
            told[int(row.entity_id)] = (int(row.gt_entity_id), float(row.sure))
    return told


def name_matching(accounts: list[str], queries: list[str]) -> Answers:
    """Use the distances and settings that its guide shows."""
    import pandas  # noqa: PLC0415, ICN001
    from name_matching.name_matcher import NameMatcher  # noqa: PLC0415

    model = NameMatcher(number_of_matches=1, legal_suffixes=True, common_words=False, top_n=50, verbose=False)
    model.set_distance_metrics(["bag", "typo", "refined_soundex"])
    model.load_and_process_master_data(
        column="name", df_matching_data=pandas.DataFrame({"name": accounts}), transform=True
    )
    found = model.match_names(to_be_matched=pandas.DataFrame({"name": queries}), column_matching="name")
    told: Answers = []
    for place in range(len(queries)):
        row = found.loc[place]
        known = row["match_index"] == row["match_index"] and row["score"] == row["score"]
        told.append((int(row["match_index"]), float(row["score"]) / 100) if known else None)
    return told


PEERS = {"rapidfuzz": rapidfuzz, "tfidf": tfidf, "emm": emm, "name-matching": name_matching}


def main() -> None:
    """Answer one file."""
    warnings.simplefilter("ignore")
    task = json.loads(Path(sys.argv[2]).read_text("utf-8"))
    started = time.process_time()
    answers = PEERS[sys.argv[1]](task["accounts"], task["queries"])
    print(json.dumps({"answers": answers, "seconds": time.process_time() - started}))


if __name__ == "__main__":
    main()
