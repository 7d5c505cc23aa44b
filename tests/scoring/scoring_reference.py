"""The rules of scoring once more, slowly and obviously: one person at a time, fractions, no tables, no engine.

Written from the rules, not from the engine. Models are the plain dictionaries that YAML gives.
"""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from zoneinfo import ZoneInfo

QUESTIONS = ("budget", "authority", "need", "timeframe", "sales_readiness")
STAGES = ("awareness", "consideration", "decision")
DIMENSIONS = ("fit", "interest", "qualification")
VERDICTS = ("disqualified", "nurture", "review", "sales")
SPANS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
DAY = timedelta(days=1)


def span(text):
    return int(text[:-1]) * SPANS[text[-1]]


def exact(number):
    return Fraction(str(number))


def half_away(value, step=1):
    """The multiple of ``step`` nearest to ``value``; ties go away from zero."""
    steps = value / Fraction(step)
    whole = int(abs(steps) + Fraction(1, 2))
    return whole * Fraction(step) * (1 if steps >= 0 else -1)


def tenth(value):
    return half_away(value, Fraction(1, 10))


def clamp(value, low, high):
    return max(low, min(high, value))


def truth(condition, facts):
    """True, False or None (unknown)."""
    answers = []
    for field, wanted in condition.items():
        if field in ("any", "all"):
            parts = [truth(part, facts) for part in wanted]
            decisive = field == "any"
            answers.append(decisive if decisive in parts else None if None in parts else not decisive)
        elif field == "not":
            inner = truth(wanted, facts)
            answers.append(None if inner is None else not inner)
        else:
            tests = wanted if isinstance(wanted, dict) else {"is": wanted}
            answers += [test(operator, operand, facts.get(field)) for operator, operand in tests.items()]
    return False if False in answers else None if None in answers else True


def test(operator, operand, value):
    if operator == "known":
        return (value is not None) == operand
    if value is None:
        return None
    text = str(value).casefold()
    return {
        "is": lambda: text == str(operand).casefold(),
        "is_not": lambda: text != str(operand).casefold(),
        "in": lambda: text in [str(item).casefold() for item in operand],
        "starts_with": lambda: text.startswith(operand.casefold()),
        "matches": lambda: re.search(operand, text, re.IGNORECASE) is not None,
        "gte": lambda: exact(value) >= exact(operand),
        "lt": lambda: exact(value) < exact(operand),
    }[operator]()


def fields(condition):
    for field, wanted in condition.items():
        if field in ("any", "all"):
            for part in wanted:
                yield from fields(part)
        elif field == "not":
            yield from fields(wanted)
        else:
            yield field


