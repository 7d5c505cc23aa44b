"""The list is what judging everything at once gives: in whatever order events land, and in however many looks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from machines_words import SYSTEM, T0, click, did, machines, of_people

from connector.domain.records import Activity
from connector.domain.refs import Ref
from connector.mapping.bots import Bots

HOUR = timedelta(hours=1)
PEOPLE = ("ada", "bob")
#: contact and address of each are one person
PERSONS = {
    ref: who for who in PEOPLE for ref in (Ref(SYSTEM, "contact", who), Ref(SYSTEM, "email", f"{who}@x.example"))
}
# moments that lie as near to each other as the patterns look, and some far away
_MOMENT = st.one_of(
    st.integers(0, 24).map(lambda n: n * 1.0),
    st.integers(0, 8).map(lambda n: 7200 + n * 2.5),
    st.sampled_from([-3600.0, 1790.0, 1800.0, 1810.0, 86_400.0, 5_000_000.0]),
)
_WHO = st.sampled_from(PEOPLE)
_MAIL = st.builds(
    lambda n, type_, at, who, campaign: did(f"m{n}", type_, at, who=who, campaign=campaign),
    st.integers(0, 999),
    st.sampled_from(["email_sent", "email_delivered", "email_open"]),
    _MOMENT,
    _WHO,
    st.sampled_from(["c1", "c2"]),
)
_CLICK = st.builds(
    lambda n, at, link, who, campaign, value: click(f"k{n}", at, link, who=who, campaign=campaign, value=value),
    st.integers(0, 999),
    _MOMENT,
    st.sampled_from(["/a", "/b", "/c"]),
    _WHO,
    st.sampled_from(["c1", "c1", "c2", None]),
    st.sampled_from([None, None, None, "filtered"]),
)
_VIEW = st.builds(lambda n, at, who: did(f"v{n}", "page_view", at, who=who), st.integers(0, 999), _MOMENT, _WHO)
_EVENTS = st.lists(st.one_of(_MAIL, _CLICK, _CLICK, _VIEW), min_size=1, max_size=24, unique_by=lambda one: one.ref)
_OFF = st.sampled_from([{}, {}, {"fast": "none"}, {"links": "none"}, {"visit": "none"}, {"signs": 3}])
_PAGES = st.sampled_from([{}, {"pages": {"count": 5, "within": "10s"}}, {"pages": "none"}])
_BOTS = st.builds(lambda off, pages: Bots.model_validate({**off, **pages}), _OFF, _PAGES)
_QUICK = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


@_QUICK
@given(events=_EVENTS, bots=_BOTS)
def test_a_look_says_what_the_rules_say(mailboxes: Any, events: list[Activity], bots: Bots) -> None:
    mailbox = mailboxes()
    mailbox.land(*events)
    now = T0 + 30 * 24 * HOUR
    mailbox.look(now, bots=bots)
    assert set(mailbox.held()) == machines(events, bots, PERSONS, now)


@_QUICK
@given(data=st.data(), events=_EVENTS, bots=_BOTS)
def test_many_looks_end_where_one_does(mailboxes: Any, data: st.DataObject, events: list[Activity], bots: Bots) -> None:
    now = T0 + 90 * 24 * HOUR
    once, often = mailboxes(), mailboxes()
    once.land(*events)
    once.look(now, bots=bots)
    rest, clock = data.draw(st.permutations(events)), T0
    everybody = of_people(*PEOPLE)
    while rest:
        count = data.draw(st.integers(1, len(rest)))
        some, rest = rest[:count], rest[count:]
        often.land(*some, at=clock)
        if data.draw(st.booleans()):
            often.look(clock, bots=bots)
        else:
            # whoever did something is looked at alone, as a cycle of the touched does
            touched = {PERSONS[one.person] for one in some}
            often.look_at(of_people(*sorted(touched)), clock, bots=bots)
        clock += data.draw(st.sampled_from([timedelta(0), timedelta(seconds=3), HOUR]))
    often.look(now, identities=everybody, bots=bots)
    assert often.evidence() == once.evidence()
    assert often.held() == once.held()


@_QUICK
@given(data=st.data(), events=_EVENTS)
def test_a_narrow_look_says_of_its_people_what_a_wide_one_says(
    mailboxes: Any, data: st.DataObject, events: list[Activity]
) -> None:
    now = T0 + 90 * 24 * HOUR
    narrow, wide = mailboxes(), mailboxes()
    some = data.draw(st.integers(0, len(events)))
    # page views are told of from the start
    for mailbox in (narrow, wide):
        mailbox.land(did("first", "page_view", -7200, who="bob"), *events[:some])
        mailbox.look(now)
        mailbox.land(*events[some:], at=now + HOUR)
    touched = {PERSONS[one.person] for one in events[some:]}
    narrow.look_at(of_people(*sorted(touched)), now + HOUR)
    wide.look(now + HOUR)
    assert narrow.evidence() == wide.evidence()
    assert narrow.held(now) == wide.held(now), "what was known before is not touched"


@_QUICK
@given(data=st.data(), events=_EVENTS)
def test_what_was_known_then_stays_known(mailboxes: Any, data: st.DataObject, events: list[Activity]) -> None:
    mailbox, clock = mailboxes(), T0 + 90 * 24 * HOUR
    seen = {}
    while events:
        count = data.draw(st.integers(1, len(events)))
        some, events = events[:count], events[count:]
        mailbox.land(*some, at=clock)
        if held := mailbox.held():
            word = data.draw(st.sampled_from(["release", "restore"]))
            mailbox.quarantine.answer(word, "event", [f"{SYSTEM}:email_event:{held[0]}"], who="ops", at=clock)
        mailbox.look(clock)
        seen[clock] = mailbox.held()
        clock += HOUR
    for instant, held in seen.items():
        assert mailbox.held(instant) == held
