"""scoring.yaml: one scale, closed bands, rules that are told apart, pages that are named, examples that can run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Any

from connector.domain.records import ACTIVITY_TYPES
from connector.mapping.agreement.naming import check_condition
from connector.mapping.agreement.overlap import may_both_hold, picks_pages
from connector.mapping.agreement.report import Report, Shaped, unknown
from connector.mapping.conditions import ConditionError, parse_condition
from connector.mapping.facts import (
    ACTIVITY_FACTS,
    EXPECTED_FACTS,
    LETTERS,
    READY_FACTS,
    Fact,
    account_facts,
    person_facts,
)
from connector.mapping.places import Path
from connector.mapping.scoring import FitDimension, ScoringModel
from connector.mapping.values import SCALE

_FILE = "scoring"
_NUMBERS = (1, 2, 3, 4)
#: names of lines that are not rules
_RESERVED_RULES = frozenset({"limit"})
#: what a deed of an example says besides its type and what the activity carries
_DEED_NUMBERS = ("days_ago", "times")
_FIT_SEES = "fit rules and roles see standard columns, lines of fields.yaml, domain and account.NAME"
_ACCOUNT_SEES = "the account's fit sees account.NAME"


def check_scoring(report: Report, shaped: Shaped) -> None:
    """Check everything that scoring.yaml says of itself, and of fields.yaml and routing.yaml."""
    model = shaped.scoring
    if model is None:
        return
    if model.win is None:
        message = "a model without a win is refused: say what counts as won, for example win: opportunity_won"
        report.add(_FILE, ("win",), message)
    _check_ids(report, model)
    _check_bands(report, shaped, model)
    _check_groups(report, shaped, model)
    _check_pages(report, model)
    _check_facts(report, shaped, model)
    _check_fast_lane(report, shaped, model)
    _check_examples(report, shaped, model)


def _check_ids(report: Report, model: ScoringModel) -> None:
    dimensions = model.dimensions
    placed: list[tuple[Path, str]] = []
    for dimension, ids in (
        ("fit", [rule.id for rule in dimensions.fit.rules]),
        ("interest", [rule.id for rule in dimensions.interest.rules]),
    ):
        placed += [(("dimensions", dimension, "rules", index, "id"), id_) for index, id_ in enumerate(ids)]
    check_unique(report, _FILE, placed)
    if model.account.fit is not None:
        rules = model.account.fit.rules
        check_unique(report, _FILE, [(("account", "fit", "rules", i, "id"), rule.id) for i, rule in enumerate(rules)])


def check_unique(report: Report, file: str, placed: Iterable[tuple[Path, str]]) -> None:
    """Note every id that another rule has already, and ids that mean something else."""
    seen: dict[str, Path] = {}
    for path, id_ in placed:
        if id_ in _RESERVED_RULES:
            report.add(file, path, f"{id_} is the name of the line that clamps a dimension; choose another id")
        elif id_ in seen:
            first = ".".join(map(str, seen[id_][:-1]))
            report.add(file, path, f"id {id_} is taken by {first}; history and keys need one id per rule")
        seen.setdefault(id_, path)


def _check_bands(report: Report, shaped: Shaped, model: ScoringModel) -> None:
    if _FILE in shaped.whole:
        _check_ladder(report, ("grades", "fit"), {str(k): v for k, v in model.grades.fit.items()}, LETTERS)
        numbers = {str(k): v for k, v in model.grades.interest.items()}
        _check_ladder(report, ("grades", "interest"), numbers, tuple(map(str, _NUMBERS)))
        for letter in LETTERS:
            if letter not in model.matrix:
                report.add(_FILE, ("matrix",), f"row {letter} is missing; every grade needs a verdict", key=True)


def _check_ladder(report: Report, path: Path, bands: Mapping[str, Decimal], names: tuple[str, ...]) -> None:
    missing = [name for name in names if name not in bands]
    if missing:
        words = f"gap between grade bands: {', '.join(missing)} missing; write all of {', '.join(names)}"
        report.add(_FILE, path, words, key=True)
        return
    for better, worse in pairwise(names):
        if bands[better] <= bands[worse]:
            words = f"{worse} begins at {bands[worse]}, not below {better} at {bands[better]}; bands must fall"
            report.add(_FILE, (*path, _band_key(path, worse)), words)
    last = names[-1]
    if bands[last] != 0:
        words = f"gap between grade bands: the lowest, {last}, must begin at 0, or some points have no grade"
        report.add(_FILE, (*path, _band_key(path, last)), words)
    if bands[names[0]] > SCALE:
        report.add(_FILE, (*path, _band_key(path, names[0])), f"nobody can reach it: the scale ends at {SCALE}")


def _band_key(path: Path, name: str) -> str | int:
    return int(name) if path[-1] == "interest" else name


def _check_groups(report: Report, shaped: Shaped, model: ScoringModel) -> None:
    interest = model.dimensions.interest
    base: Path = ("dimensions", "interest")
    known = shaped.names(_FILE, *map(str, base), "groups")
    for index, rule in enumerate(interest.rules):
        if rule.group is not None and rule.group not in known:
            report.add(_FILE, (*base, "rules", index, "group"), unknown("group", rule.group, known))
    for name, group in interest.groups.items():
        if group.cap is not None and group.cap < 0:
            report.add(_FILE, (*base, "groups", name, "cap"), "a cap bounds the positive lines; write 0 or more")
        if group.floor is not None and group.floor > 0:
            report.add(_FILE, (*base, "groups", name, "floor"), "a floor bounds the negative lines; write 0 or less")


def _check_pages(report: Report, model: ScoringModel) -> None:
    for index, rule in enumerate(model.dimensions.interest.rules):
        if rule.on == "page_view" and not picks_pages(rule.where):
            message = (
                "page views are scored only where a page is named: give where a path or url that is, is in, contains, "
                "starts_with or matches something only some pages have, for example {path: {starts_with: /pricing}}"
            )
            report.add(_FILE, ("dimensions", "interest", "rules", index, "where"), message, key=True)


def _check_facts(report: Report, shaped: Shaped, model: ScoringModel) -> None:
    for index, rule in enumerate(model.dimensions.interest.rules):
        path: Path = ("dimensions", "interest", "rules", index, "where")
        sees = "where sees what an activity carries"
        check_condition(report, _FILE, path, rule.where, _written(shaped, path), ACTIVITY_FACTS, sees)
    if shaped.fields is None:
        return
    of_accounts = account_facts(shaped.fields.account)
    of_people = person_facts(shaped.fields.person) | of_accounts
    _check_fit(report, shaped, ("dimensions", "fit"), model.dimensions.fit, of_people, _FIT_SEES)
    for role, condition in model.roles.items():
        path = ("roles", role)
        check_condition(report, _FILE, path, condition, _written(shaped, path), of_people, _FIT_SEES)
    if model.account.fit is not None:
        _check_fit(report, shaped, ("account", "fit"), model.account.fit, of_accounts, _ACCOUNT_SEES)
    if model.account.ready_when is not None:
        path = ("account", "ready_when")
        facts, sees = of_accounts | READY_FACTS, "ready_when sees the account's numbers and account.NAME"
        check_condition(report, _FILE, path, model.account.ready_when, _written(shaped, path), facts, sees)


def _check_fit(
    report: Report, shaped: Shaped, base: Path, fit: FitDimension, facts: Mapping[str, Fact], sees: str
) -> None:
    for index, rule in enumerate(fit.rules):
        path: Path = (*base, "rules", index, "when")
        check_condition(report, _FILE, path, rule.when, _written(shaped, path), facts, sees)
        if _FILE in shaped.whole and rule.disqualify is None and not rule.points:
            report.add(_FILE, path[:-1], "the rule does nothing; give it points or disqualify: with the reason")


def _written(shaped: Shaped, path: Path) -> Any:
    nodes, lost = shaped.parts[_FILE].deepest(path)
    return None if lost else nodes[-1].plain()


def _check_fast_lane(report: Report, shaped: Shaped, model: ScoringModel) -> None:
    if shaped.routing is None:
        return
    for index, rule in enumerate(model.dimensions.interest.rules):
        for lane in shaped.routing.fast_lane:
            if rule.on == lane.on and may_both_hold(rule.where, lane.where):
                message = (
                    f"one {rule.on} can be scored here and fast-tracked by {lane.id} (routing.yaml): sales should act "
                    "on it at once, so it is never scored; remove this rule or let its where leave out what "
                    f"{lane.id} takes, for example {{form: {{not_in: [contact-us]}}}}"
                )
                report.add(_FILE, ("dimensions", "interest", "rules", index), message)


def _check_examples(report: Report, shaped: Shaped, model: ScoringModel) -> None:
    for index, example in enumerate(model.examples):
        base: Path = ("examples", index)
        if shaped.fields is not None:
            known = person_facts(shaped.fields.person) | account_facts(shaped.fields.account)
            for name in example.given:
                if name not in known and not name.startswith("bants."):
                    report.add(_FILE, (*base, "given", name), unknown("fact", name, known), key=True)
        for number, deed in enumerate(example.did):
            _check_deed(report, (*base, "did", number), deed)
        if not example.expect:
            report.add(_FILE, (*base, "expect"), "expects nothing; name a verdict, a grade or a number")
        _check_expected(report, (*base, "expect"), example.expect)


def _check_deed(report: Report, path: Path, deed: Mapping[str, Any]) -> None:
    types = [key for key in deed if key in ACTIVITY_TYPES]
    known = {*ACTIVITY_TYPES, *ACTIVITY_FACTS, *_DEED_NUMBERS}
    others = [key for key in deed if key not in known]
    for key in others:
        report.add(_FILE, (*path, key), unknown("activity type or fact", key, known), key=True)
    if len(types) != 1 and not others:
        report.add(_FILE, path, "names one activity type, for example {page_view: /pricing, days_ago: 1}")
    for key in _DEED_NUMBERS:
        number = deed.get(key, 0)
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            report.add(_FILE, (*path, key), f"{key} must be a whole number, 0 or more")


def _check_expected(report: Report, path: Path, expected: Mapping[str, Any]) -> None:
    try:
        condition = parse_condition(dict(expected))
    except ConditionError as error:
        for inner, message in error.faults:
            report.add(_FILE, (*path, *inner), message)
        return
    sees = "examples expect what scoring says of a person and the account"
    check_condition(report, _FILE, path, condition, dict(expected), EXPECTED_FACTS, sees)
