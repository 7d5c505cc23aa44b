"""Form submissions, page views and e-mail events as activities."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from adapters.hubspot.reading import Milliseconds, Moment, from_ms, in_utc
from connector.domain.records import Activity
from connector.domain.refs import Ref, normal_email


class Submission(msgspec.Struct, rename="camel"):
    """One submission of a form (hubspot.md section 9). Old ones may lack a conversion id."""

    submitted_at: Milliseconds
    values: list[FieldValue] = []
    conversion_id: str = ""
    page_url: str | None = None


class FieldValue(msgspec.Struct):
    """One field as filled in."""

    name: str
    value: Any = None


class Visit(msgspec.Struct, rename="camel"):
    """One occurrence of a web event: a page view, or an event of the account's own."""

    id: str
    object_id: str
    occurred_at: Moment
    properties: dict[str, str | None] = {}


class Mail(msgspec.Struct, rename="camel"):
    """One event of a marketing e-mail; members beyond the first four vary by type."""

    id: str
    type: str
    recipient: str
    created: Milliseconds
    email_campaign_id: int | str | None = None
    url: str | None = None
    subject: str | None = None
    portal_subscription_status: str | None = None
    subscriptions: list[Any] | None = None
    #: the account's own filters (known machines, its own staff) leave the event out of reports
    filtered_event: Any = None


#: value of an open or click that the account's own filters leave out of reports (Email Events API, ``filteredEvent``)
FILTERED = "filtered"
#: STATUSCHANGE is judged by its content; technical states (PROCESSED, DEFERRED, DROPPED …) say nothing of a person.
_MAIL_TYPES = {
    "SENT": "email_sent",
    "DELIVERED": "email_delivered",
    "OPEN": "email_open",
    "CLICK": "email_click",
    "BOUNCE": "email_bounce",
    "SPAMREPORT": "spam_report",
}


def slug(name: str) -> str:
    """Write a form's name as mappings write it: lower case, words joined by hyphens (``Contact us`` → ``contact-us``).

    A name that already has this form stays as it is; letters of every script are kept.
    """
    text = unicodedata.normalize("NFKC", name).casefold()
    return re.sub(r"[\W_]+", "-", text).strip("-")


def submission_activity(row: Submission, *, form: str, form_id: str, system: str) -> Activity | None:
    """Turn a submission into an activity; None when it names nobody: submissions carry no contact id."""
    values = {field.name: str(field.value) for field in row.values if field.value not in (None, "")}
    email = normal_email(values.get("email", ""))
    if not email:
        return None
    return Activity(
        Ref(system, "form_submission", row.conversion_id or f"{form_id}:{row.submitted_at}:{email}"),
        "form_submit",
        Ref(system, "email", email),
        from_ms(row.submitted_at),
        url=row.page_url or None,
        path=path_of(row.page_url),
        asset=values.get("asset"),
        form=form,
        campaign=_campaign(row.page_url),
        value=values.get("message"),
    )


def visit_activity(row: Visit, type_: str, *, system: str) -> Activity:
    """Turn an occurrence of a web event into an activity of one of our types."""
    get = row.properties.get
    url = get("hs_url")
    occurred_at = row.occurred_at
    return Activity(
        Ref(system, type_, row.id),
        type_,
        Ref(system, "contact", row.object_id),
        occurred_at if occurred_at.tzinfo is UTC else in_utc(occurred_at),
        url,
        path_of(url),
        get("asset") or get("webinar"),
        None,
        _campaign(url),
    )


def means_something(row: Mail) -> bool:
    """Say whether an e-mail event tells of a person: technical states and changes that are no opting out do not."""
    return row.type in _MAIL_TYPES or (row.type == "STATUSCHANGE" and _opts_out(row))


def mail_activity(row: Mail, *, system: str) -> Activity | None:
    """Turn an e-mail event into an activity; None when it means nothing (``means_something``) or names nobody."""
    if not means_something(row):
        return None
    type_ = _MAIL_TYPES.get(row.type, "email_unsubscribe")
    email = normal_email(row.recipient)
    if not email:
        return None
    return Activity(
        Ref(system, "email_event", row.id),
        type_,
        Ref(system, "email", email),
        from_ms(row.created),
        url=row.url,
        path=path_of(row.url),
        campaign=None if row.email_campaign_id is None else str(row.email_campaign_id),
        value=FILTERED if row.filtered_event is True else None,
        subject=row.subject,
    )


def path_of(url: str | None) -> str | None:
    """Give the path of an address, ``/`` when it has none; None when there is no address or it cannot be read."""
    if not url:
        return None
    # Nearly every address has this plain form, and cutting it costs a tenth of parsing it.
    for mark in "?#":
        end = url.find(mark)
        if end >= 0:
            url = url[:end]
    host = url.find("://")
    start = url.find("/", host + 3) if host >= 0 else 0
    return url[start:] or "/" if start >= 0 else "/"


def _campaign(url: str | None) -> str | None:
    if not url or "utm_campaign=" not in url:
        return None
    try:
        values = parse_qs(urlsplit(url).query).get("utm_campaign")
    except ValueError:
        return None
    return values[0] if values else None


def _opts_out(row: Mail) -> bool:
    """Judge a change of subscriptions; members vary, so one that tells nothing is taken for an opting out."""
    said = [row.portal_subscription_status]
    said += [item.get("status") for item in row.subscriptions or () if isinstance(item, dict)]
    known = [text.upper() for text in said if isinstance(text, str)]
    return not known or any(text in ("UNSUBSCRIBED", "OPT_OUT") for text in known)
