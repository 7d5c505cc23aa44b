from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.salesforce import SalesforceCrm
from adapters.salesforce.updating import Updater
from connector.domain.writes import OutcomeKind, Write, WriteOutcome
from connector.errors import AccessError, RateLimited, TransientError

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
SCORE = "Handoff_Score__c"
WRITES = "POST .*/composite(/sobjects)?$"


def apply(crm: SalesforceCrm, *writes: Write) -> list[WriteOutcome]:
    outcomes = list(crm.apply(writes, now=AT))
    assert [outcome.key for outcome in outcomes] == [write.key for write in writes]
    return outcomes


def lead(key: str, **fields: Any) -> Write:
    return Write(key, "create", "lead", None, {"LastName": f"L {key}", "Company": "C", **fields})


def task(key: str, who: str | None = None, **fields: Any) -> Write:
    about = {"Subject": f"Call {key}", **({"WhoId": who} if who else {}), **fields}
    return Write(key, "create", "task", None, about)


def score(key: str, record_id: str | None, value: float, object_: str = "lead") -> Write:
    return Write(key, "update", object_, record_id, {SCORE: value}, ours=frozenset({SCORE}))


def edit(key: str, record_id: str | None, expected: dict[str, Any], **fields: Any) -> Write:
    return Write(key, "update", "lead", record_id, fields, expected=expected)


def fill(key: str, record_id: str | None, **fields: Any) -> Write:
    blanks = dict.fromkeys(fields)
    return Write(key, "update", "lead", record_id, fields, expected=blanks, if_blank=frozenset(fields))


def kinds(outcomes: list[WriteOutcome]) -> list[OutcomeKind]:
    return [outcome.kind for outcome in outcomes]


# -- creations ---------------------------------------------------------------------------------


def test_a_repeated_creation_finds_the_first_and_leaves_what_people_did(org):
    crm = org.provisioned()
    [first] = apply(crm, lead("k1"))
    assert first.kind is OutcomeKind.WRITTEN
    org.act({"do": "edit", "object": "Lead", "id": first.id, "values": {"LastName": "Corrected"}})
    [second] = apply(crm, lead("k1"))
    assert second.kind is OutcomeKind.UNCHANGED
    assert second.id == first.id
    assert org.row("Lead", first.id)["LastName"] == "Corrected"


def test_two_hundred_creations_of_three_kinds_are_one_call(org):
    crm = org.provisioned()
    writes = [
        *(lead(f"l{n}") for n in range(70)),
        *(task(f"t{n}") for n in range(70)),
        *(Write(f"c{n}", "create", "contact", None, {"LastName": "X"}) for n in range(60)),
    ]
    apply(crm, task("warm"))
    before = crm.calls()
    outcomes = apply(crm, *writes[::-1])
    assert set(kinds(outcomes)) == {OutcomeKind.WRITTEN}
    assert crm.calls() - before == 1
    assert len(org.rows("Lead")) == 70


def test_a_task_follows_the_lead_of_its_own_batch_and_of_an_earlier_one(org):
    crm = org.provisioned()
    depends = {"references": {"WhoId": "l1"}}
    made, first = apply(
        crm,
        lead("l1"),
        Write("t1", "create", "task", None, {"Subject": "a", "WhatId": "001000000000001AAA"}, **depends),
    )
    [second] = apply(crm, Write("t2", "create", "task", None, {"Subject": "b"}, **depends))
    [orphan] = apply(crm, Write("t3", "create", "task", None, {"Subject": "c"}, references={"WhoId": "nobody"}))
    for outcome in (first, second):
        row = org.row("Task", outcome.id)
        assert row["WhoId"] == made.id
        assert "WhatId" not in row
    assert (orphan.kind, orphan.code) == (OutcomeKind.RETRY, "reference_missing")


@pytest.mark.parametrize("people", [1, 100])
def test_people_and_the_tasks_in_need_of_their_ids_are_two_calls_however_many(org, people):
    crm = org.provisioned()
    apply(crm, lead("warm"))
    org.mark()
    tasks = [
        Write(f"t{n}", "create", "task", None, {"Subject": "Call"}, references={"WhoId": f"l{n}"})
        for n in range(people)
    ]
    assert set(kinds(apply(crm, *(lead(f"l{n}") for n in range(people)), *tasks))) == {OutcomeKind.WRITTEN}
    assert org.calls()["used"] == 2


