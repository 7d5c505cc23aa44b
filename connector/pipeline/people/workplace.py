"""The CRM's people, queues and open tasks of ours, as routing and deciding see them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.delivery.pending import Pending
from connector.lake.layout import FIELD, LINK
from connector.mapping.routing import RoutingFile
from connector.pipeline.people.gathering import Holdings
from connector.pipeline.tables import sql
from connector.ports.outbox import DoneRow
from connector.ports.store import Outbox
from connector.ports.traits import AdapterTraits
from connector.routing.pools import Desk, User, load_rotations

#: longer than a system takes to tell of a new task
_UNTOLD = timedelta(days=1)
#: words of a task the engine reads
_TASK_WORDS = (
    "subject",
    "body",
    "owner",
    "priority",
    "status",
    "closed",
    "due_date",
    "due_at",
    "key",
    "rule",
    "changed_by",
)


def users(holdings: Holdings, crm: AdapterTraits) -> list[User]:
    """List the CRM's users."""
    names = crm.native.get("user", {})
    rows = holdings.get(crm.system, "user").to_pylist()
    return [
        User(
            id=row["id"],
            username=str(row.get(FIELD + names.get("username", "")) or ""),
            active=row.get(FIELD + names.get("active", "")) == "true" and not row["deleted"],
            time_zone=str(row.get(FIELD + names.get("time_zone", "")) or "UTC"),
            manager=str(row.get(FIELD + names.get("manager", "")) or ""),
        )
        for row in rows
    ]


def automation_ids(everybody: list[User], names: tuple[str, ...], own: str | None) -> list[str]:
    """Give the ids of users whose deeds are no human's: those listed, and always our own."""
    listed = {name.casefold() for name in names}
    ids = [user.id for user in everybody if user.username.casefold() in listed]
    return [*ids, own] if own else ids


def open_tasks(holdings: Holdings, crm: AdapterTraits, identities: pa.Table) -> list[dict[str, Any]]:
    """List our tasks that are not closed, by our words, each with the person it is about; oldest first."""
    names = crm.native.get("task", {})
    table = holdings.get(crm.system, "task")
    if FIELD + names.get("rule", "") not in table.column_names:
        return []
    table = table.filter(pc.and_(pc.is_valid(table.column(FIELD + names["rule"])), pc.invert(table.column("deleted"))))
    columns = {"id": table.column("id"), "created_at": table.column("created_at")}
    for word in _TASK_WORDS:
        native = FIELD + names.get(word, "")
        columns[word] = table.column(native) if native in table.column_names else pa.nulls(table.num_rows, pa.string())
    who = LINK + "who"
    columns["who"] = table.column(who) if who in table.column_names else pa.nulls(table.num_rows, pa.string())
    rows: list[dict[str, Any]] = sql(
        """
        SELECT t.*, i.person_id FROM tasks t
        LEFT JOIN identities i ON i.system = $system AND i.object IN ('lead', 'contact') AND i.id = t.who
        WHERE coalesce(t.closed, 'false') <> 'true' ORDER BY t.created_at, t.id
        """,
        {"system": crm.system},
        tasks=pa.table(columns),
        identities=identities,
    ).to_pylist()
    return rows


def made_lately(outbox: Outbox, *, now: datetime) -> list[DoneRow]:
    """List the tasks that may have been made since the CRM was read: what it has not told of in a day is not there."""
    return outbox.tasks_made(now - _UNTOLD)


def set_up_desk(
    holdings: Holdings,
    crm: AdapterTraits,
    routing: RoutingFile,
    everybody: list[User],
    tasks: list[dict[str, Any]],
    rotations: dict[str, str],
    pending: Pending,
    made: Iterable[DoneRow],
) -> Desk:
    """Set up who can take work now: users, queues, open tasks of ours, and whose turn it is.

    Tasks that wait in the outbox are work, too: once they are released, whoever they go to must have room for them. And
    so are those ``made`` in the CRM since it was read: nothing has told of them yet, so nobody can have done them.
    """
    queue_name = FIELD + crm.native.get("queue", {}).get("name", "")
    queues = {
        str(row.get(queue_name) or ""): str(row["id"])
        for row in holdings.get(crm.system, "queue").to_pylist()
        if not row["deleted"]
    }
    shown, owner = {str(task["key"]) for task in tasks}, crm.native.get("task", {}).get("owner", "")
    coming = [str(fields.get(owner)) for key, fields in pending.to_do.items() if key not in shown]
    told = set(holdings.get(crm.system, "task").column("id").to_pylist())
    coming += [str(row.write.fields.get(owner)) for row in made if row.record_id and row.record_id not in told]
    return Desk(
        pools=routing.pools,
        users={user.username.casefold(): user for user in everybody},
        queues=queues,
        open_tasks=dict(Counter([*coming, *(str(task["owner"]) for task in tasks)])),
        credit=load_rotations(rotations),
    )
