"""Merged and taken back is as before; chains of mergers make one person in whatever order they are told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.identity import RECORDS, Identified, answers, identify, nobody
from connector.identity.tables import DECIDED
from connector.ports.store import Review

START = datetime(2026, 1, 1, tzinfo=UTC)
QUICK = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
EMPTY = dict.fromkeys(RECORDS.names)


def record(ref, day=0, **words):
    system, object_, id_ = ref.split(":", 2)
    return EMPTY | {"system": system, "object": object_, "id": id_, "created_at": START + timedelta(days=day)} | words


def run(rows, known=None, decided=(), retired=()) -> Identified:
    told = [dict(zip(DECIDED.names, each, strict=True)) for each in decided]
    return identify(
        pa.Table.from_pylist(list(rows), schema=RECORDS),
        known or nobody(),
        keys=("crm_id", "source_id", "email"),
        install="main",
        decided=pa.Table.from_pylist(told, schema=DECIDED),
        crm="salesforce",
        now=START,
        retired=retired,
    )


def ids(found: Identified) -> dict[str, str]:
    return {f"{row['system']}:{row['object']}:{row['id']}": row["person_id"] for row in found.identities.to_pylist()}


CONTACTS = [f"hubspot:contact:{n}" for n in range(4)]
LEADS = [f"salesforce:lead:{n}" for n in "ab"]


@st.composite
def worlds(draw):
    rows = []
    for ref in CONTACTS + LEADS:
        email = draw(st.one_of(st.none(), st.sampled_from(["e0@x.example", "e1@x.example", "E.0+a@gmail.com"])))
        crm = draw(st.one_of(st.none(), st.sampled_from(LEADS))) if ref in CONTACTS else None
        rows.append(record(ref, draw(st.integers(0, 3)), email=email, crm_id=crm))
    return rows


@QUICK
@given(worlds(), st.permutations(CONTACTS), st.booleans())
def test_a_merger_taken_back_is_the_identity(rows, some, later_cycle):
    loser, winner = some[:2]
    before = run(rows)
    merged_rows = [
        each | ({"merged_into": winner} if f"hubspot:contact:{each['id']}" == loser else {}) for each in rows
    ]
    merged = run(merged_rows, before.identities)
    assert ids(merged)[loser] == ids(merged)[winner]
    if later_cycle:
        merged = run(merged_rows, merged.identities)
    retired = set(ids(before).values()) - set(ids(merged).values())
    after = run(rows, merged.identities, [(loser, winner, "parted")], retired)
    assert ids(after) == ids(before)
    assert ids(run(rows, after.identities, [(loser, winner, "parted")])) == ids(before)


@QUICK
@given(st.permutations(range(5)), st.booleans())
def test_chains_of_five_mergers_told_in_any_order_make_one_person(order, converted):
    refs = [f"hubspot:contact:{n}" for n in range(5)] + ["salesforce:lead:L" if converted else "hubspot:contact:5"]
    rows = {ref: record(ref, day) for day, ref in enumerate(refs)}
    known = run(rows.values()).identities
    assert len(set(known.column("person_id").to_pylist())) == 6
    for step in order:
        rows[refs[step]] |= {"merged_into": refs[step + 1]}
        known = run(rows.values(), known).identities
    assert len(set(known.column("person_id").to_pylist())) == 1
    assert set(ids(run(rows.values())).values()) == set(known.column("person_id").to_pylist()), "the oldest survives"


def test_an_answer_taken_back_parts_what_it_had_joined():
    rows = [record("hubspot:contact:1"), record("hubspot:contact:2", 1)]
    before = run(rows)
    joined = run(rows, before.identities, [("hubspot:contact:1", "hubspot:contact:2", "same")])
    assert len(set(ids(joined).values())) == 1
    assert ids(run(rows, joined.identities)) == ids(joined), "remembered even without the answer"
    gone = set(ids(before).values()) - set(ids(joined).values())
    parted = run(rows, joined.identities, [("hubspot:contact:1", "hubspot:contact:2", "parted")], gone)
    assert ids(parted) == ids(before)


def test_who_still_belongs_together_by_a_stated_key_forgets_nothing():
    rows = [record("hubspot:contact:1", email="a@x.example"), record("hubspot:contact:2", email="a@x.example")]
    rows.append(record("hubspot:contact:3", email="a@x.example"))
    known = run(rows).identities
    rows[2]["email"] = "other@x.example"
    parted = [("hubspot:contact:1", "hubspot:contact:2", "parted")]
    assert len(set(ids(run(rows, known, parted)).values())) == 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Jo.Doe+news@gmail.com", "jodoe@googlemail.com", True),
        ("jo+a@outlook.com", "jo@outlook.com", True),
        ("jo.doe@outlook.com", "jodoe@outlook.com", False),
        ("jo+a@acme.example", "jo@acme.example", False),
        ("j.o@acme.example", "jo@acme.example", False),
        ("jo@bücher.example", "JO@xn--bcher-kva.example", True),
        ("+a@gmail.com", "+b@gmail.com", False),
        ("jose\u0301@x.example", "josé@x.example", True),
        ("jo@me.com", "jo+x@icloud.com", True),
    ],
)
def test_addresses_are_compared_as_their_provider_delivers_them(one, other, same):
    found = ids(run([record("hubspot:contact:1", email=one), record("hubspot:contact:2", email=other)]))
    assert (len(set(found.values())) == 1) is same


def test_additional_addresses_are_compared_so_too():
    rows = [record("hubspot:contact:1", additional_emails="old@x.example; Jo.Doe@gmail.com")]
    rows.append(record("salesforce:lead:a", email="jodoe+crm@gmail.com"))
    assert len(set(ids(run(rows)).values())) == 1


@pytest.mark.parametrize(
    ("state", "answer", "expected"),
    [
        ("accepted", "", [("a:b:1", "a:b:2", "same")]),
        ("rejected", "", [("a:b:1", "a:b:2", "different")]),
        ("open", "withdrawn:accepted:", [("a:b:1", "a:b:2", "parted")]),
        ("open", "withdrawn:rejected:", []),
        ("open", "", []),
    ],
)
def test_what_answers_to_whether_two_are_one_mean(state, answer, expected):
    body = '[{"ref": "a:b:1", "person": "", "same": true}, {"ref": "a:b:2", "person": "", "same": true}]'
    told = answers([Review("r", "person", "p", body, START, state, answer)])
    assert [tuple(each.values()) for each in told.to_pylist()] == expected
