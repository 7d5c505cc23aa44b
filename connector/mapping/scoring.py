"""scoring.yaml: what fits, what shows interest, what a person has confirmed."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from connector.domain.records import ActivityType
from connector.mapping.bots import Bots
from connector.mapping.conditions import AllOf, When
from connector.mapping.values import (
    Days,
    Exact,
    HalfLife,
    Name,
    OneOrMany,
    OrNone,
    Part,
    Points,
    RuleId,
    Span,
    Whole,
)

BuyingStage = Literal["awareness", "consideration", "decision"]
Letter = Literal["A", "B", "C", "D"]
CellVerdict = Literal["sales", "review", "nurture"]
Bants = Literal["budget", "authority", "need", "timeframe", "sales_readiness"]
Deal = Literal["news", "lead"]


class FitRule(Part):
    """Points for what a person or account is; or a disqualification with its reason."""

    id: RuleId = Field(description="stable for ever: history and lines name it", examples=["decider"])
    when: When = Field(description="what must hold", examples=[{"employees": {"gte": 200}}])
    points: Points = Field(Decimal(0), description="given when the condition holds; may be negative", examples=[40])
    disqualify: Name | None = Field(
        None,
        description="the reason; the verdict is then disqualified, whatever the points",
        examples=["competitor"],
    )


class FitDimension(Part):
    """How well somebody fits: explicit facts, which do not age."""

    weight: Exact = Field(
        Decimal(1), gt=0, le=100, description="importance of the dimension in the total", examples=[2]
    )
    rules: tuple[FitRule, ...] = Field(
        (),
        description="each gives its points, or disqualifies",
        examples=[[{"id": "size", "when": {"employees": {"gte": 200}}, "points": 40}]],
    )
    declared_weight: Exact = Field(
        Decimal(1),
        gt=0,
        le=10,
        decimal_places=3,
        description="what a rule's points are multiplied by where the person declared every fact it names",
        examples=[1.25],
    )


class AtMost(Part):
    """Keep the first ``count`` activities of each window of whole local days."""

    count: Whole = Field(ge=1, le=1000, description="how many are kept in each window", examples=[3])
    per: Span = Field(description="length of the window in whole days", examples=["7d"])

    @model_validator(mode="after")
    def _whole_days(self) -> AtMost:
        if self.per < timedelta(days=1) or self.per % timedelta(days=1):
            raise ValueError("per is a whole number of days; use debounce for shorter spans")
        return self


class Group(Part):
    """Rules whose points are bounded together."""

    cap: Points | None = Field(None, description="the most the positive lines give together", examples=[30])
    floor: Points | None = Field(None, description="the least the negative lines give together", examples=[-20])


class InterestRule(Part):
    """Points for what a person did."""

    id: RuleId = Field(description="stable for ever: history and lines name it", examples=["pricing-page"])
    on: ActivityType = Field(description="the type of activity", examples=["page_view"])
    where: When = Field(
        AllOf(()),
        description="what the activity must carry; page views need a path or url",
        examples=[{"path": {"starts_with": "/pricing"}}],
    )
    points: OneOrMany[Points] = Field(
        min_length=1,
        description="a number, or a list for the 1st, 2nd, 3rd … time; the last repeats",
        examples=[[8, 4, 2, 0, -2]],
    )
    half_life: HalfLife | None = Field(
        None, description="none = no decay; left out = the dimension's", examples=["14d"]
    )
    expires_after: Span | None = Field(
        None, description="points are gone after so long; the rank stays", examples=["180d"]
    )
    at_most: AtMost | None = Field(
        None, description="keep the first few in each window of days", examples=[{"count": 3, "per": "7d"}]
    )
    debounce: Span | None = Field(
        None, description="repeats within this span of the last kept one do not count", examples=["30m"]
    )
    cap: Points | None = Field(None, ge=0, description="the line lies between minus this and this", examples=[30])
    group: Name | None = Field(None, description="the group whose bounds the line shares", examples=["content"])
    stage: BuyingStage | None = Field(
        None, description="the place in the buying process that the activity shows", examples=["decision"]
    )


class InterestDimension(Part):
    """How interested somebody is: what they did, ageing day by day."""

    weight: Exact = Field(
        Decimal(1), gt=0, le=100, description="importance of the dimension in the total", examples=[2]
    )
    half_life: HalfLife = Field("none", description="points halve after so long; none = no decay", examples=["30d"])
    groups: dict[str, Group] = Field(
        default_factory=dict, description="rules bounded together, by name", examples=[{"content": {"cap": 30}}]
    )
    stages: dict[BuyingStage, Points] = Field(
        default_factory=dict,
        description="points a buying stage needs at least (1 unless given)",
        examples=[{"decision": 8}],
    )
    rules: tuple[InterestRule, ...] = Field(
        (),
        description="what scores; an activity that no rule names gives nothing",
        examples=[[{"id": "chat", "on": "chat", "points": 10}]],
    )


class QualificationDimension(Part):
    """What a person in sales has confirmed: 20 points per yes."""

    weight: Exact = Field(
        Decimal(1), gt=0, le=100, description="importance of the dimension in the total", examples=[2]
    )
    bants: dict[Bants, Name] = Field(
        default_factory=dict,
        description="question: CRM field (picklist Yes / No, blank = unknown)",
        examples=[{"need": "Need__c"}],
    )


class Dimensions(Part):
    """The three dimensions; importance is a dimension's ``weight``."""

    fit: FitDimension = Field(default_factory=FitDimension, description="who somebody is", examples=[{"rules": []}])
    interest: InterestDimension = Field(
        default_factory=InterestDimension, description="what somebody did", examples=[{"half_life": "30d", "rules": []}]
    )
    qualification: QualificationDimension = Field(
        default_factory=QualificationDimension,
        description="what a person in sales confirmed",
        examples=[{"bants": {"need": "Need__c"}}],
    )


