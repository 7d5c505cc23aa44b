"""The sample world: repeatable, sized as asked, inside its two years, and as odd as real databases are."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.people.build import build_world
from sandbox.people.places import DISPOSABLE, FREE_MAIL
from sandbox.people.world import World

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
DECIDER_RANKS = {"chief", "vp", "director"}


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(1, AT, 1000)


def test_same_arguments_give_the_same_world(world):
    assert build_world(1, AT, 1000) == world
    assert build_world(2, AT, 1000) != world


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), people=st.integers(0, 80))
def test_any_size_holds_together(seed, people):
    world = build_world(seed, AT, people)
    assert sum(contact.living for contact in world.contacts) == people
    _assert_references_hold(world)
    _assert_nothing_lies_ahead(world)


def test_references_and_times_hold_at_a_thousand(world):
    assert sum(contact.living for contact in world.contacts) == 1000
    _assert_references_hold(world)
    _assert_nothing_lies_ahead(world)


def _assert_references_hold(world: World) -> None:
    users = {user.key for user in world.users}
    owners = users | {queue.key for queue in world.queues}
    companies = {company.key for company in world.companies}
    accounts = {account.key for account in world.accounts}
    people = {person.key for person in world.people}
    contacts = {contact.key for contact in world.contacts}
    records = {record.key for record in world.records}
    mailings = {mailing.key for mailing in world.mailings}
    forms = {form.key for form in world.forms}
    assert len(contacts) == len(world.contacts)
    assert len(records) == len(world.records)
    for company in world.companies:
        assert company.parent is None or company.parent in companies
    for account in world.accounts:
        assert account.company in companies
        assert account.owner in users
        assert account.parent is None or account.parent in accounts
        assert account.merged_into is None or account.merged_into in accounts
    for contact in world.contacts:
        assert contact.person in people
        assert contact.company is None or contact.company in companies
        assert contact.owner is None or contact.owner in users
        assert contact.merged_into is None or contact.merged_into in contacts
    for record in world.records:
        assert record.person in people
        assert record.owner in owners
        assert record.created_by in users
        assert record.marketing is None or record.marketing in contacts
        assert record.account is None or record.account in accounts
        assert (record.kind == "contact") == (record.account is not None)
        assert record.converted_to is None or record.converted_to in records
        assert record.merged_into is None or record.merged_into in records
    for deal in world.opportunities:
        assert deal.account in accounts
        assert {key for key, _, _ in deal.roles} <= records
    for done in world.sales:
        assert done.about in (records if done.system == "crm" else contacts)
        assert done.owner in users
    for event in world.events:
        assert event.contact in contacts
        assert event.form is None or event.form in forms
        assert event.mailing is None or event.mailing in mailings
    for keys in world.lists.values():
        assert set(keys) <= contacts


def _assert_nothing_lies_ahead(world: World) -> None:
    oldest = AT - timedelta(days=731)
    for row in (*world.companies, *world.accounts, *world.contacts, *world.records, *world.opportunities):
        assert oldest <= row.created_at <= row.updated_at <= AT
    for contact in world.contacts:
        for moment in (contact.opted_out_at, contact.merged_at, contact.deleted_at):
            assert moment is None or contact.created_at <= moment <= AT
    for record in world.records:
        for moment in (record.converted_at, record.deleted_at):
            assert moment is None or record.created_at <= moment <= AT
    stood = {account.key: account.created_at for account in world.accounts}
    assert all(row.created_at >= stood[row.account] for row in world.records if row.kind == "contact" and row.account)
    assert all(oldest <= event.at <= AT for event in world.events)
    assert all(event.at <= later.at for event, later in zip(world.events, world.events[1:], strict=False))
    assert all(done.at <= AT for done in world.sales)
    assert all(deal.close_on <= AT for deal in world.opportunities if deal.is_closed)


def test_cast(world):
    by_email = {user.email: user for user in world.users}
    for name in ("handoff", "rep1", "rep2", "rep3", "ops", "manager"):
        assert by_email[f"{name}@corp.example"].active
    assert sum(not user.active for user in world.users) >= 2
    assert [queue.name for queue in world.queues] == ["Unassigned"]
    assert {form.key for form in world.forms} == {
        "contact-us", "demo-request", "newsletter", "whitepaper-download", "webinar-registration",
    }  # fmt: skip


def test_companies_are_as_tangled_as_real_ones(world):
    by_key = {company.key: company for company in world.companies}
    children = [company for company in world.companies if company.parent]
    assert any(child.domain and child.domain == by_key[child.parent].domain for child in children)
    sisters = Counter((child.parent, child.domain) for child in children if child.domain)
    assert any(count > 1 and domain != by_key[parent].domain for (parent, domain), count in sisters.items())
    assert any(company.extra_domains for company in world.companies)
    assert any(company.domain is None for company in world.companies)
    assert any(company.is_agency for company in world.companies)
    assert any(not company.in_marketing for company in world.companies)
    assert any(company.domain and company.domain.count(".") == 2 for company in world.companies)


def test_accounts(world):
    left = {user.key for user in world.users if not user.active}
    living = [account for account in world.accounts if account.deleted_at is None]
    assert any(account.owner in left for account in living)
    assert any(account.website is None for account in living)
    assert any(account.merged_into for account in world.accounts)
    assert max(Counter(account.company for account in living).values()) > 1
    names = {company.key: company.name for company in world.companies}
    assert any(account.name != names[account.company] for account in living)
    assert any(account.parent for account in living)


def test_contacts_hold_what_people_type(world):
    living = [contact for contact in world.contacts if contact.living]
    domains = Counter((contact.email or "@").rpartition("@")[2] for contact in living)
    assert sum(domains[domain] for domain in set(FREE_MAIL)) > 50
    assert any(domain in DISPOSABLE for domain in domains)
    assert any(contact.email is None for contact in living)
    assert any(contact.title is None for contact in living)
    assert any(len(contact.title or "") > 128 for contact in living)
    assert any(len(contact.company_name or "") > 255 for contact in living)
    assert any(ord(char) > 0x2E7F for contact in living for char in contact.last_name or "")
    assert any(0xC0 <= ord(char) < 0x250 for contact in living for char in contact.last_name or "")
    assert any((contact.last_name or "").startswith(" ") for contact in living)
    assert {"Germany", "Deutschland"} <= {contact.country for contact in living}
    assert any(contact.opted_out_at for contact in living)
    assert any(contact.owner in {"u_ex1", "u_ex2"} for contact in living)
    seniorities = {person.seniority for person in world.people}
    assert seniorities >= {"chief", "vp", "director", "manager", "staff", "junior"}
    assert max(Counter(contact.updated_at for contact in living).values()) > 20
    agencies = {company.domain for company in world.companies if company.is_agency}
    firms = {contact.company for contact in living if (contact.email or "@").rpartition("@")[2] in agencies}
    assert len(firms) > 3


def test_no_two_contacts_share_an_email(world):
    emails = [contact.email for contact in world.contacts if contact.email]
    assert len(emails) == len(set(emails))
    assert all(email == email.lower() for email in emails)


def test_merges_and_deletions_in_marketing(world):
    by_key = {contact.key: contact for contact in world.contacts}
    losers = [contact for contact in world.contacts if contact.merged_into]
    assert losers
    assert any(by_key[loser.merged_into].merged_into for loser in losers), "a chain"
    for loser in losers:
        assert loser.email in by_key[loser.merged_into].other_emails
    assert any(contact.deleted_at for contact in world.contacts)
    twins = Counter(contact.person for contact in world.contacts if contact.living)
    assert max(twins.values()) > 1, "one human, two living contacts"


def test_who_is_where(world):
    marketing = {contact.person for contact in world.contacts if contact.living}
    crm = {record.person for record in world.records if record.deleted_at is None}
    assert marketing - crm
    assert crm - marketing
    both = [record for record in world.records if record.person in marketing & crm]
    assert {record.kind for record in both} == {"lead", "contact"}
    assert any(record.converted_to for record in both)
    assert any(record.marketing is None and record.lead_source == "Partner Referral" for record in world.records)
    assert any(record.merged_into for record in world.records)
    assert any(record.deleted_at and not record.merged_into for record in world.records)
    assert any(record.owner == "q_unassigned" for record in world.records)
    assert any(record.owner in {"u_ex1", "u_ex2"} for record in world.records if record.living)


def test_crm_duplicates(world):
    kinds: dict[str, list[str]] = {}
    for record in world.records:
        if record.living and record.email:
            kinds.setdefault(record.email.lower(), []).append(record.kind)
    assert any(found.count("lead") > 1 for found in kinds.values())
    assert any({"lead", "contact"} <= set(found) for found in kinds.values())


def test_deals_and_sales_work(world):
    assert any(not deal.is_closed for deal in world.opportunities)
    assert any(deal.is_won for deal in world.opportunities)
    assert any(deal.is_closed and not deal.is_won for deal in world.opportunities)
    assert any(deal.roles for deal in world.opportunities)
    assert {done.kind for done in world.sales if done.system == "crm"} == {"task", "call", "meeting"}
    assert {done.kind for done in world.sales if done.system == "marketing"} == {"meeting", "call", "note", "email"}
    assert any(done.done_at is None for done in world.sales)
    assert world.rejections
    assert world.members


def test_events(world):
    kinds = Counter(event.kind for event in world.events)
    assert set(kinds) == {
        "page_view", "form_submit", "email_sent", "email_delivered", "email_open", "email_click", "email_bounce",
        "email_unsubscribe", "asset_download", "webinar_attended", "spam_report",
    }  # fmt: skip
    assert 10 <= len(world.events) / 1000 <= 12.5
    paths = {event.path for event in world.events if event.kind == "page_view"}
    assert {"/pricing", "/products", "/careers", "/investors", "/blog/crm-hygiene"} <= paths
    assert {event.form for event in world.events if event.form} == {form.key for form in world.forms}
    assert max(Counter(event.at for event in world.events).values()) > 20
    recent = AT - timedelta(days=7)
    assert any(event.form == "contact-us" and event.at >= recent for event in world.events)


def test_bots_click_every_link_within_seconds_and_never_visit(world):
    delivered = {(e.contact, e.mailing): e.at for e in world.events if e.kind == "email_delivered"}
    visits = {(e.contact, e.at) for e in world.events if e.kind == "page_view"}
    links = {mailing.key: set(mailing.links) for mailing in world.mailings}
    clicks: dict[tuple[str, str | None], set[str | None]] = {}
    for event in world.events:
        if event.by_bot and event.kind == "email_click":
            assert timedelta(0) < event.at - delivered[event.contact, event.mailing] < timedelta(seconds=10)
            assert (event.contact, event.at) not in visits
            clicks.setdefault((event.contact, event.mailing), set()).add(event.path)
    assert clicks
    assert all(found == links[mailing or ""] for (_, mailing), found in clicks.items())


def test_a_few_dozen_are_hot_and_fit_at_matched_accounts(world):
    companies = {company.key: company for company in world.companies}
    with_account = {account.company for account in world.accounts if account.deleted_at is None}
    people = {person.key: person for person in world.people}
    pricing = Counter(
        event.contact
        for event in world.events
        if event.kind == "page_view"
        and (event.path or "").startswith("/pricing")
        and event.at > AT - timedelta(days=35)
    )
    fit = [
        contact
        for contact in world.contacts
        if contact.living
        and pricing[contact.key] >= 2
        and people[contact.person].seniority in DECIDER_RANKS
        and (company := people[contact.person].company) in with_account
        and (companies[company].employees or 0) >= 200
    ]
    assert 12 <= len(fit) <= 60


def test_a_bad_call_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        build_world(1, datetime(2026, 1, 1), 10)  # noqa: DTZ001 - that is the point
    with pytest.raises(ValueError, match="negative"):
        build_world(1, AT, -1)


def test_the_world_does_not_depend_on_the_process():
    """Python salts the hashes of text per process; nothing of that may reach the world."""
    program = (
        "import hashlib; from datetime import UTC, datetime; from sandbox.people.build import build_world;"
        "print(hashlib.sha256(repr(build_world(5, datetime(2026, 11, 22, 9, tzinfo=UTC), 120)).encode()).hexdigest())"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": salt, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for salt in ("1", "2")
    ]
    assert runs[0] == runs[1]
