"""What adapters hand over: versions of records, activities, and the pages they come in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple, get_args

from connector.domain.refs import Ref

#: Text, number, truth or nothing; datetimes travel as ISO 8601 UTC text. What a vendor's field may hold for us.
Value = str | int | float | bool | None

ActivityType = Literal[
    "page_view",
    "form_submit",
    "email_sent",
    "email_delivered",
    "email_open",
    "email_click",
    "email_bounce",
    "email_unsubscribe",
    "asset_download",
    "webinar_registered",
    "webinar_attended",
    "event_attended",
    "ad_click",
    "social",
    "chat",
    "call",
    "meeting",
    "note",
    "email_reply",
    "spam_report",
    "campaign_response",
    "product_use",
    "other",
]
ACTIVITY_TYPES: frozenset[str] = frozenset(get_args(ActivityType))

#: Names of the standard columns of people, which every adapter maps from its own fields.
PERSON_COLUMNS: tuple[str, ...] = (
    "email",
    "first_name",
    "last_name",
    "title",
    "company",
    "website",
    "country",
    "state",
    "city",
    "phone",
    "industry",
    "employees",
    "revenue",
    "lead_source",
    "created_at",
    "updated_at",
)
#: Channel → the column of that kind which is true for people who must not be reached by it.
OPT_OUTS: dict[str, str] = {"email": "email_opt_out", "call": "do_not_call"}
#: Names of the standard columns of accounts.
ACCOUNT_COLUMNS: tuple[str, ...] = (
    "name",
    "website",
    "country",
    "state",
    "city",
    "phone",
    "industry",
    "employees",
    "revenue",
    "parent_id",
    "owner_id",
    "created_at",
    "updated_at",
)


class RecordVersion(NamedTuple):
    """One record as it stood at ``modified_at``; the latest version, or the deletion, counts.

    ``fields`` has the vendor's own field names (``jobtitle``, ``Title``). ``merged_into`` names the survivor when the
    record was merged away or converted (an *alias*); ``deleted`` without it means gone.
    ``links`` are ids of related records by our word for the kind, e.g. ``{"account": "001…", "owner": "005…"}``.
    """

    ref: Ref
    modified_at: datetime
    created_at: datetime | None
    fields: dict[str, Value]
    links: dict[str, str]
    deleted: bool = False
    merged_into: Ref | None = None


class Activity(NamedTuple):
    """Something a person did or that was done with a person, at one instant.

    ``ref.object`` is the vendor's kind of event (``form_submission``, ``email_event``, ``page_view``, ``task``): with
    ``ref`` the event is told apart from every other, whoever turns out to have done it.
    ``person`` may be an ``email`` reference (object ``email``) where the vendor gives no record id.
    ``modified_at`` is None for immutable events; calls, meetings, notes and tasks carry it, and their latest version
    counts. ``by_user`` is the id of the CRM user behind a human activity, where known.
    """

    ref: Ref
    type: str
    person: Ref
    occurred_at: datetime
    url: str | None = None
    path: str | None = None
    asset: str | None = None
    form: str | None = None
    campaign: str | None = None
    value: str | None = None
    subject: str | None = None
    by_user: str | None = None
    modified_at: datetime | None = None
    deleted: bool = False


class RefusedRow(NamedTuple):
    """A row that could not be read; it is counted and named, and the rest of its page goes on."""

    stream: str
    #: the vendor's id where it could be read, else the place (``people.csv:17``)
    row: str
    #: machine-readable, e.g. ``malformed``, ``too_large``
    code: str
    #: a sentence without people's data
    message: str


class Counted(NamedTuple):
    """How many rows a system said there were for what it was asked, and how many it then gave."""

    expected: int
    seen: int


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of one stream and the cursor that stands behind them.

    ``cursor`` is the adapter's own text: stored together with the rows, and given back at the next pull.
    ``last`` says that the stream has been read to its end as of the pull.
    ``counted`` stands on the page that ends what was asked, where the system told beforehand how much there is.
    """

    records: list[RecordVersion] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list)
    refused: list[RefusedRow] = field(default_factory=list)
    cursor: str = ""
    last: bool = False
    counted: Counted | None = None
