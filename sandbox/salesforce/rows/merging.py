"""Merge records of people and companies: one stays, the others point to it (reference: Lead, error catalogue)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.errors import ApiError, converted_lead

if TYPE_CHECKING:
    from sandbox.core.records import Record
    from sandbox.salesforce.rows.dml import Author, Dml
    from sandbox.salesforce.state import OrgState

#: Links that follow a row when it is merged away, per object: (child, reference field).
MOVES: dict[str, tuple[tuple[str, str], ...]] = {
    "Lead": (("Task", "WhoId"), ("Event", "WhoId"), ("CampaignMember", "LeadId")),
    "Contact": (
        ("Task", "WhoId"),
        ("Event", "WhoId"),
        ("CampaignMember", "ContactId"),
        ("OpportunityContactRole", "ContactId"),
        ("Contact", "ReportsToId"),
        ("Lead", "ConvertedContactId"),
        ("Opportunity", "ContactId"),
    ),
    "Account": (
        ("Contact", "AccountId"),
        ("Opportunity", "AccountId"),
        ("Task", "WhatId"),
        ("Event", "WhatId"),
        ("Account", "ParentId"),
        ("Lead", "ConvertedAccountId"),
    ),
}
#: Children of which a parent has but one per third record: (child, link): the field that names the third.
ONCE = {
    ("CampaignMember", "LeadId"): "CampaignId",
    ("CampaignMember", "ContactId"): "CampaignId",
    ("OpportunityContactRole", "ContactId"): "OpportunityId",
}
#: A call merges at most so many rows into one.
MOST_LOSERS = 2


class Merging:
    """Merge rows of one org."""

    def __init__(self, state: OrgState, dml: Dml) -> None:
        """Take the org's rows and rules."""
        self._state, self._dml = state, dml

    def merge(self, winner: Record, losers: Sequence[Record], values: Mapping[str, Any], by: Author) -> list[str]:
        """Move what hangs on the losers to the winner, set the given values there, and put the losers away.

        Returns the ids of the rows that were moved. Raises: ApiError.
        """
        obj = self._state.schema.objects[winner.obj.lower()]
        if "m" not in obj.flags:
            raise ApiError("INVALID_TYPE", f"merge is not supported for {winner.obj}", ())
        for row in (winner, *losers):
            self._check(row, winner, row is winner)
        if len({winner.id, *(row.id for row in losers)}) != len(losers) + 1:
            raise ApiError("INVALID_ID_FIELD", "record cannot be merged with itself", ())
        moved: list[str] = []
        for loser in losers:
            moved += self._move(loser, winner, by)
            gone = self._state.records.get(loser.obj, loser.id) or loser
            self._state.records.remove(
                loser.obj, loser.id, {"MasterRecordId": winner.id}, at=self._state.stamp(gone), by=by.user
            )
        if values:
            self._dml.update(obj, winner.id, dict(values), by)
        else:
            self._dml.put(winner, {}, by.user)
        now = self._state.records.get(winner.obj, winner.id) or winner
        for _ in losers:
            self._dml.history.event(now, f"{winner.obj.lower()}Merged", by.user)
        return moved

    def _check(self, row: Record, winner: Record, master: bool) -> None:
        if row.obj != winner.obj:
            raise ApiError("INVALID_ID_FIELD", f"invalid record type for merge: {row.id}", ())
        if row.deleted:
            raise ApiError("ENTITY_IS_DELETED", "entity is deleted", ())
        if row.obj == "Lead" and not master and row.get("IsConverted"):
            raise converted_lead()

    def _move(self, loser: Record, winner: Record, by: Author) -> list[str]:
        moved = []
        for child, link in MOVES[loser.obj]:
            third = ONCE.get((child, link))
            taken = (
                set() if third is None else {row.get(third) for row in self._state.records.find(child, link, winner.id)}
            )
            for row in self._state.records.find(child, link, loser.id):
                if third is not None and row.get(third) in taken:
                    self._state.records.remove(child, row.id, at=self._state.stamp(row), by=by.user)
                    continue
                self._dml.put(row, {link: winner.id}, by.user)
                moved.append(row.id)
        return moved
