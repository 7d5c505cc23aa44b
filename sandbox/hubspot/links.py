"""HubSpot-defined association type ids ("Associate records" guide) and their inverses."""

from __future__ import annotations

HUBSPOT_DEFINED = "HUBSPOT_DEFINED"
USER_DEFINED = "USER_DEFINED"
#: (from, to) -> the plain type; the inverse stands under (to, from).
DEFAULT_TYPE: dict[tuple[str, str], int] = {
    ("contacts", "companies"): 279,
    ("companies", "contacts"): 280,
    ("contacts", "deals"): 4,
    ("deals", "contacts"): 3,
    ("deals", "companies"): 341,
    ("companies", "deals"): 342,
    ("tasks", "contacts"): 204,
    ("contacts", "tasks"): 203,
    ("tasks", "companies"): 192,
    ("companies", "tasks"): 191,
    ("tasks", "deals"): 216,
    ("deals", "tasks"): 215,
    ("notes", "contacts"): 202,
    ("contacts", "notes"): 201,
    ("notes", "companies"): 190,
    ("companies", "notes"): 189,
    ("notes", "deals"): 214,
    ("deals", "notes"): 213,
    ("calls", "contacts"): 194,
    ("contacts", "calls"): 193,
    ("calls", "companies"): 182,
    ("companies", "calls"): 181,
    ("calls", "deals"): 206,
    ("deals", "calls"): 205,
    ("meetings", "contacts"): 200,
    ("contacts", "meetings"): 199,
    ("meetings", "companies"): 188,
    ("companies", "meetings"): 187,
    ("meetings", "deals"): 212,
    ("deals", "meetings"): 211,
    ("emails", "contacts"): 198,
    ("contacts", "emails"): 197,
    ("emails", "companies"): 186,
    ("companies", "emails"): 185,
    ("emails", "deals"): 210,
    ("deals", "emails"): 209,
    ("communications", "contacts"): 81,
    ("contacts", "communications"): 82,
    ("contacts", "contacts"): 449,
    ("contacts", "tickets"): 15,
    ("tickets", "contacts"): 16,
    ("companies", "tickets"): 340,
    ("tickets", "companies"): 339,
    ("deals", "tickets"): 27,
    ("tickets", "deals"): 28,
    ("calls", "tickets"): 220,
    ("tickets", "calls"): 219,
    ("emails", "tickets"): 224,
    ("tickets", "emails"): 223,
    ("meetings", "tickets"): 226,
    ("tickets", "meetings"): 225,
    ("notes", "tickets"): 228,
    ("tickets", "notes"): 227,
    ("tasks", "tickets"): 230,
    ("tickets", "tasks"): 229,
}
#: (from, to) -> the labelled "primary" type, which brings the plain one along.
PRIMARY_TYPE: dict[tuple[str, str], int] = {
    ("contacts", "companies"): 1,
    ("companies", "contacts"): 2,
    ("deals", "companies"): 5,
    ("companies", "deals"): 6,
    ("tickets", "companies"): 26,
    ("companies", "tickets"): 25,
}
PARENT_TO_CHILD, CHILD_TO_PARENT = 13, 14
LABELS: dict[int, str] = {
    1: "Primary",
    2: "Primary",
    5: "Primary",
    6: "Primary",
    25: "Primary",
    26: "Primary",
    PARENT_TO_CHILD: "Child Company",
    CHILD_TO_PARENT: "Parent Company",
}
INVERSE: dict[int, int] = {
    **{number: DEFAULT_TYPE[to, origin] for (origin, to), number in DEFAULT_TYPE.items()},
    **{number: PRIMARY_TYPE[to, origin] for (origin, to), number in PRIMARY_TYPE.items()},
    PARENT_TO_CHILD: CHILD_TO_PARENT,
    CHILD_TO_PARENT: PARENT_TO_CHILD,
}
#: Type id -> (from, to).
ENDS: dict[int, tuple[str, str]] = {
    **{number: ends for ends, number in DEFAULT_TYPE.items()},
    **{number: ends for ends, number in PRIMARY_TYPE.items()},
    PARENT_TO_CHILD: ("companies", "companies"),
    CHILD_TO_PARENT: ("companies", "companies"),
}


def default_type(origin: str, to: str) -> int | None:
    """Return the id of the plain association from one object type to another, or None where there is none."""
    return CHILD_TO_PARENT if (origin, to) == ("companies", "companies") else DEFAULT_TYPE.get((origin, to))
