"""A stranger looking at the numbers should take the sample company for a real one; every rate here is documented."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from sandbox.people.audience import build_audience
from sandbox.people.build import build_world
from sandbox.people.buying_groups import build_journeys
from sandbox.people.crowd import newcomers
from sandbox.people.dice import stream
from sandbox.people.events import CODE
from sandbox.people.fates import build_fates
from sandbox.people.firms import build_firms
from sandbox.people.mailings import CLICKED, OPENED
from sandbox.people.reps import build_desk
from sandbox.people.roster import HOT, PURSUITS, build_roster
from sandbox.people.seasons import COUNTRIES, DAY, Seasons, day_weight
from sandbox.people.truth import deal_truth, people_truth, read_truth, write_truth
from sandbox.people.visits import AWARE, DECIDING, WEIGHING
from sandbox.people.world import World

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
PEOPLE = 5000


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(1, AT, PEOPLE)


@pytest.fixture(scope="module")
def human(world):
    """What people did: rows of the table, with the local clock and the human's row in the roster (-1: none)."""
    table, hidden = world.events.table, world.hidden
    person = np.array([int(contact.person[1:]) for contact in world.contacts])
    row = np.where(person < len(hidden.roster.company), person, -1)[table.contact]
    country = np.where(row >= 0, hidden.roster.country[row], COUNTRIES.index("US"))
    local = Seasons(AT).local(country, table.at)
    keep = ~table.by_bot
    return {"kind": table.kind[keep], "at": table.at[keep], "local": local[keep], "row": row[keep],
            "contact": table.contact[keep], "path": table.path[keep], "country": country[keep]}  # fmt: skip


def acted(human: dict[str, Any]) -> np.ndarray:
    return np.isin(human["kind"], [CODE["page_view"], CODE["form_submit"], CODE["email_open"]])


