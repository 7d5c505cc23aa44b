"""Rows that the CRM refused because their owner has left since they were decided: they go to the next one, not dead.

Deciding looks at who works here as the last pull showed it, and a user may be deactivated between that and the write.
The CRM's refusal says so for certain. The next member of the same pool takes the row, or whom the pool falls back to;
a person's record and task go to the same one. The row keeps its key, so that there are never two; its reason and the
task itself tell. Whose turn it is afterwards stays as decided: this is a correction, not a new piece of work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from connector.delivery.budget import Budget
from connector.delivery.drain import Drain
from connector.delivery.drained import Drained
from connector.delivery.pending import Pending
from connector.domain.writes import RowState
from connector.mapping.routing import RoutingFile
from connector.pipeline.decisions.redeciding import remember_owners
from connector.pipeline.engine import Engine
from connector.pipeline.people.census import Census, census_of
from connector.pipeline.people.gathering import hold
from connector.pipeline.people.workplace import made_lately, open_tasks, set_up_desk, users
from connector.ports.crm import INACTIVE_OWNER
from connector.ports.store import OutboxRow
from connector.routing.pools import Desk, Owner
from connector.routing.route import fallback_assignment

#: so many owners in a row may turn out to have left; what is refused then is dead
_MOST_ROUNDS = 5
#: person and the owner who left → who gets it, or nobody
_Chosen = dict[tuple[str, str], Owner | None]


def drain_and_reroute(engine: Engine, budget: Budget, *, clock: Callable[[], datetime]) -> Drained:
    """Drain, and give what was refused for its owner to the next one, until nothing is refused for that.

    Raises:
        AccessError: not let in; what was taken went back.
    """
    drain = Drain(
        engine.store,
        engine.crm,
        owner=engine.owner,
        budget=budget,
        patience=engine.patience,
        stop=engine.stop,
        sits_out=engine.sits_out,
    )
    drained = drain.run(now=clock())
    census = census_of(engine)
    gone: set[str] = set()
    chosen: _Chosen = {}
    for _ in range(_MOST_ROUNDS):
        refused = _refused(census)
        if not refused or drained.stopped_by:
            break
        gone |= {_owner_of(census, row) for row in refused}
        moved = _reroute(census, refused, gone, chosen, now=clock())
        if not moved:
            break
        drained = _added(drained, drain.run(now=clock()), moved)
    return drained


def _refused(census: Census) -> list[OutboxRow]:
    if not census.store.outbox.unsettled_counts().get(RowState.DEAD, 0):
        return []
    rows = census.store.outbox.each_unsettled()
    return [row for row in rows if row.state is RowState.DEAD and row.code == INACTIVE_OWNER and _owner_of(census, row)]


def _owner_of(census: Census, row: OutboxRow) -> str:
    return str(row.write.fields.get(_field(census, row, "owner")) or "")


def _field(census: Census, row: OutboxRow, word: str) -> str:
    return census.crm.native.get(row.write.object, {}).get(word, "")


def _reroute(census: Census, rows: list[OutboxRow], gone: set[str], chosen: _Chosen, *, now: datetime) -> int:
    desk = _desk(census, gone, now=now)
    renewed: dict[int, OutboxRow] = {}
    for row in rows:
        left = _owner_of(census, row)
        place = (row.person_id or row.lane, left)
        if place not in chosen:
            chosen[place] = _next(desk, census.mappings.routing, left)
        owner = chosen[place]
        if owner is not None and owner.id:
            renewed[row.id] = _given(census, row, owner, _name(desk, left))
    moved = census.store.outbox.renew(renewed, now=now)
    if moved:
        remember_owners(census.store, renewed.values(), census.crm)
        structlog.get_logger().warning("routing.owner_inactive", rows=moved)
    return moved


def _desk(census: Census, gone: set[str], *, now: datetime) -> Desk:
    """Set up who can take work, without those of whom the CRM has just said that they cannot."""
    asked = {place: columns for place, columns in census.asked().items() if place[0] == census.crm.system}
    holdings = hold(census.lake, [census.crm], as_of=now, asked=asked)
    everybody = [replace(user, active=user.active and user.id not in gone) for user in users(holdings, census.crm)]
    tasks = open_tasks(holdings, census.crm, census.store.knowledge.identities([]))
    rotations = census.store.knowledge.rotations()
    pending = Pending(census.store.outbox.each_unsettled())
    made = made_lately(census.store.outbox, now=now)
    return set_up_desk(holdings, census.crm, census.mappings.routing, everybody, tasks, rotations, pending, made)


def _next(desk: Desk, routing: RoutingFile, left: str) -> Owner | None:
    """Choose by the pool that the one who left is in, else by the pool for what no rule names."""
    user = desk.user(left)
    name = user.username.casefold() if user is not None else ""
    pools = [pool for pool, one in routing.pools.items() if name in {member.user.casefold() for member in one.members}]
    pool = next(iter(pools), "") or fallback_assignment(routing)
    return desk.take(pool) if pool in desk.pools else None


def _name(desk: Desk, id_: str) -> str:
    user = desk.user(id_)
    return user.username if user is not None else "the owner"


def _given(census: Census, row: OutboxRow, owner: Owner, left: str) -> OutboxRow:
    """Put another owner into a row, with the day on that one's calendar, and say so in its reason."""
    fields: dict[str, Any] = {**row.write.fields, _field(census, row, "owner"): owner.id}
    due_at, due_date = _field(census, row, "due_at"), _field(census, row, "due_date")
    if row.write.object == "task" and fields.get(due_at) and fields.get(due_date):
        at = datetime.fromisoformat(str(fields[due_at]))
        fields[due_date] = at.astimezone(ZoneInfo(owner.time_zone or "UTC")).date().isoformat()
    note = f"{left} was deactivated before this was written: {owner.name}, {owner.reason}"
    body = _field(census, row, "body")
    if row.write.object == "task" and row.write.kind == "create" and body:
        # Whoever is called upon unexpectedly reads why.
        fields[body] = "\n\n".join(filter(None, (str(fields.get(body) or ""), f"{note}.")))
    return replace(row, write=replace(row.write, fields=fields), reason="; ".join(filter(None, (row.reason, note))))


def _added(first: Drained, second: Drained, moved: int) -> Drained:
    kinds: Mapping[tuple[str, str], int] = second.by_kind
    return Drained(
        written=first.written + second.written,
        unchanged=first.unchanged + second.unchanged,
        dead=first.dead - moved + second.dead,
        stopped_by=second.stopped_by,
        by_kind={kind: first.by_kind.get(kind, 0) + kinds.get(kind, 0) for kind in {**first.by_kind, **kinds}},
    )
