"""Too hot and early alert once more, slowly: from the days of a person's signals, never from points."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from reference_conditions import span

DAY = timedelta(days=1)
EARLY = ("awareness", "consideration")
TOO_HOT = {"signals": 3, "within": "3d", "lasts": "30d"}
EARLY_ALERT = {"fit": ["A"], "lasts": "14d"}


def signals(rules, kept_days, today, stages):
    """Every signal of some stages as (day, rule id); a day after today counts as today."""
    return [(min(day, today), r["id"]) for r in rules if r.get("stage") in stages for day in kept_days.get(r["id"], ())]


def days(span_text):
    return span(span_text) // DAY


def flags(model, rules, kept_days, today, letter, because):
    """What is flagged of a person, and the days of the first signals."""
    early, late = signals(rules, kept_days, today, EARLY), signals(rules, kept_days, today, ("decision",))
    since, burst = burst_of(model, early, late, today)
    first, alerting = alert_of(model, early, late, today, letter, because)
    return {
        "too_hot": since is not None,
        "too_hot_since": since,
        "too_hot_count": None if since is None else len(burst),
        "too_hot_rules": None if since is None else told(rules, burst),
        "early_alert": first is not None,
        "early_alert_since": first,
        "early_alert_rules": None if first is None else told(rules, alerting),
    }, (min(early)[0] if early else None, min(late)[0] if late else None)


def burst_of(model, early, late, today):
    """The earliest burst that still stands: (its first day, its signals)."""
    wanted = model.get("too_hot", TOO_HOT)
    if wanted == "none":
        return None, []
    wanted = TOO_HOT | wanted
    for start in sorted({day for day, _ in late}):
        burst = [(day, rule) for day, rule in late if start <= day < start + days(wanted["within"]) * DAY]
        back = [day for day, _ in early if day < start]
        if "history" in wanted:
            back = [day for day in back if day >= start - days(wanted["history"]) * DAY]
        if len(burst) >= wanted["signals"] and not back and (today - start).days < days(wanted["lasts"]):
            return start, burst
    return None, []


def alert_of(model, early, late, today, letter, because):
    wanted = model.get("early_alert", EARLY_ALERT)
    if wanted == "none" or not early or because is not None:
        return None, []
    wanted = EARLY_ALERT | wanted
    first = min(early)[0]
    fresh = (today - first).days < days(wanted["lasts"])
    if letter not in wanted["fit"] or not fresh or any(day <= first for day, _ in late):
        return None, []
    return first, [one for one in early if one[0] == first]


def told(rules, some):
    """Rules with how often each, in the model's order."""
    times = Counter(rule for _, rule in some)
    return ", ".join(f"{rule['id']} {times[rule['id']]}x" for rule in rules if times[rule["id"]])


def account_flags(model, members, today, letter, because):
    """What is flagged of an account by the days of its people's signals."""
    hot = [m["too_hot_since"] for m in members if m["too_hot"]]
    early = [m["first_signals"][0] for m in members if m["first_signals"][0]]
    late = [m["first_signals"][1] for m in members if m["first_signals"][1]]
    burst = min(hot) if hot and not (early and min(early) < min(hot)) else None
    wanted = model.get("early_alert", EARLY_ALERT)
    alert = None
    if wanted != "none" and early and because is None:
        wanted = EARLY_ALERT | wanted
        fresh = (today - min(early)).days < days(wanted["lasts"])
        if letter in wanted["fit"] and fresh and not (late and min(late) <= min(early)):
            alert = min(early)
    return {
        "too_hot": burst is not None,
        "too_hot_since": burst,
        "early_alert": alert is not None,
        "early_alert_since": alert,
    }
