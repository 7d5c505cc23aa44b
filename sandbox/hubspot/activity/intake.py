"""What a submitted form does: it makes or changes the contact and stands in the form's log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.hubspot.answers import Refusal
from sandbox.hubspot.objects import TYPES
from sandbox.hubspot.records.values import clean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sandbox.core.records import Record
    from sandbox.hubspot.activity.activity_log import ActivityLog
    from sandbox.hubspot.portal import Portal
    from sandbox.hubspot.records.writing import Writing

CONTACTS = TYPES["contacts"]


class Intake:
    """Take submissions in, from the website or from a person of a story."""

    def __init__(self, portal: Portal, writing: Writing, log: ActivityLog) -> None:
        """Write into a portal."""
        self._portal, self._writing, self._log = portal, writing, log

    def submit(
        self,
        form: Record,
        address: str,
        given: Mapping[str, str],
        at: datetime,
        *,
        noted: datetime,
        page: object = None,
    ) -> tuple[Record, Record]:
        """Make or update the contact, log the submission, move the contact's time of change up; return both rows.

        What a property does not take stands in the submission only.
        """
        email = address.strip().lower()
        typed = {name: value for name, value in given.items() if name != "email" and self._takes(name, value)}
        contact = self._portal.by_property(CONTACTS, "email", email)
        if contact is None:
            contact = self._writing.create(CONTACTS, {"email": email, **typed}, at=at)
        else:
            after = self._writing.change(CONTACTS, contact, typed, at=at)
            contact = after if after is not contact else self._portal.stamp(contact, at=at)
        shown = {"email": email, **given}
        row = self._log.submission(form, contact.id, shown, at, noted=noted, page=str(page) if page else None)
        return contact, row

    def _takes(self, name: str, value: str) -> bool:
        definition = self._portal.property(CONTACTS, name)
        if definition is None or definition["readOnly"]:
            return False
        try:
            clean(self._portal, CONTACTS, {name: value})
        except Refusal:
            return False
        return True
