"""Score pairs with splink 5, set up as its tutorials do: ``python splink_pairs.py DATASET RECORDS.csv PAIRS.csv``."""

from __future__ import annotations

import json
import sys
import time

import pandas as pd
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on


def fake() -> tuple[SettingsCreator, list[object], list[object]]:
    """Compare first name, surname, birth date, city, e-mail (splink's "deduplicate 50k"/"fake_1000" tutorial)."""
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[
            cl.NameComparison("first_name"),
            cl.NameComparison("surname"),
            cl.DateOfBirthComparison("dob", input_is_string=True),
            cl.ExactMatch("city").configure(term_frequency_adjustments=True),
            cl.EmailComparison("email"),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("first_name", "city"),
            block_on("surname"),
            block_on("dob"),
            block_on("email"),
        ],
    )
    rules = ["l.first_name = r.first_name and l.surname = r.surname and l.dob = r.dob", "l.email = r.email"]
    return settings, rules, [block_on("first_name", "surname"), block_on("dob"), block_on("email")]


def historical() -> tuple[SettingsCreator, list[object], list[object]]:
    """Compare names, birth date, post code, birth place and occupation (splink's historical people tutorial)."""
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[
            cl.ForenameSurnameComparison("first_name", "surname", forename_surname_concat_col_name="first_and_surname"),
            cl.DateOfBirthComparison("dob", input_is_string=True),
            cl.PostcodeComparison("postcode_fake"),
            cl.ExactMatch("birth_place").configure(term_frequency_adjustments=True),
            cl.ExactMatch("occupation").configure(term_frequency_adjustments=True),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("first_name", "surname"),
            block_on("surname", "dob"),
            block_on("first_name", "dob"),
            block_on("postcode_fake", "first_name"),
            block_on("postcode_fake", "surname"),
            block_on("dob", "birth_place"),
            block_on("substr(postcode_fake,1,3)", "dob"),
            block_on("substr(postcode_fake,1,3)", "first_name"),
            block_on("substr(postcode_fake,1,3)", "surname"),
            block_on("substr(first_name,1,2)", "substr(surname,1,2)", "substr(dob,1,4)"),
        ],
    )
    rules = [
        "l.first_name = r.first_name and l.surname = r.surname and l.dob = r.dob",
        (
            "substr(l.first_name,1,2) = substr(r.first_name,1,2) and l.surname = r.surname"
            " and substr(l.postcode_fake,1,2) = substr(r.postcode_fake,1,2)"
        ),
        "l.dob = r.dob and l.postcode_fake = r.postcode_fake",
    ]
    return settings, rules, [block_on("first_name", "surname"), block_on("dob"), block_on("postcode_fake")]


def main() -> None:
    """Train without labels, predict, write the pairs."""
    dataset, records, pairs = sys.argv[1:4]
    frame = pd.read_csv(records, dtype=str)
    frame = frame.astype(object).where(frame.notna(), None).drop(columns=["cluster"])
    begun = time.process_time()
    settings, certain, rounds = fake() if dataset == "persons_fake_1000" else historical()
    linker = Linker(DuckDBAPI().register(frame), settings)
    linker.training.estimate_probability_two_random_records_match(certain, recall=0.6)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for rule in rounds:
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    found = linker.inference.predict(threshold_match_probability=0.01).as_pandas_dataframe()
    seconds = time.process_time() - begun
    found = found[["unique_id_l", "unique_id_r", "match_probability"]]
    found.to_csv(pairs, index=False, header=["left", "right", "score"])
    sys.stdout.write(json.dumps({"seconds": seconds, "pairs": len(found)}) + "\n")


main()
