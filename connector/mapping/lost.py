"""Mappings that cannot ask everything any more: tests of what is lost answer "unknown", wherever they stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from connector.mapping.bundle import Mappings
from connector.mapping.conditions import AllOf, AnyOf, Condition, Not, Test, tests_of
from connector.mapping.fields import CrmFields
from connector.mapping.scoring import FitDimension, ScoringModel

#: begins the name of a fact that nothing tells: a test of it is neither true nor false, nor is its opposite
_NOBODY_KNOWS = "lost:"


@dataclass(frozen=True, slots=True)
class Lost:
    """What conditions may name and no system tells any more.

    Attributes:
        facts: as conditions name them: ``title``, ``crm.Status``, ``account.employees``, ``bants.budget``.
        values: fact → values of its picklist that are gone, case-folded; tests for others still have an answer.
    """

    facts: frozenset[str] = frozenset()
    values: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Say whether anything is lost."""
        return bool(self.facts or self.values)

    def words(self) -> list[str]:
        """Name it all, sorted: equal losses have equal words."""
        values = [f"{fact}={value}" for fact, gone in self.values.items() for value in gone]
        return sorted([*self.facts, *values])

    def takes(self, test: Test) -> bool:
        """Say whether a test has no answer any more."""
        if test.field in self.facts:
            return True
        gone = self.values.get(test.field, frozenset())
        asked = test.operand if isinstance(test.operand, tuple) else (test.operand,)
        return any(str(value).casefold() in gone for value in asked)


def asks_lost(condition: Condition) -> bool:
    """Say whether a condition, as ``without`` gives it, names something that is lost."""
    return any(test.field.startswith(_NOBODY_KNOWS) for test in tests_of(condition))


def without(mappings: Mappings, lost: Lost) -> Mappings:
    """Give the mappings with every test of something lost unknown, and without lines that would write it.

    Their digest stays: they are the same files. Rules about activities are left as they are: events are not lost.
    """
    if not lost:
        return mappings
    lifecycle, routing, fields = mappings.lifecycle, mappings.routing, mappings.fields
    transitions = tuple(_with(one, lost) for one in lifecycle.transitions)
    personas, assign = (tuple(_with(one, lost) for one in lines) for lines in (routing.personas, routing.assign))
    further = tuple(_model(one, lost) for one in mappings.further)
    create = None if fields.create is None else _with(fields.create, lost)
    unsure = {one.name for one in further if any(map(asks_lost, _asked(one)))}
    return replace(
        mappings,
        scoring=_model(mappings.scoring, lost),
        further=further,
        lifecycle=lifecycle.model_copy(update={"transitions": transitions}),
        routing=routing.model_copy(update={"personas": personas, "assign": assign}),
        fields=fields.model_copy(update={"create": create, "crm": _written(fields.crm, lost, unsure)}),
    )


def _model(model: ScoringModel, lost: Lost) -> ScoringModel:
    fit = model.dimensions.fit
    account = model.account
    ready = account.ready_when
    told: dict[str, Any] = {
        "for_": _unknown(model.for_, lost),
        "roles": {role: _unknown(when, lost) for role, when in model.roles.items()},
        "dimensions": model.dimensions.model_copy(update={"fit": _fit(fit, lost)}),
        "account": account.model_copy(
            update={
                "fit": None if account.fit is None else _fit(account.fit, lost),
                "ready_when": None if ready is None else _unknown(ready, lost),
                "hierarchy": None if account.hierarchy is None else _with(account.hierarchy, lost),
            }
        ),
    }
    return model.model_copy(update=told)


def _fit(fit: FitDimension, lost: Lost) -> FitDimension:
    return fit.model_copy(update={"rules": tuple(_with(rule, lost) for rule in fit.rules)})


def _with(part: Any, lost: Lost) -> Any:
    return part.model_copy(update={"when": _unknown(part.when, lost)})


def _written(crm: CrmFields, lost: Lost, unsure: set[str]) -> CrmFields:
    """Leave out lines whose value nobody knows: facts that are lost, and further models that ask for such."""

    def known(source: str) -> bool:
        model = source.removeprefix("score.").partition(".")[0] if source.startswith("score.") else ""
        return source.removeprefix("person.") not in lost.facts and model not in unsure

    person = {name: line for name, line in crm.person.items() if known(line.source)}
    account = {name: line for name, line in crm.account.items() if known(line.source)}
    return crm.model_copy(update={"person": person, "account": account})


def _asked(model: ScoringModel) -> Iterator[Condition]:
    yield model.for_
    yield from model.roles.values()
    yield from (rule.when for rule in model.dimensions.fit.rules)


def _unknown(condition: Condition, lost: Lost) -> Condition:
    match condition:
        case Test():
            # whatever it asks: `known: false` of something lost is no yes either
            return Test(_NOBODY_KNOWS + condition.field, "is", "lost") if lost.takes(condition) else condition
        case Not(part):
            return Not(_unknown(part, lost))
        case AllOf(parts):
            return AllOf(tuple(_unknown(part, lost) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(_unknown(part, lost) for part in parts))
