"""What a task of the folder says about its person once it is finished."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from adapters.files.shapes import MODIFIED_BY
from connector.domain.records import Activity, RecordVersion, Value
from connector.domain.refs import Ref

#: Words of TaskSubtype or Type → activity type.
_TYPES: Mapping[str, str] = {
    "call": "call",
    "email": "email_reply",
    "meeting": "meeting",
    "visit": "meeting",
    "demo": "meeting",
}
_DONE = frozenset({"completed", "closed", "done"})


def activity_of(task: RecordVersion) -> Activity | None:
    """Give a finished task as an activity of its lead or contact; None for tasks still to be done."""
    fields = task.fields
    object_ = next((word for word in ("contact", "lead") if word in task.links), None)
    if object_ is None or not finished(fields):
        return None
    words = (str(fields.get(name) or "").casefold() for name in ("TaskSubtype", "Type"))
    user = fields.get(MODIFIED_BY) or fields.get("OwnerId")
    return Activity(
        task.ref,
        next((_TYPES[word] for word in words if word in _TYPES), "other"),
        Ref(task.ref.system, object_, task.links[object_]),
        _when(fields.get("CompletedDateTime")) or task.modified_at,
        subject=str(fields["Subject"]) if fields.get("Subject") else None,
        by_user=str(user) if user else None,
        modified_at=task.modified_at,
        deleted=task.deleted,
    )


def finished(fields: Mapping[str, Value]) -> bool:
    """Say whether a task is done: by its mark, or by its status."""
    closed = str(fields.get("IsClosed") or "").casefold()
    return closed == "true" or str(fields.get("Status") or "").casefold() in _DONE


def _when(value: Value) -> datetime | None:
    try:
        when = datetime.fromisoformat(str(value)) if value else None
    except ValueError:
        return None
    return when.replace(tzinfo=UTC) if when is not None and when.tzinfo is None else when and when.astimezone(UTC)
