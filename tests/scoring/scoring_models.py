"""Random scoring models: every key of the rule language, in all the forms that YAML may give it."""

from __future__ import annotations

import random
from typing import Any

#: tests of a person's facts (see scoring_worlds.random_people); some name facts that nobody has
PERSON_TESTS: tuple[dict[str, Any], ...] = (
    {"title": {"matches": r"\b(chief|vp)\b"}},
    {"title": {"matches": "manager"}},
    {"title": {"contains": "VP"}},
    {"title": {"contains": "ÄNDERUNG"}},
    {"title": {"starts_with": "Office"}},
    {"title": {"is": "vp strasse"}},
    {"title": {"known": False}},
    {"title": {"known": True, "matches": "^(vp|office)"}},
    {"country": {"in": ["DE", "AT"]}},
    {"country": {"not_in": ["DE", "AT"]}},
    {"country": "us"},
    {"country": {"is_not": "us"}},
    {"domain": {"in": ["rival.example"]}},
    {"employees": {"gte": 200}},
    {"employees": {"lt": 50}},
    {"employees": {"between": [10, 200]}},
    {"employees": {"is": 0}},
    {"employees": {"gt": 9.5, "lte": 5000}},
    {"employees": {"in": [10, 5000]}},
    {"employees": {"not_in": [10, 5000]}},
    {"employees": {"is": "200"}},
    {"headcount": {"in": [200, "MANY"]}},
    {"headcount": {"gte": 199.5}},
    {"headcount": {"is": 200}},
    {"headcount": {"lt": 10}},
    {"revenue": {"gt": 0.3}},
    {"revenue": {"is": 0.3}},
    {"revenue": {"between": [-2, 0.3]}},
    {"created_at": {"within": "7d"}},
    {"created_at": {"within": "30m"}},
    {"created_at": {"known": True}},
    {"created_at": {"is": "2026-04-01"}},
    {"created_at": {"is_not": "2026-04-02"}},
    {"opted": True},
    {"opted": {"is_not": True}},
    {"bants.need": "yes"},
    {"account.employees": {"gte": 100}},
    {"account.industry": {"is_not": "Software"}},
    {"account.created_at": {"within": "30d"}},
    {"nobody.knows": "this"},
    {"budget_said": {"gte": 10}},
    {"budget_said": {"known": True}},
    {"title": {"matches": "vp"}, "employees": {"gte": 200}},
)
ACCOUNT_TESTS: tuple[dict[str, Any], ...] = (
    {"account.employees": {"gte": 100}},
    {"account.employees": {"lt": 10}},
    {"account.industry": "Software"},
    {"account.industry": {"known": True}},
    {"account.created_at": {"within": "30d"}},
    {"account.nobody_knows": 1},
)
WHERE: tuple[dict[str, Any], ...] = (
    {},
    {},
    {},
    {"path": {"starts_with": "/pricing"}},
    {"path": {"starts_with": "/pricing"}, "not": {"path": {"contains": "/eu"}}},
    {"asset": {"is": "Guide"}},
    {"asset": {"not_in": ["guide"]}},
    {"path": {"known": False}},
    {"value": {"gte": 9.995}},
    {"any": [{"asset": "sheet"}, {"path": "/careers"}]},
    {"asset_stage": "decision"},
    {"asset_stage": {"in": ["awareness", "consideration"]}},
    {"asset_stage": {"is_not": "decision"}, "path": {"known": True}},
    {"not": {"asset_stage": {"known": True}}},
)
SPANS = ("1d", "2d", "7d", "30d", "36h", "1s", "36500d", "13h")
STAGES = ("awareness", "consideration", "decision")
READY: tuple[dict[str, Any], ...] = (
    {"score": {"gte": 10}},
    {"score": {"gte": 0}},
    {"engaged_people": {"gte": 2}, "account.employees": {"gte": 1}},
    {"account.score": {"lt": 50}, "account.fit": {"in": ["A", "B", "C"]}},
    {"not": {"grade": {"in": ["D4", "D3"]}}},
    {"fit": {"gte": 10.5}, "account.engaged_people": {"between": [1, 3]}},
    {"account.nobody_knows": 1},
    {"account.buying_stage": {"in": ["decision", "consideration"]}},
    {"account.too_hot": {"is_not": True}, "score": {"gte": 0}},
    {
        "any": [
            {"account.early_alert": True},
            {"account.customer": False},
            {"account.open_opportunity": {"known": True}},
        ]
    },
)
MATRICES: tuple[dict[str, list[str]], ...] = (
    {
        "A": ["sales", "sales", "review", "nurture"],
        "B": ["sales", "review", "review", "nurture"],
        "C": ["review", "nurture", "nurture", "nurture"],
        "D": ["nurture"] * 4,
    },
    {letter: ["sales", "review", "nurture", "nurture"] for letter in "ABCD"},
    {letter: ["nurture", "nurture", "review", "sales"] for letter in "ABCD"},
    {letter: ["nurture"] * 4 for letter in "ABCD"},
)


