"""Duplicate rules: off in a fresh org, then either an alert that a header passes over, or a block (reference: headers).

Rows match when their e-mail is the same, or their whole name together with their company; the vendor's fuzzy matching
is not rebuilt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.core.records import Record
    from sandbox.salesforce.rows.rules import Draft
    from sandbox.salesforce.state import OrgState

ALERT, BLOCK, OFF = "alert", "block", "off"
#: Objects that take a rule, and the objects they are compared with.
COMPARED = {"Lead": ("Lead", "Contact"), "Contact": ("Contact", "Lead"), "Account": ("Account",)}
WORDS = "Use one of these records?"


@dataclass(slots=True, frozen=True)
class DuplicateHeader:
    """What ``Sforce-Duplicate-Rule-Header`` asks for."""

    allow_save: bool = False
    include_details: bool = False

    @classmethod
    def read(cls, text: str) -> DuplicateHeader:
        """Read the header's value; what it does not name is false."""
        pairs = dict(part.strip().lower().partition("=")[::2] for part in text.replace(",", ";").split(";") if part)
        wanted = {name.strip(): value.strip() == "true" for name, value in pairs.items()}
        return cls(wanted.get("allowsave", False), wanted.get("includerecorddetails", False))


NO_HEADER = DuplicateHeader()


class DuplicatesFound(ApiError):
    """A rule found rows like the one to be saved."""

    def __init__(self, obj: str, action: str, found: list[Record], *, details: bool) -> None:
        """Take the rows that match."""
        super().__init__("DUPLICATES_DETECTED", WORDS, ())
        kinds = sorted({row.obj for row in found})
        self._result: dict[str, Any] = {
            "allowSave": action == ALERT,
            "duplicateRule": f"Standard_{obj}_Duplicate_Rule",
            "duplicateRuleEntityType": obj,
            "errorMessage": WORDS,
            "matchResults": [
                {
                    "entityType": kind,
                    "errors": [],
                    "matchEngine": "ExactMatchEngine",
                    "matchRecords": [_match(row, details=details) for row in found if row.obj == kind],
                    "rule": f"Standard_{kind}_Match_Rule",
                    "size": sum(row.obj == kind for row in found),
                    "success": True,
                }
                for kind in kinds
            ],
        }

    def body(self) -> list[dict[str, Any]]:
        """Return the body of a single-row resource, which also names the rows found."""
        return [{**entry, "duplicateResult": self._result} for entry in super().body()]


def _match(row: Record, *, details: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {"attributes": {"type": row.obj}, "Id": row.id}
    if details:
        shown |= {
            name: row.get(name) for name in ("FirstName", "LastName", "Name", "Company", "Email") if row.get(name)
        }
    return {"additionalInformation": [], "fieldDiffs": [], "matchConfidence": 100.0, "record": shown}


def check_duplicates(state: OrgState, draft: Draft, header: DuplicateHeader) -> None:
    """Refuse a row that a rule finds to be there already.

    Raises: DuplicatesFound.
    """
    action = state.records.kept("duplicate_rules", {}).get(draft.obj, OFF)
    if action == OFF or (action == ALERT and header.allow_save):
        return
    if draft.old is not None and not any(draft.changes(name) for name in _keys(draft.obj)):
        return
    found = list({row.id: row for row in _alike(state, draft)}.values())
    if found:
        raise DuplicatesFound(draft.obj, action, found, details=header.include_details)


def _keys(obj: str) -> tuple[str, ...]:
    return ("Name",) if obj == "Account" else ("Email", "FirstName", "LastName", "Company", "AccountId")


def _alike(state: OrgState, draft: Draft) -> Iterator[Record]:
    own = None if draft.old is None else draft.old.id
    for kind in COMPARED.get(draft.obj, ()):
        candidates: list[Record] = []
        if draft.obj == "Account":
            candidates = state.records.find(kind, "Name", draft.get("Name"))
        else:
            if draft.get("Email"):
                candidates += state.records.find(kind, "Email", draft.get("Email"))
            same_name = state.records.find(kind, "LastName", draft.get("LastName"))
            wanted = _person(state, draft.get, draft.obj)
            candidates += [row for row in same_name if wanted[2] and _person(state, row.get, kind) == wanted]
        yield from (row for row in candidates if row.id != own and not row.get("IsConverted"))


def _person(state: OrgState, get: Any, obj: str) -> tuple[str, ...]:
    account = state.row(get("AccountId")) if obj == "Contact" else None
    company = get("Company") if obj == "Lead" else account.get("Name") if account is not None else None
    return tuple(str(part or "").casefold() for part in (get("FirstName"), get("LastName"), company))
