"""What everybody's answer depends on beside their own records: where any of it differs, everybody is worked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
from pydantic import BaseModel

from connector import __version__
from connector.domain.refs import digest
from connector.lake.layout import FIELD
from connector.mapping.bundle import Mappings
from connector.mapping.conditions import Test
from connector.pipeline.people.census import Census
from connector.ports.store import Review
from connector.ports.traits import AdapterTraits, FieldInfo

#: raised with every change of what is kept or of how it is used
_FORMAT = "4"
#: what an adapter has from its system: the limit of calls concerns no answer, unique keys only what is written
_LEARNED = ("creation_key_unique", "daily_calls")
_TOLD_OF_FIELDS = tuple(one.name for one in fields(FieldInfo))


def ground_of(
    census: Census,
    *,
    now: datetime,
    described: Mapping[str, Mapping[str, FieldInfo]],
    own: str | None,
    answered: Iterable[Review],
) -> dict[str, str]:
    """Give digests by name (docs/incremental.md, "Everybody"), without ``users`` and ``queues``."""
    knowledge = census.store.knowledge
    told = {
        "program": (_FORMAT, __version__, duckdb.__version__),
        "mappings": census.mappings.digest,
        "lost": census.lost.words(),
        "install": census.install,
        "zone": census.time_zone,
        "day": now.astimezone(ZoneInfo(census.time_zone)).date().isoformat(),
        "systems": [_unlearned(one) for one in census.traits],
        "keys": [one.creation_key_unique for one in census.traits],
        "marks": sorted((name, at.isoformat()) for name, at in knowledge.marks().items()),
        "own": own or "",
        "fields": {object_: {name: _words(info) for name, info in of.items()} for object_, of in described.items()},
        "tombstones": sorted(knowledge.tombstones()),
        "quarantine": len(census.store.quarantine.answers()),
        "machines": [(one.number, one.answer, one.scope, one.name) for one in census.store.quarantine.answers()],
        "answers": sorted((review.id, review.state, review.answer) for review in answered),
    }
    return {name: _digest(value) for name, value in told.items()}


def _words(info: FieldInfo) -> dict[str, Any]:
    """Give what is told of one field: all of it is plain, and copying it deeply takes ten times as long."""
    return {name: getattr(info, name) for name in _TOLD_OF_FIELDS}


def _unlearned(traits: AdapterTraits) -> dict[str, Any]:
    """Give what an adapter says of itself whether it has asked its system yet or not: who explains has not."""
    return {name: value for name, value in asdict(traits).items() if name not in _LEARNED}


def workers(census: Census, *, as_of: datetime) -> dict[str, str]:
    """Give digests of who works in the CRM: users and queues, as far as routing looks at them."""
    return {f"{kind}s": _digest(_rows(census, census.crm, kind, as_of)) for kind in ("user", "queue")}


def _rows(census: Census, crm: AdapterTraits, kind: str, as_of: datetime) -> list[Any]:
    names = sorted({FIELD + native for native in crm.native.get(kind, {}).values()})
    table = census.lake.current(crm.system, kind, as_of=as_of, columns=names)
    rows: list[Any] = table.select(
        ["id", "deleted", *(name for name in names if name in table.column_names)]
    ).to_pylist()
    return rows


def _digest(value: Any) -> str:
    return digest(json.dumps(value, sort_keys=True, default=_plain))


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, (set, frozenset)) else str(value)


def tests_in(rules: Any) -> Iterator[Test]:
    """Walk every test of every condition in mapping files, wherever it stands."""
    if isinstance(rules, Test):
        yield rules
    elif isinstance(rules, BaseModel):
        for name in type(rules).model_fields:
            yield from tests_in(getattr(rules, name))
    elif is_dataclass(rules) and not isinstance(rules, type):
        for one in fields(rules):
            yield from tests_in(getattr(rules, one.name))
    elif isinstance(rules, Mapping):
        for value in rules.values():
            yield from tests_in(value)
    elif isinstance(rules, Sequence) and not isinstance(rules, (str, bytes)):
        for value in rules:
            yield from tests_in(value)


def unfit(mappings: Mappings) -> str:
    """Say by which rules everybody must be worked in each cycle (``within``, ``names``); empty where by none."""
    if "name_account" in mappings.matching.person.keys:
        return "names"
    return "within" if "within" in _tested(mappings)[1] else ""


def asked_of_accounts(mappings: Mappings) -> frozenset[str]:
    """Name what conditions and fields about people ask of their account, without ``account.``."""
    asked = _tested(mappings)[0] | {field.source for field in mappings.fields.crm.person.values()}
    return frozenset(name.removeprefix("account.") for name in asked if name.startswith("account."))


def _tested(mappings: Mappings) -> tuple[frozenset[str], frozenset[str]]:
    """Give the fields and the operators of all tests; walking all files costs more than many a small cycle's query."""
    global _last  # noqa: PLW0603 - of the process, which works by one set of rules at a time
    if _last is None or _last[0] is not mappings:
        tests = list(tests_in(mappings))
        _last = (mappings, frozenset(test.field for test in tests), frozenset(test.operator for test in tests))
    return _last[1:]


_last: tuple[Mappings, frozenset[str], frozenset[str]] | None = None
