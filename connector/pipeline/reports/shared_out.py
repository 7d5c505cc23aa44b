"""How work was shared out within each pool, beside how its weights say it should be. Reads only."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from math import sqrt
from typing import Any

from connector.mapping.routing import Pool
from connector.pipeline.people.census import Census
from connector.pipeline.people.gathering import hold
from connector.pipeline.people.workplace import users
from connector.routing.pools import User

#: a difference of so many standard deviations is more than taking turns brings about
_BEYOND_CHANCE = 2.0


def shared_out(census: Census, *, as_of: datetime, days: int) -> dict[str, Any]:
    """Count the tasks that members of each pool were given in the last ``days`` days, beside their fair share.

    A task counts for whom it was created; who has it now does not matter. Shares are by weight among the members who
    are active now. Whoever owns a record already keeps its work, and who is full or away is passed over, so shares are
    not equal to the last task; ``beyond_chance`` marks what those who take turns would hardly come to.

    Raises:
        LocalFault: the lake cannot be read.
    """
    system = census.crm.system
    asked = {place: columns for place, columns in census.asked().items() if place == (system, "user")}
    known = {
        user.username.casefold(): user
        for user in users(hold(census.lake, [census.crm], as_of=as_of, asked=asked), census.crm)
    }
    given = _given(census, as_of - timedelta(days=days), as_of)
    places = Counter(
        member.user.casefold() for pool in census.mappings.routing.pools.values() for member in pool.members
    )
    pools = {
        name: _pool(pool, known, given, {user for user, count in places.items() if count > 1})
        for name, pool in census.mappings.routing.pools.items()
    }
    members = {known[user].id for user in places if user in known}
    return {
        "as_of": as_of.isoformat(),
        "days": days,
        "tasks": given.total(),
        "outside_pools": sum(count for owner, count in given.items() if owner not in members),
        "pools": pools,
    }


def _given(census: Census, since: datetime, until: datetime) -> Counter[str]:
    """Count created tasks by the id of whom they were given to."""
    owner = census.crm.native["task"].get("owner", "")
    given: Counter[str] = Counter()
    for row in census.store.outbox.each_done("create", "task"):
        if row.written and row.settled_at is not None and since < row.settled_at <= until:
            given[str(row.write.fields.get(owner) or "")] += 1
    return given


def _pool(pool: Pool, known: dict[str, User], given: Counter[str], several: set[str]) -> dict[str, Any]:
    members = []
    for member in pool.members:
        user = known.get(member.user.casefold())
        works = user is not None and user.active
        count = given[user.id] if user is not None else 0
        members.append((member.user, member.weight if works else 0, count, works))
    weights, total = sum(weight for _, weight, *_ in members), sum(count for *_, count, _ in members)
    return {
        "tasks": total,
        "members": [
            {
                "user": user,
                "active": works,
                "weight": weight,
                "expected": round(total * weight / weights, 1) if weights else 0.0,
                "given": count,
                "beyond_chance": works and _odd(count, total, weight / weights if weights else 0.0),
                "in_several_pools": user.casefold() in several,
            }
            for user, weight, count, works in members
        ],
    }


def _odd(count: int, total: int, share: float) -> bool:
    return abs(count - total * share) > 1 + _BEYOND_CHANCE * sqrt(total * share * (1 - share))