def test_our_owner_stays_although_the_org_assigns_leads_itself(org):
    crm = org.provisioned()
    users = {row["Username"]: row["Id"] for row in org.rows("User")}
    [made] = apply(crm, lead("k1", OwnerId=users["rep2@corp.example"]))
    assert org.row("Lead", made.id)["OwnerId"] == users["rep2@corp.example"]


def test_without_a_key_field_nothing_is_created(org):
    [outcome] = apply(org.crm(), lead("k1"))
    assert (outcome.kind, outcome.code, outcome.fixer) == (OutcomeKind.REJECTED, "key_field_missing", "crm_admin")
    assert org.rows("Lead") == []


def test_a_key_field_that_was_deleted_is_noticed(org):
    crm = org.provisioned()
    apply(crm, lead("a"))
    org.faults({"match": WRITES, "what": "field_deleted", "object": "Lead", "field": "Handoff_Key__c", "count": 1})
    assert kinds(apply(crm, lead("b"))) == [OutcomeKind.REJECTED]
    assert apply(crm, lead("c"))[0].code == "key_field_missing"
    assert len(org.rows("Lead")) == 1


@pytest.mark.parametrize("what", ["drop_after_commit", "truncate", "reset", "html_502"])
def test_a_lost_answer_to_a_creation_is_unknown_and_then_settled_once(org, what):
    crm = org.provisioned()
    apply(crm, task("warm"))
    org.faults({"match": WRITES, "what": what, "count": 1})
    writes = [lead(f"k{n}") for n in range(3)]
    assert kinds(apply(crm, *writes)) == [OutcomeKind.UNKNOWN] * 3
    org.faults()
    applied = crm.find_applied(writes)
    there = what in ("drop_after_commit", "truncate")
    assert [bool(applied[write.key]) for write in writes] == [there] * 3
    again = apply(crm, *writes)
    assert set(kinds(again)) == {OutcomeKind.UNCHANGED if there else OutcomeKind.WRITTEN}
    assert len(org.rows("Lead")) == 3


def test_a_request_that_the_net_doubles_makes_no_double(org):
    crm = org.provisioned()
    apply(crm, task("warm"))
    org.faults({"match": WRITES, "what": "duplicate", "count": 1})
    outcomes = apply(crm, task("t1"), task("t2"))
    assert set(kinds(outcomes)) == {OutcomeKind.UNCHANGED}
    assert all(outcome.id for outcome in outcomes)
    assert len(org.rows("Task")) == 3


def test_without_a_unique_key_a_lost_task_is_found_and_never_found_twice(open_org):
    org = open_org(unique_task_key=False)
    crm = org.provisioned()
    [made] = apply(crm, lead("k1"))
    assert crm.traits().creation_key_unique == {"task": False, "lead": True, "contact": True}
    org.faults({"match": WRITES, "what": "drop_after_commit", "count": 1})
    assert kinds(apply(crm, task("t1", made.id))) == [OutcomeKind.UNKNOWN]
    found = crm.find_applied([task("t1", made.id), task("t2", made.id)])
    assert found["t1"]
    assert found["t2"] is None
    org.act({"do": "delete", "id": found["t1"]})
    assert crm.find_applied([task("t1", made.id)]) == {"t1": found["t1"]}


# -- updates -----------------------------------------------------------------------------------


def test_our_own_fields_are_written_in_one_call(org):
    crm = org.provisioned()
    made = apply(crm, *(lead(f"k{n}") for n in range(5)))
    before = crm.calls()
    writes = [score(f"u{n}", outcome.id, n + 0.5) for n, outcome in enumerate(made)]
    assert set(kinds(apply(crm, *writes))) == {OutcomeKind.WRITTEN}
    assert crm.calls() - before == 1
    assert [org.row("Lead", outcome.id)[SCORE] for outcome in made] == [0.5, 1.5, 2.5, 3.5, 4.5]
    assert crm.find_applied([*writes, score("other", made[0].id, 9)]) == {
        **{write.key: write.id for write in writes},
        "other": None,
    }


