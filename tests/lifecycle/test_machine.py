"""The machine that moves everybody at once moves each person as the rules say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lifecycle_reference import SCHEMA, facts_of, walk

from connector.lifecycle.machine import advance
from connector.mapping.lifecycle import LifecycleFile

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
STAGES = ["inquiry", "nurture", "mql", "qualified", "opportunity", "customer", "disqualified"]

conditions = st.sampled_from(
    [
        {},
        {"verdict": "sales"},
        {"verdict": {"is_not": "sales"}},
        {"not": {"verdict": "sales"}},
        {"rejected": True},
        {"rejected": False},
        {"human.touched": True},
        {"human.touched": {"is_not": True}},
        {"crm.open_opportunity": True},
        {"crm.opportunity_lost": True},
        {"any": [{"account": "matched"}, {"account.fit": {"in": ["A", "B"]}}]},
        {"bants.confirmed": {"gte": 2}},
        {"bants.need": "yes", "rejected": False},
        {"stage": "mql"},
        {"stage": {"not_in": ["mql", "nurture"]}},
        {"crm.Status": {"known": False}},
    ]
)


@st.composite
def transitions(draw: st.DrawFn) -> dict[str, Any]:
    to = draw(st.sampled_from(STAGES))
    others = [stage for stage in STAGES if stage not in {to, "customer"}]
    sources = draw(st.just("any") | st.lists(st.sampled_from(others), min_size=1, max_size=4, unique=True))
    line = {"from": sources, "to": to, "when": draw(conditions)}
    if draw(st.booleans()):
        line["cool_off"] = draw(st.sampled_from(["1h", "60d"]))
    if draw(st.booleans()):
        line["because"] = f"to {to}"
    return line


@st.composite
def lifecycles(draw: st.DrawFn) -> LifecycleFile:
    gate = {"on": draw(st.booleans()), "stages": draw(st.lists(st.sampled_from(STAGES[1:]), max_size=2, unique=True))}
    return LifecycleFile.model_validate(
        {
            "definition": {"version": 1},
            "stages": STAGES,
            "terminal": draw(st.sampled_from([[], ["customer"]])),
            "human_gate": gate,
            "transitions": draw(st.lists(transitions(), max_size=8)),
        }
    )


days = st.none() | st.integers(-70, 70).map(lambda day: NOW + timedelta(days=day, hours=1))
truths = st.none() | st.booleans()
people = st.fixed_dictionaries(
    {
        "stage": st.none() | st.sampled_from(STAGES),
        "stage_since": days,
        "stage_entry": st.none() | st.integers(0, 9),
        "cool_off_until": days | st.just(NOW),
        "human.ever": truths,
        "verdict": st.sampled_from([None, "sales", "review", "nurture", "disqualified"]),
        "account": st.sampled_from([None, "matched", "review", "none"]),
        "account.fit": st.sampled_from([None, "A", "D"]),
        "account.news": truths,
        "rejected": truths,
        "human.touched": truths,
        "crm.open_opportunity": truths,
        "crm.opportunity_lost": truths,
        "crm.Status": st.sampled_from([None, "Open"]),
        "bants.confirmed": st.none() | st.integers(0, 5),
        "bants.need": st.sampled_from([None, "yes", "no"]),
    }
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lifecycles(), st.lists(people, max_size=5))
def test_everybody_at_once_goes_the_way_of_each_alone(lifecycle: LifecycleFile, crowd: list[dict[str, Any]]) -> None:
    facts = facts_of(*crowd)
    staged = advance(lifecycle, facts, now=NOW)
    ways = {row["person_id"]: walk(lifecycle, row, NOW) for row in facts.to_pylist()}
    assert staged.people.column("person_id").to_pylist() == facts.column("person_id").to_pylist()
    for row in staged.people.to_pylist():
        way = ways[row["person_id"]]
        assert row["stage"] == way.stage
        assert row["stage_entry"] == way.entry
        assert row["stage_since"] == way.since
        assert row["cool_off_until"] == way.cool_off_until
    moves: dict[str, list[tuple[Any, ...]]] = {name: [] for name in ways}
    for move in staged.moves.to_pylist():
        assert move["at"] == NOW
        moves[move["person_id"]].append((move["entry"], move["from_stage"], move["to_stage"], move["because"]))
    assert {name: sorted(found) for name, found in moves.items()} == {name: way.moves for name, way in ways.items()}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lifecycles(), st.lists(people, min_size=1, max_size=4))
def test_company_changes_nobodys_way(lifecycle: LifecycleFile, crowd: list[dict[str, Any]]) -> None:
    together = advance(lifecycle, facts_of(*crowd), now=NOW).people.to_pylist()
    for number, person in enumerate(crowd):
        alone = advance(lifecycle, facts_of(person), now=NOW).people.to_pylist()[0]
        assert alone | {"person_id": f"p{number}"} == together[number]


def test_nobody_goes_nowhere(sample: LifecycleFile) -> None:
    staged = advance(sample, SCHEMA.empty_table(), now=NOW)
    assert (staged.people.num_rows, staged.moves.num_rows, staged.gated) == (0, 0, [])


HOT = {"verdict": "sales", "account": "matched", "account.fit": "A", "account.news": False}
COLD = {"verdict": "nurture", "account": "matched", "account.fit": "A", "account.news": False}
BANTS = {"bants.confirmed": 3, "bants.need": "yes", "bants.authority": "yes"}
LONG_AGO = NOW - timedelta(days=30)

#: what is remembered and known → where it ends, and on which entry
CASES: list[tuple[str, dict[str, Any], str, int]] = [
    ("somebody new is not ready", COLD, "nurture", 1),
    ("somebody new and ready", HOT, "mql", 1),
    ("ready without an account", HOT | {"account": "none"}, "nurture", 1),
    ("ready with a question about the account", HOT | {"account": "review", "account.fit": None}, "nurture", 1),
    ("ready at a poor account", HOT | {"account.fit": "D"}, "nurture", 1),
    ("ready at an account of unknown fit", HOT | {"account.fit": None}, "nurture", 1),
    ("ready where a deal is open", HOT | {"account.news": True}, "nurture", 1),
    ("a deal was opened at the account", HOT | {"stage": "mql", "account.news": True}, "nurture", 1),
    ("no longer ready", COLD | {"stage": "mql", "stage_entry": 3}, "nurture", 4),
    ("account gone bad", HOT | {"stage": "mql", "account.fit": "D"}, "nurture", 1),
    ("still ready", HOT | {"stage": "mql", "stage_entry": 3}, "mql", 3),
    ("begun by a rep", HOT | {"stage": "mql", "human.touched": True}, "accepted", 1),
    ("begun in the CRM", HOT | {"stage": "mql", "crm.Status": "Working - Contacted"}, "accepted", 1),
    ("turned down", HOT | {"stage": "mql", "rejected": True, "human.touched": True}, "recycled", 1),
    ("turned down in the cool-off", HOT | {"stage": "recycled", "cool_off_until": NOW + timedelta(1)}, "recycled", 0),
    ("the cool-off is over", HOT | {"stage": "recycled", "cool_off_until": NOW}, "mql", 1),
    ("cooled off and cold", COLD | {"stage": "recycled", "cool_off_until": LONG_AGO}, "nurture", 1),
    (
        "a deal in the cool-off",
        HOT | {"stage": "recycled", "cool_off_until": NOW + timedelta(1), "crm.open_opportunity": True},
        "opportunity",
        1,
    ),
    (
        "disqualified in the cool-off",
        {"verdict": "disqualified", "stage": "recycled", "cool_off_until": NOW + timedelta(1)},
        "disqualified",
        1,
    ),
    ("confirmed, by a person", HOT | BANTS | {"stage": "accepted", "human.ever": True}, "qualified", 1),
    ("confirmed, but nobody ever talked", HOT | BANTS | {"stage": "accepted"}, "accepted", 0),
    ("two answers are not enough", HOT | BANTS | {"bants.confirmed": 2, "stage": "accepted"}, "accepted", 0),
    ("a deal lost", HOT | {"stage": "opportunity", "crm.opportunity_lost": True}, "recycled", 1),
    ("won", HOT | {"stage": "opportunity", "crm.opportunity_won": True}, "customer", 1),
    ("won at once", HOT | {"crm.opportunity_won": True}, "customer", 1),
    ("a customer stays", {"verdict": "disqualified", "stage": "customer", "crm.open_opportunity": True}, "customer", 0),
    ("disqualified", {"verdict": "disqualified"}, "disqualified", 1),
    ("facts corrected", COLD | {"stage": "disqualified"}, "nurture", 1),
    ("facts corrected and ready", HOT | {"stage": "disqualified"}, "mql", 2),
    ("a stage we do not know begins anew", COLD | {"stage": "gone", "stage_entry": 7}, "nurture", 8),
]


@pytest.mark.parametrize(("case", "person", "stage", "entry"), CASES, ids=[case[0] for case in CASES])
def test_sample_lifecycle(sample: LifecycleFile, case: str, person: dict[str, Any], stage: str, entry: int) -> None:
    staged = advance(sample, facts_of(person), now=NOW).people.to_pylist()[0]
    assert (staged["stage"], staged["stage_entry"]) == (stage, entry)


def test_a_rejection_recycles_with_its_cool_off(sample: LifecycleFile) -> None:
    facts = facts_of(HOT | {"stage": "mql", "stage_since": LONG_AGO, "stage_entry": 2, "rejected": True})
    staged = advance(sample, facts, now=NOW)
    person = staged.people.to_pylist()[0]
    assert (person["stage_since"], person["cool_off_until"]) == (NOW, NOW + timedelta(days=60))
    move = staged.moves.to_pylist()[0]
    assert (move["entry"], move["from_stage"], move["to_stage"]) == (3, "mql", "recycled")


def test_what_happened_before_the_move_does_not_move_again(sample: LifecycleFile) -> None:
    facts = facts_of(HOT | {"human.touched": True, "human.ever": True} | BANTS)
    staged = advance(sample, facts, now=NOW)
    assert staged.people.column("stage").to_pylist() == ["mql"]


def test_the_gate_names_whom_it_keeps_back(sample: LifecycleFile) -> None:
    ready = HOT | BANTS | {"stage": "accepted"}
    staged = advance(sample, facts_of(ready, ready | {"human.ever": True}, HOT | {"stage": "accepted"}), now=NOW)
    assert staged.gated == ["p0"]
