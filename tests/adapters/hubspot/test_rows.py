"""Rows become versions and activities."""

from datetime import UTC, datetime, timedelta

import pytest

from adapters.hubspot.behaviour import (
    FieldValue,
    Mail,
    Submission,
    mail_activity,
    path_of,
    slug,
    submission_activity,
)
from adapters.hubspot.engagements import CALLS, MEETINGS, activities
from adapters.hubspot.reading import Record
from adapters.hubspot.records import CONTACTS, versions
from connector.domain.refs import Ref

THEN = datetime(2024, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("contact-us", "contact-us"),
        ("Contact us", "contact-us"),
        ("Demo Request: 2024 (EN)", "demo-request-2024-en"),
        ("Kontakt für Österreich", "kontakt-für-österreich"),
        ("問い合わせ", "問い合わせ"),
        ("***", ""),
    ],
)
def test_forms_are_named_as_mappings_write_them(name, written):
    assert slug(name) == written
    assert slug(written) == written


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://x.example/pricing?utm=1#top", "/pricing"),
        ("https://x.example", "/"),
        ("https://x.example?next=/a", "/"),
        ("/relative/page?x", "/relative/page"),
        ("", None),
        (None, None),
    ],
)
def test_the_path_is_cut_out_of_an_address(url, path):
    assert path_of(url) == path


def test_a_submission_belongs_to_the_address_in_it():
    values = [FieldValue("email", " Ana@Example.com "), FieldValue("message", "call me"), FieldValue("asset", "guide")]
    row = Submission(1714564800000, values, "c1", "https://x.example/demo?utm_campaign=spring")
    activity = submission_activity(row, form="demo-request", form_id="f", system="hubspot")
    assert activity.person == Ref("hubspot", "email", "ana@example.com")
    assert activity.ref == Ref("hubspot", "form_submission", "c1")
    assert (activity.form, activity.path, activity.campaign) == ("demo-request", "/demo", "spring")
    assert (activity.value, activity.asset, activity.occurred_at) == ("call me", "guide", THEN)
    assert submission_activity(Submission(1), form="x", form_id="f", system="hubspot") is None


@pytest.mark.parametrize(
    ("type_", "more", "ours"),
    [
        ("SENT", {}, "email_sent"),
        ("OPEN", {}, "email_open"),
        ("CLICK", {"url": "https://x.example/a"}, "email_click"),
        ("BOUNCE", {}, "email_bounce"),
        ("SPAMREPORT", {}, "spam_report"),
        ("STATUSCHANGE", {}, "email_unsubscribe"),
        ("STATUSCHANGE", {"portal_subscription_status": "UNSUBSCRIBED"}, "email_unsubscribe"),
        ("STATUSCHANGE", {"portal_subscription_status": "SUBSCRIBED"}, None),
        ("STATUSCHANGE", {"subscriptions": [{"id": 1, "status": "SUBSCRIBED"}]}, None),
        ("PROCESSED", {}, None),
        ("SOMETHING_NEW", {}, None),
    ],
)
def test_mail_events_have_our_types(type_, more, ours):
    activity = mail_activity(Mail("m1", type_, "a@x.example", 1714564800000, **more), system="hubspot")
    assert (activity and activity.type) == ours


@pytest.mark.parametrize(("said", "value"), [(True, "filtered"), (False, None), (None, None), ("true", None)])
def test_events_that_the_accounts_filters_leave_out_are_marked(said, value):
    row = Mail("m1", "OPEN", "a@x.example", 1714564800000, filtered_event=said)
    activity = mail_activity(row, system="hubspot")
    assert activity is not None
    assert activity.value == value


def test_a_merged_contact_names_those_it_swallowed():
    properties = {
        "lastmodifieddate": "2024-05-01T12:00:00Z",
        "hs_merged_object_ids": "7;8;9",
        "hs_calculated_merged_vids": "7:1714478400000",
        "associatedcompanyid": "55",
        "hubspot_owner_id": None,
    }
    first, *aliases = versions(CONTACTS, [Record("9", properties, THEN)], system="hubspot")
    assert first.links == {"account": "55"}
    assert first.merged_into is None
    assert [(a.ref.id, a.merged_into, a.modified_at) for a in aliases] == [
        ("7", first.ref, THEN - timedelta(days=1)),
        ("8", first.ref, THEN),
    ]


def test_an_engagement_is_one_activity_per_contact_and_keeps_its_own_id_for_the_first():
    row = Record("3", {"hs_timestamp": "2024-05-01T12:00:00Z", "hs_call_status": "COMPLETED"}, updated_at=THEN)
    refused = []
    found = activities(
        CALLS, [row, Record("4", {})], {"3": ["20", "9"]}, system="hubspot", refuse=lambda *told: refused.append(told)
    )
    assert [(a.ref.id, a.person.id, a.type) for a in found] == [("3", "9", "call"), ("3:20", "20", "call")]
    assert [row_id for row_id, _ in refused] == ["4"]


@pytest.mark.parametrize(
    ("kind", "status", "ours"),
    [
        (CALLS, "NO_ANSWER", "other"),
        (CALLS, None, "call"),
        (MEETINGS, "CANCELED", "other"),
        (MEETINGS, "SCHEDULED", "meeting"),
    ],
)
def test_what_did_not_take_place_is_no_call_and_no_meeting(kind, status, ours):
    row = Record("3", {"hs_timestamp": "1714564800000", kind.status: status}, updated_at=THEN)
    (activity,) = activities(kind, [row], {"3": ["9"]}, system="hubspot", refuse=lambda *_: None)
    assert (activity.type, activity.value, activity.occurred_at) == (ours, status, THEN)
