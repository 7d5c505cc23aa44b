"""Who takes the next piece of work: by weight, within capacity, never an inactive user, a fallback always."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from connector.mapping.routing import Member, Pool


@dataclass(frozen=True, slots=True)
class User:
    """A CRM user as routing sees one."""

    id: str
    username: str
    active: bool
    time_zone: str = "UTC"
    #: id of the user's manager, or nothing
    manager: str = ""


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
        free = (member for member in self.pools[pool].members if self._has_room(member))
        eligible = [(self.users[member.user.casefold()], member.weight) for member in free]
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

    def take_another(self, pool: str, *, instead_of: str) -> Owner | None:
        """Give the next member of ``pool``, or of the pools it falls back to, but not this one; None: nobody is free.

        What one had goes to the other: the load of both is counted anew.
        """
        seen: list[str] = []
        while pool in self.pools and pool not in seen:
            others = [one for one in self.pools[pool].members if self._id_of(one.user) != instead_of]
            if any(self._has_room(one) for one in others):
                asked = self.pools[pool].model_copy(update={"members": tuple(others)})
                owner = self._with(pool, asked).take(pool)
                self.open_tasks[instead_of] = max(0, self.open_tasks.get(instead_of, 0) - 1)
                return owner
            seen.append(pool)
            pool = self.pools[pool].fallback.pool or ""
        return None

    def _with(self, name: str, pool: Pool) -> Desk:
        """Give the same desk, its memory included, where one pool is another."""
        return Desk({**self.pools, name: pool}, self.users, self.queues, self.open_tasks, self.credit)

    def _id_of(self, username: str) -> str:
        user = self.users.get(username.casefold())
        return "" if user is None else user.id

    def _has_room(self, member: Member) -> bool:
        user = self.users.get(member.user.casefold())
        if user is None or not user.active or not member.weight:
            return False
        return member.cap is None or self.open_tasks.get(user.id, 0) < member.cap

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
