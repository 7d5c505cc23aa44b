"""What every CRM must do beside being a source."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from adapters.conformance.bench import BEFORE, CrmBench
from connector.domain.own_updates import OwnUpdates
from connector.domain.writes import OutcomeKind, Write, WriteOutcome
from connector.ports.crm import Crm

OBJECTS = ("lead", "contact", "account", "task")
#: Outcomes that leave nothing behind.
NOT_DONE = (OutcomeKind.REJECTED, OutcomeKind.RETRY)


class CrmContract:
    """Tests over one bench; ``suite.crm_contract`` binds the fixture ``bench``."""

    def test_a_creation_is_written_once_however_often_it_is_sent(self, bench: CrmBench) -> None:
        """The second answer names the first record."""
        for write in _creations(bench):
            crm = bench.crm()
            first = _only(crm, write, bench)
            assert first.kind is OutcomeKind.WRITTEN
            assert first.id
            again = _only(bench.crm(), write, bench)
            assert (again.kind, again.id) == (OutcomeKind.UNCHANGED, first.id)

    def test_a_creation_sent_twice_in_one_batch_makes_one_record(self, bench: CrmBench) -> None:
        """Both outcomes name it."""
        for write in _creations(bench):
            outcomes = bench.crm().apply([write, write], now=bench.now)
            assert len(outcomes) == 2
            assert len({outcome.id for outcome in outcomes if outcome.id}) == 1

    def test_what_was_applied_is_found_and_what_was_not_is_not(self, bench: CrmBench) -> None:
        """Every key asked for is answered."""
        for write in _creations(bench):
            never = replace(write, key=f"{write.key}-never")
            made = _only(bench.crm(), write, bench)
            assert dict(bench.crm().find_applied([write, never])) == {write.key: made.id, never.key: None}

    def test_a_lost_answer_is_unknown_and_is_settled_by_looking_up(self, bench: CrmBench) -> None:
        """After the look-up the same write repeats without doubling."""
        if not bench.lose_answer():
            return
        write = _creations(bench)[0]
        assert _only(bench.crm(), write, bench).kind is OutcomeKind.UNKNOWN
        crm = bench.crm()
        found = crm.find_applied([write])[write.key]
        assert found is not None
        again = _only(crm, write, bench)
        assert (again.kind, again.id) == (OutcomeKind.UNCHANGED, found)

    def test_an_update_is_written_read_back_and_found(self, bench: CrmBench) -> None:
        """With the value that stood before."""
        for write in _updates(bench):
            name = bench.field(write.object)
            outcome = _only(bench.crm(), write, bench)
            assert (outcome.kind, outcome.id) == (OutcomeKind.WRITTEN, write.id)
            assert outcome.before.get(name, BEFORE) == BEFORE
            crm = bench.crm()
            assert crm.read_fields(write.object, [write.id or ""], [name]) == {write.id: {name: "after"}}
            assert crm.find_applied([write]) == {write.key: write.id}
            assert _only(crm, write, bench).kind is OutcomeKind.UNCHANGED

    def test_an_update_not_applied_is_not_found(self, bench: CrmBench) -> None:
        """Another value stands there."""
        for write in _updates(bench):
            assert bench.crm().find_applied([write]) == {write.key: None}

    def test_a_persons_value_stays(self, bench: CrmBench) -> None:
        """In a field that people write too, only the expected value is replaced."""
        for ours in _updates(bench):
            name = bench.field(ours.object)
            write = replace(ours, ours=frozenset(), expected={name: BEFORE})
            bench.edit(ours.object, ours.id or "", {name: "by hand"})
            assert _only(bench.crm(), write, bench).kind is OutcomeKind.HUMAN_WON
            assert _value(bench, write) == "by hand"

    def test_an_expected_value_is_replaced(self, bench: CrmBench) -> None:
        """People's field, but untouched since we looked."""
        for ours in _updates(bench):
            write = replace(ours, ours=frozenset(), expected={bench.field(ours.object): BEFORE})
            assert _only(bench.crm(), write, bench).kind is OutcomeKind.WRITTEN
            assert _value(bench, write) == "after"

    def test_a_field_to_be_filled_if_blank_is_left_alone_otherwise(self, bench: CrmBench) -> None:
        """First it holds something, then nothing."""
        for ours in _updates(bench):
            name = bench.field(ours.object)
            write = replace(ours, ours=frozenset(), if_blank=frozenset({name}))
            assert _only(bench.crm(), write, bench).kind in (OutcomeKind.UNCHANGED, OutcomeKind.HUMAN_WON)
            assert _value(bench, write) == BEFORE
            bench.edit(ours.object, ours.id or "", {name: None})
            second = replace(write, key=f"{write.key}-second", expected={name: None})
            assert _only(bench.crm(), second, bench).kind is OutcomeKind.WRITTEN
            assert _value(bench, write) == "after"

    def test_a_refused_record_is_an_outcome_in_its_place(self, bench: CrmBench) -> None:
        """Its neighbours are written."""
        for write in _updates(bench):
            nobody = replace(write, key=f"{write.key}-nobody", id=_gone(write.id or ""))
            outcomes = bench.crm().apply([nobody, write], now=bench.now)
            assert [outcome.key for outcome in outcomes] == [nobody.key, write.key]
            assert [outcome.kind for outcome in outcomes] == [OutcomeKind.REJECTED, OutcomeKind.WRITTEN]
            assert outcomes[0].code

    def test_updates_as_one_thing_are_what_they_are_one_by_one(self, bench: CrmBench) -> None:
        """Of one that cannot be written its neighbours know nothing, and none holds more than was wished for."""
        for write in _updates(bench):
            write = replace(write, expected=dict.fromkeys(write.fields, BEFORE))  # noqa: PLW2901 - the same, known
            nobody = replace(write, key=f"{write.key}-nobody", id=_gone(write.id or ""))
            several = bench.crm().apply(_as_one(nobody, write), now=bench.now)
            assert [outcome.key for outcome in several] == [nobody.key, write.key]
            assert [outcome.kind for outcome in several] == [OutcomeKind.REJECTED, OutcomeKind.WRITTEN]
            blank = replace(write, key=f"{write.key}-blank", fields=dict.fromkeys(write.fields, ""))
            for wish, value in ((write, "after"), (blank, None)):
                [outcome] = bench.crm().apply(_as_one(wish), now=bench.now)
                assert (outcome.key, outcome.id) == (wish.key, write.id)
                assert outcome.kind in (OutcomeKind.WRITTEN, OutcomeKind.UNCHANGED)
                assert (_value(bench, write) or None) == value

    def test_a_reference_waits_for_its_record(self, bench: CrmBench) -> None:
        """A write that points at an unknown creation is not done; once it is there, the id stands in the field."""
        write, *rest = _creations(bench)
        if not rest:
            return
        updates = _updates(bench)
        name = bench.field(updates[0].object)
        pointing = replace(updates[0], fields={name: None}, references={name: write.key})
        assert _only(bench.crm(), pointing, bench).kind in NOT_DONE
        made = _only(bench.crm(), write, bench)
        assert _only(bench.crm(), pointing, bench).kind is OutcomeKind.WRITTEN
        assert _value(bench, pointing) == made.id

    def test_our_own_writes_are_pulled_back(self, bench: CrmBench) -> None:
        """A written record comes with the next pull of its stream."""
        for write in _updates(bench):
            crm = bench.crm()
            stream = next(stream.name for stream in crm.traits().streams if stream.object == write.object)
            pages = list(crm.pull(stream, None, now=bench.now))
            crm.apply([write], now=bench.now)
            again = [r for page in crm.pull(stream, pages[-1].cursor, now=bench.now) for r in page.records]
            assert [r.fields.get(bench.field(write.object)) for r in again if r.ref.id == write.id][-1:] == ["after"]

    def test_nothing_asked_is_nothing_done(self, bench: CrmBench) -> None:
        """Empty batches and look-ups are harmless."""
        crm = bench.crm()
        assert list(crm.apply([], now=bench.now)) == []
        assert dict(crm.find_applied([])) == {}
        assert crm.read_fields("lead", [], []) == {}

    def test_records_that_are_gone_are_left_out(self, bench: CrmBench) -> None:
        """Reading fields never invents a record."""
        for write in _updates(bench):
            name = bench.field(write.object)
            assert bench.crm().read_fields(write.object, [_gone(write.id or "")], [name]) == {}

    def test_the_engines_words_are_fields_that_exist_on_the_object(self, bench: CrmBench) -> None:
        """What the engine reads and writes by itself has a native name; our user is a text or nobody."""
        crm = bench.crm()
        traits = crm.traits()
        assert set(traits.native.get("task", {})) >= {"subject", "owner", "who", "status", "closed", "key", "rule"}
        assert all(name for names in traits.native.values() for name in names.values())
        assert all(key.partition(".")[2] in traits.native[key.partition(".")[0]] for key in traits.native_values)
        user = crm.user_id()
        assert user is None or user

    def test_the_clock_is_aware_or_unknown(self, bench: CrmBench) -> None:
        """Before the first call nothing is known."""
        crm = bench.crm()
        assert crm.clock() is None
        crm.apply(_updates(bench)[:1], now=bench.now)
        clock = crm.clock()
        assert clock is None or clock.utcoffset() is not None


