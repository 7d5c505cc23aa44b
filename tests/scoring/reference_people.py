"""People once more, slowly: lines, dimensions, total, grade, verdict, role and the fact that would decide.

``seen`` counts which features a history really reached, so that a test can say that it looked at them.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cache

from reference_conditions import answer, exact, span, tests, truth

QUESTIONS = ("budget", "authority", "need", "timeframe", "sales_readiness")
STAGES = ("awareness", "consideration", "decision")
DIMENSIONS = ("fit", "interest", "qualification")
VERDICTS = ("disqualified", "nurture", "review", "sales")
DAY = timedelta(days=1)
#: where a line without a cap ends
UNCAPPED = 10_000


def half_away(value, step=1):
    """The multiple of ``step`` nearest to ``value``; ties go away from zero."""
    steps = value / Fraction(step)
    whole = int(abs(steps) + Fraction(1, 2))
    return whole * Fraction(step) * (1 if steps >= 0 else -1)


def tenth(value):
    return half_away(value, Fraction(1, 10))


def clamp(value, low, high):
    return max(low, min(high, value))


@cache
def earned(points, half_life, age):
    """Points after ``age`` midnights, rounded once to a millionth."""
    if half_life == "none":
        return exact(points)
    halvings = Fraction(age * DAY // timedelta(microseconds=1), span(half_life) // timedelta(microseconds=1))
    if halvings > 60:
        return Fraction(0)  # a hundred points are not half a millionth any more
    if halvings.denominator == 1:
        return half_away(exact(points) / 2**halvings.numerator, Fraction(1, 1_000_000))
    with localcontext() as context:
        context.prec = 90
        factor = Decimal(2) ** (-Decimal(halvings.numerator) / Decimal(halvings.denominator))
    return half_away(exact(points) * Fraction(factor), Fraction(1, 1_000_000))


def kept(rule, activities, zone, seen):
    """What a rule keeps of one person's matching activities, in order, with local days."""
    survivors = []
    last = {}
    wait = span(rule.get("debounce", "0s"))
    for activity in sorted(activities, key=lambda a: (a["occurred_at"], a["activity_id"])):
        identity = activity["identity"] or activity["person_id"]
        before = last.get(identity)
        if before is not None and activity["occurred_at"] - before < wait:
            seen["debounce drops"] += 1
            continue
        last[identity] = activity["occurred_at"]
        day = activity["occurred_at"].astimezone(zone).date()
        seen["local day is another than in UTC"] += day != activity["occurred_at"].date()
        survivors.append((day, activity))
    seen["several identities in one line"] += len(last) > 1
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
    seen["window drops"] += len(days) < len(survivors)
    seen["several windows"] += len(used) > 1
    return days


def interest_lines(dimension, activities, zone, today, now, seen):
    """Exact lines: {rule id: (points, count, first day, last day)}."""
    lines = {}
    for rule in dimension.get("rules", ()):
        matching = [a for a in activities if a["type"] == rule["on"] and truth(rule.get("where", {}), a, now) is True]
        days = kept(rule, matching, zone, seen)
        if not days:
            continue
        points = rule["points"] if isinstance(rule["points"], list) else [rule["points"]]
        half_life = rule.get("half_life", dimension.get("half_life", "none"))
        line = Fraction(0)
        for k, day in enumerate(days, start=1):
            age = max(0, (today - day).days)
            if "expires_after" in rule and age * DAY > span(rule["expires_after"]):
                seen["expiry drops"] += 1
                continue
            each = earned(points[min(k, len(points)) - 1], half_life, age)
            seen["a return is negative"] += each < 0 and len(points) > 1
            seen["the last return repeats"] += k > len(points) > 1
            seen["decay"] += half_life != "none" and age > 0 and each != 0
            line += each
        cap = exact(rule.get("cap", UNCAPPED))
        seen["a rule's cap bites"] += "cap" in rule and abs(line) > cap
        seen["an uncapped line ends"] += "cap" not in rule and abs(line) > cap
        seen["a hundred deeds in one line"] += len(days) > 100
        lines[rule["id"]] = (clamp(line, -cap, cap), len(days), days[0], days[-1])
    return lines


def rounded_lines(dimension, lines, seen):
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
            seen["a group's cap bites" if sign > 0 else "a group's floor bites"] += allowed < together
            seen["two lines of a group are as long"] += len({abs(lines[rule][0]) for rule in side}) < len(side)
            seen["a group's rounding is left over"] += sum(shown[rule] for rule in side) != sign * tenth(allowed)
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


def fit_of(rules, facts, now):
    answers = {rule["id"]: truth(rule["when"], facts, now) for rule in rules}
    shown = {rule["id"]: tenth(exact(rule.get("points", 0))) for rule in rules}
    return answers, shown


def unanswered(condition, facts, now):
    """The facts of which a test cannot be answered."""
    return {
        field
        for field, operator, operand in tests(condition)
        if answer(operator, operand, facts.get(field), now) is None
    }


