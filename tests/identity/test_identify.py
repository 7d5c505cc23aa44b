"""Each rule of identity, on a handful of records."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from connector.domain.refs import digest
from connector.identity import RECORDS, Identified, answers, identify, nobody, undecided
from connector.identity.tables import DECIDED

START = datetime(2026, 1, 1, tzinfo=UTC)
KEYS = ("crm_id", "source_id", "email")
SCHEMA = {field.name: None for field in RECORDS}


def row(ref, email=None, day=0, **more):
    system, object_, id_ = ref.split(":", 2)
    created = START + timedelta(days=day)
    return SCHEMA | {"system": system, "object": object_, "id": id_, "email": email, "created_at": created} | more


def run(*rows, known=None, keys=KEYS, decided=(), install="main") -> Identified:
    records = pa.Table.from_pylist(list(rows), schema=RECORDS)
    told = pa.Table.from_pylist(
        [dict(zip(("left", "right", "answer"), each, strict=True)) for each in decided], schema=DECIDED
    )
    return identify(records, known or nobody(), keys=keys, install=install, decided=told, crm="salesforce", now=START)


def groups(found: Identified) -> set[frozenset[str]]:
    by_person: dict[str, set[str]] = {}
    for each in found.identities.to_pylist():
        by_person.setdefault(each["person_id"], set()).add(f"{each['system']}:{each['object']}:{each['id']}")
    return {frozenset(refs) for refs in by_person.values()}


def holder(found: Identified, ref: str) -> dict:
    system, object_, id_ = ref.split(":", 2)
    (who,) = [
        each["person_id"]
        for each in found.identities.to_pylist()
        if (each["system"], each["object"], each["id"]) == (system, object_, id_)
    ]
    (person,) = [each for each in found.persons.to_pylist() if each["person_id"] == who]
    return person


def reason(found: Identified, ref: str) -> tuple[str, str]:
    system, object_, id_ = ref.split(":", 2)
    ((key, to),) = [
        (each["key"], each["to"])
        for each in found.why.to_pylist()
        if (each["system"], each["object"], each["id"]) == (system, object_, id_)
    ]
    return key, to


H1, H2, M1 = "hubspot:contact:1", "hubspot:contact:2", "marketo:contact:1"
C1, C2, L1, L2, L3 = (f"salesforce:{kind}" for kind in ("contact:C1", "contact:C2", "lead:L1", "lead:L2", "lead:L3"))


def test_nothing_in_nothing_out():
    found = run()
    assert found.identities.num_rows == found.persons.num_rows == found.why.num_rows == found.merged == 0
    assert found.reviews == []


@pytest.mark.parametrize(
    ("source", "crm", "key"),
    [
        ({"crm_id": L1}, {}, "crm_id"),
        ({}, {"source_id": H1}, "source_id"),
        ({"email": "a@x.example"}, {"email": "a@x.example"}, "email"),
        ({"email": "b@x.example", "additional_emails": " A@X.example;c@x.example"}, {"email": "a@x.example"}, "email"),
    ],
)
def test_each_key_joins_and_says_so(source, crm, key):
    found = run(row(H1, **source), row(L1, day=1, **crm))
    person = holder(found, H1)
    assert (person["crm_state"], person["crm_object"], person["crm_id"]) == ("one", "lead", "L1")
    assert reason(found, H1) == ("subject", "")
    assert reason(found, L1) == (key, H1)


def test_a_key_left_out_of_the_mapping_joins_nobody():
    found = run(row(H1, "a@x.example", crm_id=L1), row(L1, "a@x.example"), keys=("source_id",))
    assert len(groups(found)) == 2


def test_a_stronger_key_decides_against_a_weaker_one():
    rows = (row(H1, "a@x.example", crm_id=C1), row(C1, "old@x.example"), row(C2, "a@x.example"))
    found = run(*rows)
    assert groups(found) == {frozenset({H1, C1}), frozenset({C2})}
    assert found.reviews == []
    turned = run(*rows, keys=("email", "crm_id"))
    assert groups(turned) == {frozenset({H1, C2}), frozenset({C1})}


def test_a_stated_record_that_is_gone_leaves_the_place_to_the_next_key():
    found = run(row(H1, "a@x.example", crm_id=C1), row(C1, "old@x.example", deleted=True), row(C2, "a@x.example"))
    assert holder(found, H1)["crm_id"] == "C2"


def test_the_id_is_built_from_the_oldest_source_record_not_from_the_crm():
    found = run(row(C1, "a@x.example", day=-400), row(H1, "a@x.example", day=3), row(M1, "a@x.example", day=2))
    person = holder(found, C1)
    assert person["subject"] == M1
    assert person["person_id"] == "p" + digest("main", *M1.split(":"), length=24)
    assert person["created_at"] == START - timedelta(days=400)
    assert person["sources"] == [H1, M1]
    assert run(row(M1), install="other").persons["person_id"][0].as_py() != person["person_id"]


def test_a_person_known_to_the_crm_only_counts_too():
    person = holder(run(row(C1, None)), C1)
    assert (person["subject"], person["crm_state"], person["sources"], person["living"]) == (C1, "one", [], True)


def test_two_leads_of_one_address_are_one_person_and_a_question():
    found = run(row(H1, "a@x.example"), row(L1, "a@x.example"), row(L2, "a@x.example"))
    assert len(groups(found)) == 1
    person = holder(found, H1)
    assert (person["crm_state"], person["crm_id"], person["crm_records"]) == ("several", None, [L1, L2])
    (review,) = found.reviews
    assert review.person_id == person["person_id"]
    candidates = json.loads(review.candidates)
    assert [each["ref"] for each in candidates] == [L1, L2]
    assert all(each["evidence"] for each in candidates)
    assert "x.example" not in review.candidates


def test_the_record_a_source_states_does_not_silence_the_question_about_its_double():
    found = run(row(H1, "a@x.example", crm_id=C1), row(C1, "a@x.example"), row(L1, "a@x.example"))
    assert holder(found, H1)["crm_state"] == "several"


def test_a_converted_lead_is_no_second_candidate():
    found = run(row(H1, "a@x.example", crm_id=L1), row(L1, "a@x.example", merged_into=C1), row(C1, "a@x.example"))
    person = holder(found, H1)
    assert (person["crm_state"], person["crm_id"]) == ("one", "C1")
    assert reason(found, C1) == ("converted", L1)


def test_a_converted_lead_whose_contact_is_out_of_sight_is_not_a_person_without_crm_record():
    found = run(row(H1, "a@x.example"), row(L1, "a@x.example", merged_into=C1))
    person = holder(found, H1)
    assert (person["crm_state"], person["crm_id"]) == ("gone", None)


def test_chains_of_mergers_are_followed_and_cycles_survived():
    chain = run(row(L1, merged_into=L2), row(L2, merged_into=C1), row(C1), row(H1, crm_id=L1))
    assert groups(chain) == {frozenset({L1, L2, C1, H1})}
    assert holder(chain, H1)["crm_id"] == "C1"
    ring = run(row(L1, merged_into=L2), row(L2, merged_into=L1), row(L3, merged_into=L3))
    assert groups(ring) == {frozenset({L1, L2}), frozenset({L3})}
    assert holder(ring, L3)["crm_state"] == "one"


def test_a_deleted_record_keeps_its_person_who_is_not_living():
    first = run(row(H1, "a@x.example"), row(L1, "a@x.example"))
    second = run(row(H1, "a@x.example"), row(L1, "a@x.example", deleted=True), known=first.identities)
    assert second.identities.equals(first.identities)
    assert holder(second, H1)["crm_state"] == "gone"
    assert holder(second, H1)["living"]
    third = run(row(H1, "a@x.example", deleted=True), row(L1, "a@x.example", deleted=True), known=second.identities)
    assert not holder(third, H1)["living"]


def test_the_loser_of_a_merger_is_no_tombstone_while_the_winner_lives():
    found = run(row(H1, deleted=True, merged_into=H2), row(H2, day=5))
    person = holder(found, H1)
    assert (person["living"], person["sources"], person["subject"]) == (True, [H2], H1)


def test_a_person_known_by_address_belongs_to_who_holds_it():
    mail = row("hubspot:email:a@x.example", day=-9)
    alone = run(mail)
    assert alone.persons.num_rows == 1
    assert not alone.persons["living"][0].as_py()
    found = run(mail, row(H1, "a@x.example"))
    assert holder(found, "hubspot:email:a@x.example")["subject"] == H1
    assert "x.example" not in str(reason(found, H1))


def test_an_address_that_two_persons_hold_goes_to_the_source_record():
    found = run(
        row("hubspot:email:a@x.example"),
        row(H1, "a@x.example", crm_id=C1),
        row(C1, "old@x.example"),
        row(C2, "a@x.example"),
    )
    assert groups(found) == {frozenset({"hubspot:email:a@x.example", H1, C1}), frozenset({C2})}


def test_when_two_known_persons_become_one_the_older_subject_survives():
    apart = run(row(H1, "a@x.example", day=1), row(M1, "b@x.example", day=0))
    older, younger = holder(apart, M1)["person_id"], holder(apart, H1)["person_id"]
    met = run(row(H1, "a@x.example", day=1), row(M1, "a@x.example", day=0), known=apart.identities)
    assert set(met.identities["person_id"].to_pylist()) == {older}
    assert met.aliases.to_pylist() == [{"person_id": younger, "into": older}]
    assert met.merged == 1
    again = run(row(H1, "a@x.example", day=1), row(M1, "a@x.example", day=0), known=met.identities)
    assert again.identities.equals(met.identities)
    assert again.merged == 0


def test_a_known_person_keeps_its_id_when_an_older_record_turns_up():
    first = run(row(H1, "a@x.example", day=5))
    second = run(row(H1, "a@x.example", day=5), row(M1, "a@x.example", day=0), known=first.identities)
    assert holder(second, M1)["person_id"] == holder(first, H1)["person_id"]
    assert holder(second, M1)["subject"] == H1


def test_a_pair_once_joined_stays_joined_when_the_address_changes():
    first = run(row(H1, "a@x.example"), row(L1, "a@x.example"))
    second = run(row(H1, "new@x.example"), row(L1, "a@x.example"), known=first.identities)
    assert holder(second, H1)["crm_id"] == "L1"
    assert reason(second, L1)[0] == "known"


def test_a_late_stronger_statement_against_a_remembered_pair_is_a_question():
    first = run(row(H1, "a@x.example"), row(C2, "a@x.example"))
    second = run(
        row(H1, "a@x.example", crm_id=C1), row(C1, "o@x.example"), row(C2, "a@x.example"), known=first.identities
    )
    assert holder(second, H1)["crm_state"] == "several"
    assert len(second.reviews) == 1


def test_references_of_vanished_records_are_kept():
    first = run(row(H1, "a@x.example", crm_id=L1))
    second = run(row(M1, "b@x.example"), known=first.identities)
    assert groups(second) == {frozenset({H1, L1}), frozenset({M1})}
    assert holder(second, H1)["person_id"] == holder(first, H1)["person_id"]


DOUBLES = (row(H1, "a@x.example"), row(L1, "a@x.example"), row(L2, "a@x.example"))


def test_an_accepted_candidate_is_written_and_remembered_when_a_third_double_appears():
    (review,) = run(*DOUBLES).reviews
    told = answers([replace(review, state="accepted", answer=L2)])
    found = identify(
        pa.Table.from_pylist([*DOUBLES, row(L3, "a@x.example")], schema=RECORDS),
        nobody(),
        keys=KEYS,
        install="main",
        decided=told,
        crm="salesforce",
        now=START,
    )
    person = holder(found, H1)
    assert (person["crm_state"], person["crm_id"], len(groups(found))) == ("one", "L2", 1)
    assert found.reviews == []


def test_a_source_record_named_the_same_as_a_candidate_decides():
    found = run(*DOUBLES, decided=[(H1, L1, "same")])
    assert (holder(found, H1)["crm_id"], found.reviews) == ("L1", [])


def test_different_people_behind_one_address_leave_the_source_record_with_neither():
    first = run(*DOUBLES)
    apart = [(L1, L2, "different")]
    found = run(*DOUBLES, decided=apart, known=first.identities)
    assert groups(found) == {frozenset({H1}), frozenset({L1}), frozenset({L2})}
    person = holder(found, H1)
    assert (person["crm_state"], person["crm_id"]) == ("several", None)
    assert person["person_id"] == holder(first, H1)["person_id"]
    (review,) = found.reviews
    assert review.id != first.reviews[0].id
    told = [
        *apart,
        *(tuple(each.values()) for each in answers([replace(review, state="accepted", answer=L2)]).to_pylist()),
    ]
    settled = run(*DOUBLES, decided=told, known=found.identities)
    assert groups(settled) == {frozenset({H1, L2}), frozenset({L1})}
    assert (holder(settled, H1)["crm_id"], settled.reviews) == ("L2", [])


def test_neither_of_them_ends_the_question():
    apart = [(L1, L2, "different")]
    (review,) = run(*DOUBLES, decided=apart).reviews
    told = [*apart, *(tuple(each.values()) for each in answers([replace(review, state="rejected")]).to_pylist())]
    found = run(*DOUBLES, decided=told)
    assert holder(found, H1)["crm_state"] == "none"
    assert found.reviews == []


def test_different_and_same_together():
    found = run(*DOUBLES, decided=[(L1, L2, "different"), (H1, L1, "same")])
    assert groups(found) == {frozenset({H1, L1}), frozenset({L2})}
    assert found.reviews == []


def test_the_crms_own_merger_is_a_fact_against_an_answer():
    rows = (row(L1, "a@x.example", merged_into=L2), row(L2, "a@x.example"))
    assert len(groups(run(*rows, decided=[(L1, L2, "different")]))) == 1


def test_a_group_without_the_torn_pair_is_left_alone():
    found = run(*DOUBLES, row(M1, "z@x.example"), row(C1, "z@x.example"), decided=[(L1, L2, "different")])
    assert holder(found, M1)["crm_id"] == "C1"


def test_two_rows_of_one_reference_are_refused():
    with pytest.raises(ValueError, match="two rows"):
        run(row(H1), row(H1))


def test_a_missing_column_is_refused():
    with pytest.raises(ValueError, match="email"):
        identify(
            pa.table({"system": ["a"], "object": ["contact"], "id": ["1"]}),
            nobody(),
            keys=KEYS,
            install="main",
            decided=undecided(),
            crm="salesforce",
            now=START,
        )


def test_malformed_references_are_no_references():
    found = run(row(H1, crm_id="nonsense"), row(H2, crm_id=""), row(M1, crm_id="a:b:"))
    assert len(groups(found)) == 3
