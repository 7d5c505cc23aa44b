"""What an adapter says of itself and of the org behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from connector.domain.records import Value


@dataclass(frozen=True, slots=True)
class StreamTraits:
    """One thing that can be pulled, with a cursor of its own.

    Attributes:
        name: unique within the adapter, e.g. ``contacts``, ``page_views``, ``tasks``.
        object: our word for the records in it (``contact``), or an empty string when it holds activities only.
        lane: ``fast`` streams (form submissions, replies) are pulled more often than ``slow`` ones.
    """

    name: str
    object: str
    lane: Literal["fast", "slow"] = "slow"


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One field of one object as the org describes it to our user."""

    object: str
    name: str
    type: Literal["text", "integer", "number", "boolean", "date", "datetime", "picklist", "reference", "other"]
    label: str = ""
    length: int | None = None
    required: bool = False
    createable: bool = True
    updateable: bool = True
    unique: bool = False
    external_id: bool = False
    #: picklist values in force; empty when the field is no picklist
    values: tuple[str, ...] = ()
    #: True when a value outside ``values`` is refused
    restricted: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of an online check: what was tested, how it went, who cures it.

    Attributes:
        shut: code of the error for which the system as a whole could not be asked, else empty.
        system: the configured name of the system asked; adapters leave it to the check.
    """

    subject: str
    ok: bool
    message: str
    cure: str = ""
    shut: str = ""
    system: str = ""


@dataclass(frozen=True, slots=True)
class AdapterTraits:
    """What the engine must know of an adapter before it uses it.

    Attributes:
        system: the configured name, used in every reference.
        people: our word → standard column → native field, e.g. ``{"contact": {"title": "jobtitle"}}``. Native names may
            be dotted into the linked account (``account.numberofemployees``).
        accounts: the same for accounts; empty when the system has none.
        opt_outs: our word → channel (``email``, ``call``) → native field that is true for people who must not be
            reached by it.
        streams: in the order in which they should be pulled.
        streams_per_call: streams whose first pages share one call when nothing is new.
        batch_size: the most writes ``apply`` takes at once (CRM only).
        settle_after: how long a lost write may still come true on the vendor's side (CRM only).
        creation_key_unique: object → True when a repeated creation with the same key cannot double (CRM only).
        daily_calls: the vendor's own limit of calls per 24 h, None when it has none.
        native: object → our word → native field, for what the engine itself reads or writes (CRM only). Words:
            lead, contact: ``owner status key stage_entry changed_by account``; task: ``subject body owner who priority
            status closed due_date due_at reminder_at reminder_on key rule changed_by``; user: ``username name active
            time_zone manager``; queue: ``name``; account: ``owner``; opportunity: ``closed won``.
        custom_suffix: what names of fields end with that may be created in the CRM; empty where none are (CRM only).
        native_values: ``object.word`` → our value → native value, e.g. ``{"task.priority": {"high": "High"}}``.
    """

    system: str
    people: Mapping[str, Mapping[str, str]]
    streams: tuple[StreamTraits, ...]
    accounts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    opt_outs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    streams_per_call: int = 1
    batch_size: int = 200
    settle_after: timedelta = timedelta(minutes=10)
    creation_key_unique: Mapping[str, bool] = field(default_factory=dict)
    daily_calls: int | None = None
    native: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    custom_suffix: str = ""
    native_values: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Usage:
    """The vendor's own count of calls in its rolling or daily window, as last seen."""

    used: int
    limit: int
    seen_at: datetime
