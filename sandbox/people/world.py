"""The sample world: who exists, what each system knows of them, and what they did.

One ``Person`` is one human being. What marketing automation holds about them is a ``MarketingContact``; what the CRM
holds is a ``CrmRecord`` (lead or contact). One human may have none, one or several of each: that is the point. Records
refer to each other by ``key``, a short string that is unique in its tuple and the same for the same seed. All times
are aware UTC; none lies after ``World.at`` but what is planned (close_on and due of what is still open).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sandbox.people.truth import Hidden

UserRole = Literal["integration", "rep", "ops", "manager", "ex_rep"]
CrmKind = Literal["lead", "contact"]
Seniority = Literal["chief", "vp", "director", "manager", "staff", "junior"]
SalesKind = Literal["task", "call", "meeting", "note", "email"]
System = Literal["marketing", "crm"]
#: What brings somebody to the website: their work, or something that will never make them buy.
Pursuit = Literal["work", "student", "competitor", "job_seeker"]


@dataclass(frozen=True, slots=True)
class User:
    """Someone with a seat; ``active`` is the state at ``World.at``."""

    key: str
    email: str
    first_name: str
    last_name: str
    role: UserRole
    active: bool
    created_at: datetime
    deactivated_at: datetime | None = None
    manager: str | None = None


@dataclass(frozen=True, slots=True)
class Queue:
    """A CRM queue that may own leads and tasks."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class Company:
    """A firm as it is. ``in_marketing``: marketing automation has a company row for it."""

    key: str
    name: str
    domain: str | None
    extra_domains: tuple[str, ...]
    industry: str | None
    employees: int | None
    revenue: int | None  # euros a year
    country: str | None  # ISO 3166-1 alpha-2
    state: str | None
    city: str | None
    phone: str | None
    parent: str | None  # Company.key; a subsidiary may share its domain with the parent or a sister
    is_agency: bool  # many firms' people write from its domain
    in_marketing: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Account:
    """A company as the CRM spells it. ``owner`` is a User.key and may be inactive; ``website`` may be missing."""

    key: str
    company: str  # Company.key; two accounts of one company are a duplicate
    name: str
    website: str | None
    industry: str | None
    employees: int | None
    revenue: int | None
    country: str | None
    state: str | None
    city: str | None
    phone: str | None
    parent: str | None  # Account.key
    owner: str  # User.key
    kind: str  # "Prospect" | "Customer" | "Partner"
    created_at: datetime
    updated_at: datetime
    merged_into: str | None = None  # Account.key of the winner; then deleted_at is set too
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """A human being: the truth that identity resolution should find."""

    key: str
    company: str | None  # Company.key
    seniority: Seniority | None
    is_decider: bool
    temperature: Literal["hot", "warm", "cold"]
    pursuit: Pursuit = "work"


@dataclass(frozen=True, slots=True)
class MarketingContact:
    """One contact of marketing automation. Living means: neither merged away nor deleted."""

    key: str
    person: str  # Person.key; two contacts of one person with different e-mails are an unresolved duplicate
    email: str | None
    other_emails: tuple[str, ...]
    first_name: str | None
    last_name: str | None
    title: str | None
    company_name: str | None  # as typed, not as it is
    company: str | None  # Company.key this contact is associated with
    phone: str | None
    mobile: str | None
    country: str | None
    state: str | None
    city: str | None
    industry: str | None
    employees: str | None  # as typed: "200", "51-200", "~1,000"
    website: str | None
    source: str  # hs_analytics_source value, such as ORGANIC_SEARCH
    lifecycle: str  # lifecyclestage value, such as lead
    lead_status: str | None
    owner: str | None  # User.key
    opted_out_at: datetime | None
    created_at: datetime
    updated_at: datetime
    merged_into: str | None = None  # MarketingContact.key of the winner, itself perhaps merged away later
    merged_at: datetime | None = None
    deleted_at: datetime | None = None

    @property
    def living(self) -> bool:
        """Tell whether the contact still stands."""
        return self.merged_into is None and self.deleted_at is None


@dataclass(frozen=True, slots=True)
class CrmRecord:
    """One lead or contact of the CRM.

    A converted lead has ``converted_to`` (CrmRecord.key of the contact), ``converted_account`` and ``converted_at``.
    A merge loser has ``merged_into`` and ``deleted_at``; a record somebody deleted has ``deleted_at`` only.
    """

    key: str
    kind: CrmKind
    person: str  # Person.key
    marketing: str | None  # MarketingContact.key it came from, None when made by hand, by referral or by import
    account: str | None  # Account.key; contacts only
    email: str | None
    first_name: str | None
    last_name: str
    title: str | None
    company_name: str | None  # leads only
    website: str | None
    phone: str | None
    mobile: str | None
    country: str | None
    state: str | None
    city: str | None
    industry: str | None
    employees: int | None
    lead_source: str | None
    status: str | None  # leads only: Open - Not Contacted, Working - Contacted, Closed - Converted, …
    owner: str  # User.key or Queue.key
    created_by: str  # User.key
    opted_out: bool
    created_at: datetime
    updated_at: datetime
    converted_to: str | None = None
    converted_account: str | None = None
    converted_at: datetime | None = None
    merged_into: str | None = None
    deleted_at: datetime | None = None
    #: Statuses a lead had before its present one, oldest first.
    past_statuses: tuple[str, ...] = ()
    #: Owners (User.key or Queue.key) before the present one, oldest first.
    past_owners: tuple[str, ...] = ()
    #: What a rep found out in calls: (budget | authority | need | timeframe | sales_readiness, Yes | No).
    bants: tuple[tuple[str, str], ...] = ()

    @property
    def living(self) -> bool:
        """Tell whether the record still stands and can be worked (a converted lead cannot)."""
        return self.deleted_at is None and self.converted_to is None


