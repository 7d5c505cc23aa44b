"""Who takes the next piece of work: by weight, within capacity, never an inactive user, a fallback always."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from connector.mapping.routing import Pool


@dataclass(frozen=True, slots=True)
class User:
    """A CRM user as routing sees one."""

    id: str
    username: str
    active: bool
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Owner:
    """Who gets it and why, in words for the record."""

    id: str
    kind: str
    name: str
    reason: str
    time_zone: str = "UTC"


@dataclass
class Desk:
    """The people and queues of the CRM, how loaded they are, and whose turn it is.

    Attributes:
        users: by user name, case-folded.
        queues: queue name → id.
        open_tasks: user id → open tasks of ours.
        credit: pool → user name → standing in the weighted round robin; stored between cycles.
    """

    pools: Mapping[str, Pool]
    users: Mapping[str, User]
    queues: Mapping[str, str]
    open_tasks: dict[str, int] = field(default_factory=dict)
    credit: dict[str, dict[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by_id = {user.id: user for user in self.users.values()}

    def user(self, id_: str | None) -> User | None:
        """Give the user with this id, or None for queues and strangers."""
        return self._by_id.get(id_ or "")

    def active(self, id_: str | None) -> bool:
        """Say whether this id is an active user's."""
        user = self.user(id_)
        return user is not None and user.active

    def members(self, pool: str) -> list[User]:
        """List the active members of a pool, in the order written."""
        users = (self.users.get(member.user.casefold()) for member in self.pools[pool].members)
        return [user for user in users if user is not None and user.active]

    def take(self, pool: str, *, prefer: str | None = None, seen: tuple[str, ...] = ()) -> Owner:
        """Give the next member of ``pool``: ``prefer`` (a user id) when it is one with room, else by weight.

        Smooth weighted round robin: everybody eligible gains their weight, the one furthest ahead is taken and pays
        the sum of the weights. The same credits and the same requests in the same order give the same owners.
        """
        eligible = []
        for member in self.pools[pool].members:
            user = self.users.get(member.user.casefold())
            if user is None or not user.active or not member.weight:
                continue
            if member.cap is not None and self.open_tasks.get(user.id, 0) >= member.cap:
                continue
            eligible.append((user, member.weight))
        if not eligible:
            return self._fall_back(pool, seen)
        chosen = next((user for user, _ in eligible if user.id == prefer), None)
        reason = f"already owns the record; member of {pool}"
        if chosen is None:
            credit = self.credit.setdefault(pool, {})
            for user, weight in eligible:
                credit[user.username] = credit.get(user.username, 0) + weight
            chosen = max((user for user, _ in eligible), key=lambda user: credit[user.username])
            credit[chosen.username] -= sum(weight for _, weight in eligible)
            reason = f"next in {pool}"
        self.open_tasks[chosen.id] = self.open_tasks.get(chosen.id, 0) + 1
        return Owner(chosen.id, "user", chosen.username, reason, chosen.time_zone)

    def _fall_back(self, pool: str, seen: tuple[str, ...]) -> Owner:
        fallback = self.pools[pool].fallback
        if fallback.pool is not None and fallback.pool not in seen:
            return self.take(fallback.pool, seen=(*seen, pool))
        if fallback.user is not None:
            user = self.users.get(fallback.user.casefold())
            if user is not None and user.active:
                return Owner(user.id, "user", user.username, f"fallback of {pool}", user.time_zone)
        name = fallback.queue or ""
        return Owner(self.queues.get(name, ""), "queue", name, f"nobody in {pool} is free: fallback queue")

    def rotations(self) -> dict[str, str]:
        """Give the credits as stored: pool → JSON."""
        return {pool: json.dumps(credit, sort_keys=True) for pool, credit in sorted(self.credit.items())}


def load_rotations(stored: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """Read what ``Desk.rotations`` wrote."""
    return {pool: {str(k): int(v) for k, v in json.loads(text).items()} for pool, text in stored.items()}
