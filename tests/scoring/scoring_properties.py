"""What is true of every score, each as one check of a world that fails when the engine is wrong.

``test_properties`` runs them over random worlds, ``test_properties_bite`` over engines with a planted bug.
"""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from reference_accounts import taken_in
from scoring_parity import differences, expected, plain
from scoring_worlds import ACTIVITIES, World

from connector.mapping.scoring import ScoringModel
from connector.scoring import score
from connector.scoring.accounts.shares import Member, account_lines
from connector.scoring.hits import match as hits
from connector.scoring.people.shares import shares_of_total

DIMENSIONS = ("fit", "interest", "qualification")
#: what ``plain`` gives of a scored world
Found = dict[str, list[dict[str, Any]]]


def exact(shown: float) -> Fraction:
    return Fraction(str(shown))


def order_does_not_matter(world: World, rnd: random.Random) -> None:
    """With hindsight, neither the order of rows nor when anything landed changes a thing."""
    bare = [{name: value for name, value in row.items() if name != "landed_at"} for row in world.activities]
    late = [row | {"landed_at": row["occurred_at"] + timedelta(minutes=rnd.randint(0, 9999))} for row in bare]
    known = [row | {"landed_at": min(row["landed_at"], max(world.as_of, row["occurred_at"]))} for row in late]
    wanted = plain(world.but(activities=bare).scored())
    for rows in (bare, known):
        rnd.shuffle(rows)
        assert differences(wanted, plain(world.but(activities=rows).scored())) == []


def the_past_is_what_was_known(world: World) -> None:
    """As of an instant, whatever happened or landed later might as well not be there."""
    landed = [row | {"landed_at": row.get("landed_at", row["occurred_at"])} for row in world.activities]
    known = [row for row in landed if row["occurred_at"] <= world.as_of and row["landed_at"] <= world.as_of]
    wanted = plain(world.but(activities=known).scored())
    assert differences(wanted, plain(world.but(activities=landed).scored())) == []


def others_do_not_matter(world: World) -> None:
    """A person's score and lines are the same in any company."""
    together = plain(world.scored())
    for row in world.people[:2]:
        mine = [deed for deed in world.activities if deed["person_id"] == row["person_id"]]
        alone = plain(world.but(people=[row], activities=mine).scored())
        for name in ("scores", "lines"):
            assert alone[name] == [one for one in together[name] if one["person_id"] == row["person_id"]]


def a_merge_is_the_union_of_hits(world: World) -> None:
    """Two people who become one score the union of their hits, which the merge leaves as they were."""
    if len(world.people) < 2:
        return
    kept, lost = (row["person_id"] for row in world.people[:2])
    own = [row | {"identity": row["identity"] or row["person_id"]} for row in world.activities]
    joined = [row | {"person_id": kept if row["person_id"] == lost else row["person_id"]} for row in own]
    merged = world.but(people=[row for row in world.people if row["person_id"] != lost], activities=joined)
    model = score.compile_model(ScoringModel.model_validate(world.model))
    when = {"time_zone": world.zone, "as_of": world.as_of}
    before = hits.match_hits(model, world.but(activities=own).activities_table(), **when)
    whose = [kept if person == lost else person for person in before.column("person_id").to_pylist()]
    union = before.set_column(0, "person_id", pa.array(whose, pa.string()).dictionary_encode())
    scored = score.score_hits(model, merged.people_table(), union, merged.accounts_table(), **when)
    assert differences(plain(scored), plain(merged.scored())) == []


def without_negatives(model: dict[str, Any]) -> dict[str, Any]:
    """The model with every point it gives for deeds at least zero."""
    interest = model["dimensions"]["interest"]

    def positive(points: Any) -> Any:
        return [abs(one) for one in points] if isinstance(points, list) else abs(points)

    rules = [rule | {"points": positive(rule["points"])} for rule in interest["rules"]]
    return model | {"dimensions": model["dimensions"] | {"interest": interest | {"rules": rules}}}


def nothing_rises_by_itself(world: World, later: timedelta) -> None:
    """Where no points are negative, time alone lowers interest, and accounts with it."""
    known = [
        row
        for row in world.activities
        if max(row["occurred_at"], row.get("landed_at", row["occurred_at"])) <= world.as_of
    ]
    now = world.but(model=without_negatives(world.model), activities=known)
    before, after = plain(now.scored()), plain(now.but(as_of=now.as_of + later).scored())
    for then, since in zip(before["scores"], after["scores"], strict=True):
        assert since["interest"] <= then["interest"], then["person_id"]
    if [row["role"] for row in before["scores"]] == [row["role"] for row in after["scores"]]:
        for then, since in zip(before["accounts"], after["accounts"], strict=True):
            assert since["score"] <= then["score"], then["account_id"]


