"""Accounts once more, slowly: whom they take in, what people bring, fit, roles, flags, deals, and who is ready."""

from __future__ import annotations

from fractions import Fraction

from reference_conditions import equal, exact, truth, unknown
from reference_flags import account_flags
from reference_interest import STAGES, clamp, half_away, tenth
from reference_people import deciding_fact, fit_of, letter_of, number_of

FACTOR = {"decider": Fraction(1), "influencer": Fraction(3, 4)}
OTHER = Fraction(1, 2)
BUYERS = ("decider", "influencer")
MICRO = Fraction(1, 1_000_000)


def taken_in(model, listed, ids, now):
    """Whose people each account takes in beside its own: {account: [account, …]}."""
    wanted = model.get("account", {}).get("hierarchy", "none")
    takes = {id_: [] for id_ in ids}
    if wanted == "none":
        return takes
    for start in ids:
        here, way = start, [start]
        for _ in range(10):
            here = listed.get(here, {}).get("account.parent_id")
            if here not in takes or here in way:
                break
            way.append(here)
            if truth(wanted.get("when", {}), listed.get(here, {}), now) is True:
                takes[here].append(start)
    return takes


def account(model, facts, own, others, now, today, seen):
    """One account: the scores of its own people and of those it takes in."""
    rules = model.get("account", {})
    members = own + others
    cap, engaged_from = exact(rules.get("cap", 60)), exact(rules.get("engaged", 1))
    engaged = [m for m in members if m["interest"] >= engaged_from]
    given = sorted([gives(m, cap) for m in own] + [part(model, gives(m, cap)) for m in others], reverse=True)
    score = sum((value / 2**place for place, value in enumerate(given)), Fraction(0))
    score += exact(rules.get("breadth", 0)) * max(0, len(engaged) - 1)
    seen["an account's score is limited"] += score > 100
    seen["a person's cap bites in an account"] += any(m["interest"] > cap for m in members)
    seen["an account has forty people"] += len(members) >= 40
    seen["an account takes in people"] += bool(others)
    score = clamp(tenth(score), 0, 100)
    fit = account_fit(model, facts, members, score, now, seen)
    letter = letter_of(model, fit["fit"])
    found = fit | account_flags(model, members, today, letter, fit["disqualified_because"])
    found |= deals(rules, facts) | {
        "score": score,
        "grade": f"{letter}{number_of(model, score)}",
        "engaged_people": len(engaged),
        "roles": coverage(model, members, engaged),
        "buying_stage": stage_of(rules, members),
    }
    ready = is_ready(rules, facts, engaged, found, letter, now)
    for name in ("ready", "too_hot", "early_alert", "news"):
        seen[f"an account is {name}"] += ready if name == "ready" else found[name]
    return found | {"ready": ready}


def gives(member, cap):
    return min(member["interest"], cap) * FACTOR.get(member["role"], OTHER)


def part(model, given):
    return half_away(given * exact(model["account"]["hierarchy"].get("factor", 1)), MICRO)


def account_fit(model, facts, members, score, now, seen):
    rules = model.get("account", {})
    if "fit" not in rules:
        best = max((m["fit"] for m in members), default=Fraction(0))
        return {"fit": best, "disqualified_because": None, "deciding_fact": None}
    own = rules["fit"]["rules"]
    answers, shown = fit_of(own, facts, now)
    points = sum(shown[rule] for rule, found in answers.items() if found is True)
    unanswered = [shown[rule] for rule, found in answers.items() if found is None]
    because = next((rule["disqualify"] for rule in own if rule.get("disqualify") and answers[rule["id"]]), None)
    decides = None if because else deciding_fact(model, own, answers, shown, points, facts, score, now)
    seen["an account is disqualified"] += because is not None
    seen["a fact would decide of an account"] += decides is not None
    return {
        "fit": clamp(points, 0, 100),
        "fit_low": clamp(points + sum(p for p in unanswered if p < 0), 0, 100),
        "fit_high": clamp(points + sum(p for p in unanswered if p > 0), 0, 100),
        "disqualified_because": because,
        "deciding_fact": decides,
    }


def coverage(model, members, engaged):
    def state(role):
        if any(m["role"] == role for m in engaged):
            return "engaged"
        return "known" if any(m["role"] == role for m in members) else "missing"

    return {role: state(role) for role in BUYERS if role in model.get("roles", {})}


def stage_of(rules, members):
    """The latest stage that enough people have reached; who is in a later one has reached the earlier."""
    found = None
    for place, stage in enumerate(STAGES):
        there = [m for m in members if m["buying_stage"] and STAGES.index(m["buying_stage"]) >= place]
        if len(there) >= rules.get("stage_people", {}).get(stage, 1):
            found = stage
    return found


def deals(rules, facts):
    told = {}
    for name in ("open_opportunity", "customer"):
        value = facts.get(f"account.{name}")
        told[name] = None if unknown(value) else equal(value, True)
    news = (told["open_opportunity"] is True and rules.get("open_deal", "news") == "news") or (
        told["customer"] is True and rules.get("customer", "news") == "news"
    )
    return told | {"news": news}


def is_ready(rules, facts, engaged, found, letter, now):
    wanted = rules.get("ready_when")
    buyers = any(m["role"] in BUYERS for m in engaged)
    if wanted is None or found["disqualified_because"] or not buyers or found["news"]:
        return False
    told = {name: float(found[name]) for name in ("score", "fit")} | {n: found[n] for n in ("grade", "engaged_people")}
    told |= {f"account.{name}": value for name, value in told.items()} | {"account.fit": letter}
    for name in ("buying_stage", "too_hot", "early_alert", "open_opportunity", "customer"):
        told[f"account.{name}"] = found[name]
    return truth(wanted, facts | told, now) is True
