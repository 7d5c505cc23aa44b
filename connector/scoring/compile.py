"""The scoring model as integers: what every engine runs, with all rounding of decay done once, here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache

import pyarrow as pa

from connector.errors import ConfigError
from connector.mapping.conditions import Condition
from connector.mapping.scoring import (
    AccountScoring,
    BuyingStage,
    EarlyAlert,
    FitDimension,
    GradeBands,
    Group,
    InterestRule,
    ScoringModel,
    TooHot,
)
from connector.scoring.people.asset_stages import with_asset_stages

#: one point
MICRO = 1_000_000
#: one tenth of a point, the step in which lines are shown
TENTH = MICRO // 10
#: an uncapped line is clamped here (10,000 points): far beyond any scale, and it keeps every product inside 64 bits
LINE_LIMIT = 10_000 * MICRO
#: every dimension lies between 0 and this many tenths
SCALE_TENTHS = 1000

STAGES: tuple[BuyingStage, ...] = ("awareness", "consideration", "decision")
QUESTIONS = ("budget", "authority", "need", "timeframe", "sales_readiness")
#: role → quarters of a person's interest that reach the account
ROLE_QUARTERS: Mapping[str, int] = {"decider": 4, "influencer": 3}
OTHER_QUARTERS = 2

#: 60 digits: wide enough that a rounded product differs from the true one only where the true one is an exact tie,
#: and ties only occur at whole half-lives, which are computed exactly
_EXACT = Context(prec=60, rounding=ROUND_HALF_UP)
_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class FitRuleC:
    """One rule about what a person or account is."""

    number: int
    id: str
    condition: Condition
    #: tenths of a point
    tenths: int
    disqualify: str | None
    #: tenths where the person declared every fact that the condition names
    declared: int


@dataclass(frozen=True, slots=True)
class GroupC:
    """Bounds shared by rules; micropoints, None = unbounded."""

    number: int
    name: str
    cap: int | None
    #: how far below zero the negative lines may go together, as a positive number
    depth: int | None


@dataclass(frozen=True, slots=True)
class InterestRuleC:
    """One rule about what a person did. Spans in whole local days or microseconds, points in micropoints."""

    number: int
    id: str
    on: str
    condition: Condition
    #: earned by the 1st, 2nd, 3rd … kept activity; the last entry repeats
    points: tuple[int, ...]
    #: None = no decay
    half_life: timedelta | None
    #: the greatest age in midnights that still earns; None = for ever
    expires_days: int | None
    at_most: int | None
    window_days: int | None
    debounce_us: int
    #: the line lies between minus this and this
    limit: int
    group: int | None
    stage: str | None


@dataclass(frozen=True, slots=True)
class BandsC:
    """Grade bands, the highest first: (name, least micropoints)."""

    letters: tuple[tuple[str, int], ...]
    numbers: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class HierarchyC:
    """Which accounts take in their subsidiaries' people, and how many hundredths these give."""

    when: Condition
    hundredths: int


@dataclass(frozen=True, slots=True)
class AccountC:
    """How people roll up; micropoints."""

    rules: tuple[FitRuleC, ...] | None
    cap: int
    breadth: int
    engaged: int
    ready_when: Condition | None
    #: place in ``STAGES`` → how many people must have reached it
    stage_people: tuple[int, ...]
    hierarchy: HierarchyC | None
    #: what of deals is news and no new lead
    open_deal_is_news: bool
    customer_is_news: bool


@dataclass(frozen=True, slots=True)
class TooHotC:
    """What makes a burst; whole days."""

    signals: int
    within_days: int
    history_days: int | None
    lasts_days: int


@dataclass(frozen=True, slots=True)
class EarlyAlertC:
    """What makes an early alert; whole days."""

    letters: tuple[str, ...]
    lasts_days: int


