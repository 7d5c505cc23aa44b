"""How long it took from what set a task off to the task in the CRM. Times are aware UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

#: ``event``: what somebody did that sales should act on at once; ``stage``: the entry into a stage
OpenedBy = Literal["event", "stage"]


@dataclass(frozen=True, slots=True)
class TaskEvent:
    """What set off the task with a creation key: the event's own instant, on the clock of the system it happened in."""

    key: str
    rule: str
    opened_by: OpenedBy
    at: datetime


@dataclass(frozen=True, slots=True)
class TaskTime:
    """A task that the CRM has confirmed."""

    key: str
    rule: str
    opened_by: OpenedBy
    event_at: datetime
    task_at: datetime

    @property
    def seconds(self) -> float:
        """From the event to the confirmation; never less than nothing, though clocks differ."""
        return max(0.0, (self.task_at - self.event_at).total_seconds())


class TaskTimes(Protocol):
    """What is known of these times; events come with the decisions that open tasks. Every method is one transaction."""

    def measure(self) -> list[TaskTime]:
        """Give the tasks that have been confirmed since this was last asked, by whomever: each of them once."""
        ...

    def since(self, at: datetime) -> list[TaskTime]:
        """Give the tasks confirmed and measured since, oldest first."""
        ...

    def of_person(self, person_id: str) -> list[TaskTime]:
        """Give the confirmed tasks of one person, oldest first."""
        ...
