"""Forget a person: at once in the state, in the lake with the next turn of an engine, and whenever they come back.

Erasing leaves hashes (tombstones). Everything else follows from them, so it may be repeated, be done later, or be done
again after an older state or lake was put back: rows that tell of somebody whose reference is buried leave the lake,
further rows of theirs are not landed, and whoever appears under a buried address is buried with all their references.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from connector.domain.refs import Ref, normal_email
from connector.errors import ConfigError
from connector.identity.tombstones import Graveyard, graves
from connector.lake.erasure import Purged, purge_people
from connector.pipeline.incremental.kept import forget_kept
from connector.pipeline.incremental.kept_hits import forget_hits
from connector.pipeline.people.census import Census
from connector.pipeline.people.gathering import Gatherer, hold
from connector.pipeline.scratch import sweep_crashed
from connector.ports.store import Store
from connector.ports.traits import AdapterTraits

#: set while rows of erased people may still be in the lake
SETTING_DUE = "purge_due"
#: what the last purge took out, as JSON
SETTING_PURGED = "purged"
#: people who are known by their address only
_ADDRESS = "email"


@dataclass(frozen=True, slots=True)
class Named:
    """Whom a name means: persons, every reference of theirs as text, every address."""

    person_ids: tuple[str, ...]
    references: tuple[str, ...]
    addresses: tuple[str, ...]


def named(census: Census, who: str, *, as_of: datetime) -> Named:
    """Find everybody that an e-mail address, a reference, a bare id or our own id of a person means. Reads only.

    An address nobody has is still an address: it may be buried before it ever comes.

    Raises:
        ConfigError: nobody is known by that name, and it is no address.
    """
    text = who.strip()
    address = normal_email(text)
    holdings = hold(census.lake, census.traits, as_of=as_of, asked=census.asked())
    records = Gatherer(holdings, census.mappings.fields, census.traits, census.crm.system).people_records()
    records = records.append_column("reference", _references(records))
    known = census.store.knowledge.identities()
    known = known.append_column(
        "reference",
        pc.binary_join_element_wise(known.column("system"), known.column("object"), known.column("id"), ":"),
    )
    here = pc.or_(pc.equal(records.column("reference"), text), pc.equal(records.column("id"), address or text))
    there = pc.or_(pc.equal(known.column("reference"), text), pc.equal(known.column("person_id"), text))
    there = pc.or_(there, pc.equal(known.column("id"), address or text))
    if address:
        here = pc.or_(here, pc.fill_null(pc.equal(records.column("email"), address), False))
        here = pc.or_(here, _among(records.column("additional_emails"), address))
    found = set(records.filter(here).column("reference").to_pylist())
    found |= set(known.filter(there).column("reference").to_pylist())
    if not found and not address:
        raise ConfigError(
            "forget.unknown",
            "nobody is known by that e-mail address, CRM id or source id",
            cure="check the spelling; an e-mail address may be buried before it ever comes",
        )
    persons = _where(known, "reference", found, "person_id")
    references = found | set(_where(known, "person_id", persons, "reference"))
    references |= _created(census, persons) - set(known.column("reference").to_pylist())
    mine = records.filter(pc.is_in(records.column("reference"), value_set=pa.array(sorted(references), pa.string())))
    return Named(tuple(sorted(persons)), tuple(sorted(references)), tuple(sorted(_addresses(mine, address))))


def _created(census: Census, persons: Collection[str]) -> set[str]:
    """Name the records that we have created for people, which no pull may have shown yet."""
    made = census.store.outbox.created_for(sorted(persons)) if persons else []
    return {str(Ref(census.crm.system, object_, id_)) for object_, id_ in made if object_ in census.crm.people}


def _references(table: pa.Table) -> pa.ChunkedArray:
    """Write the references of rows as text."""
    return pc.binary_join_element_wise(*(table.column(name) for name in ("system", "object", "id")), ":")


def _among(lists: pa.ChunkedArray, address: str) -> pa.ChunkedArray:
    """Say which lists of further addresses hold one."""
    held = [text is not None and address in map(normal_email, text.split(";")) for text in lists.to_pylist()]
    return pa.chunked_array([pa.array(held, pa.bool_())])


def _where(table: pa.Table, column: str, values: Collection[str], wanted: str) -> set[str]:
    among = pc.is_in(table.column(column), value_set=pa.array(sorted(values), pa.string()))
    return set(table.filter(among).column(wanted).to_pylist())


def _addresses(records: pa.Table, address: str) -> set[str]:
    said = {address, *records.column("email").to_pylist()}
    for further in records.column("additional_emails").to_pylist():
        said.update(map(normal_email, (further or "").split(";")))
    said.update(
        id_
        for kind, id_ in zip(records.column("object").to_pylist(), records.column("id").to_pylist(), strict=True)
        if kind == _ADDRESS
    )
    return {one for one in said if one}


def forget(store: Store, whom: Named, *, install: str, who: str, at: datetime) -> dict[str, int]:
    """Erase people from the state and bury them, in one transaction; give rows per table. The lake follows (``purge``).

    May be done beside a daemon: what it was just deciding about them is erased with the purge.
    """
    receipt = store.knowledge.erase(
        whom.person_ids, hashes=graves(install, whom.references, whom.addresses), who=who, at=at
    )
    store.switches.put_setting(SETTING_DUE, "yes")
    return receipt


def forget_as_well(store: Store, whom: Named, *, install: str, who: str, at: datetime) -> int:
    """Erase people from a state that was kept, in which they may be other persons; give how many they were there.

    Should it ever stand in its place again, it knows who was erased.
    """
    known = store.knowledge.identities()
    known = known.append_column("reference", _references(known))
    persons = {*whom.person_ids, *_where(known, "reference", whom.references, "person_id")}
    there = set(known.column("person_id").to_pylist()) & persons
    forget(store, Named(tuple(sorted(persons)), whom.references, whom.addresses), install=install, who=who, at=at)
    return len(there)


def lift(store: Store, whom: Named, *, install: str, who: str, at: datetime) -> int:
    """Let people be known again after new consent; give how many names were dug up."""
    return store.knowledge.lift_tombstones(graves(install, whom.references, whom.addresses), who=who, at=at)


def purge(
    store: Store, lake_root: Path, traits: Sequence[AdapterTraits], *, install: str, at: datetime
) -> Purged | None:
    """Take erased people out of lake and state where that is due; None where it is not. The engine's turn must be ours.

    Raises:
        LocalFault: a file of the lake cannot be read or written.
    """
    if store.switches.setting(SETTING_DUE) != "yes":
        return None
    yard = Graveyard(install, store.knowledge.tombstones())
    purged = Purged()
    if yard:
        back = {
            row["person_id"]
            for row in store.knowledge.identities().to_pylist()
            if yard.holds(Ref(row["system"], row["object"], row["id"]))
        }
        if back:
            store.knowledge.erase(sorted(back), hashes=(), who="handoff", at=at)
        kinds = {object_ for one in traits for object_ in one.people}
        forget_kept(lake_root)
        forget_hits(lake_root)
        purged = purge_people(lake_root, store.manifest, kinds=kinds, is_erased=yard.holds)
        with suppress(OSError):
            # Where it may not be changed now, the next cycle, which sets aside beside it, says so.
            sweep_crashed(lake_root)
    told = {"at": at.isoformat(), "rows": purged.rows, "files": purged.files}
    store.switches.put_setting(SETTING_PURGED, json.dumps(told))
    store.switches.put_setting(SETTING_DUE, "")
    store.switches.audit("handoff", "purge", at, {"rows": purged.rows, "files": purged.files})
    return purged


def bury_again(store: Store, found: Sequence[Named], *, install: str, at: datetime) -> None:
    """Bury people who came back under a buried address or reference, with all their others: a purge is due."""
    for one in found:
        forget(store, one, install=install, who="handoff", at=at)