def random_model(rnd: random.Random) -> dict[str, Any]:
    return {
        "name": "generated",
        "dimensions": {
            "fit": sometimes(rnd, weight=weight(rnd), declared_weight=rnd.choice([1.25, 2, 0.5, 10, 1.001]))
            | {"rules": fit_rules(rnd, PERSON_TESTS, "f")},
            "interest": random_interest(rnd),
            "qualification": sometimes(rnd, weight=weight(rnd)),
        },
        "roles": rnd.choice(
            [
                {},
                {"decider": {"title": {"matches": "chief|vp"}}, "influencer": {"country": {"known": True}}},
                {"decider": {"title": {"matches": "chief|vp"}}, "influencer": {"country": "DE"}},
                {"decider": condition(rnd, PERSON_TESTS), "influencer": condition(rnd, PERSON_TESTS)},
                {"influencer": condition(rnd, PERSON_TESTS)},
            ]
        ),
        "account": random_account(rnd),
        "grades": {"fit": bands(rnd, "ABCD"), "interest": bands(rnd, (1, 2, 3, 4))},
        "matrix": rnd.choice([MATRICES[0], *MATRICES]),
    } | sometimes(
        rnd,
        0.6,
        assets=rnd.choice([{"decision": ["GUIDE"]}, {"awareness": ["guide", "other"], "decision": ["sheet"]}]),
        too_hot=rnd.choice(["none", random_too_hot(rnd), random_too_hot(rnd)]),
        early_alert=rnd.choice(
            ["none", {"fit": ["A", "B", "C", "D"]}, {"fit": ["D"], "lasts": "400d"}, {"lasts": "1d"}]
        ),
    )


def random_too_hot(rnd: random.Random) -> dict[str, Any]:
    days = ["1d", "2d", "7d", "400d"]
    return {"signals": rnd.choice([2, 2, 3, 10])} | sometimes(
        rnd, within=rnd.choice(days), history=rnd.choice(days), lasts=rnd.choice(days)
    )


def random_interest(rnd: random.Random) -> dict[str, Any]:
    groups = {
        name: sometimes(rnd, 0.6, cap=rnd.choice([0, 10, 30, 33.333, 100]), floor=rnd.choice([0, -5, -10.5]))
        for name in ("content", "other")
    }
    rules = [interest_rule(rnd, number) for number in range(rnd.choice([0, 1, 4, 7, 10]))]
    stages = {stage: rnd.choice([0, 1, 2.5, 10, -3]) for stage in STAGES if rnd.random() < 0.3}
    return {"groups": groups, "rules": rules} | sometimes(
        rnd, half_life=rnd.choice([*SPANS, "none"]), weight=weight(rnd), stages=stages
    )


