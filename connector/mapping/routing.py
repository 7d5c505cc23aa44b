"""routing.yaml: who is called, by whom, how soon."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from connector.domain.records import ActivityType
from connector.mapping.conditions import AllOf, When
from connector.mapping.values import Duration, Name, Part, RuleId, Whole


class TaskTemplate(Part):
    """The task a rep sees. Words in braces: first_name, last_name, company, reason, grade, form, path."""

    subject: Name
    due: Duration = Field(description="after the buyer's event or the stage entry")
    priority: Literal["high", "normal", "low"] = "normal"


class FastLane(Part):
    """What sales should act on at once; such events are never scored."""

    id: RuleId
    on: ActivityType
    where: When = AllOf(())
    to: Name = Field(description="a pool, or account_owner")
    task: TaskTemplate


class MarketingAction(Part):
    """Something the marketing tool should do."""

    list: Name
    within: Duration


class Persona(Part):
    """A kind of person with an action of its own, whatever the points."""

    id: RuleId
    when: When
    to: Name | None = None
    task: TaskTemplate | None = None
    marketing: MarketingAction | None = None


class StageTask(Part):
    """A task opened when a stage is entered; closed by us when it is left and no person has touched it."""

    id: RuleId
    on_enter: Name
    to: Name = Field(description="a pool, or account_owner")
    task: TaskTemplate


class Assignment(Part):
    """The first line that holds decides who owns; the last has no condition."""

    when: When = AllOf(())
    to: Name = Field(description="a pool, or account_owner")


class Member(Part):
    """One user of a pool."""

    user: Name = Field(description="the CRM user name, for example rep1@corp.example")
    weight: Whole = Field(1, ge=0, le=100, description="2 gets twice as many as 1; 0 gets none")
    cap: Whole | None = Field(None, ge=1, description="open tasks of ours beyond which the member is passed over")


class Fallback(Part):
    """Where work goes when nobody in the pool can take it: another pool, a queue or a user."""

    pool: Name | None = None
    queue: Name | None = None
    user: Name | None = None

    @model_validator(mode="after")
    def _one(self) -> Fallback:
        if sum(value is not None for value in (self.pool, self.queue, self.user)) != 1:
            raise ValueError("name exactly one of pool, queue, user")
        return self


class Pool(Part):
    """Users among whom work is shared by weight."""

    members: tuple[Member, ...] = Field(min_length=1)
    hours: Name | None = Field(None, description="for example Mon-Fri 09:00-17:00 Europe/Berlin; left out = always")
    fallback: Fallback


class Sla(Part):
    """How soon a stage wants its first touch."""

    first_touch: Duration
    then: tuple[Literal["reassign", "notify_manager"], ...] = ()


def _is_number(value: Any) -> str:
    return "number" if isinstance(value, int) else "stage"


#: a stage's line, or the number behind ``attempts_before_recycle``
SlaEntry = Annotated[
    Annotated[Sla, Tag("stage")] | Annotated[Whole, Field(ge=1, le=1000), Tag("number")], Discriminator(_is_number)
]


class Notify(Part):
    """Who is told, and when not."""

    email: tuple[Name, ...] = ()
    quiet_hours: Name | None = None


class RoutingFile(Part):
    """routing.yaml."""

    fast_lane: tuple[FastLane, ...] = ()
    personas: tuple[Persona, ...] = ()
    stage_tasks: tuple[StageTask, ...] = ()
    assign: tuple[Assignment, ...] = ()
    pools: dict[str, Pool] = Field(default_factory=dict)
    sla: dict[str, SlaEntry] = Field(default_factory=dict, description="stage: first touch; attempts_before_recycle: n")
    automation_users: tuple[Name, ...] = ()
    notify: Notify = Field(default_factory=Notify)