def earned(points, half_life, age):
    """Points after ``age`` midnights, rounded once to a millionth."""
    if half_life == "none":
        return exact(points)
    halvings = Fraction(age * DAY // timedelta(microseconds=1), span(half_life) // timedelta(microseconds=1))
    if halvings.denominator == 1:
        return half_away(exact(points) / 2**halvings.numerator, Fraction(1, 1_000_000))
    with localcontext() as context:
        context.prec = 90
        factor = Decimal(2) ** (-Decimal(halvings.numerator) / Decimal(halvings.denominator))
    return half_away(exact(points) * Fraction(factor), Fraction(1, 1_000_000))


def kept(rule, activities, zone):
    """What a rule keeps of one person's matching activities, in order, with local days."""
    survivors = []
    last = {}
    wait = span(rule.get("debounce", "0s"))
    for activity in sorted(activities, key=lambda a: (a["occurred_at"], a["activity_id"])):
        before = last.get(activity["identity"])
        if before is not None and activity["occurred_at"] - before < wait:
            continue
        last[activity["identity"]] = activity["occurred_at"]
        survivors.append((activity["occurred_at"].astimezone(zone).date(), activity))
    survivors.sort(key=lambda pair: (pair[0], pair[1]["occurred_at"], pair[1]["activity_id"]))
    limit = rule.get("at_most")
    if limit is None:
        return [day for day, _ in survivors]
    days, used = [], defaultdict(int)
    for day, _ in survivors:
        window = (day - date(1970, 1, 1)).days // (span(limit["per"]) // DAY)
        used[window] += 1
        if used[window] <= limit["count"]:
            days.append(day)
    return days


def interest_lines(dimension, activities, zone, today):
    """Exact lines: {rule id: (points, count, first day, last day)}."""
    lines = {}
    for rule in dimension.get("rules", ()):
        matching = [a for a in activities if a["type"] == rule["on"] and truth(rule.get("where", {}), a) is True]
        days = kept(rule, matching, zone)
        if not days:
            continue
        points = rule["points"] if isinstance(rule["points"], list) else [rule["points"]]
        half_life = rule.get("half_life", dimension.get("half_life", "none"))
        line = Fraction(0)
        for k, day in enumerate(days, start=1):
            age = max(0, (today - day).days)
            if "expires_after" in rule and age * DAY > span(rule["expires_after"]):
                continue
            line += earned(points[min(k, len(points)) - 1], half_life, age)
        cap = exact(rule.get("cap", 10_000))
        lines[rule["id"]] = (clamp(line, -cap, cap), len(days), days[0], days[-1])
    return lines


def rounded_lines(dimension, lines):
    """Lines rounded to tenths, each side of a group brought into its bound and adding up to its own rounded sum."""
    shown = {rule: tenth(line[0]) for rule, line in lines.items()}
    for name, group in dimension.get("groups", {}).items():
        members = [rule["id"] for rule in dimension["rules"] if rule.get("group") == name and rule["id"] in lines]
        for sign, bound in ((1, group.get("cap")), (-1, group.get("floor"))):
            side = sorted((rule for rule in members if lines[rule][0] * sign > 0), key=lambda r: (-abs(lines[r][0]), r))
            if not side:
                continue
            together = sum(abs(lines[rule][0]) for rule in side)
            allowed = together if bound is None else min(together, max(Fraction(0), exact(bound) * sign))
            for rule in side:
                shown[rule] = tenth(lines[rule][0] * allowed / together)
            shown[side[0]] += sign * tenth(allowed) - sum(shown[rule] for rule in side)
    return shown


def letter_of(model, points):
    return _band(model["grades"]["fit"], points)


def number_of(model, points):
    return _band(model["grades"]["interest"], points)


def _band(bands, points):
    reached = [name for name, least in bands.items() if points >= exact(least)]
    return max(reached, key=lambda name: exact(bands[name])) if reached else min(bands, key=lambda n: exact(bands[n]))


def verdict_of(model, fit, interest):
    return model["matrix"][letter_of(model, fit)][number_of(model, interest) - 1]


def fit_of(rules, facts):
    answers = {rule["id"]: truth(rule["when"], facts) for rule in rules}
    shown = {rule["id"]: tenth(exact(rule.get("points", 0))) for rule in rules}
    return answers, shown


def deciding_fact(model, rules, answers, shown, facts, interest):
    """The missing fact that alone could raise the verdict most, else the weightiest, else one that could lower it."""
    total = sum(shown[rule["id"]] for rule in rules if answers[rule["id"]] is True)
    unknown = [rule for rule in rules if answers[rule["id"]] is None]

    def rank(points):
        return VERDICTS.index(verdict_of(model, clamp(points, 0, 100), interest))

    now = rank(total)
    highest = rank(total + sum(max(0, shown[rule["id"]]) for rule in unknown))
    lowest = rank(total + sum(min(0, shown[rule["id"]]) for rule in unknown))
    found = []
    for field in {field for rule in unknown for field in fields(rule["when"]) if facts.get(field) is None}:
        touched = [rule for rule in unknown if field in fields(rule["when"])]
        up = sum(max(0, shown[rule["id"]]) for rule in touched)
        down = sum(min(0, shown[rule["id"]]) for rule in touched)
        best = rank(total + up)
        worst = 0 if any(rule.get("disqualify") for rule in touched) else rank(total + down)
        if best > now or worst < now or highest > now or lowest < now:
            found.append((-max(0, best - now), not highest > now, -(up - down), worst, field))
    return min(found)[-1] if found else None


def role_of(model, facts):
    answers = {name: truth(condition, facts) for name, condition in model.get("roles", {}).items()}
    for name in ("decider", "influencer"):
        if answers.get(name) is True:
            return name
    return None if None in answers.values() else "other"


def total_of(model, values):
    """The rounded total and the contributions that add up to it."""
    weights = [exact(model["dimensions"].get(name, {}).get("weight", 1)) for name in DIMENSIONS]
    total = tenth(sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights))
    parts = [tenth(w * v / sum(weights)) for w, v in zip(weights, values, strict=True)]
    largest = max(range(3), key=lambda i: (parts[i], -i))
    parts[largest] += total - sum(parts)
    return total, parts


