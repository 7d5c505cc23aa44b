"""Whom a reader means: an address, an id of any system, a reference as it is printed, a company by domain or name.

Never a guess: where several people or accounts answer to a word, all are named and the reader chooses.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from connector.domain.company_domains import web_host
from connector.domain.refs import normal_email
from connector.errors import ConfigError
from connector.pipeline.people.census import Census
from connector.pipeline.people.population import Population

_CURE = "check the spelling, or pull first: `handoff run --once` or `handoff plan`"
#: the vendor shows ids of 15 characters in places, which 3 more make safe where case is lost (Salesforce, "ID field")
SHORT_ID, _LONG_ID = 15, 18


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person who was found: the part they are in, and their id."""

    part: int
    person_id: str


def find(census: Census, population: Population, text: str) -> Somebody | str:
    """Give the person that is meant, or the id of the account.

    Understood are e-mail addresses, our person ids, references (``salesforce:contact:003…``, ``contact:003…``), bare
    ids of any system, ids of people who have become others, and accounts by id, domain or name.

    Raises:
        ConfigError: nobody is known by that name at that time, or several are.
    """
    people = _people(census, population, text)
    parts = {person_id: part for person_id in people if (part := population.part_of(person_id)) is not None}
    # an address means a person: who asks about somebody erased or unknown must not be answered with their company
    accounts = [] if parts or normal_email(text) else _accounts(population, text)
    if len(parts) + len(accounts) > 1:
        raise ConfigError(
            "explain.several",
            f"several answer to that: {', '.join([*parts, *accounts][:10])}",
            cure="name one of them by its id",
        )
    for person_id, part in parts.items():
        return Somebody(part, person_id)
    for account_id in accounts:
        return account_id
    if people:
        raise ConfigError(
            "explain.gone",
            f"{', '.join(people[:5])} stood in no system at that time: deleted, or not there yet",
            cure="`--as-of` with a time at which they were there",
        )
    raise ConfigError(
        "explain.unknown",
        "nobody is known by that e-mail address, id, domain or name at that time",
        cure=_CURE,
    )


def _people(census: Census, population: Population, text: str) -> list[str]:
    """List the persons that a word may mean, by the first way of naming that anybody answers to."""
    identities = population.identified.identities
    address = normal_email(text)
    if address:
        return _of_address(population, address) or _whose(identities, {"id": address})
    if population.part_of(text) is not None:
        return [text]
    named = text.split(":", 2)
    if len(named) == 3:
        return _whose(identities, dict(zip(("system", "object", "id"), named, strict=True)))
    if len(named) == 2:
        return _whose(identities, {"system": census.crm.system, "object": named[0], "id": named[1]})
    return _whose(identities, {"id": text}) or _by_short_id(identities, text) or _became(census, identities, text)


def _of_address(population: Population, address: str) -> list[str]:
    found: list[str] = []
    for number in range(population.parts):
        people = population.passes.gathered(number).select(["person_id", "email"])
        same = pc.equal(pc.utf8_lower(people.column("email")), address)
        found += people.filter(same).column("person_id").to_pylist()
    return found


def _whose(identities: pa.Table, words: dict[str, str]) -> list[str]:
    for name, word in words.items():
        identities = identities.filter(pc.equal(identities.column(name), word))
    return sorted(set(identities.column("person_id").to_pylist()))


def _by_short_id(identities: pa.Table, text: str) -> list[str]:
    if len(text) != SHORT_ID:
        return []
    ids = identities.column("id")
    long = pc.and_(pc.starts_with(ids, text), pc.equal(pc.utf8_length(ids), _LONG_ID))
    return sorted(set(identities.filter(long).column("person_id").to_pylist()))


def _became(census: Census, identities: pa.Table, person_id: str) -> list[str]:
    """Follow somebody who turned out to be another: to whoever has their references now."""
    refs = set(census.store.past.references_of(person_id))
    if not refs:
        return []
    named = pc.binary_join_element_wise(*(identities.column(name) for name in ("system", "object", "id")), ":")
    mine = pc.is_in(named, value_set=pa.array(sorted(refs), pa.string()))
    return sorted(set(identities.filter(mine).column("person_id").to_pylist()))


def _accounts(population: Population, text: str) -> Sequence[str]:
    """List the accounts that a word may mean: an id, also as a reference, else a domain, else a name."""
    accounts = population.accounts
    id_ = text.rpartition(":")[2] if text.count(":") and text.split(":")[-2] == "account" else text
    ids = accounts.column("account_id")
    exact = accounts.filter(pc.equal(ids, id_))
    if not exact.num_rows and len(id_) == SHORT_ID:
        exact = accounts.filter(pc.and_(pc.starts_with(ids, id_), pc.equal(pc.utf8_length(ids), _LONG_ID)))
    if exact.num_rows:
        return _ids(exact.column("account_id").to_pylist())
    host = web_host(text)
    if host and "website" in accounts.column_names:
        sites = accounts.column("website").to_pylist()
        same = [id_ for id_, site in zip(ids.to_pylist(), sites, strict=True) if site and web_host(site) == host]
        if same:
            return _ids(same)
    wanted = text.strip().casefold()
    names = zip(ids.to_pylist(), accounts.column("name").to_pylist(), strict=True)
    return _ids(id_ for id_, name in names if name and name.strip().casefold() == wanted)


def _ids(ids: Iterable[str]) -> list[str]:
    return sorted(set(ids))
