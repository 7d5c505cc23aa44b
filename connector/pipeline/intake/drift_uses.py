"""Where the mappings need a field of a system: by file, line and rule, and what each place asks of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from connector.domain.writes import Cause
from connector.mapping.bundle import Mappings
from connector.mapping.conditions import Condition, Test, tests_of
from connector.mapping.scoring import ScoringModel
from connector.pipeline.intake.wanted import CRM_FACT, PEOPLE, WORKED_OUT, opt_out_fields
from connector.pipeline.people.gathering import native_of
from connector.ports.traits import AdapterTraits

#: where nobody can be asked whether they want to be reached, no task is opened but for those who ask themselves
_GATED = frozenset({Cause.TASK})
_ACCOUNT = "account."
#: (system, object, native field)
Field = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Use:
    """One place in the mappings that needs a field.

    Attributes:
        place: ``scoring.yaml:17 fit rule decider``.
        values: picklist values that are written there, or asked for.
        fact: what conditions call it where it is read; empty where it is only written.
        stops: causes of writes that wait for it as a whole.
    """

    place: str
    values: tuple[str, ...] = ()
    fact: str = ""
    stops: frozenset[Cause] = frozenset()


class _Asked(NamedTuple):
    """One condition: its file, what it is, and the words by which its line is found."""

    file: str
    what: str
    anchor: str
    condition: Condition


def uses_of(mappings: Mappings, traits: Iterable[AdapterTraits], crm: str) -> dict[Field, list[Use]]:
    """List, by (system, object, native field), the places of the mappings that need a field."""
    found: dict[Field, list[Use]] = {}

    def note(field: Field, use: Use) -> None:
        uses = found.setdefault(field, [])
        if use not in uses:
            uses.append(use)

    for field, use in _written(mappings, crm):
        note(field, use)
    asked = _facts_asked(mappings)
    for one in traits:
        for object_ in one.people:
            for channel, native in opt_out_fields(mappings, one, object_):
                place = place_of(mappings, "fields.yaml", native, what=f"opt_out.{channel}")
                note((one.system, object_, native), Use(place, stops=_GATED))
        for field, use in _told(mappings, one, asked, is_crm=one.system == crm):
            note(field, use)
    return found


def _written(mappings: Mappings, crm: str) -> Iterator[tuple[Field, Use]]:
    for name, line in mappings.fields.crm.person.items():
        place = place_of(mappings, "fields.yaml", name, what=f"crm.person.{name}")
        for object_ in PEOPLE if line.only is None else (line.only,):
            yield (crm, object_, name), Use(place, tuple(line.values.values()))
    for name, line in mappings.fields.crm.account.items():
        place = place_of(mappings, "fields.yaml", name, what=f"crm.account.{name}")
        yield (crm, "account", name), Use(place, tuple(line.values.values()))


def _facts_asked(mappings: Mappings) -> dict[str, list[Use]]:
    """List, by fact, the conditions that ask for it, and what besides conditions reads it."""
    found: dict[str, list[Use]] = {}
    for asked in _conditions(mappings):
        for test in tests_of(asked.condition):
            place = place_of(mappings, asked.file, asked.anchor, test.field.rpartition(".")[2], what=asked.what)
            found.setdefault(test.field, []).append(Use(place, _values(test), test.field))
    for question, name in mappings.scoring.dimensions.qualification.bants.items():
        place = place_of(mappings, "scoring.yaml", name, what=f"bants.{question}")
        found.setdefault(f"bants.{question}", []).append(Use(place, ("Yes", "No"), f"bants.{question}"))
    name = mappings.lifecycle.rejection.field
    place = place_of(mappings, "lifecycle.yaml", name, what="rejection")
    found.setdefault("rejected", []).append(Use(place, fact="rejected"))
    return found


def _values(test: Test) -> tuple[str, ...]:
    if test.operator not in {"is", "is_not", "in", "not_in"}:
        return ()
    asked = test.operand if isinstance(test.operand, tuple) else (test.operand,)
    return tuple(str(value) for value in asked)


def _told(
    mappings: Mappings, traits: AdapterTraits, asked: dict[str, list[Use]], *, is_crm: bool
) -> Iterator[tuple[Field, Use]]:
    """Give the fields of one system that facts come from which conditions ask for, or fields.yaml names."""
    system, fields = traits.system, mappings.fields
    for object_, standard in traits.people.items():
        for name in dict.fromkeys([*fields.person, *standard]):
            native = native_of(fields.person.get(name), standard, name, system)
            if not native:
                continue
            head, dot, tail = native.partition(".")
            linked = bool(dot) and head in {"company", "account"}
            field = (system, "account" if linked else object_, tail if linked else native)
            if system in (fields.person[name].sources if name in fields.person else ()):
                place = place_of(mappings, "fields.yaml", name, native, what=f"person.{name}")
                yield field, Use(place, fact=name)
            for use in asked.get(name, ()):
                yield field, use
    if not is_crm:
        return
    standard = traits.accounts.get("account", {})
    for fact, uses in asked.items():
        for place in _crm_fields(mappings, fact):
            yield from (((system, object_, place), use) for object_ in PEOPLE for use in uses)
        name = fact.removeprefix(_ACCOUNT)
        native = native_of(fields.account.get(name), standard, name, system) if name != fact else None
        if native:
            yield from (((system, "account", native), use) for use in uses)


def _crm_fields(mappings: Mappings, fact: str) -> list[str]:
    """Name the fields of leads and contacts that a fact is read from."""
    bants = mappings.scoring.dimensions.qualification.bants
    if fact == "rejected":
        return [mappings.lifecycle.rejection.field]
    if fact == "bants.confirmed":
        return list(bants.values())
    if fact.startswith("bants."):
        return [name for question, name in bants.items() if fact == f"bants.{question}"]
    name = fact.removeprefix(CRM_FACT)
    return [] if name == fact or name in WORKED_OUT else [name]


def _conditions(mappings: Mappings) -> Iterator[_Asked]:
    yield from _of_model(mappings.scoring, "scoring.yaml")
    for model in mappings.further:
        yield from _of_model(model, f"scoring-{model.name}.yaml")
    for step in mappings.lifecycle.transitions:
        yield _Asked("lifecycle.yaml", f"transition to {step.to}", step.to, step.when)
    for persona in mappings.routing.personas:
        yield _Asked("routing.yaml", f"persona {persona.id}", persona.id, persona.when)
    for line in mappings.routing.assign:
        yield _Asked("routing.yaml", f"assign to {line.to}", line.to, line.when)
    if mappings.fields.create is not None:
        yield _Asked("fields.yaml", "create", "create", mappings.fields.create.when)


def _of_model(model: ScoringModel, file: str) -> Iterator[_Asked]:
    yield _Asked(file, "for", "for", model.for_)
    for rule in model.dimensions.fit.rules:
        yield _Asked(file, f"fit rule {rule.id}", rule.id, rule.when)
    for role, when in model.roles.items():
        yield _Asked(file, f"role {role}", role, when)
    for rule in model.account.fit.rules if model.account.fit is not None else ():
        yield _Asked(file, f"account rule {rule.id}", rule.id, rule.when)
    if model.account.ready_when is not None:
        yield _Asked(file, "account.ready_when", "ready_when", model.account.ready_when)
    if model.account.hierarchy is not None:
        yield _Asked(file, "account.hierarchy", "hierarchy", model.account.hierarchy.when)


def place_of(mappings: Mappings, file: str, *words: str, what: str) -> str:
    """Name the line of a file that has all the words, else the first that has the first of them."""
    return _place(mappings.files.get(file, ""), file, words, what)


@lru_cache(maxsize=4096)
def _place(text: str, file: str, words: tuple[str, ...], what: str) -> str:
    """Search one file's text: every cycle asks for the same places, and a new text is another question."""
    asked = [re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])") for word in words if word]
    lines = [line.split(" #")[0] for line in text.splitlines()]
    for some in (asked, asked[:1], asked[-1:]):
        for number, line in enumerate(lines, 1):
            if some and all(word.search(line) for word in some):
                return f"{file}:{number} {what}"
    return f"{file} {what}"