@dataclass(frozen=True, slots=True)
class CompiledModel:
    """A scoring model in integers, ready for any engine."""

    name: str
    fit: tuple[FitRuleC, ...]
    interest: tuple[InterestRuleC, ...]
    groups: tuple[GroupC, ...]
    #: fit, interest, qualification: whole numbers in the proportion written
    weights: tuple[int, int, int]
    #: buying stage → least micropoints, for stages that some rule carries
    stages: Mapping[str, int]
    roles: Mapping[str, Condition]
    account: AccountC
    bands: BandsC
    #: (letter, number) → verdict
    matrix: Mapping[tuple[str, int], str]
    too_hot: TooHotC | None
    early_alert: EarlyAlertC | None
    #: who the model speaks of
    speaks_of: Condition
    #: whether declared answers weigh other than the rest
    weighs_declared: bool


def micro(points: Decimal) -> int:
    """Turn points into micropoints; points have at most three decimals, so nothing is rounded."""
    return int(points * MICRO)


def tenths(points: Decimal) -> int:
    """Round points to tenths, half away from zero."""
    return int((points * 10).to_integral_value(rounding=ROUND_HALF_UP))


def compile_model(model: ScoringModel) -> CompiledModel:
    """Turn a model into integers.

    Raises:
        ConfigError: a rule names a group that is not there.
    """
    dimensions = model.dimensions
    groups = tuple(
        _group(number, name, group) for number, (name, group) in enumerate(dimensions.interest.groups.items())
    )
    interest = tuple(
        _interest_rule(number, rule, model, groups) for number, rule in enumerate(dimensions.interest.rules)
    )
    carried = {rule.stage for rule in interest}
    return CompiledModel(
        name=model.name,
        fit=_fit_rules(dimensions.fit),
        interest=interest,
        groups=groups,
        weights=_weights(
            dimensions.fit.weight,
            dimensions.interest.weight,
            dimensions.qualification.weight,
        ),
        stages={
            stage: micro(dimensions.interest.stages.get(stage, Decimal(1))) for stage in STAGES if stage in carried
        },
        roles={role: model.roles[role] for role in ("decider", "influencer") if role in model.roles},
        account=_account(model.account),
        bands=_bands(model.grades),
        matrix={(letter, number): row[number - 1] for letter, row in model.matrix.items() for number in (1, 2, 3, 4)},
        too_hot=_too_hot(model.too_hot),
        early_alert=_early_alert(model.early_alert),
        speaks_of=model.for_,
        weighs_declared=dimensions.fit.declared_weight != 1,
    )


def _account(account: AccountScoring) -> AccountC:
    hierarchy = account.hierarchy
    return AccountC(
        rules=None if account.fit is None else _fit_rules(account.fit),
        cap=micro(account.cap),
        breadth=micro(account.breadth),
        engaged=micro(account.engaged),
        ready_when=account.ready_when,
        stage_people=tuple(account.stage_people.get(stage, 1) for stage in STAGES),
        hierarchy=None if hierarchy is None else HierarchyC(hierarchy.when, int(hierarchy.factor * 100)),
        open_deal_is_news=account.open_deal == "news",
        customer_is_news=account.customer == "news",
    )