def deciding_fact(model, rules, answers, shown, facts, interest, now):
    """The missing fact that alone could raise the verdict most, else the weightiest, else one that could lower it."""
    total = sum(shown[rule["id"]] for rule in rules if answers[rule["id"]] is True)
    unknown = [rule for rule in rules if answers[rule["id"]] is None]

    def rank(points):
        return VERDICTS.index(verdict_of(model, clamp(points, 0, 100), interest))

    present = rank(total)
    highest = rank(total + sum(max(0, shown[rule["id"]]) for rule in unknown))
    lowest = rank(total + sum(min(0, shown[rule["id"]]) for rule in unknown))
    found = []
    missing = {rule["id"]: unanswered(rule["when"], facts, now) for rule in unknown}
    for field in set().union(*missing.values()):
        touched = [rule for rule in unknown if field in missing[rule["id"]]]
        up = sum(max(0, shown[rule["id"]]) for rule in touched)
        down = sum(min(0, shown[rule["id"]]) for rule in touched)
        best = rank(total + up)
        worst = 0 if any(rule.get("disqualify") for rule in touched) else rank(total + down)
        if best > present or worst < present or highest > present or lowest < present:
            found.append((-max(0, best - present), not highest > present, -(up - down), worst, field))
    return min(found)[-1] if found else None


def role_of(model, facts, now):
    answers = {name: truth(condition, facts, now) for name, condition in model.get("roles", {}).items()}
    for name in ("decider", "influencer"):
        if answers.get(name) is True:
            return name
    return None if None in answers.values() else "other"


def total_of(model, values, *, tidy=True):
    """The rounded total and the contributions that add up to it; untidy ones are only rounded."""
    weights = [exact(model["dimensions"].get(name, {}).get("weight", 1)) for name in DIMENSIONS]
    total = tenth(sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights))
    parts = [tenth(w * v / sum(weights)) for w, v in zip(weights, values, strict=True)]
    largest = max(range(3), key=lambda i: (parts[i], -i))
    parts[largest] += tidy * (total - sum(parts))
    return total, parts


def person(model, facts, activities, zone, now, seen):
    """One person: (score, lines)."""
    dimensions = model["dimensions"]
    today = now.astimezone(zone).date()
    lines = []
    rules = dimensions.get("fit", {}).get("rules", [])
    answers, shown = fit_of(rules, facts, now)
    lines += [("fit", rule["id"], shown[rule["id"]], 1, None, None) for rule in rules if answers[rule["id"]] is True]
    interest = dimensions.get("interest", {})
    exact_lines = interest_lines(interest, activities, zone, today, now, seen)
    points = rounded_lines(interest, exact_lines, seen)
    for rule in interest.get("rules", ()):
        if rule["id"] in points:
            lines.append(("interest", rule["id"], points[rule["id"]], *exact_lines[rule["id"]][1:]))
    for question in QUESTIONS:
        said = str(facts.get(f"bants.{question}")).strip().casefold()
        if said in ("yes", "no"):
            lines.append(("qualification", question, Fraction(20 * (said == "yes")), 1, None, None))
    values = []
    for name in DIMENSIONS:
        together = sum(line[2] for line in lines if line[0] == name)
        values.append(Fraction(clamp(together, 0, 100)))
        seen[f"{name} is limited {'above' if together > 100 else 'below'}"] += values[-1] != together
        if values[-1] != together:
            lines.append((name, "limit", values[-1] - together, 0, None, None))
    unknown = [shown[rule["id"]] for rule in rules if answers[rule["id"]] is None]
    fit_sum = sum(shown[rule["id"]] for rule in rules if answers[rule["id"]] is True)
    because = next((rule["disqualify"] for rule in rules if rule.get("disqualify") and answers[rule["id"]]), None)
    decides = None if because else deciding_fact(model, rules, answers, shown, facts, values[1], now)
    seen["a disqualifier cannot be answered"] += any(answers[r["id"]] is None and "disqualify" in r for r in rules)
    seen["a fact would decide"] += decides is not None
    seen["somebody is disqualified"] += because is not None
    total, parts = total_of(model, values)
    seen["contributions are rounded"] += total_of(model, values, tidy=False)[1] != parts
    return {
        "fit": values[0],
        "fit_low": clamp(fit_sum + sum(p for p in unknown if p < 0), 0, 100),
        "fit_high": clamp(fit_sum + sum(p for p in unknown if p > 0), 0, 100),
        "interest": values[1],
        "qualification": values[2],
        "total": total,
        "grade": f"{letter_of(model, values[0])}{number_of(model, values[1])}",
        "verdict": "disqualified" if because else verdict_of(model, values[0], values[1]),
        "buying_stage": buying_stage(interest, points, seen),
        "role": role_of(model, facts, now),
        "disqualified_because": because,
        "deciding_fact": decides,
        "fit_part": parts[0],
        "interest_part": parts[1],
        "qualification_part": parts[2],
    }, sorted(lines, key=lambda line: (DIMENSIONS.index(line[0]), line[1] == "limit"))


def buying_stage(interest, points, seen):
    found = None
    for stage in STAGES:
        mine = [
            points[rule["id"]]
            for rule in interest.get("rules", ())
            if rule.get("stage") == stage and rule["id"] in points
        ]
        if mine and sum(mine) >= exact(interest.get("stages", {}).get(stage, 1)):
            found = stage
        seen["a stage is missed by points"] += bool(mine) and found != stage
    return found
