"""How records stand in answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.hubspot.answers import invalid, iso
from sandbox.hubspot.objects import object_type

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.core.records import Record
    from sandbox.hubspot.objects import ObjectType
    from sandbox.hubspot.portal import Portal
    from sandbox.hubspot.records.association_book import AssociationBook
    from sandbox.hubspot.records.writing import Writing

ASSOCIATES_SHOWN = 500


class RecordAnswers:
    """Write records as the API shows them."""

    def __init__(self, portal: Portal, writing: Writing, associations: AssociationBook) -> None:
        """Show records of a portal."""
        self._portal, self._writing, self._associations = portal, writing, associations

    def show(
        self, kind: ObjectType, record: Record, wanted: list[str] | None = None, *, history: list[str] | None = None
    ) -> dict[str, Any]:
        """Return one record: the wanted properties that exist (null where empty) beside the ones always sent."""
        value = self._portal.value
        names = self._known(kind, wanted) if wanted else kind.defaults
        properties: dict[str, str | None] = {
            "hs_object_id": record.id,
            kind.created: iso(record.created_at),
            kind.modified: iso(record.modified_at),
        }
        for name in names:
            properties[name] = value(kind, record, name)
        shown: dict[str, Any] = {
            "id": record.id,
            "properties": dict(sorted(properties.items())),
            "createdAt": iso(record.created_at),
            "updatedAt": iso(record.modified_at),
            "archived": record.deleted,
        }
        if record.deleted:
            shown["archivedAt"] = iso(record.modified_at)
        if history:
            shown["propertiesWithHistory"] = {
                name: self._writing.history(kind, record, name) for name in self._known(kind, history)
            }
        return shown

    def _known(self, kind: ObjectType, wanted: list[str]) -> list[str]:
        return [name for name in wanted if self._portal.property(kind, name) is not None]

    def associates(self, kind: ObjectType, record: Record, names: list[str]) -> dict[str, Any]:
        """Return the ``associations`` member for the asked object types.

        Raises:
            Refusal: 400 for an unknown object type.
        """
        shown: dict[str, Any] = {}
        for name in names:
            to = object_type(name)
            if to is None:
                raise invalid(f"{name} is not a valid object type")
            results = [
                {"id": other, "type": self._type_text(kind, to, label)}
                for other, labels, _ in self._associations.of(kind.name, record.id, to.name)
                for label in labels
            ]
            if results:
                shown[to.name] = {"results": results[:ASSOCIATES_SHOWN]}
        return shown

    def _type_text(self, kind: ObjectType, to: ObjectType, label: tuple[str, int]) -> str:
        text = self._associations.label_text(label)
        plain = f"{kind.singular}_to_{to.singular}"
        return plain if text is None else f"{plain}_{text.lower().replace(' ', '_')}"


def wanted_properties(request: Request) -> tuple[list[str], list[str]]:
    """Return the ``properties`` and ``propertiesWithHistory`` parameters, repeated or comma-joined."""
    return request.args("properties"), request.args("propertiesWithHistory")


def flag(request: Request, name: str) -> bool:
    """Read a boolean parameter in any case."""
    return (request.arg(name) or "").lower() == "true"


def bounded(request: Request, name: str, default: int, most: int) -> int:
    """Read a page size.

    Raises:
        Refusal: 400 when it is no number or lies beyond the largest page.
    """
    text = request.arg(name)
    if text is None or not text.strip():
        return default
    if not text.strip().isdigit() or not 0 < int(text) <= most:
        raise invalid(f"{name} must lie between 1 and {most}, was {text[:20]}")
    return int(text)


def start_at(request: Request, name: str = "after") -> int:
    """Read an offset that a page before handed out; 0 without one.

    Raises:
        Refusal: 400 when it is no number.
    """
    text = (request.arg(name) or "0").strip()
    if not text.isdigit():
        raise invalid("Cursor was invalid for this endpoint")
    return int(text)