class Hierarchy(Part):
    """An account takes in the people of its subsidiaries (docs/mapping/scoring-rules.md)."""

    when: When = Field(
        AllOf(()),
        description="which accounts take in; left out: every account with subsidiaries",
        examples=[{"account.country": "DE"}],
    )
    factor: Exact = Field(
        Decimal(1),
        gt=0,
        le=1,
        decimal_places=2,
        description="what a subsidiary's people give is multiplied by this, once",
        examples=[0.5],
    )


class AccountScoring(Part):
    """How people roll up to their account."""

    fit: FitDimension | None = Field(
        None, description="left out: the best fit among the account's people", examples=[{"rules": []}]
    )
    cap: Points = Field(Decimal(60), gt=0, description="the most interest one person brings", examples=[60])
    breadth: Points = Field(
        Decimal(0), ge=0, description="points for each engaged person after the first", examples=[5]
    )
    engaged: Points = Field(
        Decimal(1), gt=0, description="interest from which a person counts as engaged", examples=[10]
    )
    ready_when: When | None = Field(
        None,
        description="when the account is ready; an engaged decider or influencer is needed besides",
        examples=[{"score": {"gte": 50}}],
    )
    stage_people: dict[BuyingStage, Annotated[Whole, Field(ge=1, le=1000)]] = Field(
        default_factory=dict,
        description="how many people must have reached a buying stage until the account has (1 unless given)",
        examples=[{"decision": 2}],
    )
    hierarchy: OrNone[Hierarchy] = Field(
        None,
        description="whether an account takes in the people of its subsidiaries; none = no account does",
        examples=[{"factor": 0.5}],
        json_schema_extra={"default": "none"},
    )
    open_deal: Deal = Field(
        "news",
        description="news = what happens at an account with an open deal is news for its owner, and no new lead",
        examples=["lead"],
    )
    customer: Deal = Field("news", description="the same for customers", examples=["lead"])


class TooHot(Part):
    """A burst of decision-stage signals with no early history: perhaps somebody only wants a benchmark."""

    signals: Whole = Field(3, ge=2, le=1000, description="how many decision-stage signals make a burst", examples=[3])
    within: Days = Field(timedelta(days=3), description="on how many days in a row, in whole days", examples=["3d"])
    history: Days | None = Field(
        None,
        description="how far back signals of earlier stages count as history; left out: always",
        examples=["180d"],
    )
    lasts: Days = Field(
        timedelta(days=30), description="how long the flag stands, from the burst's first day", examples=["30d"]
    )


class EarlyAlert(Part):
    """Ideal fit and a first signal of an early stage: somebody to know before others do."""

    fit: tuple[Letter, ...] = Field(("A",), min_length=1, description="letters that are ideal", examples=[["A", "B"]])
    lasts: Days = Field(
        timedelta(days=14), description="how long the alert stands, from the first signal's day", examples=["14d"]
    )


