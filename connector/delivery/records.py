"""Updates of records that exist: our own fields, owners, and blanks that a person left for us to fill."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from connector.delivery.ground import Ground, Person
from connector.delivery.own_fields import OwnFields, text_of
from connector.domain.records import Value
from connector.domain.writes import Cause
from connector.mapping.fields import CrmField, FieldsFile
from connector.ports.store import OutboxRow
from connector.ports.traits import AdapterTraits, FieldInfo
from connector.routing.pools import Owner

#: sources whose fields are noticed as a stage move
STAGE_SOURCES = frozenset({"stage", "stage_entry"})
_NUMBERS = frozenset({"integer", "number"})


def own_mapping(fields: FieldsFile, crm: AdapterTraits) -> dict[str, CrmField]:
    """Give our own fields on people: those of the mapping and the stage-entry number that keys are built from."""
    mapped = {name: f for name, f in fields.crm.person.items() if f.write == "always"}
    entry = crm.native.get("lead", {}).get("stage_entry", "")
    if entry:
        mapped.setdefault(entry, CrmField.model_validate({"from": "stage_entry"}))
    return mapped


def stage_fields(mapped: Mapping[str, CrmField]) -> frozenset[str]:
    """Give the fields whose change people notice as a stage move."""
    return frozenset(name for name, field in mapped.items() if field.source in STAGE_SOURCES)


def typed(value: str | None, info: FieldInfo | None) -> Value:
    """Turn the text of a result into what the field holds."""
    if value is None or info is None or info.type not in _NUMBERS:
        return value
    try:
        number = float(value)
    except ValueError:
        # somebody has made a number of a field of texts: what is wanted stays the text, which waits until that is cured
        return value
    return int(number) if number.is_integer() else number


def own_values(
    ground: Ground, object_: str, own: OwnFields, mapped: Mapping[str, CrmField], row: int
) -> dict[str, Value]:
    """Give all our fields' values for one row and kind of record."""
    info = ground.info.get(object_, {})
    return {
        name: typed(values[row].as_py(), info.get(name))
        for name, values in own.wanted.items()
        if mapped[name].only in {None, object_} and (not info or name in info)
    }


def own_rows(ground: Ground, own: OwnFields, mapped: Mapping[str, CrmField]) -> Iterator[OutboxRow]:
    """Build one update per record whose shown numbers are news and differ from what the CRM holds."""
    stages = stage_fields(mapped)
    any_differ = pa.array([False] * ground.people.num_rows, pa.bool_())
    for mask in own.differ.values():
        any_differ = pc.or_(any_differ, mask)
    todo = pc.and_(pc.and_(own.news, any_differ), pc.is_valid(ground.people.column("record")))
    asked = pc.or_(ground.people.column("in_review"), ground.people.column("erased"))
    todo = pc.and_(todo, pc.invert(asked.combine_chunks()))
    rows = pc.indices_nonzero(todo)
    # In the order of the CRM's ids rows that are sent together lie together wherever the outbox keeps them.
    rows = rows.take(pc.sort_indices(ground.people.column("record").take(rows)))
    names = [name for name in own.wanted if "crm." + name in ground.people.column_names]
    columns = ["person_id", "record", *("crm." + name for name in names)]
    people = ground.people.select(columns).take(rows).to_pylist()
    wanted = {name: values.take(rows).to_pylist() for name, values in own.wanted.items()}
    differ = {name: mask.take(rows).to_pylist() for name, mask in own.differ.items()}
    for at, person in enumerate(people):
        object_, _, id_ = person["record"].partition(":")
        info = ground.info.get(object_, {})
        fields = {
            name: typed(wanted[name][at], info.get(name))
            for name in wanted
            if differ[name][at] and mapped[name].only in {None, object_} and (not info or name in info)
        }
        if not fields:
            continue
        moved = {name: value for name, value in fields.items() if name in stages}
        # What of a first load is still on its way disturbs nobody, though the number beside it be another by now.
        moves = bool(moved) and not ground.baseline and not ground.pending.shows(ground.lane(object_, id_), moved)
        yield ground.update(
            object_,
            id_,
            fields,
            # Of a field that no pull has carried yet nothing is known: it is read when it is written.
            expected={name: typed(person["crm." + name], info.get(name)) for name in fields if name in names},
            ours=frozenset(fields),
            group="stage" if moves else "score",
            cause=Cause.STAGE_MOVE if moves else Cause.SCORE,
            rule="score",
            person_id=person["person_id"],
            reason="stage moved" if moves else "score changed",
            priority=1 if moves else 2,
        )


