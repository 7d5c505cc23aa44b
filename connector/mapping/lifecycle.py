"""lifecycle.yaml: the agreed definition, the stages, and what moves a person between them."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from connector.mapping.conditions import When
from connector.mapping.values import Day, Name, OneOrMany, Part, Span, Truth, Whole


class Approvers(Part):
    """Who signed, on both sides; null = not signed."""

    marketing: Name | None = Field(None, description="who signed for marketing; null = nobody yet", examples=["Ada"])
    sales: Name | None = Field(None, description="who signed for sales; null = nobody yet", examples=["Ben"])


class Definition(Part):
    """The written agreement of what a qualified lead is. Going live needs it signed and unexpired."""

    version: Whole = Field(ge=1, description="raised with every change", examples=[1])
    approved_by: Approvers = Field(
        default_factory=Approvers,
        description="one name from each side",
        examples=[{"marketing": "Ada", "sales": "Ben"}],
    )
    approved_on: Day | None = Field(None, description="the day both had signed", examples=["2026-01-31"])
    review_by: Day | None = Field(
        None, description="the last day on which the signatures hold", examples=["2026-07-31"]
    )

    def signed_on(self, day: date) -> bool:
        """Say whether both sides have signed by ``day`` and the review is not overdue."""
        approvers = self.approved_by
        return bool(
            approvers.marketing
            and approvers.sales
            and self.approved_on
            and self.approved_on <= day
            and (self.review_by is None or day <= self.review_by)
        )


class HumanGate(Part):
    """Stages that nobody enters without a recorded human interaction."""

    on: Truth = Field(True, description="false lets scores alone qualify, which we advise against", examples=[True])
    stages: tuple[Name, ...] = Field((), description="stages behind the gate", examples=[["qualified"]])


class Rejection(Part):
    """The CRM field in which a rep says why a lead was turned down."""

    field: Name = Field("Handoff_Rejection__c", description="the picklist", examples=["Handoff_Rejection__c"])
    reasons: tuple[Name, ...] = Field(
        ("no budget", "wrong person", "not now", "other"),
        description="its values",
        examples=[["no budget", "wrong person"]],
    )


class Transition(Part):
    """One lawful move."""

    from_: OneOrMany[Name] = Field(
        alias="from", description="a stage, a list of stages, or any", examples=[["mql", "accepted"]]
    )
    to: Name = Field(description="the stage that is entered", examples=["recycled"])
    when: When = Field(description="what must hold", examples=[{"verdict": "sales", "account": "matched"}])
    because: Name | None = Field(None, description="words for the history and the CRM", examples=["no longer ready"])
    cool_off: Span | None = Field(
        None, description="how long only customer, opportunity, disqualified are open", examples=["60d"]
    )


class LifecycleFile(Part):
    """lifecycle.yaml. Everybody starts in the first stage."""

    definition: Definition = Field(description="the signed agreement; going live needs it", examples=[{"version": 1}])
    human_gate: HumanGate = Field(
        default_factory=HumanGate,
        description="stages that need a recorded human interaction",
        examples=[{"on": True, "stages": ["qualified"]}],
    )
    stages: tuple[Name, ...] = Field(
        min_length=2, description="all stages; everybody starts in the first", examples=[["inquiry", "mql", "customer"]]
    )
    terminal: tuple[Name, ...] = Field((), description="stages that nothing leaves", examples=[["customer"]])
    rejection: Rejection = Field(
        default_factory=Rejection,
        description="how a rep turns a lead down",
        examples=[{"field": "Handoff_Rejection__c", "reasons": ["not now", "other"]}],
    )
    transitions: tuple[Transition, ...] = Field(
        description="lawful moves; the first that holds is taken, again until none does",
        examples=[[{"from": "inquiry", "to": "mql", "when": {"verdict": "sales"}}]],
    )


Disposition = Literal["fast_lane", "sales", "review", "nurture", "disqualified"]
