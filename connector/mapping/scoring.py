"""scoring.yaml: what fits, what shows interest, what a person has confirmed."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field, model_validator

from connector.domain.records import ActivityType
from connector.mapping.conditions import AllOf, When
from connector.mapping.values import Exact, HalfLife, Name, OneOrMany, Part, Points, RuleId, Span, Whole

BuyingStage = Literal["awareness", "consideration", "decision"]
Letter = Literal["A", "B", "C", "D"]
CellVerdict = Literal["sales", "review", "nurture"]
Bants = Literal["budget", "authority", "need", "timeframe", "sales_readiness"]


class FitRule(Part):
    """Points for what a person or account is; or a disqualification with its reason."""

    id: RuleId
    when: When
    points: Points = Decimal(0)
    disqualify: Name | None = Field(
        None, description="the reason; the verdict is then disqualified, whatever the points"
    )


class FitDimension(Part):
    """How well somebody fits: explicit facts, which do not age."""

    weight: Exact = Field(Decimal(1), gt=0, le=100)
    rules: tuple[FitRule, ...] = ()


class AtMost(Part):
    """Keep the first ``count`` activities of each window of whole local days."""

    count: Whole = Field(ge=1, le=1000)
    per: Span = Field(description="whole days, for example 7d")

    @model_validator(mode="after")
    def _whole_days(self) -> AtMost:
        if self.per < timedelta(days=1) or self.per % timedelta(days=1):
            raise ValueError("per is a whole number of days; use debounce for shorter spans")
        return self


class Group(Part):
    """Rules whose points are bounded together."""

    cap: Points | None = Field(None, description="the most the positive lines give together")
    floor: Points | None = Field(None, description="the least the negative lines give together, for example -20")


class InterestRule(Part):
    """Points for what a person did."""

    id: RuleId
    on: ActivityType
    where: When = AllOf(())
    points: OneOrMany[Points] = Field(description="a number, or a list for the 1st, 2nd, 3rd … time; the last repeats")
    half_life: HalfLife | None = Field(None, description="none = no decay; left out = the dimension's")
    expires_after: Span | None = None
    at_most: AtMost | None = None
    debounce: Span | None = Field(None, description="repeats within this span of the last kept one do not count")
    cap: Points | None = Field(None, ge=0, description="the line lies between minus this and this")
    group: Name | None = None
    stage: BuyingStage | None = None


class InterestDimension(Part):
    """How interested somebody is: what they did, ageing day by day."""

    weight: Exact = Field(Decimal(1), gt=0, le=100)
    half_life: HalfLife = "none"
    groups: dict[str, Group] = Field(default_factory=dict)
    stages: dict[BuyingStage, Points] = Field(
        default_factory=dict, description="points a buying stage needs at least (1 unless given)"
    )
    rules: tuple[InterestRule, ...] = ()


class QualificationDimension(Part):
    """What a person in sales has confirmed: 20 points per yes."""

    weight: Exact = Field(Decimal(1), gt=0, le=100)
    bants: dict[Bants, Name] = Field(default_factory=dict, description="question: CRM field (picklist Yes / No)")


class Dimensions(Part):
    """The three dimensions; importance is a dimension's ``weight``."""

    fit: FitDimension = Field(default_factory=FitDimension)
    interest: InterestDimension = Field(default_factory=InterestDimension)
    qualification: QualificationDimension = Field(default_factory=QualificationDimension)


class AccountScoring(Part):
    """How people roll up to their account."""

    fit: FitDimension | None = Field(None, description="left out: the best fit among the account's people")
    cap: Points = Field(Decimal(60), gt=0, description="the most interest one person brings")
    breadth: Points = Field(Decimal(0), ge=0, description="points for each engaged person after the first")
    engaged: Points = Field(Decimal(1), gt=0, description="interest from which a person counts as engaged")
    ready_when: When | None = None


class GradeBands(Part):
    """From how many points a letter and a number begin."""

    fit: dict[Letter, Points]
    interest: dict[Literal[1, 2, 3, 4], Points]


class Example(Part):
    """A test that ops people write; ``handoff check`` runs it."""

    given: dict[str, Any] = Field(default_factory=dict, description="facts of the person")
    did: tuple[dict[str, Any], ...] = Field((), description="activities: {page_view: /pricing, days_ago: 1}")
    expect: dict[str, Any] = Field(description="conditions on fit, interest, score.total, grade, verdict …")


class ScoringModel(Part):
    """scoring.yaml: one model."""

    name: Name
    win: Name | None = Field(None, description="the event that counts as won; a model without one is refused")
    dimensions: Dimensions
    roles: dict[Literal["decider", "influencer"], When] = Field(default_factory=dict)
    account: AccountScoring = Field(default_factory=AccountScoring)
    grades: GradeBands
    matrix: dict[Letter, tuple[CellVerdict, CellVerdict, CellVerdict, CellVerdict]]
    write_step: Points = Field(Decimal(5), gt=0, description="a number that moved less is not written again")
    examples: tuple[Example, ...] = ()
