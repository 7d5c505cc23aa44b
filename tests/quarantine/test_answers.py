"""What people say of events: released and restored by event, person and campaign, both ways, remembered."""

from __future__ import annotations

from datetime import timedelta

import pytest
from machines_words import T0, Mailbox, click, did, of_people

from connector.quarantine import awaited

HOUR = timedelta(hours=1)
NOW = T0 + 24 * HOUR


@pytest.fixture
def scanned(mailbox: Mailbox) -> Mailbox:
    """Two people behind gateways, with two messages each."""
    mailbox.land(did("watched", "page_view", -3600, who="cy"))
    for who in ("ada", "bob"):
        for campaign in ("c1", "c2"):
            name = f"{who}-{campaign}"
            words = {"who": who, "campaign": campaign}
            mailbox.land(did(f"{name}-d", "email_delivered", 0, **words))
            mailbox.land(click(f"{name}-1", 3, "/a", **words), click(f"{name}-2", 3, "/b", **words))
    mailbox.look(NOW)
    return mailbox


EVERYTHING = [f"{who}-{campaign}-{n}" for who in ("ada", "bob") for campaign in ("c1", "c2") for n in (1, 2)]


@pytest.mark.parametrize(
    ("scope", "name", "released"),
    [
        ("event", "hubspot:email_event:ada-c1-1", ["ada-c1-1"]),
        ("person", "hubspot:email:ada@x.example", [one for one in EVERYTHING if one.startswith("ada")]),
        ("campaign", "hubspot:c1", [one for one in EVERYTHING if "c1" in one]),
        ("person", "hubspot:email:nobody@x.example", []),
    ],
)
def test_released_and_restored(scanned: Mailbox, scope, name, released) -> None:
    version = scanned.quarantine.version()
    assert scanned.held() == EVERYTHING
    scanned.quarantine.answer("release", scope, [name], who="ops", at=NOW)
    whose = {f"{one.split('-')[0]}@x.example" for one in released}
    assert set(awaited(scanned.quarantine).column("id").to_pylist()) == whose
    assert scanned.held() == EVERYTHING, "the next cycle takes it up"
    kept = scanned.look(NOW + HOUR)
    assert scanned.held() == [one for one in EVERYTHING if one not in released]
    assert (kept.held, kept.released) == (0, len(released))
    assert awaited(scanned.quarantine).num_rows == 0
    changed = scanned.quarantine.changed_since(version).column("id").to_pylist()
    assert set(changed) == whose
    assert scanned.held(NOW) == EVERYTHING, "then nobody had said so"
    scanned.quarantine.answer("restore", scope, [name], who="ops", at=NOW)
    scanned.look(NOW + 2 * HOUR)
    assert scanned.held() == EVERYTHING
    assert scanned.held(NOW + HOUR) == [one for one in EVERYTHING if one not in released]


def test_the_latest_answer_counts_however_wide(scanned: Mailbox) -> None:
    say = scanned.quarantine.answer
    say("release", "campaign", ["hubspot:c1"], who="ops", at=NOW)
    say("restore", "event", ["hubspot:email_event:ada-c1-2"], who="ops", at=NOW)
    scanned.look(NOW + HOUR)
    assert [one for one in scanned.held() if "c1" in one] == ["ada-c1-2"]
    say("release", "person", ["hubspot:email:ada@x.example"], who="ops", at=NOW)
    scanned.look(NOW + 2 * HOUR)
    assert scanned.held() == ["bob-c2-1", "bob-c2-2"]


def test_a_release_is_remembered(scanned: Mailbox) -> None:
    scanned.quarantine.answer("release", "event", ["hubspot:email_event:ada-c1-1"], who="ops", at=NOW)
    scanned.quarantine.answer("release", "campaign", ["hubspot:c2"], who="ops", at=NOW)
    scanned.look(NOW + HOUR)
    # a visit clears them, and goes with a person who was somebody else's
    visit = did("v", "page_view", 4, who="cy")
    joined = {"system": "hubspot", "object": "contact", "id": "cy", "person_id": "p-ada"}
    both = [*of_people("ada", "bob").to_pylist(), joined]
    scanned.land(visit, at=NOW + 2 * HOUR)
    scanned.look(NOW + 2 * HOUR, identities=of_people().from_pylist(both, of_people().schema))
    scanned.look(NOW + 3 * HOUR)
    late = click("ada-c2-3", 4, "/c", who="ada", campaign="c2")
    scanned.land(late, at=NOW + 4 * HOUR)
    scanned.look(NOW + 4 * HOUR)
    held = scanned.held()
    assert "ada-c1-1" not in held
    assert "ada-c1-2" in held
    assert not [one for one in held if "c2" in one], "also what comes later"


def test_an_answer_frees_nothing_that_was_not_held(scanned: Mailbox) -> None:
    scanned.land(click("human", 9000, who="bob"))
    scanned.quarantine.answer("restore", "event", ["hubspot:email_event:human"], who="ops", at=NOW)
    scanned.look(NOW + HOUR)
    assert "human" not in scanned.held()


def test_a_narrow_look_takes_up_what_was_said(scanned: Mailbox) -> None:
    scanned.quarantine.answer("release", "person", ["hubspot:email:ada@x.example"], who="ops", at=NOW)
    scanned.look_at(of_people("ada"), NOW + HOUR)
    assert {one[:3] for one in scanned.held()} == {"bob"}


def test_a_narrow_look_before_the_first_wide_one_says_nothing(mailbox: Mailbox) -> None:
    mailbox.land(did("d", "email_delivered", 0), click("k1", 3), click("k2", 3, "/b"))
    assert mailbox.look_at(of_people("ada"), NOW).version == 0
    assert mailbox.held() == []


def test_who_was_left_out_of_a_narrow_look_is_found_by_the_next_wide_one(scanned: Mailbox) -> None:
    later = NOW + HOUR
    scanned.land(
        did("late-d", "email_delivered", 600, who="bob", campaign="c3"),
        click("late", 603, "/a", who="bob", campaign="c3"),
        at=later,
    )
    scanned.look_at(of_people("ada"), later)
    assert "late" not in scanned.held()
    scanned.look(later + HOUR)
    assert "late" in scanned.held()


def test_a_quiet_look_reads_nothing_and_changes_nothing(scanned: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    before = scanned.quarantine.rows()
    kept = scanned.look(NOW + HOUR)
    assert (kept.held, kept.released, kept.cleared) == (0, 0, 0)
    assert scanned.quarantine.rows().equals(before)
