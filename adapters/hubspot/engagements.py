"""Calls, meetings, notes and replies as activities of the contacts they are about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from adapters.hubspot.reading import Record, in_utc, instant
from connector.domain.records import Activity
from connector.domain.refs import Ref

#: Contact ids by engagement id.
Contacts = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class Engagement:
    """One type of engagement.

    Attributes:
        stream: our stream.
        path: the vendor's type.
        object: our word in references.
        type: activity type when it took place.
        time: properties with the time it took place, the first known one counts.
        subject: property of its title, or an empty string.
        status: property that says whether it took place, or an empty string.
        happened: values of ``status`` that mean it did; blank does too, because many people never set it.
        only: a further search filter (property, value).
    """

    stream: str
    path: str
    object: str
    type: str
    time: tuple[str, ...]
    subject: str = ""
    status: str = ""
    happened: frozenset[str] = frozenset()
    only: tuple[str, str] | None = None

    @property
    def properties(self) -> tuple[str, ...]:
        """What is read of each; bodies are not: nothing is decided from them, and they hold what people said."""
        names = (*self.time, self.subject, self.status, "hubspot_owner_id", "hs_lastmodifieddate", "hs_object_id")
        return tuple(name for name in names if name)


CALLS = Engagement(
    "calls",
    "calls",
    "call",
    "call",
    ("hs_timestamp",),
    subject="hs_call_title",
    status="hs_call_status",
    happened=frozenset({"", "COMPLETED"}),
)
MEETINGS = Engagement(
    "meetings",
    "meetings",
    "meeting",
    "meeting",
    ("hs_meeting_start_time", "hs_timestamp"),
    subject="hs_meeting_title",
    status="hs_meeting_outcome",
    # A meeting that is only scheduled lies in the future and counts from its start.
    happened=frozenset({"", "SCHEDULED", "COMPLETED"}),
)
NOTES = Engagement("notes", "notes", "note", "note", ("hs_timestamp",))
REPLIES = Engagement(
    "email_replies",
    "emails",
    "email",
    "email_reply",
    ("hs_timestamp",),
    subject="hs_email_subject",
    only=("hs_email_direction", "INCOMING_EMAIL"),
)
ENGAGEMENTS = (REPLIES, CALLS, MEETINGS, NOTES)


def activities(
    kind: Engagement, rows: Iterable[Record], contacts: Contacts, *, system: str, refuse: Callable[[str, str], None]
) -> list[Activity]:
    """Give one activity per engagement and contact.

    The first contact (lowest id) has the engagement's own id as reference, so that a contact that is merged does not
    double it; further contacts add theirs. An engagement without contacts is about no person and gives none.
    A cancelled meeting or a call nobody answered is of type ``other`` with its status as value.
    ``refuse`` is told (id, message) of rows without a time.
    """
    found: list[Activity] = []
    for row in rows:
        properties = row.properties
        times = (instant(properties.get(name)) for name in kind.time)
        occurred_at = next((when for when in times if when is not None), None)
        if occurred_at is None:
            refuse(row.id, "the row has no time")
            continue
        status = properties.get(kind.status) or "" if kind.status else ""
        modified_at = instant(properties.get("hs_lastmodifieddate")) or row.updated_at or occurred_at
        for place, contact in enumerate(sorted(contacts.get(row.id, ()), key=_by_number)):
            found.append(
                Activity(
                    Ref(system, kind.object, row.id if place == 0 else f"{row.id}:{contact}"),
                    kind.type if status in kind.happened or not kind.status else "other",
                    Ref(system, "contact", contact),
                    occurred_at,
                    value=status or None,
                    subject=properties.get(kind.subject) if kind.subject else None,
                    by_user=properties.get("hubspot_owner_id") or None,
                    modified_at=in_utc(modified_at),
                )
            )
    return found


def _by_number(id_: str) -> tuple[int, str]:
    return (int(id_) if id_.isdecimal() else 0, id_)
