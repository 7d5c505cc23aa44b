"""What is true of every score, over random worlds; ``HANDOFF_SCORING=N`` looks at N worlds for each."""

from __future__ import annotations

import random
import tempfile
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import pytest
import scoring_properties as must
from content_crowds import content_crowd, junior_crowd, reaches_sales
from hypothesis import given
from hypothesis import strategies as st
from scoring_effort import looking_at
from scoring_parity import plain
from scoring_worlds import random_world

from connector.scoring.tables import read_activities

seeds = st.integers(0, 2**32).map(random.Random)
worlds = seeds.map(random_world)


@looking_at(4)
@given(world=worlds, rnd=seeds)
def test_with_hindsight_the_order_of_arrival_does_not_matter(world, rnd):
    must.order_does_not_matter(world, rnd)


@looking_at(4)
@given(world=worlds)
def test_as_of_an_instant_only_what_was_known_counts(world):
    must.the_past_is_what_was_known(world)


@looking_at(4)
@given(world=worlds)
def test_a_score_does_not_depend_on_other_people(world):
    must.others_do_not_matter(world)


@looking_at(5)
@given(world=worlds)
def test_merging_two_people_scores_the_union_of_their_hits(world):
    must.a_merge_is_the_union_of_hits(world)


@looking_at(5)
@given(world=worlds, days=st.integers(0, 4000), minutes=st.integers(1440, 2880))
def test_nothing_rises_without_an_event(world, days, minutes):
    must.nothing_rises_by_itself(world, timedelta(days=days, minutes=minutes))


@looking_at(10)
@given(world=worlds)
def test_every_number_is_the_sum_of_its_lines_and_stays_on_its_scale(world):
    found = plain(world.scored())
    must.everything_stays_on_the_scale(world, found)
    must.numbers_are_the_sums_of_their_lines(world, found)
    must.splits_add_up(world, found)


@looking_at(4)
@given(world=worlds)
def test_people_without_a_say_never_make_an_account_ready(world):
    must.juniors_make_no_account_ready(world)


@looking_at(4)
@given(
    world=worlds,
    dimension=st.sampled_from(must.DIMENSIONS),
    weight=st.sampled_from([Fraction(1, 10), Fraction(2), Fraction(9, 4), Fraction(100)]),
)
def test_a_changed_weight_moves_only_totals_and_by_the_formula(world, dimension, weight):
    must.a_weight_moves_only_totals(world, dimension, weight)


@looking_at(4)
@given(world=worlds, rnd=seeds)
def test_an_event_told_twice_counts_once(world, rnd):
    with tempfile.TemporaryDirectory() as folder:
        must.repeats_count_once(world, read_activities, Path(folder), rnd)


@looking_at(4)
@given(rnd=seeds)
def test_content_alone_never_reaches_sales(rnd):
    assert reaches_sales(content_crowd(rnd)) == []


@pytest.mark.parametrize("talk", ["email_reply", "product_use"])
def test_talking_to_us_beside_content_does_reach_sales(talk):
    crowd = content_crowd(random.Random(7), beside=talk)
    assert reaches_sales(crowd) != []


@pytest.mark.parametrize("count", [1, 10, 60])
def test_busy_juniors_never_make_an_account_ready_and_one_buyer_does(count):
    juniors = junior_crowd(count)
    assert (juniors["engaged_people"], juniors["ready"]) == (count, False)
    assert junior_crowd(count, "Head of Sales")["ready"]
    assert juniors["score"] >= (50 if count > 1 else 30)