def _creations(bench: CrmBench) -> list[Write]:
    found = []
    for object_ in OBJECTS:
        fields = dict(bench.creation(object_))
        if fields:
            found.append(Write(f"create-{object_}", "create", object_, None, fields, ours=frozenset(fields)))
    return found


def _updates(bench: CrmBench) -> list[Write]:
    found = []
    for object_ in OBJECTS:
        id_ = bench.existing(object_)
        if id_:
            name = bench.field(object_)
            fields = {name: "after"}
            found.append(Write(f"update-{object_}", "update", object_, id_, {**fields}, ours=frozenset(fields)))
    return found


def _as_one(*writes: Write) -> OwnUpdates:
    ids = [write.id or "" for write in writes]
    return OwnUpdates(writes[0].object, ids, [json.dumps(write.fields) for write in writes], lambda: writes)


def _only(crm: Crm, write: Write, bench: CrmBench) -> WriteOutcome:
    outcomes: Sequence[WriteOutcome] = crm.apply([write], now=bench.now)
    assert [outcome.key for outcome in outcomes] == [write.key]
    return outcomes[0]


def _value(bench: CrmBench, write: Write) -> object:
    name = bench.field(write.object)
    return bench.crm().read_fields(write.object, [write.id or ""], [name])[write.id or ""][name]


def _gone(id_: str) -> str:
    """Give an id of the same form that no record has."""
    return id_[:3] + "9" * (len(id_) - 3)
