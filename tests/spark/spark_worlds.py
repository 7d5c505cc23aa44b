"""Several random worlds made one: a model, and the people of all of them, so that one piece of work tells more."""

from __future__ import annotations

from typing import Any

from scoring_worlds import World, seeded_worlds


def joined_worlds(models: int, of_each: int, seed: int = 0) -> list[World]:
    """Take ``models`` models, and for each the histories of ``of_each`` worlds, moved to the model's own instant."""
    worlds = list(seeded_worlds(models * of_each, seed=seed))
    return [_joined(worlds[number::models]) for number in range(models)]


def _joined(worlds: list[World]) -> World:
    first = worlds[0]
    people, activities, accounts = [], [], []
    for number, world in enumerate(worlds):
        people += [_renamed(row, f"{number}-", "person_id", "account_id") for row in world.people]
        accounts += [_renamed(row, f"{number}-", "account_id", "parent_id") for row in world.accounts]
        moved = first.as_of - world.as_of
        for row in world.activities:
            known = _renamed(row, f"{number}-", "person_id", "identity", "activity_id")
            # a world without landing times asks for hindsight; among others they are as if landed at once
            landed = row.get("landed_at") or row["occurred_at"]
            activities.append(known | {"occurred_at": row["occurred_at"] + moved, "landed_at": landed + moved})
    return first.but(people=people, activities=activities, accounts=accounts)


def _renamed(row: dict[str, Any], prefix: str, *names: str) -> dict[str, Any]:
    return row | {name: prefix + row[name] for name in names if row.get(name) is not None}
