"""How the account's rows stand in a snapshot: by key paths, with every writable field.

Left out are only the audit fields in ``AUDIT_FIELDS`` (times of creation and change, the id, the history of ids and
what HubSpot works out from other rows), the read-only rollups of a contact's activity, whose events are shown, and the
time at which the account logged an event: two runs of the same story give the same bytes.
A contact's ``associatedcompanyid`` is shown as the association it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.core.snapshot import Shape, snapshot
from sandbox.hubspot.objects import ENGAGEMENTS, TYPES
from sandbox.hubspot.row_index import MERGED_INTO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sandbox.core.records import Record
    from sandbox.core.snapshot import Resolve
    from sandbox.hubspot.portal import Portal

AUDIT_FIELDS = frozenset(
    {
        "createdate", "lastmodifieddate", "hs_createdate", "hs_lastmodifieddate", "hs_object_id",
        "hs_merged_object_ids", "hs_calculated_merged_vids",
    }
)  # fmt: skip
#: Read-only for clients, yet set by what people do: shown all the same.
SHOWN_STATES = {"contacts": ("hs_additional_emails", "hs_email_optout", "hs_sales_email_last_replied", MERGED_INTO)}
TITLES = {
    "tasks": "hs_task_subject",
    "notes": "hs_note_body",
    "calls": "hs_call_title",
    "meetings": "hs_meeting_title",
    "emails": "hs_email_subject",
    "communications": "hs_communication_body",
}


def take(portal: Portal) -> bytes:
    """Return the account's canonical content."""
    shapes = {name: _record_shape(portal, name) for name in TYPES}
    shapes.update(_other_shapes())
    rows = [row for obj in shapes for row in portal.records.rows(obj)]
    return snapshot("hubspot", rows, shapes, more={"properties": _own_properties(portal)})


def _own_properties(portal: Portal) -> list[dict[str, Any]]:
    rows = (row for row in portal.records.rows("property") if not row.values["hubspotDefined"])
    shown = [{**row.values, "archived": row.deleted} for row in rows]
    return sorted(shown, key=lambda entry: (entry["objectType"], entry["name"]))


def _record_shape(portal: Portal, name: str) -> Shape:
    kind = TYPES[name]
    writable = {row.values["name"] for row in portal.properties(kind) if not row.values["readOnly"]}
    fields = (writable | set(SHOWN_STATES.get(name, ()))) - AUDIT_FIELDS - {"associatedcompanyid"}
    references = frozenset({"hubspot_owner_id", MERGED_INTO} & fields)
    return Shape(sorted(fields), _engagement_key(portal, name) if name in ENGAGEMENTS else _named(name), references)


def _named(name: str) -> Callable[[Record, Resolve], Iterable[Any]]:
    fields = {
        "contacts": ("email", "firstname", "lastname"),
        "companies": ("domain", "name"),
        "deals": ("dealname",),
        "tickets": ("subject",),
    }[name]
    if name == "contacts":
        return lambda record, _: (
            [record.values["email"]] if "email" in record.values else [record.get(field) for field in fields]
        )
    return lambda record, _: [record.get(field) for field in fields]


def _engagement_key(portal: Portal, name: str) -> Callable[[Record, Resolve], Iterable[Any]]:
    def key(record: Record, resolve: Resolve) -> Iterable[Any]:
        find = portal.records.find
        ends = [row.values["b"] for row in find("association", "a", record.id)]
        ends += [row.values["a"] for row in find("association", "b", record.id)]
        people = tuple(
            sorted(str(path) for end in ends if (path := resolve(end)) is not None and path[0] == "contacts")
        )
        return [record.get(TITLES[name]), people]

    return key


def _other_shapes() -> dict[str, Shape]:
    def key(*fields: str) -> Callable[[Record, Resolve], Iterable[Any]]:
        return lambda record, resolve: [resolve(record.get(name)) or record.get(name) for name in fields]

    contact, list_of = frozenset({"contact"}), frozenset({"list", "contact"})
    return {
        "association": Shape(("types", "a_type", "b_type"), key("a", "b"), frozenset()),
        "association_label": Shape(("label", "from", "to", "name"), key("from", "to", "label")),
        "owner": Shape(("email", "firstName", "lastName"), key("email")),
        "group": Shape(("label",), key("objectType", "name")),
        "form": Shape(
            ("title", "page", "fields", "fieldGroups", "configuration", "displayOptions", "legalConsentOptions"),
            key("name"),
        ),
        "list": Shape(("processingType", "objectTypeId", "filterBranch", "folder"), key("name"), frozenset({"folder"})),
        "list_folder": Shape(("name", "parent"), key("name"), frozenset({"parent"})),
        "pipeline": Shape(("label", "displayOrder"), key("objectType", "id")),
        "stage": Shape(("label", "displayOrder", "metadata"), key("objectType", "pipeline", "id")),
        "consent": Shape(("status", "source", "legalBasis", "legalBasisExplanation"), key("email", "subscription")),
        "event_type": Shape(("label", "description", "properties"), key("name")),
        "association_limit": Shape(("most",), key("from", "to", "category", "typeId")),
        "webhook_settings": Shape(("targetUrl", "maxConcurrentRequests"), key("targetUrl")),
        "subscription": Shape(("active",), key("appId", "eventType", "propertyName", "objectTypeId")),
        "membership": Shape(("list", "contact"), key("list", "contact"), list_of),
        "submission": Shape(("form", "values"), key("form", "contact"), frozenset({"form"})),
        "email_event": Shape(("recipient", "type", "url", "emailCampaignId"), key("recipient", "type")),
        "web_event": Shape(("type", "properties", "contact"), key("contact", "type"), contact),
        "mailing": Shape(
            ("name", "subject", "number", "state", "content", "from", "to", "language", "campaign"), key("name")
        ),
    }
