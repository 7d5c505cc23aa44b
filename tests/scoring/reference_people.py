"""People once more, slowly: fit, dimensions, total, grade, verdict, role, flags and the fact that would decide."""

from __future__ import annotations

from datetime import date, datetime
from fractions import Fraction

from reference_conditions import answer, exact, tests, truth, unknown
from reference_declared import points_of, with_declared
from reference_flags import flags
from reference_interest import buying_stage, clamp, interest_lines, kept_days, rounded_lines, tenth

QUESTIONS = ("budget", "authority", "need", "timeframe", "sales_readiness")
DIMENSIONS = ("fit", "interest", "qualification")
VERDICTS = ("disqualified", "nurture", "review", "sales")


def letter_of(model, points):
    return _band(model["grades"]["fit"], points)


def number_of(model, points):
    return _band(model["grades"]["interest"], points)


def _band(bands, points):
    reached = [name for name, least in bands.items() if points >= exact(least)]
    return max(reached, key=lambda name: exact(bands[name])) if reached else min(bands, key=lambda n: exact(bands[n]))


def verdict_of(model, fit, interest):
    return model["matrix"][letter_of(model, fit)][number_of(model, interest) - 1]


def fit_of(rules, facts, now, weight=1):
    """What each rule answers, and its points: weighed where it holds by what the person declared."""
    answers = {rule["id"]: truth(rule["when"], facts, now) for rule in rules}
    weights = {id_: weight if found is True else 1 for id_, found in answers.items()}
    return answers, {rule["id"]: tenth(points_of(rule, facts, weights[rule["id"]])) for rule in rules}


def unanswered(condition, facts, now):
    """The facts of which a test cannot be answered."""
    return {
        field
        for field, operator, operand in tests(condition)
        if answer(operator, operand, facts.get(field), now) is None
    }


def deciding_fact(model, rules, answers, shown, total, facts, interest, now):
    """The missing fact that alone could raise the verdict most, else the weightiest, else one that could lower it."""
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
    facts, differs = with_declared(facts)
    rules = dimensions.get("fit", {}).get("rules", [])
    answers, shown = fit_of(rules, facts, now, dimensions.get("fit", {}).get("declared_weight", 1))
    seen["a declared answer weighs more"] += shown != fit_of(rules, facts, now)[1]
    seen["a declared answer differs"] += differs is not None
    lines += [("fit", rule["id"], shown[rule["id"]], 1, None, None) for rule in rules if answers[rule["id"]] is True]
    interest = dimensions.get("interest", {})
    kept_by_rule = kept_days(model, activities, zone, now, seen)
    exact_lines = interest_lines(interest, kept_by_rule, today, seen)
    points = rounded_lines(interest, exact_lines, seen)
    for rule in interest.get("rules", ()):
        if rule["id"] in points:
            lines.append(("interest", rule["id"], points[rule["id"]], *exact_lines[rule["id"]][1:]))
    for question in QUESTIONS:
        said = str(facts.get(f"bants.{question}")).strip().casefold()
        if said in ("yes", "no"):
            on = answered_on(facts.get(f"bants.{question}.on"), zone)
            lines.append(("qualification", question, Fraction(20 * (said == "yes")), 1, on, on))
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
    decides = None if because else deciding_fact(model, rules, answers, shown, fit_sum, facts, values[1], now)
    seen["a disqualifier cannot be answered"] += any(answers[r["id"]] is None and "disqualify" in r for r in rules)
    seen["a fact would decide"] += decides is not None
    seen["somebody is disqualified"] += because is not None
    total, parts = total_of(model, values)
    seen["contributions are rounded"] += total_of(model, values, tidy=False)[1] != parts
    letter = letter_of(model, values[0])
    flagged, first_signals = flags(model, interest.get("rules", ()), kept_by_rule, today, letter, because)
    for name in ("too_hot", "early_alert"):
        seen[f"somebody is {name}"] += flagged[name]
    return flagged | {
        "declared_differs": differs,
        "first_signals": first_signals,
        "fit": values[0],
        "fit_low": clamp(fit_sum + sum(p for p in unknown if p < 0), 0, 100),
        "fit_high": clamp(fit_sum + sum(p for p in unknown if p > 0), 0, 100),
        "interest": values[1],
        "qualification": values[2],
        "total": total,
        "grade": f"{letter}{number_of(model, values[1])}",
        "verdict": "disqualified" if because else verdict_of(model, values[0], values[1]),
        "buying_stage": buying_stage(interest, points, seen),
        "role": role_of(model, facts, now),
        "disqualified_because": because,
        "deciding_fact": decides,
        "fit_part": parts[0],
        "interest_part": parts[1],
        "qualification_part": parts[2],
    }, sorted(lines, key=lambda line: (DIMENSIONS.index(line[0]), line[1] == "limit"))


def answered_on(when, zone):
    """The local day on which an answer was given, where that is known."""
    if isinstance(when, datetime):
        return when.astimezone(zone).date()
    return None if unknown(when) else date.fromisoformat(when.strip())
