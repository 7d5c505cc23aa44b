"""scoring.yaml: one scale, closed bands, rules that are told apart, pages that are named, examples that can run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Any

from connector.mapping.agreement.examples_checks import check_examples
from connector.mapping.agreement.further_checks import check_further
from connector.mapping.agreement.naming import check_condition
from connector.mapping.agreement.overlap import may_both_hold, picks_pages
from connector.mapping.agreement.report import Report, Shaped, unknown
from connector.mapping.conditions import AllOf, tests_of
from connector.mapping.facts import INTEREST_FACTS, LETTERS, READY_FACTS, Fact, account_facts, person_facts
from connector.mapping.places import Path
from connector.mapping.scoring import FitDimension, ScoringModel
from connector.mapping.text import fold
from connector.mapping.values import SCALE

MAIN = "scoring"
_NUMBERS = (1, 2, 3, 4)
#: names of lines that are not rules
_RESERVED_RULES = frozenset({"limit"})
_FIT_SEES = "fit rules and roles see standard columns, lines of fields.yaml, domain and account.NAME"
_ACCOUNT_SEES = "the account's fit sees account.NAME"


def check_scoring(report: Report, shaped: Shaped) -> None:
    """Check everything that scoring.yaml and further models say of themselves, of fields.yaml and of routing.yaml."""
    if shaped.scoring is not None:
        if shaped.scoring.for_ != AllOf(()):
            message = "scoring.yaml speaks of everybody; move this model to scoring-NAME.yaml, or remove for"
            report.add(MAIN, ("for",), message, key=True)
        _check_model(report, shaped, MAIN, shaped.scoring)
    for file, model in shaped.further.items():
        check_further(report, shaped, file, model)
        _check_model(report, shaped, file, model)


def _check_model(report: Report, shaped: Shaped, file: str, model: ScoringModel) -> None:
    if model.win is None:
        message = "a model without a win is refused: say what counts as won, for example win: opportunity_won"
        report.add(file, ("win",), message)
    _check_ids(report, file, model)
    _check_bands(report, shaped, file, model)
    _check_groups(report, shaped, file, model)
    _check_stages(report, file, model)
    _check_pages(report, file, model)
    _check_facts(report, shaped, file, model)
    _check_fast_lane(report, shaped, file, model)
    check_examples(report, shaped, file, model)


def _check_ids(report: Report, file: str, model: ScoringModel) -> None:
    dimensions = model.dimensions
    placed: list[tuple[Path, str]] = []
    for dimension, ids in (
        ("fit", [rule.id for rule in dimensions.fit.rules]),
        ("interest", [rule.id for rule in dimensions.interest.rules]),
    ):
        placed += [(("dimensions", dimension, "rules", index, "id"), id_) for index, id_ in enumerate(ids)]
    check_unique(report, file, placed)
    if model.account.fit is not None:
        rules = model.account.fit.rules
        check_unique(report, file, [(("account", "fit", "rules", i, "id"), rule.id) for i, rule in enumerate(rules)])


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


def _check_bands(report: Report, shaped: Shaped, file: str, model: ScoringModel) -> None:
    if file in shaped.whole:
        _check_ladder(report, file, ("grades", "fit"), {str(k): v for k, v in model.grades.fit.items()}, LETTERS)
        numbers = {str(k): v for k, v in model.grades.interest.items()}
        _check_ladder(report, file, ("grades", "interest"), numbers, tuple(map(str, _NUMBERS)))
        for letter in LETTERS:
            if letter not in model.matrix:
                report.add(file, ("matrix",), f"row {letter} is missing; every grade needs a verdict", key=True)


def _check_ladder(report: Report, file: str, path: Path, bands: Mapping[str, Decimal], names: tuple[str, ...]) -> None:
    missing = [name for name in names if name not in bands]
    if missing:
        words = f"gap between grade bands: {', '.join(missing)} missing; write all of {', '.join(names)}"
        report.add(file, path, words, key=True)
        return
    for better, worse in pairwise(names):
        if bands[better] <= bands[worse]:
            words = f"{worse} begins at {bands[worse]}, not below {better} at {bands[better]}; bands must fall"
            report.add(file, (*path, _band_key(path, worse)), words)
    last = names[-1]
    if bands[last] != 0:
        words = f"gap between grade bands: the lowest, {last}, must begin at 0, or some points have no grade"
        report.add(file, (*path, _band_key(path, last)), words)
    if bands[names[0]] > SCALE:
        report.add(file, (*path, _band_key(path, names[0])), f"nobody can reach it: the scale ends at {SCALE}")


def _band_key(path: Path, name: str) -> str | int:
    return int(name) if path[-1] == "interest" else name


def _check_groups(report: Report, shaped: Shaped, file: str, model: ScoringModel) -> None:
    interest = model.dimensions.interest
    base: Path = ("dimensions", "interest")
    known = shaped.names(file, *map(str, base), "groups")
    for index, rule in enumerate(interest.rules):
        if rule.group is not None and rule.group not in known:
            report.add(file, (*base, "rules", index, "group"), unknown("group", rule.group, known))
    for name, group in interest.groups.items():
        if group.cap is not None and group.cap < 0:
            report.add(file, (*base, "groups", name, "cap"), "a cap bounds the positive lines; write 0 or more")
        if group.floor is not None and group.floor > 0:
            report.add(file, (*base, "groups", name, "floor"), "a floor bounds the negative lines; write 0 or less")


def _check_stages(report: Report, file: str, model: ScoringModel) -> None:
    """Check stages that nothing shows, and assets in two stages."""
    interest = model.dimensions.interest
    carried = {rule.stage for rule in interest.rules}
    for stage in interest.stages:
        if stage not in carried:
            message = f"no rule carries stage: {stage}, so nobody can reach it; give it to a rule or remove this"
            report.add(file, ("dimensions", "interest", "stages", stage), message, key=True)
    seen: dict[str, str] = {}
    for stage, names in model.assets.items():
        for index, name in enumerate(names):
            first = seen.setdefault(fold(name), stage)
            if first != stage or fold(name) in map(fold, names[:index]):
                report.add(file, ("assets", stage, index), f"{name} stands in {first} already; an asset has one stage")
    if not model.assets:
        for index, rule in enumerate(interest.rules):
            if any(test.field == "asset_stage" for test in tests_of(rule.where)):
                message = "no asset has a stage; list them at the top of the file, assets: {decision: [buyers-guide]}"
                report.add(file, ("dimensions", "interest", "rules", index, "where"), message, key=True)


def _check_pages(report: Report, file: str, model: ScoringModel) -> None:
    for index, rule in enumerate(model.dimensions.interest.rules):
        if rule.on == "page_view" and not picks_pages(rule.where):
            message = (
                "page views are scored only where a page is named: give where a path or url that is, is in, contains, "
                "starts_with or matches something only some pages have, for example {path: {starts_with: /pricing}}"
            )
            report.add(file, ("dimensions", "interest", "rules", index, "where"), message, key=True)


def _check_facts(report: Report, shaped: Shaped, file: str, model: ScoringModel) -> None:
    for index, rule in enumerate(model.dimensions.interest.rules):
        path: Path = ("dimensions", "interest", "rules", index, "where")
        sees = "where sees what an activity carries"
        check_condition(report, file, path, rule.where, _written(shaped, file, path), INTEREST_FACTS, sees)
    if shaped.fields is None:
        return
    of_accounts = account_facts(shaped.fields.account)
    of_people = person_facts(shaped.fields.person) | of_accounts
    _check_fit(report, shaped, file, ("dimensions", "fit"), model.dimensions.fit, of_people, _FIT_SEES)
    check_condition(report, file, ("for",), model.for_, _written(shaped, file, ("for",)), of_people, _FIT_SEES)
    for role, condition in model.roles.items():
        path = ("roles", role)
        check_condition(report, file, path, condition, _written(shaped, file, path), of_people, _FIT_SEES)
    if model.account.fit is not None:
        _check_fit(report, shaped, file, ("account", "fit"), model.account.fit, of_accounts, _ACCOUNT_SEES)
        if model.account.fit.declared_weight != 1:
            message = "nobody declares facts of accounts; remove declared_weight here"
            report.add(file, ("account", "fit", "declared_weight"), message, key=True)
        if model.account.fit.weight != 1:
            message = "an account's fit is not weighed against anything; remove weight here"
            report.add(file, ("account", "fit", "weight"), message, key=True)
    if model.account.hierarchy is not None:
        path = ("account", "hierarchy", "when")
        condition, sees = model.account.hierarchy.when, "this sees account.NAME of the account that would take in"
        check_condition(report, file, path, condition, _written(shaped, file, path), of_accounts, sees)
    if model.account.ready_when is not None:
        path = ("account", "ready_when")
        facts, sees = of_accounts | READY_FACTS, "ready_when sees the account's numbers and account.NAME"
        check_condition(report, file, path, model.account.ready_when, _written(shaped, file, path), facts, sees)


def _check_fit(
    report: Report, shaped: Shaped, file: str, base: Path, fit: FitDimension, facts: Mapping[str, Fact], sees: str
) -> None:
    for index, rule in enumerate(fit.rules):
        path: Path = (*base, "rules", index, "when")
        check_condition(report, file, path, rule.when, _written(shaped, file, path), facts, sees)
        if file in shaped.whole and rule.disqualify is None and not rule.points:
            report.add(file, path[:-1], "the rule does nothing; give it points or disqualify: with the reason")


def _written(shaped: Shaped, file: str, path: Path) -> Any:
    nodes, lost = shaped.parts[file].deepest(path)
    return None if lost else nodes[-1].plain()


def _check_fast_lane(report: Report, shaped: Shaped, file: str, model: ScoringModel) -> None:
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
                report.add(file, ("dimensions", "interest", "rules", index), message)