def everything_stays_on_the_scale(world: World, found: Found) -> None:
    for row in found["scores"]:
        for name in (*DIMENSIONS, "fit_low", "fit_high", "total"):
            assert 0 <= row[name] <= 100, (row["person_id"], name, row[name])
        assert row["fit_low"] <= row["fit"] <= row["fit_high"]
    for row in found["accounts"]:
        assert 0 <= row["fit"] <= 100
        assert 0 <= row["score"] <= 100


def numbers_are_the_sums_of_their_lines(world: World, found: Found) -> None:
    """Dimensions are the sums of their lines, totals of their contributions, to the tenth that is shown."""
    sums: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for line in found["lines"]:
        assert exact(line["points"]).limit_denominator(10) == exact(line["points"])
        sums[line["person_id"], line["dimension"]] += exact(line["points"])
    for row in found["scores"]:
        for name in DIMENSIONS:
            assert sums[row["person_id"], name] == exact(row[name]), (row["person_id"], name)
        assert sum(exact(row[f"{name}_part"]) for name in DIMENSIONS) == exact(row["total"]), row["person_id"]


def splits_add_up(world: World, found: Found) -> None:
    """What each line adds to a total, and each person to an account, adds up to the number shown."""
    model = score.compile_model(ScoringModel.model_validate(world.model))
    for row in found["scores"]:
        lines = [line for line in found["lines"] if line["person_id"] == row["person_id"]]
        shares = shares_of_total(model.weights, lines, {name: row[f"{name}_part"] for name in DIMENSIONS})
        assert sum(map(exact, shares)) == exact(row["total"]), row["person_id"]
    people = {row["person_id"]: row for row in found["scores"]}
    listed = {row["account_id"]: {f"account.{n}": value for n, value in row.items()} for row in world.accounts}
    takes = taken_in(world.model, listed, {row["account_id"] for row in found["accounts"]}, world.as_of)
    for row in found["accounts"]:
        members = [
            Member(one["person_id"], people[one["person_id"]]["role"] or "", people[one["person_id"]]["interest"], own)
            for own, ids in ((True, [row["account_id"]]), (False, takes[row["account_id"]]))
            for one in world.people
            if one["account_id"] in ids
        ]
        assert sum(exact(line.points) for line in account_lines(model, members)) == exact(row["score"])


def juniors_make_no_account_ready(world: World) -> None:
    """However many and however busy people without a say are, their account is not ready."""
    buyers = {row["person_id"] for row in expected(world)["scores"] if row["role"] in ("decider", "influencer")}
    juniors = world.but(
        people=[row for row in world.people if row["person_id"] not in buyers],
        model=world.model | {"account": world.model["account"] | {"ready_when": {"score": {"gte": 0}}}},
    )
    assert [row["account_id"] for row in plain(juniors.scored())["accounts"] if row["ready"]] == []


def a_weight_moves_only_totals(world: World, dimension: str, weight: Fraction) -> None:
    """Changing one weight moves the totals by the formula and nothing else."""
    dimensions = world.model["dimensions"]
    changed = world.model | {
        "dimensions": dimensions | {dimension: dimensions[dimension] | {"weight": float(weight)}},
    }
    weights = {name: exact(dimensions[name].get("weight", 1)) for name in DIMENSIONS} | {dimension: weight}
    before, after = plain(world.scored()), plain(world.but(model=changed).scored())
    assert (after["lines"], after["accounts"]) == (before["lines"], before["accounts"])
    moved = ("total", *(f"{name}_part" for name in DIMENSIONS))
    for old, new in zip(before["scores"], after["scores"], strict=True):
        assert {k: v for k, v in old.items() if k not in moved} == {k: v for k, v in new.items() if k not in moved}
        mean = sum(weights[name] * exact(new[name]) for name in DIMENSIONS) / sum(weights.values())
        assert abs(exact(new["total"]) - mean) <= Fraction(1, 20)


def repeats_count_once(world: World, read: Any, folder: Any, rnd: random.Random) -> None:
    """An event that is told several times counts once: ``read`` is the reader of files of activities."""
    path = folder / "activities.parquet"
    told = world.activities + rnd.choices(world.activities, k=len(world.activities)) if world.activities else []
    rnd.shuffle(told)
    hindsight = any("landed_at" not in row for row in told)
    table = pa.Table.from_pylist(told, ACTIVITIES)
    pq.write_table(table.drop_columns(["landed_at"]) if hindsight else table, path)
    again = score.score(
        ScoringModel.model_validate(world.model),
        world.people_table(),
        read(path),
        world.accounts_table(),
        as_of=world.as_of,
        time_zone=world.zone,
    )
    assert differences(plain(world.scored()), plain(again)) == []
