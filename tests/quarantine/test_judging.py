"""What makes an event a machine's: the truth table, each row of it, and the edges of each pattern."""

from __future__ import annotations

from datetime import timedelta

import pytest
from machines_words import SECOND, T0, Mailbox, click, did, of_people

from connector.mapping.bots import Bots

HOUR = timedelta(hours=1)
NOW = T0 + 24 * HOUR
#: somebody's page view, long before: page views are told of here
WATCHED = did("watched", "page_view", -3600, who="bob")


@pytest.mark.parametrize(
    ("fast", "several", "visited", "caught"),
    [
        # a person: reads the message when it comes, clicks, reads on
        (True, False, True, False),
        # a gateway that follows one link, or the only one
        (True, False, False, True),
        # a gateway that runs the pages it looks at
        (True, True, True, True),
        (True, True, False, True),
        # a person who opens two links side by side
        (False, True, True, False),
        # a gateway that looks in later
        (False, True, False, True),
        # a person
        (False, False, True, False),
        # a person whose page does not tell of visits
        (False, False, False, False),
    ],
)
def test_two_signs_of_three(mailbox: Mailbox, fast: bool, several: bool, visited: bool, caught: bool) -> None:
    at = 4 if fast else 4000
    events = [WATCHED, did("d", "email_delivered", 0), click("k1", at)]
    events += [click("k2", at + 1, "/b")] if several else []
    events += [did("v", "page_view", at + 3)] if visited else []
    mailbox.land(*events)
    mailbox.look(NOW)
    expected = (["k1", "k2"] if several else ["k1"]) if caught else []
    assert mailbox.held() == expected
    mailbox.look(NOW + HOUR, bots=Bots(signs=3))
    assert mailbox.held() == (expected if fast and several and not visited else [])


def test_the_evidence_says_how_soon_and_how_many(mailbox: Mailbox) -> None:
    mailbox.land(WATCHED, did("d", "email_delivered", 0), did("o", "email_open", 3))
    mailbox.land(click("k1", 3, "/a"), click("k2", 3.5, "/b"), click("k3", 3, "/c"))
    kept = mailbox.look(NOW)
    assert (kept.held, kept.released, kept.version) == (4, 0, 1)
    assert mailbox.evidence() == {
        "k1": ("fast links no_visit", 3000, "delivery", 3),
        "k2": ("fast links no_visit", 3500, "delivery", 3),
        "k3": ("fast links no_visit", 3000, "delivery", 3),
        "o": ("with_clicks", None, None, None),
    }


@pytest.mark.parametrize(
    ("came", "at", "after_ms", "after"),
    [
        ([("email_delivered", 0)], 10, 10_000, "delivery"),
        ([("email_delivered", 0)], 10.001, None, None),
        # where no delivery is known, sending counts
        ([("email_sent", 0)], 9, 9_000, "sending"),
        ([("email_sent", -30), ("email_delivered", 0)], 9, 9_000, "delivery"),
        ([("email_sent", -5), ("email_delivered", 0)], 0, 0, "delivery"),
        # a gateway looks into it before it lets it in
        ([("email_sent", -30), ("email_delivered", 5)], 0, -5_000, "delivery"),
        ([("email_delivered", 11)], 0, None, None),
        # the same campaign once more: the old message is there to be clicked
        ([("email_sent", -500), ("email_delivered", -400), ("email_delivered", 5)], 0, None, None),
        ([], 5, None, None),
    ],
)
def test_how_soon_is_soon(mailbox: Mailbox, came, at, after_ms, after) -> None:
    mailbox.land(WATCHED, *(did(f"m{n}", type_, when) for n, (type_, when) in enumerate(came)), click("k", at))
    mailbox.look(NOW)
    expected = {} if after is None else {"k": ("fast no_visit", after_ms, after, None)}
    assert mailbox.evidence() == expected


@pytest.mark.parametrize(
    ("times", "links", "caught"),
    [
        ((0, 5), "ab", True),
        ((0, 5.001), "ab", False),
        ((0, 1), "aa", False),
        ((0, 4, 8), "abc", True),
        ((0, 4, 8), "aba", True),
    ],
)
def test_how_many_at_once(mailbox: Mailbox, times, links, caught) -> None:
    clicks = [click(f"k{n}", 5000 + at, f"/{link}") for n, (at, link) in enumerate(zip(times, links, strict=True))]
    mailbox.land(WATCHED, *clicks)
    mailbox.look(NOW)
    assert mailbox.held() == ([one.ref.id for one in clicks] if caught else [])


def test_links_of_two_messages_or_two_people_are_not_at_once(mailbox: Mailbox) -> None:
    mailbox.land(
        WATCHED, click("k1", 100, "/a"), click("k2", 100, "/b", campaign="c2"), click("k3", 100, "/c", who="bob")
    )
    mailbox.look(NOW)
    assert mailbox.held() == []


def test_a_visit_after_an_own_click_does_not_vouch_for_a_machine(mailbox: Mailbox) -> None:
    mailbox.land(
        WATCHED, did("d", "email_delivered", 0), click("machine", 3), click("human", 40), did("v", "page_view", 42)
    )
    mailbox.look(NOW)
    assert mailbox.held() == ["machine"]