def _too_hot(flag: TooHot | None) -> TooHotC | None:
    if flag is None:
        return None
    history = None if flag.history is None else flag.history // _DAY
    return TooHotC(flag.signals, flag.within // _DAY, history, flag.lasts // _DAY)


def _early_alert(flag: EarlyAlert | None) -> EarlyAlertC | None:
    return None if flag is None else EarlyAlertC(tuple(sorted(set(flag.fit))), flag.lasts // _DAY)


def earned_micropoints(points: int, half_life: timedelta | None, age_days: int) -> int:
    """Give what ``points`` micropoints are worth at an age in midnights: once rounded, half away from zero."""
    if half_life is None:
        return points
    return int(_EXACT.multiply(Decimal(points), _factor(half_life, age_days)).to_integral_value(ROUND_HALF_UP))


def earnings(rules: tuple[InterestRuleC, ...], oldest_days: int) -> pa.Table:
    """Tabulate what activities earn, for ages up to ``oldest_days``.

    Columns: ``rule``, ``age`` (midnights; -1 stands for every age of a rule that does not decay), ``first`` (list: what
    the first 0, 1, 2 … kept activities earn together, up to where the points no longer change) and ``each`` (what
    every further one earns); micropoints. Ages at which everything has decayed to nothing, or expired, are left out.
    """
    rows: list[tuple[int, int, list[int], int]] = []
    for rule in rules:
        if rule.half_life is None:
            rows.append((rule.number, -1, *_sums(rule.points)))
            continue
        last = oldest_days if rule.expires_days is None else min(oldest_days, rule.expires_days)
        for age in range(last + 1):
            worth = tuple(earned_micropoints(points, rule.half_life, age) for points in rule.points)
            if not any(worth):
                break
            rows.append((rule.number, age, *_sums(worth)))
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    types = (pa.int32(), pa.int32(), pa.list_(pa.int64()), pa.int64())
    arrays = [pa.array(column, type=kind) for column, kind in zip(columns, types, strict=True)]
    return pa.table(arrays, names=["rule", "age", "first", "each"])


def _sums(worth: tuple[int, ...]) -> tuple[list[int], int]:
    sums = [0]
    for value in worth[:-1]:
        sums.append(sums[-1] + value)
    return sums, worth[-1]


@lru_cache(maxsize=100_000)
def _factor(half_life: timedelta, age_days: int) -> Decimal:
    halvings, rest = divmod(timedelta(days=age_days), half_life)
    return _EXACT.divide(_within(half_life, rest), Decimal(2**halvings))


@lru_cache(maxsize=10_000)
def _within(half_life: timedelta, rest: timedelta) -> Decimal:
    """Give what is left after less than one half-life: powers are dear, and those of the first serve for all others."""
    if not rest:
        return Decimal(1)
    exponent = _EXACT.divide(Decimal(-rest // _MICROSECOND), Decimal(half_life // _MICROSECOND))
    return _EXACT.power(Decimal(2), exponent)


def _fit_rules(dimension: FitDimension) -> tuple[FitRuleC, ...]:
    return tuple(
        FitRuleC(
            number,
            rule.id,
            rule.when,
            tenths(rule.points),
            rule.disqualify,
            tenths(rule.points * dimension.declared_weight),
        )
        for number, rule in enumerate(dimension.rules)
    )


def _group(number: int, name: str, group: Group) -> GroupC:
    return GroupC(
        number,
        name,
        None if group.cap is None else max(0, micro(group.cap)),
        None if group.floor is None else max(0, -micro(group.floor)),
    )


def _interest_rule(number: int, rule: InterestRule, model: ScoringModel, groups: tuple[GroupC, ...]) -> InterestRuleC:
    dimension = model.dimensions.interest
    half_life = dimension.half_life if rule.half_life is None else rule.half_life
    group = next((known.number for known in groups if known.name == rule.group), None)
    if rule.group is not None and group is None:
        raise ConfigError(
            "scoring.unknown_group",
            f"rule {rule.id}: group {rule.group} is not there",
            cure="add it under dimensions.interest.groups",
        )
    return InterestRuleC(
        number=number,
        id=rule.id,
        on=rule.on,
        condition=with_asset_stages(rule.where, model.assets),
        points=tuple(micro(points) for points in rule.points),
        half_life=half_life if isinstance(half_life, timedelta) else None,
        expires_days=None if rule.expires_after is None else rule.expires_after // _DAY,
        at_most=None if rule.at_most is None else rule.at_most.count,
        window_days=None if rule.at_most is None else rule.at_most.per // _DAY,
        debounce_us=0 if rule.debounce is None else rule.debounce // _MICROSECOND,
        limit=LINE_LIMIT if rule.cap is None else micro(rule.cap),
        group=group,
        stage=rule.stage,
    )


def _weights(*weights: Decimal) -> tuple[int, int, int]:
    most = max(0, *(-int(weight.as_tuple().exponent) for weight in weights))
    fit, interest, qualification = (int(weight.scaleb(most)) for weight in weights)
    return fit, interest, qualification


def _bands(grades: GradeBands) -> BandsC:
    letters = sorted(grades.fit.items(), key=lambda band: (-band[1], band[0]))
    numbers = sorted(grades.interest.items(), key=lambda band: (-band[1], band[0]))
    return BandsC(
        letters=tuple((letter, micro(least)) for letter, least in letters),
        numbers=tuple((number, micro(least)) for number, least in numbers),
    )
