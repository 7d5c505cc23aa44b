"""The CRM object types of the account: their names, ids and default properties ("CRM objects" of HubSpot's guides)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ObjectType:
    """One object type."""

    name: str  # plural, as in paths
    singular: str
    type_id: str
    modified: str  # the property that holds the time of the last change
    created: str
    defaults: tuple[str, ...]  # returned when no property is asked for, beside created, modified and hs_object_id
    required: tuple[str, ...]  # all of these on create …
    one_of: tuple[str, ...] = ()  # … and at least one of these
    searchable: tuple[str, ...] = ()  # what ``query`` looks through
    strict: bool = False  # unknown and read-only properties are refused; engagements ignore them


def _engagement(name: str, singular: str, type_id: str, *required: str) -> ObjectType:
    return ObjectType(
        name,
        singular,
        type_id,
        modified="hs_lastmodifieddate",
        created="hs_createdate",
        defaults=(),
        required=("hs_timestamp", *required),
        searchable=("hs_task_body", "hs_task_subject") if name == "tasks" else (),
    )


_ALL = (
    ObjectType(
        "contacts",
        "contact",
        "0-1",
        modified="lastmodifieddate",
        created="createdate",
        defaults=("email", "firstname", "lastname"),
        required=(),
        one_of=("email", "firstname", "lastname"),
        searchable=("firstname", "lastname", "email", "phone", "hs_additional_emails", "fax", "mobilephone", "company"),
        strict=True,
    ),
    ObjectType(
        "companies",
        "company",
        "0-2",
        modified="hs_lastmodifieddate",
        created="createdate",
        defaults=("name", "domain"),
        required=(),
        one_of=("name", "domain"),
        searchable=("website", "phone", "name", "domain"),
        strict=True,
    ),
    ObjectType(
        "deals",
        "deal",
        "0-3",
        modified="hs_lastmodifieddate",
        created="createdate",
        defaults=("dealname", "amount", "closedate", "pipeline", "dealstage"),
        required=("dealname", "dealstage"),
        searchable=("dealname", "pipeline", "dealstage", "description", "dealtype"),
        strict=True,
    ),
    ObjectType(
        "tickets",
        "ticket",
        "0-5",
        modified="hs_lastmodifieddate",
        created="createdate",
        defaults=("subject", "content", "hs_pipeline", "hs_pipeline_stage", "hs_ticket_priority", "hs_ticket_category"),
        required=("subject", "hs_pipeline_stage"),
        searchable=("subject", "content", "hs_pipeline_stage", "hs_ticket_category"),
        strict=True,
    ),
    _engagement("tasks", "task", "0-27"),
    _engagement("notes", "note", "0-46"),
    _engagement("meetings", "meeting", "0-47"),
    _engagement("calls", "call", "0-48"),
    _engagement("emails", "email", "0-49", "hs_email_direction"),
    _engagement("communications", "communication", "0-18", "hs_communication_channel_type"),
)
#: HubSpot's other types, by name or id, which this account does not have.
ABSENT_TYPES = frozenset(
    {
        "appointments", "carts", "commerce_payments", "contracts", "courses", "deal_splits", "discounts",
        "feedback_submissions", "fees", "goal_targets", "invoices", "leads", "line_items", "listings",
        "marketing_events", "orders", "partner_clients", "partner_services", "postal_mail", "products", "projects",
        "quotes", "services", "subscriptions", "taxes", "users", "0-7", "0-8", "0-54", "0-115", "0-136", "0-162",
        "0-410", "0-420",
    }
)  # fmt: skip
#: A deal or a ticket moves through the stages of a pipeline: the properties that say which.
STAGED: dict[str, tuple[str, str]] = {
    "deals": ("pipeline", "dealstage"),
    "tickets": ("hs_pipeline", "hs_pipeline_stage"),
}
TYPES: dict[str, ObjectType] = {kind.name: kind for kind in _ALL}
ENGAGEMENTS: tuple[str, ...] = tuple(kind.name for kind in _ALL if not kind.strict)
_BY_ANY_NAME: dict[str, ObjectType] = {
    alias: kind for kind in _ALL for alias in (kind.name, kind.singular, kind.type_id, kind.singular.upper())
}


def object_type(name: str) -> ObjectType | None:
    """Return the type with that plural, singular or numeric name, or None."""
    return _BY_ANY_NAME.get(name) or _BY_ANY_NAME.get(name.lower())
