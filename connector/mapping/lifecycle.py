"""lifecycle.yaml: the agreed definition, the stages, and what moves a person between them."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from connector.mapping.conditions import When
from connector.mapping.values import Day, Name, OneOrMany, Part, Span, Truth, Whole


class Approvers(Part):
    """Who signed, on both sides; null = not signed."""

    marketing: Name | None = None
    sales: Name | None = None


class Definition(Part):
    """The written agreement of what a qualified lead is. Going live needs it signed and unexpired."""

    version: Whole = Field(ge=1)
    approved_by: Approvers = Field(default_factory=Approvers)
    approved_on: Day | None = None
    review_by: Day | None = None

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

    on: Truth = True
    stages: tuple[Name, ...] = ()


class Rejection(Part):
    """The CRM field in which a rep says why a lead was turned down."""

    field: Name = "Handoff_Rejection__c"
    reasons: tuple[Name, ...] = ("no budget", "wrong person", "not now", "other")


class Transition(Part):
    """One lawful move."""

    from_: OneOrMany[Name] = Field(alias="from", description="a stage, a list of stages, or any")
    to: Name
    when: When
    because: Name | None = Field(None, description="words for the history and the CRM")
    cool_off: Span | None = Field(None, description="how long only customer, opportunity, disqualified are open")


class LifecycleFile(Part):
    """lifecycle.yaml. Everybody starts in the first stage."""

    definition: Definition
    human_gate: HumanGate = Field(default_factory=HumanGate)
    stages: tuple[Name, ...] = Field(min_length=2)
    terminal: tuple[Name, ...] = ()
    rejection: Rejection = Field(default_factory=Rejection)
    transitions: tuple[Transition, ...]


Disposition = Literal["fast_lane", "sales", "review", "nurture", "disqualified"]
