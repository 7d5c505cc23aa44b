"""The engine against the slow reference, over random worlds; ``HANDOFF_SCORING=N`` looks at N of them."""

from __future__ import annotations

import random
from collections import Counter
from unittest.mock import patch

import pyarrow as pa
import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from reference_conditions import truth
from reference_declared import with_declared
from scoring_effort import looking_at, worlds_for
from scoring_models import PERSON_TESTS, condition, random_model
from scoring_parity import differences, expected, plain
from scoring_worlds import random_world, seeded_worlds

from connector.mapping.scoring import ScoringModel
from connector.scoring import score as score_module
from connector.scoring.engines.on_duckdb import DuckDb
from connector.scoring.further import score_further
from connector.scoring.hits import match as hits_module
from connector.scoring.score import Scored, roll_up, score_part

#: how many random worlds the seeded test looks at
WORLDS = worlds_for(12)
worlds = st.randoms(use_true_random=False).map(random_world)
few = looking_at(4)
#: what the random worlds must reach, and in how large a share of 200
REACHED = {
    "not known yet": 0.3,
    "local day is another than in UTC": 0.2,
    "several identities in one line": 0.2,
    "decay": 0.2,
    "expiry drops": 0.1,
    "window drops": 0.1,
    "several windows": 0.1,
    "debounce drops": 0.1,
    "a return is negative": 0.1,
    "the last return repeats": 0.1,
    "a hundred deeds in one line": 0.05,
    "an uncapped line ends": 0.005,
    "a rule's cap bites": 0.1,
    "a group's cap bites": 0.05,
    "a group's floor bites": 0.05,
    "a group's rounding is left over": 0.02,
    "two lines of a group are as long": 0.01,
    "fit is limited above": 0.02,
    "fit is limited below": 0.05,
    "interest is limited above": 0.05,
    "interest is limited below": 0.05,
    "a disqualifier cannot be answered": 0.05,
    "somebody is disqualified": 0.03,
    "a fact would decide": 0.05,
    "a person's cap bites in an account": 0.05,
    "an account's score is limited": 0.02,
    "an account has forty people": 0.03,
    "an account is disqualified": 0.02,
    "an account is ready": 0.03,
    "an account takes in people": 0.1,
    "an account is news": 0.1,
    "an account is too_hot": 0.03,
    "an account is early_alert": 0.01,
    "a fact would decide of an account": 0.05,
    "somebody is too_hot": 0.05,
    "somebody is early_alert": 0.02,
    "the stage of an asset counts": 0.05,
    "a stage is missed by points": 0.1,
    "a declared answer differs": 0.1,
    "a declared answer weighs more": 0.02,
    "contributions are rounded": 0.1,
}


@few
@given(world=worlds, seed=st.integers(0, 99))
def test_the_engine_says_exactly_what_the_slow_reference_says(world, seed):
    seen = Counter()
    wanted = expected(world, seen)
    for name in +seen:
        event(name)
    assert differences(wanted, plain(world.scored())) == []

    def shuffled(rows):
        return random.Random(seed).sample(rows, len(rows))

    other = world.but(**{name: shuffled(getattr(world, name)) for name in ("people", "activities", "accounts")})
    with patch.object(score_module, "BUCKET_PEOPLE", 13), patch.object(hits_module, "_SLICE_ROWS", 70):
        assert differences(wanted, plain(other.scored(DuckDb(4)))) == []


def test_the_engine_says_so_of_many_worlds():
    for number, world in enumerate(seeded_worlds(WORLDS)):
        assert differences(expected(world), plain(world.scored())) == [], f"world {number} of seed 0"


@few
@given(world=worlds, size=st.integers(3, 20))
def test_people_in_parts_have_the_scores_of_all_at_once(world, size):
    model = ScoringModel.model_validate(world.model)
    people = sorted(world.people, key=lambda row: row["person_id"])
    parts = []
    for first in range(0, max(1, len(people)), size):
        some = people[first : first + size]
        ids = {row["person_id"] for row in some}
        part = world.but(people=some, activities=[row for row in world.activities if row["person_id"] in ids])
        tables = part.people_table(), part.activities_table(), part.accounts_table()
        parts.append(score_part(model, *tables, as_of=world.as_of, time_zone=world.zone))
    found = Scored(
        pa.concat_tables([part.scores for part in parts]),
        pa.concat_tables([part.lines for part in parts]),
        roll_up(
            model,
            pa.concat_tables([part.standings for part in reversed(parts)]),
            world.accounts_table(),
            as_of=world.as_of,
            time_zone=world.zone,
        ),
    )
    assert differences(plain(world.scored()), plain(found)) == []


@few
@given(world=worlds, seed=st.integers(0, 99))
def test_a_further_model_speaks_of_whom_it_says_and_of_nobody_else(world, seed):
    rnd = random.Random(seed)
    further = random_model(rnd) | {"name": "further", "for": condition(rnd, PERSON_TESTS)}
    listed = {row["account_id"]: {f"account.{name}": value for name, value in row.items()} for row in world.accounts}
    spoken_of = [
        row
        for row in world.people
        if truth(further["for"], with_declared(listed.get(row["account_id"], {}) | row)[0], world.as_of) is True
    ]
    wanted = expected(world.but(model=further, people=spoken_of))
    found = score_further(
        [ScoringModel.model_validate(further)],
        world.people_table(),
        world.activities_table(),
        world.accounts_table(),
        as_of=world.as_of,
        time_zone=world.zone,
    )["further"]
    rows = {"scores": found.scores.to_pylist(), "lines": found.lines.to_pylist()}
    assert differences({name: wanted[name] for name in rows}, rows) == []


def test_the_random_worlds_reach_every_feature():
    reached = Counter()
    for world in seeded_worlds(200, seed=1):
        seen = Counter()
        expected(world, seen)
        reached.update((+seen).keys())
    missed = {name: reached[name] / 200 for name, share in REACHED.items() if reached[name] < share * 200}
    assert missed == {}


@pytest.mark.parametrize("key", ["points", "count", "last_on"])
def test_a_wrong_line_is_told(key):
    world = next(world for world in seeded_worlds(50) if len(expected(world)["lines"]) > 3)
    found = plain(world.scored())
    found["lines"][-1][key] = 7
    assert len(differences(expected(world), found)) == 1
