"""The objects that remember what fields of people's records held, and which fields are tracked.

The form of a line is that of ``sandbox.salesforce.objects.tables``. Rows come from the org itself: no client
writes them.
"""

from __future__ import annotations

from dataclasses import dataclass

_TAIL = """
IsDeleted boolean d
CreatedById ref d >User
CreatedDate datetime d
Field picklist - 255
DataType string n 255
OldValue anyType nx
NewValue anyType nx
"""


@dataclass(slots=True, frozen=True)
class Tracking:
    """Where changes of an object's fields are written down."""

    history: str
    parent_field: str
    #: Tracked from the first day; a custom field joins them when its definition says ``trackHistory``.
    fields: frozenset[str]


TRACKED: dict[str, Tracking] = {
    "Lead": Tracking(
        "LeadHistory",
        "LeadId",
        frozenset({"Status", "OwnerId", "Rating", "Email", "Company", "Title", "LeadSource", "Industry", "Phone"}),
    ),
    "Contact": Tracking(
        "ContactHistory",
        "ContactId",
        frozenset({"OwnerId", "AccountId", "Email", "Title", "LeadSource", "Phone", "LastName", "FirstName"}),
    ),
    "Account": Tracking(
        "AccountHistory",
        "AccountId",
        frozenset({"OwnerId", "Name", "Type", "Industry", "Rating", "Website", "ParentId", "NumberOfEmployees"}),
    ),
    "Opportunity": Tracking(
        "OpportunityFieldHistory",
        "OpportunityId",
        frozenset({"OwnerId", "StageName", "Amount", "CloseDate", "Probability", "AccountId", "Name"}),
    ),
}

#: Of an opportunity, a whole picture is kept whenever one of these changes, and at its creation.
PICTURED = ("StageName", "Amount", "ExpectedRevenue", "CloseDate", "Probability", "ForecastCategory")

_PICTURE = """
Id id dl 18
OpportunityId ref - >Opportunity
CreatedById ref d >User
CreatedDate datetime d
StageName picklist - 255 @stage
Amount currency n 18,2
ExpectedRevenue currency n 18,2
CloseDate date n
Probability percent n 3,0
ForecastCategory picklist n 40 @forecast
SystemModstamp datetime d
IsDeleted boolean d
"""


def _history(parent: str, field: str) -> str:
    return f"Id id dl 18\n{field} ref - >{parent}\n{_TAIL.strip()}"


HISTORY_OBJECTS: tuple[tuple[str, str, str, str, str], ...] = (
    *(
        (entry.history, "017", f"{parent} History", "", _history(parent, entry.parent_field))
        for parent, entry in TRACKED.items()
    ),
    ("OpportunityHistory", "008", "Opportunity: Stage History", "", _PICTURE),
)
#: Names of all of them.
HISTORIES = frozenset(name for name, *_ in HISTORY_OBJECTS)
