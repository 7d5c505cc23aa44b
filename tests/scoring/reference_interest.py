"""Interest once more, slowly: what rules keep of a person's deeds, what it earns, and the lines that come of it.

``seen`` counts which features a history really reached, so that a test can say that it looked at them.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cache

from reference_conditions import exact, folded, span, truth, unknown

STAGES = ("awareness", "consideration", "decision")
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


def with_asset_stage(model, activity):
    """An activity with the stage of its asset; an asset that stands in no list has none."""
    asset = activity.get("asset")
    if unknown(asset):
        return activity
    stages = [s for s, names in model.get("assets", {}).items() if folded(asset) in [folded(name) for name in names]]
    return activity | {"asset_stage": stages[0]} if stages else activity


def kept_days(model, activities, zone, now, seen):
    """The local days of what each rule keeps of one person's activities: {rule id: [day, …]}, in order of time."""
    staged = [with_asset_stage(model, activity) for activity in activities]
    found = {}
    for rule in model["dimensions"].get("interest", {}).get("rules", ()):
        matching = [a for a in staged if a["type"] == rule["on"] and truth(rule.get("where", {}), a, now) is True]
        seen["the stage of an asset counts"] += bool(matching) and "asset_stage" in str(rule.get("where"))
        found[rule["id"]] = kept(rule, matching, zone, seen)
    return found


def interest_lines(dimension, kept_by_rule, today, seen):
    """Exact lines: {rule id: (points, count, first day, last day)}."""
    lines = {}
    for rule in dimension.get("rules", ()):
        days = kept_by_rule[rule["id"]]
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