def person(model, facts, activities, zone, today):
    """One person: (score, lines)."""
    dimensions = model["dimensions"]
    lines = []
    rules = dimensions.get("fit", {}).get("rules", [])
    answers, shown = fit_of(rules, facts)
    lines += [("fit", rule["id"], shown[rule["id"]], 1, None, None) for rule in rules if answers[rule["id"]] is True]
    interest = dimensions.get("interest", {})
    exact_lines = interest_lines(interest, activities, zone, today)
    points = rounded_lines(interest, exact_lines)
    for rule in interest.get("rules", ()):
        if rule["id"] in points:
            lines.append(("interest", rule["id"], points[rule["id"]], *exact_lines[rule["id"]][1:]))
    for question in QUESTIONS:
        answer = facts.get(f"bants.{question}")
        if answer in ("yes", "no"):
            lines.append(("qualification", question, Fraction(20 * (answer == "yes")), 1, None, None))
    values = []
    for name in DIMENSIONS:
        together = sum(line[2] for line in lines if line[0] == name)
        values.append(Fraction(clamp(together, 0, 100)))
        if values[-1] != together:
            lines.append((name, "limit", values[-1] - together, 0, None, None))
    unknown = [shown[rule["id"]] for rule in rules if answers[rule["id"]] is None]
    fit_sum = sum(shown[rule["id"]] for rule in rules if answers[rule["id"]] is True)
    because = next((rule["disqualify"] for rule in rules if rule.get("disqualify") and answers[rule["id"]]), None)
    total, parts = total_of(model, values)
    return {
        "fit": values[0],
        "fit_low": clamp(fit_sum + sum(p for p in unknown if p < 0), 0, 100),
        "fit_high": clamp(fit_sum + sum(p for p in unknown if p > 0), 0, 100),
        "interest": values[1],
        "qualification": values[2],
        "total": total,
        "grade": f"{letter_of(model, values[0])}{number_of(model, values[1])}",
        "verdict": "disqualified" if because else verdict_of(model, values[0], values[1]),
        "buying_stage": buying_stage(interest, points),
        "role": role_of(model, facts),
        "disqualified_because": because,
        "deciding_fact": None if because else deciding_fact(model, rules, answers, shown, facts, values[1]),
        "fit_part": parts[0],
        "interest_part": parts[1],
        "qualification_part": parts[2],
    }, sorted(lines, key=lambda line: (DIMENSIONS.index(line[0]), line[1] == "limit"))


def buying_stage(interest, points):
    found = None
    for stage in STAGES:
        mine = [
            points[rule["id"]]
            for rule in interest.get("rules", ())
            if rule.get("stage") == stage and rule["id"] in points
        ]
        if mine and sum(mine) >= exact(interest.get("stages", {}).get(stage, 1)):
            found = stage
    return found


def account(model, facts, members):
    """One account: members are the scores of its people."""
    rules = model.get("account", {})
    cap, engaged_from = exact(rules.get("cap", 60)), exact(rules.get("engaged", 1))
    factor = {"decider": Fraction(1), "influencer": Fraction(3, 4)}
    given = sorted((min(m["interest"], cap) * factor.get(m["role"], Fraction(1, 2)) for m in members), reverse=True)
    engaged = [m for m in members if m["interest"] >= engaged_from]
    score = sum((value / 2**place for place, value in enumerate(given[:33])), Fraction(0))
    score += exact(rules.get("breadth", 0)) * max(0, len(engaged) - 1)
    score = clamp(tenth(score), 0, 100)
    because = None
    if "fit" in rules:
        answers, shown = fit_of(rules["fit"]["rules"], facts)
        fit = clamp(sum(shown[r] for r, answer in answers.items() if answer is True), 0, 100)
        because = next(
            (r["disqualify"] for r in rules["fit"]["rules"] if r.get("disqualify") and answers[r["id"]]), None
        )
    else:
        fit = max((m["fit"] for m in members), default=Fraction(0))
    buyers = any(m["role"] in ("decider", "influencer") for m in engaged)
    seen = facts | {"score": score, "fit": fit, "engaged_people": len(engaged)}
    return {
        "fit": fit,
        "score": score,
        "grade": f"{letter_of(model, fit)}{number_of(model, score)}",
        "engaged_people": len(engaged),
        "roles": {
            role: "engaged"
            if any(m["role"] == role for m in engaged)
            else "known"
            if any(m["role"] == role for m in members)
            else "missing"
            for role in ("decider", "influencer")
            if role in model.get("roles", {})
        },
        "ready": "ready_when" in rules and buyers and not because and truth(rules["ready_when"], seen) is True,
        "disqualified_because": because,
    }


def score(model, people, activities, accounts, as_of, time_zone):
    """Everybody: ({person id: score}, {person id: lines}, {account id: account})."""
    zone = ZoneInfo(time_zone)
    today = as_of.astimezone(zone).date()
    listed = {row["account_id"]: {f"account.{name}": value for name, value in row.items()} for row in accounts}
    scores, lines = {}, {}
    for row in people:
        theirs = [
            a
            for a in activities
            if a["person_id"] == row["person_id"] and a["occurred_at"] <= as_of and a["landed_at"] <= as_of
        ]
        facts = row | listed.get(row["account_id"], {})
        scores[row["person_id"]], lines[row["person_id"]] = person(model, facts, theirs, zone, today)
    ids = set(listed) | {row["account_id"] for row in people if row["account_id"]}
    return (
        scores,
        lines,
        {
            id_: account(model, listed.get(id_, {}), [scores[r["person_id"]] for r in people if r["account_id"] == id_])
            for id_ in ids
        },
    )
