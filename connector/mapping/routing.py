"""routing.yaml: who is called, by whom, how soon."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from connector.domain.records import ActivityType
from connector.mapping.conditions import AllOf, When
from connector.mapping.values import Duration, Name, Part, RuleId, Whole


class TaskTemplate(Part):
    """The task a rep sees. Words in braces: first_name, last_name, company, reason, grade, form, path."""

    subject: Name = Field(description="what the rep reads first", examples=["Call {first_name}: {reason}"])
    due: Duration = Field(description="after the buyer's event or the stage entry, in working hours", examples=["4h"])
    priority: Literal["high", "normal", "low"] = Field("normal", description="the task's priority", examples=["high"])
    by: Literal["call", "email", "any"] = Field(
        "call", description="how the person is reached; who has said no to it gets no such task", examples=["email"]
    )


class FastLane(Part):
    """What sales should act on at once; such events are never scored."""

    id: RuleId = Field(description="stable for ever: keys are built from it", examples=["contact-us"])
    on: ActivityType = Field(description="the type of activity", examples=["form_submit"])
    where: When = Field(AllOf(()), description="what the activity must carry", examples=[{"form": "contact-us"}])
    to: Name = Field(description="a pool, account_owner or deal_owner", examples=["sdr"])
    task: TaskTemplate = Field(
        description="what the rep gets", examples=[{"subject": "Call {first_name}", "due": "4h"}]
    )


class MarketingAction(Part):
    """Something the marketing tool should do."""

    list: Name = Field(description="the list people are added to", examples=["tradeshow-follow-up"])
    within: Duration = Field(description="how soon", examples=["3d"])


class Persona(Part):
    """A kind of person with an action of its own, whatever the points."""

    id: RuleId = Field(description="stable for ever: keys are built from it", examples=["perfect-lead"])
    when: When = Field(description="who is meant", examples=[{"grade": "A1", "role": "decider"}])
    to: Name | None = Field(None, description="a pool, account_owner or deal_owner; goes with task", examples=["sdr"])
    task: TaskTemplate | None = Field(
        None, description="what the rep gets; goes with to", examples=[{"subject": "Call {first_name}", "due": "4h"}]
    )
    marketing: MarketingAction | None = Field(
        None, description="not part of this version", examples=[{"list": "tradeshow-follow-up", "within": "3d"}]
    )


class StageTask(Part):
    """A task opened when a stage is entered; closed by us when it is left and no person has touched it."""

    id: RuleId = Field(description="stable for ever: keys are built from it", examples=["new-mql"])
    on_enter: Name = Field(description="the stage", examples=["mql"])
    to: Name = Field(description="a pool, account_owner or deal_owner", examples=["sdr"])
    task: TaskTemplate = Field(
        description="what the rep gets", examples=[{"subject": "Call {first_name}", "due": "4h"}]
    )


class Assignment(Part):
    """The first line that holds decides who owns; the last has no condition."""

    when: When = Field(AllOf(()), description="whose records; left out: everybody's", examples=[{"country": "DE"}])
    to: Name = Field(description="a pool, account_owner or deal_owner", examples=["account_owner"])


class Member(Part):
    """One user of a pool."""

    user: Name = Field(description="the CRM user name", examples=["rep1@corp.example"])
    weight: Whole = Field(1, ge=0, le=100, description="2 gets twice as many as 1; 0 gets none", examples=[2])
    cap: Whole | None = Field(
        None, ge=1, description="open tasks of ours beyond which the member is passed over", examples=[40]
    )


class Fallback(Part):
    """Where work goes when nobody in the pool can take it: another pool, a queue or a user."""

    pool: Name | None = Field(None, description="another pool", examples=["sdr"])
    queue: Name | None = Field(None, description="a CRM queue", examples=["Unassigned"])
    user: Name | None = Field(None, description="a CRM user name", examples=["lead@corp.example"])

    @model_validator(mode="after")
    def _one(self) -> Fallback:
        if sum(value is not None for value in (self.pool, self.queue, self.user)) != 1:
            raise ValueError("name exactly one of pool, queue, user")
        return self


class Pool(Part):
    """Users among whom work is shared by weight."""

    members: tuple[Member, ...] = Field(
        min_length=1, description="who takes work", examples=[[{"user": "rep1@corp.example"}]]
    )
    hours: Name | None = Field(
        None, description="when due times run; left out = always", examples=["Mon-Fri 09:00-17:00 Europe/Berlin"]
    )
    fallback: Fallback = Field(description="who takes it when nobody here can", examples=[{"queue": "Unassigned"}])


class Sla(Part):
    """How soon a stage wants its first touch."""

    first_touch: Duration = Field(
        description="from stage entry to the first touch, in the working hours of the stage's pool", examples=["4h"]
    )
    then: tuple[Literal["reassign", "notify_manager"], ...] = Field(
        (),
        description="what follows when it is late, once for each stage entry: the work goes to the next of the pool,"
        " the owner's manager gets a task; left out: it stands in the report alone",
        examples=[["reassign", "notify_manager"]],
    )


def _is_number(value: Any) -> str:
    return "number" if isinstance(value, int) else "stage"


#: a stage's line, or the number behind ``attempts_before_recycle``
SlaEntry = Annotated[
    Annotated[Sla, Tag("stage")] | Annotated[Whole, Field(ge=1, le=1000), Tag("number")], Discriminator(_is_number)
]


class Notify(Part):
    """Who is told, and when not."""

    email: tuple[Name, ...] = Field((), description="addresses", examples=[["ops@corp.example"]])
    quiet_hours: Name | None = Field(None, description="when nobody is told", examples=["20:00-07:00 Europe/Berlin"])


class RoutingFile(Part):
    """routing.yaml."""

    fast_lane: tuple[FastLane, ...] = Field(
        (),
        description="events that go to sales at once and are never scored",
        examples=[
            [
                {
                    "id": "contact-us",
                    "on": "form_submit",
                    "to": "sdr",
                    "task": {"subject": "Call {first_name}", "due": "4h"},
                }
            ]
        ],
    )
    personas: tuple[Persona, ...] = Field(
        (),
        description="kinds of people with an action of their own",
        examples=[
            [
                {
                    "id": "perfect-lead",
                    "when": {"grade": "A1"},
                    "to": "sdr",
                    "task": {"subject": "Call {first_name}", "due": "4h"},
                }
            ]
        ],
    )
    stage_tasks: tuple[StageTask, ...] = Field(
        (),
        description="tasks opened when a stage is entered",
        examples=[
            [{"id": "new-mql", "on_enter": "mql", "to": "sdr", "task": {"subject": "Call {first_name}", "due": "4h"}}]
        ],
    )
    assign: tuple[Assignment, ...] = Field(
        (),
        description="who owns: the first line that holds; the last takes everybody",
        examples=[[{"when": {"account.owner": "active"}, "to": "account_owner"}, {"to": "sdr"}]],
    )
    pools: dict[str, Pool] = Field(
        default_factory=dict,
        description="users among whom work is shared",
        examples=[{"sdr": {"members": [{"user": "rep1@corp.example"}], "fallback": {"queue": "Unassigned"}}}],
    )
    sla: dict[str, SlaEntry] = Field(
        default_factory=dict,
        description="stage: first touch; attempts_before_recycle: a number, not part of this version",
        examples=[{"mql": {"first_touch": "4h", "then": ["reassign"]}}],
    )
    automation_users: tuple[Name, ...] = Field(
        (), description="CRM users that are programs, not people", examples=[["marketing.sync@corp.example"]]
    )
    notify: Notify = Field(
        default_factory=Notify, description="not part of this version", examples=[{"email": ["ops@corp.example"]}]
    )
