"""Shapes of what identity takes and gives."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from connector.ports.store import IDENTITIES, INSTANT, Review

#: Current versions of all people's records of all systems, one row per reference; the last five may be left out.
#: ``email`` is in normal form; ``additional_emails`` are joined by ``;``; ``merged_into`` (merge or conversion),
#: ``crm_id`` and ``source_id`` are references as text (``system:object:id``). Rows of object ``email`` are people known
#: by their address only; the address is their ``id``.
RECORDS = pa.schema(
    [
        ("system", pa.string()),
        ("object", pa.string()),
        ("id", pa.string()),
        ("email", pa.string()),
        ("created_at", INSTANT),
        ("additional_emails", pa.string()),
        ("deleted", pa.bool_()),
        ("merged_into", pa.string()),
        ("crm_id", pa.string()),
        ("source_id", pa.string()),
    ]
)
#: Remembered answers about two references (as text). ``answer``: ``same`` - one person; ``different`` - never one
#: person; ``chosen`` - one person, and ``right`` is the CRM record that is written among several; ``parted`` - what had
#: made them one person was taken back, by a person or by the system that had merged them.
DECIDED = pa.schema([("left", pa.string()), ("right", pa.string()), ("answer", pa.string())])
#: One row per person. ``crm_state``: ``none`` - the CRM never had this person; ``one`` - ``crm_object`` and ``crm_id``
#: name the record to write; ``several`` - a person must choose; ``gone`` - every CRM record is deleted, out of sight or
#: merged into one out of sight. ``crm_records`` are all living CRM records, ``sources`` all living ones elsewhere, as
#: sorted text. ``living``: some record of a system still stands. ``created_at``: of the oldest record.
PEOPLE = pa.schema(
    [
        ("person_id", pa.string()),
        ("subject", pa.string()),
        ("created_at", INSTANT),
        ("living", pa.bool_()),
        ("crm_state", pa.string()),
        ("crm_object", pa.string()),
        ("crm_id", pa.string()),
        ("crm_records", pa.list_(pa.string())),
        ("sources", pa.list_(pa.string())),
    ]
)
#: Why a reference belongs to its person: the strongest ``key`` that joined it and the reference it was joined ``to``.
#: ``key``: subject (the person is named after it), merged, converted, decided, crm_id, source_id, email, known (joined
#: by an earlier cycle).
WHY = pa.schema(
    [
        ("system", pa.string()),
        ("object", pa.string()),
        ("id", pa.string()),
        ("person_id", pa.string()),
        ("key", pa.string()),
        ("to", pa.string()),
    ]
)
#: Persons of earlier cycles that turned out to be another person: their memory moves ``into`` the survivor.
ALIASES = pa.schema([("person_id", pa.string()), ("into", pa.string())])


@dataclass(frozen=True, slots=True)
class Identified:
    """Who is who. Tables are sorted by their first columns, so equal knowledge gives equal tables.

    Attributes:
        identities: schema ``IDENTITIES``: every reference seen, stated or known before, exactly once.
        persons: schema ``PEOPLE``, one row per person in ``identities``.
        why: schema ``WHY``, one row per reference.
        aliases: schema ``ALIASES``, this call's mergers of known persons.
        reviews: one question per person with several living CRM records and no remembered answer.
        merged: how many known persons became part of another.
    """

    identities: pa.Table
    persons: pa.Table
    why: pa.Table
    aliases: pa.Table
    reviews: list[Review]
    merged: int


def nobody() -> pa.Table:
    """Give the empty ``IDENTITIES`` of a first cycle."""
    return IDENTITIES.empty_table()


def undecided() -> pa.Table:
    """Give the empty ``DECIDED`` of a project without answers."""
    return DECIDED.empty_table()
