"""Accounts once more, slowly: what their people bring, fit, roles, grade and whether they are ready."""

from __future__ import annotations

from fractions import Fraction

from reference_conditions import exact, truth
from reference_people import clamp, fit_of, letter_of, number_of, tenth

FACTOR = {"decider": Fraction(1), "influencer": Fraction(3, 4)}
OTHER = Fraction(1, 2)
BUYERS = ("decider", "influencer")


def account(model, facts, members, now, seen):
    """One account: members are the scores of its people."""
    rules = model.get("account", {})
    cap, engaged_from = exact(rules.get("cap", 60)), exact(rules.get("engaged", 1))
    given = sorted((min(m["interest"], cap) * FACTOR.get(m["role"], OTHER) for m in members), reverse=True)
    engaged = [m for m in members if m["interest"] >= engaged_from]
    score = sum((value / 2**place for place, value in enumerate(given)), Fraction(0))
    score += exact(rules.get("breadth", 0)) * max(0, len(engaged) - 1)
    seen["an account's score is limited"] += score > 100
    seen["a person's cap bites in an account"] += any(m["interest"] > cap for m in members)
    seen["an account has forty people"] += len(members) >= 40
    score = clamp(tenth(score), 0, 100)
    fit, because = account_fit(rules, facts, members, now, seen)
    grade = f"{letter_of(model, fit)}{number_of(model, score)}"
    ready = is_ready(model, facts, engaged, because, (score, fit, grade), now)
    seen["an account is ready"] += ready
    return {
        "fit": fit,
        "score": score,
        "grade": grade,
        "engaged_people": len(engaged),
        "roles": coverage(model, members, engaged),
        "ready": ready,
        "disqualified_because": because,
    }


def account_fit(rules, facts, members, now, seen):
    if "fit" not in rules:
        return max((m["fit"] for m in members), default=Fraction(0)), None
    own = rules["fit"]["rules"]
    answers, shown = fit_of(own, facts, now)
    points = sum(shown[rule] for rule, found in answers.items() if found is True)
    because = next((rule["disqualify"] for rule in own if rule.get("disqualify") and answers[rule["id"]]), None)
    seen["an account is disqualified"] += because is not None
    return clamp(points, 0, 100), because


def coverage(model, members, engaged):
    def state(role):
        if any(m["role"] == role for m in engaged):
            return "engaged"
        return "known" if any(m["role"] == role for m in members) else "missing"

    return {role: state(role) for role in BUYERS if role in model.get("roles", {})}


def is_ready(model, facts, engaged, because, figures, now):
    wanted = model.get("account", {}).get("ready_when")
    if wanted is None or because or not any(m["role"] in BUYERS for m in engaged):
        return False
    score, fit, grade = figures
    told = {"score": written(score), "fit": written(fit), "grade": grade, "engaged_people": len(engaged)}
    told |= {f"account.{name}": value for name, value in told.items()} | {"account.fit": letter_of(model, fit)}
    return truth(wanted, facts | told, now) is True


def written(tenths):
    """A multiple of a tenth as a number that conditions read."""
    return float(tenths)