def test_the_week_has_working_days(human):
    mine = acted(human)
    weekday = (human["local"][mine] // DAY + 3) % 7
    share = np.bincount(weekday, minlength=7) / mine.sum()
    assert share[5] + share[6] < 0.15, "of two days in seven"
    assert share[1] > share[4], "Tuesdays are busier than Fridays"
    assert share[:5].min() > 0.1


def test_the_day_has_office_hours(human):
    hours = np.bincount(human["local"][acted(human)] % DAY // 3600, minlength=24) / acted(human).sum()
    assert hours[8:18].sum() > 0.75
    assert hours[0:6].sum() < 0.05
    assert hours[12] < hours[10], "people eat"


def test_the_year_has_summers_and_holidays(human):
    german = acted(human) & (human["country"] == COUNTRIES.index("DE"))
    days = (human["local"][german] // DAY).astype("datetime64[D]")
    months = days.astype("datetime64[M]").astype(int) % 12
    per_month = np.bincount(months, minlength=12)
    assert per_month[[6, 7]].mean() < 0.9 * per_month[[4, 5, 8, 9]].mean()
    christmas = np.datetime64("2025-12-25")
    mid = np.datetime64("2025-12-10")
    assert (days == christmas).sum() * 3 < (days == mid).sum() + 3
    assert day_weight("DE", datetime(2026, 10, 3).date()) < 0.15  # noqa: DTZ001
    assert day_weight("FR", datetime(2026, 8, 12).date()) < 0.5 * day_weight("FR", datetime(2026, 6, 10).date())  # noqa: DTZ001


def test_a_few_do_most_of_what_is_done(world, human):
    mine = np.isin(human["kind"], [CODE["page_view"], CODE["form_submit"]])
    counts = np.sort(np.bincount(human["contact"][mine], minlength=len(world.contacts)))
    place = np.arange(1, len(counts) + 1)
    gini = 2 * (place * counts).sum() / (len(counts) * counts.sum()) - (len(counts) + 1) / len(counts)
    assert 0.55 < gini < 0.85


def test_mail_is_delivered_opened_and_clicked_at_the_stated_rates(world, human):
    kinds = Counter(human["kind"].tolist())
    sent, delivered = kinds[CODE["email_sent"]], kinds[CODE["email_delivered"]]
    assert 0.955 < delivered / sent < 0.99
    assert 0.01 < kinds[CODE["email_bounce"]] / sent < 0.045
    assert 0.2 < kinds[CODE["email_open"]] / delivered < 0.35
    assert 0.02 < kinds[CODE["email_click"]] / delivered < 0.10
    assert kinds[CODE["email_unsubscribe"]] / len(world.contacts) < 0.08
    assert kinds[CODE["spam_report"]] / delivered < 0.002
    warmth = world.hidden.roster.warmth
    for name, chosen in (
        ("hot", warmth[human["row"]] == HOT),
        ("cold", (warmth[human["row"]] == 0) & (human["row"] >= 0)),
    ):
        mine = {
            kind: (chosen & (human["kind"] == CODE[kind])).sum()
            for kind in ("email_delivered", "email_open", "email_click")
        }
        if name == "hot":
            assert mine["email_open"] / mine["email_delivered"] == pytest.approx(OPENED["hot"], abs=0.12)
            assert mine["email_click"] / mine["email_open"] == pytest.approx(CLICKED["hot"], abs=0.12)
        else:
            assert OPENED["cold"] - 0.02 < mine["email_open"] / mine["email_delivered"] < 0.30


def test_scanners_are_few_and_click_far_more_than_people_do(world):
    table, hidden = world.events.table, world.hidden
    assert 0.02 < hidden.gateway.mean() < 0.09
    clicks = table.kind == CODE["email_click"]
    by_bot = table.by_bot[clicks]
    assert 0.2 < by_bot.mean() < 0.75
    assert set(np.flatnonzero(hidden.gateway)) >= set(table.contact[clicks][by_bot])
    crawls = table.by_bot & (table.kind == CODE["page_view"])
    pages = np.bincount(table.contact[crawls])
    assert 0 < (pages > 0).sum() < 0.006 * PEOPLE
    assert pages[pages > 0].min() >= 30


def test_those_who_never_buy_read_more_than_those_who_might(world, human):
    roster = world.hidden.roster
    views = np.bincount(
        human["row"][(human["kind"] == CODE["page_view"]) & (human["row"] >= 0)], minlength=len(roster.company)
    )
    readers = roster.pursuit > 0
    assert 0.03 < readers.mean() < 0.08
    assert views[readers].mean() > 3 * views[(roster.pursuit == 0) & (roster.warmth == 0)].mean()
    rows = [row for row in people_truth(world) if row["pursuit"] != "work"]
    assert {row["pursuit"] for row in rows} == set(PURSUITS) - {"work"}
    assert all(row["buy_probability"] == 0.0 and row["bought"] is False for row in rows)


def test_people_of_one_firm_move_together(world, human):
    journeys = world.hidden.journeys
    views = human["kind"] == CODE["page_view"]
    seen: defaultdict[int, list[int]] = defaultdict(list)
    for row, at in zip(human["row"][views].tolist(), human["at"][views].tolist(), strict=True):
        seen[row].append(at)
    middle = {row: float(np.median(found)) for row, found in seen.items() if row >= 0}
    members: defaultdict[int, list[float]] = defaultdict(list)
    for journey, row in zip(journeys.member_journey.tolist(), journeys.member.tolist(), strict=True):
        if row in middle:
            members[journey].append(middle[row])
    together = [abs(a - b) for found in members.values() for a, b in pairwise(found)]
    everybody = np.array([moment for found in members.values() for moment in found])
    shuffled = np.random.default_rng(1).permutation(everybody)
    apart = np.abs(everybody - shuffled)
    assert len(together) > 300
    assert np.median(together) < 0.35 * np.median(apart)


def test_members_walk_through_the_stages_in_order(world, human):
    journeys, roster = world.hidden.journeys, world.hidden.roster
    latest = journeys.latest_of(len(roster.company))
    past = (human["kind"] == CODE["page_view"]) & (human["row"] >= 0)
    past[past] &= (latest[human["row"][past]] >= 0) & (roster.warmth[human["row"][past]] != HOT)
    share: defaultdict[str, list[float]] = defaultdict(list)
    paths = world.events.paths
    only = dict.fromkeys(AWARE, "aware") | dict.fromkeys(set(WEIGHING) - set(DECIDING), "weighing")
    only |= dict.fromkeys(("/pricing", "/pricing/enterprise", "/demo"), "deciding")
    for row, at, path in zip(
        human["row"][past].tolist(), human["at"][past].tolist(), human["path"][past].tolist(), strict=True
    ):
        stage, journey = only.get(paths[path]), latest[row]
        span = journeys.end[journey] - journeys.start[journey]
        where = (at - journeys.start[journey]) / span
        if stage and 0 <= where <= 1.1:
            share[stage].append(float(where))
    assert np.mean(share["aware"]) + 0.1 < np.mean(share["weighing"]) < np.mean(share["deciding"]) - 0.1


def test_journeys_last_months_and_several_take_part(world):
    journeys = world.hidden.journeys
    ended = journeys.end <= AT.timestamp()
    days = (journeys.end - journeys.start)[ended] / DAY
    assert 50 < np.median(days) < 110
    assert 1.8 < journeys.size.mean() < 3.5
    closing = journeys.end[ended].astype("datetime64[s]").astype("datetime64[D]")
    ahead = (closing.astype("datetime64[M]") + 3 - closing.astype("datetime64[M]").astype(int) % 3).astype(
        "datetime64[D]"
    ) - closing
    assert (ahead.astype(int) <= 8).mean() > 1.4 * 8 / 91, "quarters end busily"


def test_each_step_of_the_funnel_loses_some(world):
    living = sum(contact.living for contact in world.contacts)
    in_crm = {record.person for record in world.records if record.deleted_at is None and record.marketing}
    journeys, fates = world.hidden.journeys, world.hidden.fates
    in_journeys = len(set(journeys.member.tolist()))
    deals = world.opportunities
    closed = [deal for deal in deals if deal.is_closed]
    assert 0.30 < len(in_crm) / living < 0.60
    assert 0.15 < in_journeys / living < 0.35
    assert 0.4 < fates.deal.mean() < 0.8
    assert 0.6 < len(closed) / len(deals) < 0.9
    assert 0.2 < sum(deal.is_won for deal in closed) / len(closed) < 0.42
    assert 0.7 < sum(bool(deal.roles) for deal in deals) / len(deals) <= 1


@pytest.fixture(scope="module")
def deals() -> list[dict[str, Any]]:
    """The closed deals of six companies."""
    found = []
    for seed in range(6):
        found += [row for row in deal_truth(build_world(seed, AT, PEOPLE)) if row["outcome"] != "open"]
    return found


def fates_of(seed: int) -> np.ndarray:
    """The closed deals of one company, without its people: probability by factors, probability, won."""
    firms = build_firms(random.Random(f"{seed}/firms"), AT, PEOPLE)
    roster = build_roster(stream(seed, "roster"), Seasons(AT), AT, firms, newcomers(PEOPLE))
    journeys = build_journeys(stream(seed, "journeys"), AT, firms, roster)
    desk = build_desk(random.Random(f"{seed}/reps"), AT)
    fates = build_fates(stream(seed, "fates"), int(AT.timestamp()), firms, journeys, desk)
    mine = fates.deal & fates.closed
    return np.stack([fates.factors[mine], fates.odds[mine], fates.won[mine]])


def test_deals_are_won_as_often_as_their_hidden_factors_say():
    factors, odds, won = np.concatenate([fates_of(seed) for seed in range(25)], axis=1)
    rates = [part.mean() for part in np.array_split(won[np.argsort(factors)], 10)]
    assert all(low < high for low, high in pairwise(rates)), rates
    assert rates[0] < 0.08
    assert rates[-1] > 0.6
    assert abs(won.sum() - odds.sum()) < 3 * np.sqrt((odds * (1 - odds)).sum())
    brier, base = ((won - odds) ** 2).mean(), won.mean() * (1 - won.mean())
    assert brier < 0.9 * base, "knowing the factors must pay"


def test_each_factor_pushes_where_it_should(deals):
    def rate(rows: list[dict[str, Any]]) -> float:
        return sum(row["outcome"] == "won" for row in rows) / len(rows)

    assert rate([row for row in deals if row["decider"]]) > 1.3 * rate([row for row in deals if not row["decider"]])
    assert rate([row for row in deals if row["competitor"]]) < 0.8 * rate(
        [row for row in deals if not row["competitor"]]
    )
    quick = np.median([row["response_hours"] for row in deals])
    assert rate([row for row in deals if row["response_hours"] < quick]) > rate(
        [row for row in deals if row["response_hours"] >= quick]
    )
    assert rate([row for row in deals if row["need"] > 0.6]) > 1.3 * rate([row for row in deals if row["need"] < 0.4])
    assert rate([row for row in deals if row["fit"] > 0.8]) > 1.2 * rate([row for row in deals if row["fit"] < 0.5])


def test_reps_take_holidays_and_nobody_calls_from_the_beach(world):
    away = {(a.user, a.start.toordinal() + day) for a in world.absences for day in range(a.days)}
    assert {absence.why for absence in world.absences} == {"Summer holiday", "Christmas holiday", "Sick"}
    calls = [done for done in world.sales if done.kind == "call"]
    during = sum((done.owner, done.at.toordinal()) in away for done in calls)
    assert during < 0.02 * len(calls)
    assert sum(done.at.weekday() >= 5 for done in calls) < 0.05 * len(calls)
    assert any(record.past_owners and record.owner == "q_unassigned" for record in world.records), "handed back"


def test_what_calls_brought_out_is_noted(world):
    noted = [record for record in world.records if record.bants]
    assert len(noted) > 0.05 * len(world.records)
    assert {answer for record in noted for _, answer in record.bants} == {"Yes", "No"}
    assert all(record.past_statuses for record in world.records if record.status == "Working - Contacted")
    assert {rejection.reason for rejection in world.rejections} == {"no budget", "wrong person", "not now", "other"}


def test_campaigns_run_within_their_dates_budgets_and_attention(world):
    members = Counter(member.campaign for member in world.members)
    for campaign in world.campaigns:
        assert campaign.starts_at < campaign.ends_at <= AT
        assert campaign.budget > 0
        assert members[campaign.key] <= campaign.attention
    answered = sum(member.status == "Responded" for member in world.members) / len(world.members)
    assert 0.1 < answered < 0.35
    assert len({campaign.channel for campaign in world.campaigns}) >= 5
    tagged = [path for path in world.events.paths if "utm_campaign=" in path]
    assert tagged


def test_the_same_human_signs_up_again_under_other_addresses(world):
    mails: defaultdict[str, list[str]] = defaultdict(list)
    for contact in world.contacts:
        if contact.living and contact.email:
            mails[contact.person].append(contact.email)
    twins = [found for found in mails.values() if len(found) > 1]
    assert 0.01 * PEOPLE < len(twins) < 0.02 * PEOPLE
    assert any("+" in mail for found in twins for mail in found)


def test_some_things_are_learnt_late(world):
    late = world.events.table.late
    assert 0 < (late > 0).mean() < 0.02
    assert late.max() <= timedelta(hours=36).total_seconds()
    assert (world.events.table.at + late).max() <= AT.timestamp()


def test_the_truth_is_written_and_read_again(world, tmp_path):
    write_truth(world, tmp_path)
    people, deals = read_truth(tmp_path, "people"), read_truth(tmp_path, "deals")
    assert people == list(people_truth(world))
    assert deals == list(deal_truth(world))
    assert {row["opportunity"] for row in deals} == {deal.name for deal in world.opportunities}
    assert len({row["email"] for row in people}) == len(people) > 0.9 * PEOPLE
    assert len({row["opportunity"] for row in deals}) == len(deals)
    assert any(row["in_market"] for row in people)


def test_columns_of_contacts_agree_with_the_contacts(world):
    crowd = type("Crowd", (), {"contacts": list(world.contacts), "people": list(world.people), "firms": world})()
    audience = build_audience(AT, crowd, world.hidden.roster, world.hidden.journeys)
    assert len(audience) == len(world.contacts)
    table = world.events.table
    assert (table.at >= audience.created[table.contact]).all()
    assert (table.at <= audience.end[table.contact]).all()
    sent = table.kind == CODE["email_sent"]
    assert (table.at[sent] < audience.opted_out[table.contact[sent]]).all()
