"""What holds for identity whatever the records say and in whatever order they come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.identity import RECORDS, Identified, identify, nobody
from connector.identity.groups import Groups, Join, join_apart
from connector.identity.tables import DECIDED

START = datetime(2026, 1, 1, tzinfo=UTC)
REFS = [f"hubspot:contact:{n}" for n in range(4)] + [
    f"salesforce:{kind}:{n}" for kind in ("lead", "contact") for n in "ab"
]
REFS.append("hubspot:email:e0@x.example")
EMAILS = [f"e{n}@x.example" for n in range(3)]
QUICK = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def one_record(ref, draw, *, stated):
    system, object_, id_ = ref.split(":", 2)
    kin = [each for each in REFS if each.split(":")[0] == system and each != REFS[-1]]
    pick = st.one_of(st.none(), st.sampled_from(kin))
    crm = st.one_of(st.none(), st.sampled_from([each for each in REFS if each.startswith("salesforce")]))
    source = st.one_of(st.none(), st.sampled_from([each for each in REFS if each.startswith("hubspot:contact")]))
    return {
        "system": system,
        "object": object_,
        "id": id_,
        "email": draw(st.one_of(st.none(), st.sampled_from(EMAILS))),
        "created_at": draw(st.one_of(st.none(), st.integers(0, 3).map(lambda day: START + timedelta(days=day)))),
        "additional_emails": draw(st.sampled_from([None, None, "e0@x.example; E2@x.example"])),
        "deleted": draw(st.booleans()) and draw(st.booleans()),
        "merged_into": draw(st.one_of(st.none(), st.none(), pick)),
        "crm_id": draw(crm) if stated and system == "hubspot" else None,
        "source_id": draw(source) if stated and system == "salesforce" else None,
    }


@st.composite
def worlds(draw, *, stated=True):
    refs = draw(st.lists(st.sampled_from(REFS), unique=True, min_size=1))
    return [one_record(ref, draw, stated=stated) for ref in refs]


def run(rows, known=None, decided=()) -> Identified:
    return identify(
        pa.Table.from_pylist(rows, schema=RECORDS),
        known or nobody(),
        keys=("crm_id", "source_id", "email"),
        install="main",
        decided=pa.Table.from_pylist(
            [dict(zip(("left", "right", "answer"), each, strict=True)) for each in decided], schema=DECIDED
        ),
        crm="salesforce",
        now=START,
    )


def ids(found: Identified) -> dict[str, str]:
    return {f"{row['system']}:{row['object']}:{row['id']}": row["person_id"] for row in found.identities.to_pylist()}


def groups(of: dict[str, str]) -> set[frozenset[str]]:
    by_person: dict[str, set[str]] = {}
    for ref, person in of.items():
        by_person.setdefault(person, set()).add(ref)
    return {frozenset(refs) for refs in by_person.values()}


@QUICK
@given(rows=worlds(), data=st.data())
def test_the_order_of_rows_changes_nothing(rows, data):
    first, second = run(rows), run(data.draw(st.permutations(rows)))
    for table in ("identities", "persons", "why", "aliases"):
        assert getattr(first, table).equals(getattr(second, table)), table
    assert first.reviews == second.reviews


@QUICK
@given(rows=worlds())
def test_told_twice_nothing_changes(rows):
    first = run(rows)
    second = run(rows, known=first.identities)
    assert second.identities.equals(first.identities)
    assert second.persons.equals(first.persons)
    assert second.merged == 0


@QUICK
@given(rows=worlds(stated=False), data=st.data())
def test_by_address_and_merger_several_calls_give_the_groups_of_one(rows, data):
    cut = data.draw(st.integers(0, len(rows)))
    early = run(rows[:cut])
    late, once = ids(run(rows, known=early.identities)), ids(run(rows))
    assert groups(late) == groups(once)
    _given_ids_hold(ids(early), late)


@QUICK
@given(rows=worlds(), data=st.data())
def test_with_stated_keys_several_calls_give_the_groups_of_one_or_larger(rows, data):
    cut = data.draw(st.integers(0, len(rows)))
    early = run(rows[:cut])
    late, once = ids(run(rows, known=early.identities)), ids(run(rows))
    assert all(any(group <= larger for larger in groups(late)) for group in groups(once))
    _given_ids_hold(ids(early), late)


def _given_ids_hold(early: dict[str, str], late: dict[str, str]) -> None:
    """A group that holds people known before bears one of their ids; nobody known gets a new one."""
    for group in groups(late):
        before = {early[ref] for ref in group if ref in early}
        now = {late[ref] for ref in group}
        assert len(now) == 1
        assert not before or now <= before


@QUICK
@given(rows=worlds())
def test_every_reference_has_one_person_one_reason_and_every_person_a_subject_of_its_own(rows):
    found = run(rows)
    of = ids(found)
    assert len(of) == found.identities.num_rows == found.why.num_rows
    assert {f"{row['system']}:{row['object']}:{row['id']}" for row in rows} <= of.keys()
    persons = {row["person_id"]: row for row in found.persons.to_pylist()}
    assert persons.keys() == set(of.values())
    assert all(of[row["subject"]] == person for person, row in persons.items())
    for row in found.why.to_pylist():
        assert row["key"] == "subject" or of[row["to"]] == row["person_id"]


@QUICK
@given(rows=worlds())
def test_a_record_to_write_is_living_and_the_only_one_and_several_are_asked_about(rows):
    found = run(rows)
    standing = {
        f"{row['system']}:{row['object']}:{row['id']}"
        for row in rows
        if not row["deleted"]
        and row["merged_into"] in (None, f"{row['system']}:{row['object']}:{row['id']}")
        and row["system"] == "salesforce"
    }
    asked = {review.person_id for review in found.reviews}
    for person in found.persons.to_pylist():
        mine = {ref for ref, who in ids(found).items() if who == person["person_id"]} & standing
        assert set(person["crm_records"]) == mine
        assert (person["crm_state"] == "one") == (len(mine) == 1)
        assert (person["crm_state"] == "several") == (len(mine) > 1) == (person["person_id"] in asked)
        assert (person["crm_id"] is None) == (len(mine) != 1)


@QUICK
@given(rows=worlds(), data=st.data())
def test_pairs_called_different_are_apart_unless_the_systems_themselves_merged_them(rows, data):
    pairs = data.draw(
        st.lists(
            st.tuples(st.sampled_from(REFS), st.sampled_from(REFS)).filter(lambda pair: pair[0] < pair[1]), max_size=3
        )
    )
    decided = [(left, right, "different") for left, right in pairs]
    found = run(rows, decided=decided)
    of = ids(found)
    facts = ids(
        run([row | {"email": None, "additional_emails": None, "crm_id": None, "source_id": None} for row in rows])
    )
    for left, right in pairs:
        if left in of and right in of and of[left] == of[right]:
            assert facts[left] == facts[right]
    again = run(data.draw(st.permutations(rows)), decided=data.draw(st.permutations(decided)))
    assert again.identities.equals(found.identities)
    assert again.reviews == found.reviews
    settled = run(rows, known=found.identities, decided=decided)
    assert groups(ids(settled)) == groups(of)


@settings(max_examples=200, deadline=None)
@given(pairs=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9))), data=st.data())
def test_groups_are_named_by_their_smallest_member(pairs, data):
    one, other = Groups(10), Groups(10)
    one.join(*zip(*pairs, strict=True)) if pairs else None
    shuffled = data.draw(st.permutations(pairs))
    other.join(*zip(*shuffled, strict=True)) if shuffled else None
    roots = one.roots().tolist()
    assert roots == other.roots().tolist()
    assert all(roots[left] == roots[right] for left, right in pairs)
    assert all(roots[root] == root <= node for node, root in enumerate(roots))
    # nothing joins but pairs: every larger group hangs together by them
    joined = {frozenset(pair) for pair in pairs}
    for root in set(roots):
        members, seen = {node for node, of in enumerate(roots) if of == root}, {root}
        while more := {n for n in members - seen if any(frozenset((n, known)) in joined for known in seen)}:
            seen |= more
        assert seen == members


@settings(max_examples=200, deadline=None)
@given(
    joins=st.lists(st.builds(Join, st.integers(0, 2), st.integers(0, 6), st.integers(0, 6))),
    apart=st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda pair: pair[0] < pair[1]), max_size=4),
    data=st.data(),
)
def test_what_must_stay_apart_stays_apart_in_any_order(joins, apart, data):
    def partition(kept):
        return {frozenset(node for node in range(7) if kept.find(node) == kept.find(root)) for root in range(7)}

    kept = join_apart(range(7), joins, apart)
    assert all(kept.find(left) != kept.find(right) for left, right in apart)
    assert partition(kept) == partition(join_apart(range(7), data.draw(st.permutations(joins)), apart))
