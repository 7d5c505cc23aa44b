"""The rules of scoring once more, slowly and obviously: one person at a time, fractions, no tables, no engine.

Written from the rules, not from the engine. Models are the plain dictionaries that YAML gives.
"""

from __future__ import annotations

from collections import Counter
from zoneinfo import ZoneInfo

from reference_accounts import account, taken_in
from reference_people import person


def known(activity, as_of):
    """Say whether an activity had occurred and landed; without a landing stamp it landed at once."""
    landed = activity.get("landed_at") or activity["occurred_at"]
    return activity["occurred_at"] <= as_of and landed <= as_of


def score(model, people, activities, accounts, as_of, time_zone, seen=None):
    """Everybody: ({person id: score}, {person id: lines}, {account id: account}).

    ``seen``, a Counter where given, gathers what the population really reached.
    """
    zone, seen = ZoneInfo(time_zone), Counter() if seen is None else seen
    today = as_of.astimezone(zone).date()
    listed = {row["account_id"]: {f"account.{name}": value for name, value in row.items()} for row in accounts}
    deeds = [activity for activity in activities if known(activity, as_of)]
    seen["not known yet"] += len(deeds) < len(activities)
    scores, lines = {}, {}
    for row in people:
        theirs = [activity for activity in deeds if activity["person_id"] == row["person_id"]]
        facts = listed.get(row["account_id"], {}) | row
        scores[row["person_id"]], lines[row["person_id"]] = person(model, facts, theirs, zone, as_of, seen)
    ids = set(listed) | {row["account_id"] for row in people if row["account_id"]}
    members = {id_: [scores[row["person_id"]] for row in people if row["account_id"] == id_] for id_ in ids}
    takes = taken_in(model, listed, ids, as_of)
    rolled_up = {}
    for id_ in ids:
        others = [member for below in takes[id_] for member in members[below]]
        rolled_up[id_] = account(model, listed.get(id_, {}), members[id_], others, as_of, today, seen)
    return scores, lines, rolled_up
