"""The account's lists, their members and their folders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.hubspot.answers import invalid, iso, not_found
from sandbox.hubspot.audience.list_filters import passes
from sandbox.hubspot.objects import ObjectType, object_type
from sandbox.hubspot.portal import SYSTEM

if TYPE_CHECKING:
    from sandbox.core.records import Record
    from sandbox.hubspot.portal import Portal

#: Lists whose members a client writes; of a SNAPSHOT the filters chose the first ones.
EDITABLE = frozenset({"MANUAL", "SNAPSHOT"})
PROCESSING = EDITABLE | {"DYNAMIC"}
ROOT_FOLDER = "0"


class Lists:
    """Keep lists; a dynamic one is brought up to date whenever somebody looks."""

    def __init__(self, portal: Portal) -> None:
        """Keep them in the portal's store."""
        self._portal = portal

    def living(self) -> list[Record]:
        """Return the lists that stand."""
        return [row for row in self._portal.records.rows("list") if not row.deleted]

    def find(self, list_id: str) -> Record:
        """Return a list that stands.

        Raises:
            Refusal: 404.
        """
        row = self._portal.row("list", list_id)
        if row is None:
            raise not_found()
        return row

    def kind(self, row: Record) -> ObjectType:
        """Return the type of a list's members."""
        kind = object_type(row.values["objectTypeId"])
        assert kind is not None
        return kind

    def check_name(self, name: str, own: str | None = None) -> None:
        """Refuse a name that another list has.

        Raises:
            Refusal: 400.
        """
        if any(row.values["name"].casefold() == name.casefold() and row.id != own for row in self.living()):
            raise invalid("List names must be unique", subCategory="ILS.DUPLICATE_LIST_NAMES")

    # -- members -------------------------------------------------------------------------------

    def members(self, row: Record) -> list[Record]:
        """Return the living memberships of a list, by ascending record id."""
        self.refresh(row)
        found = self._portal.records.find("membership", "list", row.id)
        return sorted(found, key=lambda member: int(member.values["contact"]))

    def refresh(self, row: Record, *, first: bool = False) -> None:
        """Let the filters of a dynamic list choose anew; a snapshot's choose once."""
        branch = row.values.get("filterBranch")
        if branch is None or not (first or row.values["processingType"] == "DYNAMIC"):
            return
        kind, author = self.kind(row), self._portal.author
        self._portal.author = SYSTEM  # HubSpot chooses, not whoever happens to look
        chosen = {
            record.id for record in self._portal.living(kind) if passes(self._portal, self.holds, kind, record, branch)
        }
        present = {
            member.values["contact"]: member for member in self._portal.records.find("membership", "list", row.id)
        }
        for record_id in sorted(chosen - present.keys(), key=int):
            self.join(row, record_id)
        for record_id in present.keys() - chosen:
            self._portal.remove(present[record_id])
        self._portal.author = author

    def holds(self, list_id: str, record_id: str) -> bool:
        """Tell whether a record is in a list, as the list was when somebody last looked."""
        return self._portal.row("membership", f"member:{list_id}:{record_id}") is not None

    def join(self, row: Record, record_id: str) -> bool:
        """Add a record to a list; return whether it was not in it."""
        member_id = f"member:{row.id}:{record_id}"
        known = self._portal.records.get("membership", member_id)
        if known is not None and not known.deleted:
            return False
        if known is None:
            self._portal.insert("membership", member_id, {"list": row.id, "contact": record_id})
        else:
            self._portal.revive(known)
        return True

    def leave(self, row: Record, record_id: str) -> bool:
        """Take a record from a list; return whether it was in it."""
        member = self._portal.row("membership", f"member:{row.id}:{record_id}")
        if member is None:
            found = self._portal.records.find("membership", "contact", record_id)
            member = next((entry for entry in found if entry.values["list"] == row.id), None)
        if member is None:
            return False
        self._portal.remove(member)
        return True

    # -- folders -------------------------------------------------------------------------------

    def folder(self, folder_id: str) -> dict[str, Any]:
        """Return a folder with the folders and lists in it; ``0`` is the root, which always stands.

        Raises:
            Refusal: 404.
        """
        row = None if folder_id == ROOT_FOLDER else self.folder_row(folder_id)
        inside = [
            child
            for child in self._portal.records.rows("list_folder")
            if not child.deleted and child.values["parent"] == folder_id
        ]
        shown: dict[str, Any] = {
            "id": int(folder_id),
            "parentFolderId": 0 if row is None else int(row.values["parent"]),
            "name": "Root" if row is None else row.values["name"],
            "childNodes": [self.folder(child.id) for child in inside],
            "childLists": [int(entry.id) for entry in self.living() if entry.get("folder", ROOT_FOLDER) == folder_id],
        }
        if row is not None:
            shown |= {"createdAt": iso(row.created_at), "updatedAt": iso(row.modified_at)}
        return shown

    def folder_row(self, folder_id: str) -> Record:
        """Return a folder other than the root.

        Raises:
            Refusal: 404.
        """
        row = self._portal.row("list_folder", folder_id)
        if row is None:
            raise not_found()
        return row