def interest_rule(rnd: random.Random, number: int) -> dict[str, Any]:
    returns = [points(rnd) for _ in range(rnd.randint(1, 5))]
    rule: dict[str, Any] = {"id": f"i{number}", "on": rnd.choice(["page_view", "page_view", "asset_download"])}
    rule["points"] = returns if rnd.random() < 0.5 else returns[0]
    if rnd.random() < 0.08:
        return rule | {"points": rnd.choice([100, -100, 60]), "stage": rnd.choice(STAGES)}
    if rnd.random() < 0.5:
        rule["group"] = rnd.choice(["content", "content", "other"])
    return (
        rule
        | sometimes(
            rnd,
            where=rnd.choice(WHERE),
            half_life=rnd.choice([*SPANS, "none"]),
            expires_after=rnd.choice(SPANS),
            at_most={"count": rnd.choice([1, 1, 2, 3, 40]), "per": rnd.choice(["1d", "2d", "7d", "30d"])},
            debounce=rnd.choice(["1s", "30m", "2h", "3d"]),
            cap=rnd.choice([0, 5, 12.5, 60, 100]),
            group=rnd.choice(["content", "other"]),
        )
        | sometimes(rnd, 0.6, stage=rnd.choice([*STAGES, "decision"]))
    )


def random_account(rnd: random.Random) -> dict[str, Any]:
    return sometimes(
        rnd,
        0.55,
        cap=rnd.choice([60, 12.345, 100, 0.001]),
        breadth=rnd.choice([0, 5, 0.25, 100]),
        engaged=rnd.choice([1, 5, 0.1, 100]),
        fit={"rules": fit_rules(rnd, ACCOUNT_TESTS, "a")},
        ready_when=rnd.choice(READY),
        stage_people={rnd.choice(STAGES): rnd.choice([1, 2, 5]), "decision": rnd.choice([1, 2])},
        hierarchy=rnd.choice([{}, {}, {"factor": 0.5}, {"when": condition(rnd, ACCOUNT_TESTS), "factor": 0.33}]),
        open_deal=rnd.choice(["news", "lead"]),
        customer=rnd.choice(["news", "lead"]),
    )


def fit_rules(rnd: random.Random, tests: tuple[dict[str, Any], ...], prefix: str) -> list[dict[str, Any]]:
    rules = []
    for number in range(rnd.choice([0, 1, 2, 3, 5, 8])):
        rule: dict[str, Any] = {"id": f"{prefix}{number}", "when": condition(rnd, tests)}
        if rnd.random() < 0.12:
            rule["disqualify"] = rnd.choice(["competitor", "student's"])
        if "disqualify" not in rule or rnd.random() < 0.3:
            rule["points"] = points(rnd)
        rules.append(rule)
    return rules


def condition(rnd: random.Random, tests: tuple[dict[str, Any], ...], depth: int = 0) -> dict[str, Any]:
    if depth == 2 or rnd.random() < 0.6:
        return rnd.choice(tests)
    word = rnd.choice(["any", "all", "not"])
    if word == "not":
        return {"not": condition(rnd, tests, depth + 1)}
    parts = [condition(rnd, tests, depth + 1) for _ in range(rnd.randint(1, 3))]
    return {word: parts} | (rnd.choice(tests) if rnd.random() < 0.2 else {})


def points(rnd: random.Random) -> int | float:
    """Whole points, tenths, and thousandths that lie on and beside the halves where rounding turns."""
    return rnd.choice(
        [
            lambda: rnd.randint(-10, 40),
            lambda: rnd.choice([0, 5, 10, 25, 40, -10, 100, -100]),
            lambda: rnd.randint(-20_000, 40_000) / 1000,
            lambda: rnd.choice([0.05, -0.05, 0.049, 0.051, 1.25, -1.25, 14.95]),
        ]
    )()


def weight(rnd: random.Random) -> int | float:
    return rnd.choice([1, 2, 3, 0.1, 0.5, 1.25, 100, 0.333])


def bands(rnd: random.Random, names: Any) -> dict[Any, int | float]:
    usual = [75, 50, 25, 0]
    odd = [*sorted(rnd.sample([100, 80, 60, 40, 33.333, 20, 10.05, 5, 1, 0.1, 0.05], 3), reverse=True), 0]
    return dict(zip(names, rnd.choice([usual, odd, odd]), strict=True))


def sometimes(rnd: random.Random, share: float = 0.35, **choices: Any) -> dict[str, Any]:
    return {name: value for name, value in choices.items() if rnd.random() < share}