@dataclass(frozen=True, slots=True)
class Opportunity:
    """A deal. ``stage`` is a Salesforce default stage; ``roles`` are (CrmRecord.key, role, is_primary)."""

    key: str
    account: str  # Account.key
    name: str
    stage: str
    amount: int | None
    probability: int  # percent
    is_closed: bool
    is_won: bool
    close_on: datetime  # the day counts; lies after World.at for open ones only
    owner: str  # User.key
    lead_source: str | None
    roles: tuple[tuple[str, str, bool], ...]
    created_at: datetime
    updated_at: datetime
    note: str | None = None  # why it was lost
    kind: str = "New business"  # or Expansion


@dataclass(frozen=True, slots=True)
class SalesActivity:
    """Something a rep did or planned, in one system. ``about`` is a CrmRecord.key (crm) or MarketingContact.key."""

    key: str
    system: System
    kind: SalesKind
    about: str
    account: str | None  # Account.key (crm) or Company.key (marketing)
    owner: str  # User.key
    subject: str
    body: str | None
    at: datetime  # when it took place; for an open task, when it was made
    due: datetime | None  # tasks; lies after World.at for open ones only
    done_at: datetime | None
    status: str  # Not Started, In Progress, Completed, …
    minutes: int | None  # length of calls and meetings
    direction: Literal["in", "out"] | None = None  # calls and e-mails


@dataclass(frozen=True, slots=True)
class Rejection:
    """A rep's no to a lead or contact: which reason, who, when."""

    record: str  # CrmRecord.key
    reason: str
    user: str  # User.key
    at: datetime


@dataclass(frozen=True, slots=True)
class Absence:
    """When a rep was away: from ``start`` up to ``end``, whole days."""

    user: str  # User.key
    start: datetime
    end: datetime
    why: str

    @property
    def days(self) -> int:
        """Count the days."""
        return (self.end - self.start).days


@dataclass(frozen=True, slots=True)
class Form:
    """A form of the website; ``key`` is its name."""

    key: str
    title: str
    page: str  # path
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mailing:
    """A marketing e-mail that went out at one time to many."""

    key: str
    name: str
    subject: str
    links: tuple[str, ...]  # paths
    sent_at: datetime  # of a nurture programme: since when it runs
    programme: Literal["newsletter", "nurture", "invitation"] = "newsletter"


@dataclass(frozen=True, slots=True)
class CrmCampaign:
    """A campaign in the CRM; ``kind`` as Salesforce's Type picklist. ``attention``: how many people it can reach."""

    key: str
    name: str
    kind: str
    starts_at: datetime
    owner: str
    ends_at: datetime
    channel: str  # utm_medium
    budget: int  # euros
    attention: int


@dataclass(frozen=True, slots=True)
class CampaignMember:
    """A lead or contact in a CRM campaign."""

    key: str
    campaign: str  # CrmCampaign.key
    record: str  # CrmRecord.key
    status: str  # Sent | Responded
    responded_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Event:
    """Something a marketing contact did or got. ``kind`` is one of the activity types of the engine.

    ``contact`` is the key it was recorded under (perhaps a contact that was merged away later). ``by_bot`` is the truth
    a bot filter should find; no system shows it.
    """

    key: str
    contact: str  # MarketingContact.key
    kind: str
    at: datetime
    path: str | None = None
    form: str | None = None  # Form.key
    mailing: str | None = None  # Mailing.key
    asset: str | None = None
    values: Mapping[str, str] | None = None
    by_bot: bool = False


@dataclass(frozen=True, slots=True)
class World:
    """Everything, at ``at``. Tuples are ordered by key, events by time."""

    seed: int
    at: datetime
    users: tuple[User, ...]
    queues: tuple[Queue, ...]
    forms: tuple[Form, ...]
    companies: tuple[Company, ...] = ()
    accounts: tuple[Account, ...] = ()
    people: tuple[Person, ...] = ()
    contacts: tuple[MarketingContact, ...] = ()
    records: tuple[CrmRecord, ...] = ()
    opportunities: tuple[Opportunity, ...] = ()
    sales: tuple[SalesActivity, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    mailings: tuple[Mailing, ...] = ()
    campaigns: tuple[CrmCampaign, ...] = ()
    members: tuple[CampaignMember, ...] = ()
    events: Sequence[Event] = ()
    absences: tuple[Absence, ...] = ()
    #: What only tests and benchmarks may know, see ``sandbox.people.truth``.
    hidden: Hidden | None = field(default=None, compare=False, repr=False)
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # marketing list name -> MarketingContact.key