@pytest.mark.parametrize(
    ("known", "parts"), [(("a", "b"), ["PATCH"]), (("a",), ["POST", "GET", "PATCH"])], ids=["mirrored", "partly"]
)
def test_what_the_mirror_showed_is_not_read_again(org, monkeypatch, known, parts):
    crm = org.provisioned()
    made = apply(crm, lead("a"), lead("b"))
    apply(crm, score("s1", made[0].id, 5), score("s2", made[1].id, 6))
    ids, held = {"a": made[0].id, "b": made[1].id}, {"a": 5.0, "b": 6.0}
    writes = [
        Write(name, "update", "lead", ids[name], {SCORE: 50.0}, {SCORE: held[name]} if name in known else {}, {SCORE})
        for name in ("a", "b")
    ]
    asked, call = [], crm._connection.call

    def watched(method, path, **words):
        asked.append(method)
        asked.extend(part["method"] for part in (words.get("body") or {}).get("compositeRequest", ()))
        return call(method, path, **words)

    monkeypatch.setattr(crm._connection, "call", watched)
    outcomes = apply(crm, *writes)
    assert asked == parts
    assert [(outcome.kind, outcome.before) for outcome in outcomes] == [
        (OutcomeKind.WRITTEN, {SCORE: 5.0}),
        (OutcomeKind.WRITTEN, {SCORE: 6.0}),
    ]
    assert [org.row("Lead", id_)[SCORE] for id_ in ids.values()] == [50, 50]


def test_one_bad_row_does_not_hold_up_the_others(org):
    crm = org.provisioned()
    good, gone, converted = (outcome.id for outcome in apply(crm, lead("a"), lead("b"), lead("c")))
    org.act({"do": "delete", "id": gone}, {"do": "convert", "id": converted})
    writes = [score("1", good, 1), score("2", gone, 2), score("3", converted, 3), score("4", "00Q000000000000AAA", 4)]
    outcomes = apply(crm, *writes, lead("long", Title="x" * 300))
    assert kinds(outcomes) == [OutcomeKind.WRITTEN, *[OutcomeKind.REJECTED] * 4]
    assert outcomes[1].code == "ENTITY_IS_DELETED"
    assert outcomes[2].code == "CANNOT_UPDATE_CONVERTED_LEAD"
    assert outcomes[4].code == "STRING_TOO_LONG"
    assert all(outcome.fixer for outcome in outcomes[1:])
    contested = apply(
        crm, edit("5", gone, {"Title": None}, Title="T"), edit("6", converted, {"Title": None}, Title="T")
    )
    assert [outcome.code for outcome in contested] == ["ENTITY_IS_DELETED", "CANNOT_UPDATE_CONVERTED_LEAD"]


def test_a_locked_row_is_tried_later(org):
    crm = org.provisioned()
    made = apply(crm, lead("a"), lead("b"), lead("c"))
    org.faults({"match": WRITES, "what": "lock_row", "count": 1})
    outcomes = apply(crm, *(score(f"u{n}", outcome.id, 1) for n, outcome in enumerate(made)))
    assert OutcomeKind.RETRY in kinds(outcomes)
    assert set(kinds(outcomes)) <= {OutcomeKind.RETRY, OutcomeKind.WRITTEN}


def test_the_same_record_twice_is_written_in_order(org):
    crm = org.provisioned()
    [made] = apply(crm, lead("a"))
    assert set(kinds(apply(crm, score("1", made.id, 1), score("2", made.id, 2)))) == {OutcomeKind.WRITTEN}
    assert org.row("Lead", made.id)[SCORE] == 2


def test_nothing_attempted_raises_and_something_attempted_does_not(org):
    crm = org.provisioned()
    [made] = apply(crm, lead("a"))
    org.faults({"match": WRITES, "what": "429"})
    with pytest.raises(RateLimited):
        apply(crm, score("1", made.id, 1))
    org.faults({"match": "POST .*/composite$", "what": "429"})
    created, held = apply(crm, lead("b"), score("1", made.id, 1))
    assert created.kind is OutcomeKind.WRITTEN
    assert (held.kind, held.code) == (OutcomeKind.RETRY, "salesforce.request_limit_exceeded")
    org.faults({"match": WRITES, "what": "expire_token"})
    with pytest.raises(AccessError):
        apply(crm, score("1", made.id, 1))


def test_an_org_that_is_away_raises(org):
    crm = org.provisioned()
    [made] = apply(crm, lead("a"))
    crm._connection._options = type(crm._connection._options)(
        instance_url="http://127.0.0.1:9", auth=crm._connection._options.auth
    )
    with pytest.raises(TransientError):
        apply(crm, score("1", made.id, 1))


def test_a_503_with_the_vendors_words_is_certain_and_html_is_not(org):
    crm = org.provisioned()
    [made] = apply(crm, lead("a"))
    org.faults({"match": WRITES, "what": "503", "count": 1})
    assert kinds(apply(crm, score("1", made.id, 1))) == [OutcomeKind.RETRY]
    org.faults({"match": WRITES, "what": "html_502", "count": 1})
    assert kinds(apply(crm, score("1", made.id, 1))) == [OutcomeKind.UNKNOWN]