def test_a_click_counted_twice_shares_the_visit(mailbox: Mailbox) -> None:
    mailbox.land(WATCHED, did("d", "email_delivered", 0), click("k1", 6), click("k2", 7), did("v", "page_view", 8))
    mailbox.look(NOW)
    assert mailbox.held() == []


@pytest.mark.parametrize(("after", "caught"), [(0, False), (1800, False), (1801, True), (-1, True)])
def test_how_long_a_visit_is_waited_for(mailbox: Mailbox, after: float, caught: bool) -> None:
    mailbox.land(WATCHED, did("d", "email_delivered", 0), click("k", 3), did("v", "page_view", 3 + after))
    mailbox.look(NOW)
    assert mailbox.held() == (["k"] if caught else [])


def test_nobody_is_missed_where_no_page_views_are_told(mailbox: Mailbox) -> None:
    mailbox.land(did("d", "email_delivered", 0), click("k", 3))
    mailbox.look(NOW)
    assert mailbox.held() == [], "one sign, and the other cannot be known"
    mailbox.land(did("first", "page_view", 60, who="bob"))
    mailbox.look(NOW + HOUR)
    assert mailbox.held() == [], "before the first page view absence means nothing"
    mailbox.land(did("earlier", "page_view", -60, who="bob"), at=NOW + 2 * HOUR)
    mailbox.look(NOW + 2 * HOUR)
    assert mailbox.held() == ["k"]


def test_the_page_view_is_the_persons_not_the_addresses(mailbox: Mailbox) -> None:
    mailbox.land(WATCHED, did("d", "email_delivered", 0), click("k", 3), did("v", "page_view", 5, who="ada-at-work"))
    mailbox.look(NOW)
    assert mailbox.held() == ["k"]
    joined = {"system": "hubspot", "object": "contact", "id": "ada-at-work", "person_id": "p-ada"}
    both = [*of_people("ada", "bob").to_pylist(), joined]
    together = of_people().from_pylist(both, of_people().schema)
    mailbox.look(NOW + HOUR, identities=together)
    assert mailbox.held() == [], "the two turned out to be one person"
    mailbox.look(NOW + 2 * HOUR)
    assert mailbox.held() == ["k"], "and not to be"


def test_what_a_system_marks_needs_no_further_sign(mailbox: Mailbox) -> None:
    mailbox.land(click("k", 9000, value="filtered"), did("o", "email_open", 5000, value="filtered"))
    mailbox.land(did("o2", "email_open", 5000, value="spring offer"), did("o3", "email_open", 2))
    mailbox.look(NOW)
    assert mailbox.evidence() == {"k": ("marked", None, None, None), "o": ("marked", None, None, None)}
    mailbox.look(NOW + HOUR, bots=Bots(marked="none"))
    assert mailbox.held() == []


def test_opens_alone_are_nobodys_sign(mailbox: Mailbox) -> None:
    mailbox.land(WATCHED, did("d", "email_delivered", 0), did("o", "email_open", 1))
    mailbox.look(NOW)
    assert mailbox.held() == []


def test_a_crawler_reads_more_pages_than_anybody(mailbox: Mailbox) -> None:
    views = [did(f"v{n:02}", "page_view", 3 * n) for n in range(25)]
    mailbox.land(*views, *(did(f"w{n}", "page_view", 3 * n, who="bob") for n in range(19)))
    mailbox.look(NOW)
    assert mailbox.held() == [one.ref.id for one in views]
    assert {one[3] for one in mailbox.evidence().values()} == {21}
    mailbox.look(NOW + HOUR, bots=Bots(pages="none"))
    assert mailbox.held() == []


@pytest.mark.parametrize(
    ("off", "held"),
    [
        ({"fast": "none"}, ["k1", "k2"]),
        ({"links": "none"}, ["k1", "k2"]),
        ({"visit": "none"}, ["k1", "k2"]),
        ({"fast": "none", "links": "none", "visit": "none"}, []),
        ({"fast": "none", "links": "none", "visit": "none", "marked": "none", "pages": "none"}, []),
    ],
)
def test_patterns_can_be_switched_off(mailbox: Mailbox, off, held) -> None:
    mailbox.land(WATCHED, did("d", "email_delivered", 0), click("k1", 3), click("k2", 3, "/b"))
    mailbox.look(NOW)
    assert mailbox.held() == ["k1", "k2"]
    bots = Bots(**off)
    mailbox.look(NOW + HOUR, bots=bots)
    assert mailbox.held() == held
    assert bots.off == (len(off) == 5)


def test_what_lies_at_the_edges_of_time_is_judged(mailbox: Mailbox) -> None:
    mailbox.land(WATCHED, at=NOW)
    mailbox.look(NOW)
    early = click("k", 0)._replace(occurred_at=T0.replace(year=1))
    mailbox.land(early, at=NOW + SECOND)
    mailbox.look(NOW + SECOND)
    assert mailbox.held() == []