def account_rows(ground: Ground, own: OwnFields) -> Iterator[OutboxRow]:
    """Build one update per account whose shown score differs from what the CRM holds by the write step or more."""
    info = ground.info.get("account", {})
    wanted = {name: values.filter(own.news).to_pylist() for name, values in own.wanted.items()}
    differ = {name: mask.filter(own.news).to_pylist() for name, mask in own.differ.items()}
    mirrored = [name for name in wanted if "crm." + name in ground.accounts.column_names]
    held = {name: text_of(ground.accounts.column("crm." + name)).filter(own.news).to_pylist() for name in mirrored}
    for at, account in enumerate(ground.accounts.column("account_id").filter(own.news).to_pylist()):
        fields = {
            name: typed(wanted[name][at], info.get(name))
            for name, mask in differ.items()
            if mask[at] and (not info or name in info)
        }
        if not fields:
            continue
        yield ground.update(
            "account",
            account,
            fields,
            expected={name: typed(held[name][at], info.get(name)) for name in fields if name in held},
            ours=frozenset(fields),
            group="score",
            cause=Cause.SCORE,
            rule="account-score",
            person_id="",
            reason="account score changed",
            priority=2,
        )


def owner_row(ground: Ground, person: Person, owner: Owner, *, fast_lane: bool) -> OutboxRow | None:
    """Build the change of a record's owner, or None when it would change nothing."""
    object_, id_ = person["crm_object"], person["crm_id"]
    field, held = ground.native(object_, "owner"), person.get("owner_id")
    if not field or held == owner.id or not owner.id:
        return None
    return ground.update(
        object_,
        id_,
        {field: owner.id},
        expected={field: held},
        group="owner",
        cause=Cause.OWNER_CHANGE,
        rule="assign",
        person_id=person["person_id"],
        reason=owner.reason,
        priority=0 if fast_lane else 1,
    )


def blanks_mask(ground: Ground) -> pa.Array:
    """Find the people on whose record some field is blank that a fact of ours could fill."""
    mapped = {name: f for name, f in ground.mappings.fields.crm.person.items() if f.write == "if_blank"}
    mask = pa.array([False] * ground.people.num_rows, pa.bool_())
    for name, field in mapped.items():
        source, held = field.source.removeprefix("person."), "crm." + name
        if source not in ground.people.column_names:
            continue
        known = pc.is_valid(text_of(ground.people.column(source)))
        blank = pc.is_null(text_of(ground.people.column(held))) if held in ground.people.column_names else known
        mask = pc.or_(mask, pc.and_(known, blank))
    return pc.and_(mask, pc.is_valid(ground.people.column("record")))


def known_fills(ground: Ground, person: Person, object_: str) -> dict[str, Value]:
    """Give what we know for the fields of theirs that one kind of record has, in the CRM's own words."""
    described = ground.info.get(object_, {})
    values: dict[str, Value] = {}
    for name, field in ground.mappings.fields.crm.person.items():
        if field.write != "if_blank" or field.only not in {None, object_} or (described and name not in described):
            continue
        value = person.get(field.source.removeprefix("person."))
        cut = None if value is None else ground.fit_value(object_, name, field.values.get(str(value), value))
        if cut is not None:
            values[name] = cut
    return values


def fillable(ground: Ground, person: Person) -> dict[str, Value]:
    """Give the blanks of one record and what would fill them."""
    known = known_fills(ground, person, person["crm_object"])
    return {name: value for name, value in known.items() if person.get("crm." + name) in {None, ""}}


def fill_row(ground: Ground, person: Person, values: dict[str, Value]) -> OutboxRow:
    """Build the filling of blanks; a value somebody has put there meanwhile stays."""
    return ground.update(
        person["crm_object"],
        person["crm_id"],
        values,
        expected=dict.fromkeys(values),
        if_blank=frozenset(values),
        group="edit",
        cause=Cause.EDIT,
        rule="fill-blank",
        person_id=person["person_id"],
        reason="blank in the CRM, known to marketing",
        priority=2,
    )