# -- fields that people write too ----------------------------------------------------------------


def test_blanks_are_filled_and_filled_ones_stay(org):
    crm = org.provisioned()
    blank, filled, equal = (outcome.id for outcome in apply(crm, lead("a"), lead("b"), lead("c")))
    org.act(
        {"do": "edit", "object": "Lead", "id": filled, "values": {"Title": "CEO"}},
        {"do": "edit", "object": "Lead", "id": equal, "values": {"Title": "VP"}},
    )
    outcomes = apply(crm, *(fill(str(n), one, Title="VP") for n, one in enumerate((blank, filled, equal))))
    assert kinds(outcomes) == [OutcomeKind.WRITTEN, OutcomeKind.HUMAN_WON, OutcomeKind.UNCHANGED]
    assert [outcome.before["Title"] for outcome in outcomes] == [None, "CEO", "VP"]
    assert [org.row("Lead", one)["Title"] for one in (blank, filled, equal)] == ["VP", "CEO", "VP"]


def test_a_stale_wish_never_touches_a_persons_value(org):
    crm = org.provisioned()
    [made] = apply(crm, lead("a", Status="Open - Not Contacted"))
    org.act({"do": "edit", "object": "Lead", "id": made.id, "values": {"Status": "Working - Contacted"}})
    wish = Write(
        "1",
        "update",
        "lead",
        made.id,
        {"Status": "Closed - Not Converted", SCORE: 7.0},
        expected={"Status": "Open - Not Contacted"},
        ours=frozenset({SCORE}),
    )
    [outcome] = apply(crm, wish)
    assert outcome.kind is OutcomeKind.HUMAN_WON
    row = org.inside.records.get("Lead", made.id)
    assert row is not None
    assert row.ever("Status") == ["Open - Not Contacted", "Working - Contacted"]
    assert row.get(SCORE) == 7.0


def test_contested_updates_take_one_look_and_one_call(org):
    crm = org.provisioned()
    made = apply(crm, *(lead(f"k{n}") for n in range(20)))
    org.mark()
    before = crm.calls()
    outcomes = apply(crm, *(edit(f"e{n}", one.id, {"Title": None}, Title="T") for n, one in enumerate(made)))
    assert set(kinds(outcomes)) == {OutcomeKind.WRITTEN}
    assert crm.calls() - before == 2


@pytest.mark.parametrize("times", [1, 2])
def test_a_person_who_comes_between_look_and_write_gets_the_value_back(org, monkeypatch, times):
    crm = org.provisioned()
    [made] = apply(crm, lead("a"))
    original = Updater._read_and_send
    left = list(range(times))

    def interrupted(self, rows):
        if left:
            number = left.pop(0)
            org.act({"do": "edit", "object": "Lead", "id": made.id, "values": {"Title": f"Human {number}"}})
        return original(self, rows)

    monkeypatch.setattr(Updater, "_read_and_send", interrupted)
    [outcome] = apply(crm, edit("1", made.id, {"Title": None}, Title="Ours"))
    assert outcome.kind is OutcomeKind.HUMAN_WON
    assert outcome.before["Title"] == f"Human {times - 1}"
    assert org.row("Lead", made.id)["Title"] == f"Human {times - 1}"


def test_a_value_that_cannot_be_given_back_is_told_to_a_person(org, monkeypatch):
    crm = org.provisioned()
    [made] = apply(crm, lead("a"))
    original = Updater._read_and_send
    turns: list[int] = []

    def interrupted(self, rows):
        turns.append(1)
        if len(turns) == 1:
            org.act({"do": "edit", "object": "Lead", "id": made.id, "values": {"Title": "Human"}})
        else:
            org.faults({"match": "POST .*/composite$", "what": "html_502"})
        return original(self, rows)

    monkeypatch.setattr(Updater, "_read_and_send", interrupted)
    [outcome] = apply(crm, edit("1", made.id, {"Title": None}, Title="Ours"))
    assert (outcome.kind, outcome.code) == (OutcomeKind.REJECTED, "put_back_failed")
    assert outcome.before["Title"] == "Human"


def test_reading_fields(org):
    crm = org.provisioned()
    one, two = (outcome.id for outcome in apply(crm, lead("a", Title="VP"), lead("b")))
    org.act({"do": "delete", "id": two})
    assert crm.read_fields("lead", [one, two, "00Q000000000000AAA"], ["Title", "LastName"]) == {
        one: {"Title": "VP", "LastName": "L a"}
    }