class GradeBands(Part):
    """From how many points a letter and a number begin."""

    fit: dict[Letter, Points] = Field(
        description="letter: least fit; falling, D at 0", examples=[{"A": 75, "B": 50, "C": 25, "D": 0}]
    )
    interest: dict[Literal[1, 2, 3, 4], Points] = Field(
        description="number: least interest; falling, 4 at 0",
        examples=[{1: 75, 2: 50, 3: 25, 4: 0}],
        json_schema_extra={"propertyNames": {"enum": [1, 2, 3, 4]}},
    )


class Example(Part):
    """A test that ops people write; ``handoff check`` runs it."""

    given: dict[str, Any] = Field(
        default_factory=dict, description="facts of the person", examples=[{"title": "VP Sales"}]
    )
    did: tuple[dict[str, Any], ...] = Field(
        (),
        description="activities, each with its type, days_ago and times; a list of days is a deed on each",
        examples=[[{"page_view": "/pricing", "days_ago": 1}]],
    )
    expect: dict[str, Any] = Field(
        description="conditions on fit, score.total, verdict, too_hot, account.news, points.RULE …",
        examples=[{"verdict": "nurture"}],
    )


class ModelVersion(Part):
    """Who changed the model last, and why: kept with each version that a cycle uses (``handoff models``)."""

    by: Name | None = Field(None, description="who changed the model last", examples=["Ada"])
    because: Name | None = Field(
        None, description="why; say something new with every change", examples=["webinars bring no deals"]
    )


class ScoringModel(Part):
    """scoring.yaml, or a further model in scoring-NAME.yaml beside it."""

    name: Name = Field(
        description="the model's name in history and reports; NAME in scoring-NAME.yaml", examples=["default"]
    )
    for_: When = Field(
        AllOf(()),
        alias="for",
        description="only in scoring-NAME.yaml: who the model speaks of; of others it has no number",
        examples=[{"country": {"in": ["DE", "AT"]}}],
    )
    version: ModelVersion = Field(
        default_factory=lambda: ModelVersion(by=None, because=None),
        description="who changed the model last, and why; kept with each version",
        examples=[{"by": "Ada", "because": "webinars bring no deals"}],
    )
    win: Name | None = Field(
        None, description="the event that counts as won; a model without one is refused", examples=["opportunity_won"]
    )
    dimensions: Dimensions = Field(description="fit, interest and qualification", examples=[{"fit": {"rules": []}}])
    assets: dict[BuyingStage, tuple[Name, ...]] = Field(
        default_factory=dict,
        description="which assets belong to which stage; rules then see asset_stage",
        examples=[{"decision": ["buyers-guide"]}],
    )
    roles: dict[Literal["decider", "influencer"], When] = Field(
        default_factory=dict,
        description="who decides and who has a say; everybody else is other",
        examples=[{"decider": {"title": {"contains": "director"}}}],
    )
    account: AccountScoring = Field(
        default_factory=AccountScoring, description="how people roll up to their account", examples=[{"cap": 60}]
    )
    grades: GradeBands = Field(
        description="from how many points a letter and a number begin",
        examples=[{"fit": {"A": 75, "B": 50, "C": 25, "D": 0}, "interest": {1: 75, 2: 50, 3: 25, 4: 0}}],
    )
    matrix: dict[Letter, tuple[CellVerdict, CellVerdict, CellVerdict, CellVerdict]] = Field(
        description="a verdict for each letter and number 1 to 4",
        examples=[{"A": ["sales", "sales", "review", "nurture"]}],
    )
    too_hot: OrNone[TooHot] = Field(
        TooHot(),
        description="when a burst of late signals without early history is flagged; none = never",
        examples=[{"signals": 3, "within": "3d"}],
    )
    early_alert: OrNone[EarlyAlert] = Field(
        EarlyAlert(),
        description="when a first early signal of ideal fit is flagged; none = never",
        examples=[{"fit": ["A"]}],
    )
    write_step: Points = Field(
        Decimal(5), gt=0, description="a number that moved less is not written again", examples=[5]
    )
    bots: Bots = Field(
        Bots(),
        description="clicks, opens and page views of machines, which count for nothing",
        examples=[{"fast": "10s", "visit": "30m"}],
    )
    examples: tuple[Example, ...] = Field(
        (),
        description="tests in your own words; handoff check runs them",
        examples=[[{"given": {"title": "CEO"}, "expect": {"verdict": "nurture"}}]],
    )

    def rule_ids(self) -> list[str]:
        """List the rules of fit and interest, in that order."""
        dimensions = self.dimensions
        return [rule.id for rule in dimensions.fit.rules] + [rule.id for rule in dimensions.interest.rules]
