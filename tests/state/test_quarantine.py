"""The list of quarantined events: what was known when, who said what, and nothing left of those who are erased."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from connector.ports.quarantine import QUARANTINE, QUARANTINE_PAST
from connector.ports.store import IDENTITIES

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def event(id_: str, *, state: str = "held", since: datetime = NOW, **words: object) -> dict[str, object]:
    return {
        "system": "hubspot", "kind": "email_event", "id": id_, "type": "email_click",
        "ref_system": "hubspot", "ref_object": "email", "ref_id": "ada@x.example", "campaign": "c1",
        "occurred_at": NOW - HOUR, "state": state, "since": since, "patterns": "fast links",
        "after_ms": 3000, "after": "delivery", "at_once": 3, "version": -1,
    } | words  # fmt: skip


def rows(*events: dict[str, object]) -> pa.Table:
    return pa.Table.from_pylist(list(events), QUARANTINE)


NO_PAST = QUARANTINE_PAST.empty_table()


def ids(table: pa.Table) -> list[str]:
    return table.column("id").to_pylist()


@pytest.fixture
def quarantine(store):
    return store.quarantine


def test_what_was_committed_comes_back(quarantine):
    assert (quarantine.version(), quarantine.mark(), quarantine.counts()) == (0, None, {})
    assert quarantine.commit(rows(event("1"), event("2", campaign=None)), NO_PAST, at=NOW, mark="seen") == 1
    assert quarantine.rows().sort_by("id").to_pylist() == [
        event("1", version=1),
        event("2", campaign=None, version=1),
    ]
    assert (quarantine.version(), quarantine.mark()) == (1, "seen")
    assert quarantine.commit(rows(), NO_PAST, at=NOW, mark="again") == 1, "nothing changed"
    assert ids(quarantine.rows(low=NOW - 2 * HOUR, high=NOW - HOUR)) == ["1", "2"]
    assert ids(quarantine.rows(low=NOW, high=NOW)) == []


def test_held_now_and_as_it_was_known(quarantine):
    quarantine.commit(rows(event("1"), event("2")), NO_PAST, at=NOW)
    later = NOW + HOUR
    past = pa.Table.from_pylist(
        [{"system": "hubspot", "kind": "email_event", "id": "1", "since": NOW, "state": "held", "until": later}],
        QUARANTINE_PAST,
    )
    quarantine.commit(rows(event("1", state="released", since=later)), past, at=later)
    assert ids(quarantine.held()) == ["2"]
    assert ids(quarantine.held(as_of=NOW - timedelta(microseconds=1))) == []
    assert ids(quarantine.held(as_of=NOW)) == ["1", "2"]
    assert ids(quarantine.held(as_of=later - timedelta(microseconds=1))) == ["1", "2"]
    assert ids(quarantine.held(as_of=later)) == ["2"]
    ada = ["hubspot:email:ada@x.example"]
    assert quarantine.references_of("ada@x.example") == ada
    assert [row["state"] for row in quarantine.rows_of(ada).to_pylist()] == ["released", "held"]
    assert quarantine.rows_of(ada, as_of=NOW - HOUR).num_rows == 0
    then = quarantine.rows_of(ada, as_of=later - timedelta(microseconds=1)).to_pylist()
    assert [(row["id"], row["state"], row["since"]) for row in then] == [("1", "held", NOW), ("2", "held", NOW)]
    assert [row["state"] for row in quarantine.rows_of(ada, as_of=later).to_pylist()] == ["released", "held"]


def test_changes_name_whose_events_are_to_be_rebuilt(quarantine):
    quarantine.commit(rows(event("1"), event("2", ref_id="bob@x.example")), NO_PAST, at=NOW)
    quarantine.commit(rows(event("2", ref_id="bob@x.example", state="cleared")), NO_PAST, at=NOW)
    everybody = quarantine.changed_since(0).to_pylist()
    assert [row["id"] for row in everybody] == ["ada@x.example", "bob@x.example"]
    assert quarantine.changed_since(1).to_pylist() == [{"system": "hubspot", "object": "email", "id": "bob@x.example"}]
    assert quarantine.changed_since(2).num_rows == 0


def test_a_row_that_counts_as_before_keeps_its_version(quarantine):
    quarantine.commit(rows(event("1")), NO_PAST, at=NOW)
    assert quarantine.commit(rows(event("1", at_once=4, version=1), event("2", version=0)), NO_PAST, at=NOW) == 1
    assert quarantine.changed_since(1).num_rows == 0


def test_looking_at_the_list(quarantine):
    many = [event(str(n), occurred_at=NOW - n * HOUR, campaign=f"c{n % 2}") for n in range(1, 6)]
    quarantine.commit(rows(*many, event("9", state="released", campaign="c0")), NO_PAST, at=NOW)
    found, count = quarantine.listed(["held"], limit=2)
    assert (ids(found), count) == (["1", "2"], 5)
    found, count = quarantine.listed(["held", "released"], campaign="c0", limit=9)
    assert (ids(found), count) == (["9", "2", "4"], 3)
    assert quarantine.counts() == {"held": 5, "released": 1}
    assert [(one.campaign, one.held, one.released) for one in quarantine.by_campaign()] == [("c1", 3, 0), ("c0", 2, 1)]
    assert ids(quarantine.find("4")) == ["4"]
    assert len(ids(quarantine.rows_of(["hubspot:email:ada@x.example"]))) == 6
    assert ids(quarantine.rows_of(["hubspot:contact:ada@x.example"])) == []


def test_answers_wait_for_a_cycle_and_stay(quarantine, store):
    assert quarantine.answer("release", "campaign", ["hubspot:c1"], who="ann", at=NOW) == 1
    assert quarantine.answer("restore", "event", ["hubspot:email_event:1", "hubspot:email_event:2"], who="bo", at=NOW)
    waiting = quarantine.answers()
    assert [(one.number, one.answer, one.known_at) for one in waiting] == [
        (1, "release", None), (2, "restore", None), (3, "restore", None)
    ]  # fmt: skip
    quarantine.commit(rows(), NO_PAST, answers=[1, 2], at=NOW + HOUR)
    quarantine.commit(rows(), NO_PAST, answers=[1, 2, 3], at=NOW + 2 * HOUR)
    assert [one.known_at for one in quarantine.answers()] == [NOW + HOUR, NOW + HOUR, NOW + 2 * HOUR]
    deeds = [(who, what, details) for _, who, what, details in store.switches.audited()]
    assert ("ann", "quarantine release", {"scope": "campaign", "names": 1}) in deeds


def test_nothing_is_left_of_those_who_are_erased(hand, words):
    store = hand.store
    mine = {"system": "hubspot", "object": "email", "id": "ada@x.example", "person_id": "p1"}
    hand.add(identities=pa.Table.from_pylist([mine], IDENTITIES))
    past = {"system": "hubspot", "kind": "email_event", "id": "1", "since": NOW, "state": "held", "until": NOW + HOUR}
    store.quarantine.commit(
        rows(event("1"), event("2", ref_id="bob@x.example")), pa.Table.from_pylist([past], QUARANTINE_PAST), at=NOW
    )
    store.quarantine.answer("release", "person", ["hubspot:email:ada@x.example"], who="ann", at=NOW)
    store.quarantine.answer("release", "event", ["hubspot:email_event:1"], who="ann", at=NOW)
    store.quarantine.answer("release", "event", ["hubspot:email_event:2"], who="ann", at=NOW)
    receipt = store.knowledge.erase(["p1"], hashes=["h"], who="ann", at=NOW)
    assert receipt["quarantine"] == 1
    assert ids(store.quarantine.rows()) == ["2"]
    assert ids(store.quarantine.held(as_of=NOW)) == ["2"]
    assert [one.name for one in store.quarantine.answers()] == ["hubspot:email_event:2"]
    assert store.quarantine.version() == 1, "a number once given is not given again"
