"""Looks at systems by turns: a wide one makes room for forms and replies while it reads, and while it decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from connector.daemon.pace import LEAST, Pace
from connector.daemon.rhythm import Outcome
from connector.pipeline.cycle import Cycle
from connector.pipeline.incremental.choosing import URGENT, Portion
from connector.pipeline.intake.looking import Scope
from connector.pipeline.intake.pulling import Aside
from connector.pipeline.reports.report import Report

Job = Literal["deliver", "fast_lane", "source", "crm", "full_rescore", "housekeeping"]
#: those that look at systems, widest first; each one sees what those after it would have seen
LOOKS: Final[tuple[Job, ...]] = ("full_rescore", "crm", "source", "fast_lane")
JOBS: Final[tuple[Job, ...]] = ("deliver", *LOOKS, "housekeeping")
SCOPES: Final[dict[Job, Scope]] = {"full_rescore": "all", "crm": "all", "source": "sources", "fast_lane": "fast"}
#: of the time between two looks at forms, what a wider look that makes room for them has at the least
_LEAST_SHARE: Final = 0.6
#: of it, what deciding is to leave over: how long it takes is an estimate, and a look is better early than late. So
#: late it may be, too: most wide looks end sooner, and see all that a look at forms would have
_MARGIN_SHARE: Final = 0.08


@dataclass
class Looks:
    """Carries out looks at systems.

    Attributes:
        carry_out: begins a cycle of a job, lets it work, and tells of it.
        monotonic: seconds on a clock that is never set.
        span: seconds between two looks at forms, at present.
        longest: seconds after it has read everything at which a wide look leaves who is left to the next one, which
            reads what has come since.
        broken_off: whether a wide look is to end between two turns.
        fast_lane_first: looks at forms and replies; fails alone.
        seen_all: whether this process has read everything to its end.
    """

    carry_out: Callable[[Job, Callable[[Cycle], Report]], tuple[Cycle, Report]]
    monotonic: Callable[[], float]
    span: Callable[[], float]
    longest: float
    broken_off: Callable[[], bool]
    fast_lane_first: Callable[[], None]
    seen_all: bool = field(default=False, init=False)
    #: when forms and replies were last looked for
    _sought: float = field(default=0.0, init=False)
    #: whether a look has left people, or landed what it did not decide on: that is for the next wide one
    _left: bool = field(default=False, init=False)
    _pace: Pace = field(default_factory=Pace, init=False)
    #: what the first turn of a wide look took that last decided: reading, and deciding about who had just asked
    _first_turn_seconds: float = field(default=0.0, init=False)
    _began_to_decide: float = field(default=0.0, init=False)
    #: whether the wide look has yet to begin to work everybody, whatever has come
    _full: bool = field(default=False, init=False)

    def narrow(self, *, goes_on: bool = False) -> Outcome:
        """Look at forms and replies, and decide about whom they concern.

        ``goes_on``: while a wider look waits, which may have landed some; they must not wait for its end.
        """
        self._sought = self.monotonic()
        cycle, report = self.carry_out(
            "fast_lane", lambda one: one.run("fast", goes_on=goes_on, portion=lambda: self._begin(URGENT))
        )
        outcome = _outcome(report)
        self._left = self._left or cycle.leaves or outcome == "news"
        self._learn(cycle)
        return outcome

    def wide(self, name: Job) -> Outcome | None:
        """Look at more, by turns; None where it was broken off: it is to be begun again.

        Everything that is left is news to the next look, whichever it is.
        """
        scope, goes_on, made_room = SCOPES[name], self._left, False
        aside, read_at = Aside(), self.monotonic()
        self._full = name == "full_rescore"
        # Whatever ends it early, what it has landed and whom it has left is news to the next one.
        self._left = True
        if self._would_be_late():
            self.fast_lane_first()
            aside.made = goes_on = True
        outcome: Outcome = "quiet"
        while True:
            began = self.monotonic()
            cycle, report = self._turn(name, scope, aside, goes_on=goes_on, made_room=made_room)
            if scope != "left" and cycle.worked:
                self._first_turn_seconds = self.monotonic() - began
            if _outcome(report) == "news":
                outcome = "news"
            if not (cycle.stood_aside or cycle.leaves):
                break
            if self.broken_off():
                return None
            # What was read is decided on even where the rest brings nothing.
            goes_on = True
            if cycle.all_read and scope != "left":
                scope, read_at = "left", self.monotonic()
            elif cycle.leaves and self.monotonic() - read_at >= self.longest:
                return "news"
            made_room = cycle.stood_aside or self._fitting() is None
            if made_room:
                self.fast_lane_first()
                aside.made = True
        self._left = False
        self.seen_all = self.seen_all or SCOPES[name] == "all"
        return outcome

    def _would_be_late(self) -> bool:
        """Say whether whoever has asked would wait past the span if a wide look began without looking at forms."""
        waited, margin = self.monotonic() - self._sought, _MARGIN_SHARE * self.span()
        return self.seen_all and self._first_turn_seconds > max(margin, self.span() + margin - waited)

    def _turn(self, name: Job, scope: Scope, aside: Aside, *, goes_on: bool, made_room: bool) -> tuple[Cycle, Report]:
        began = self.monotonic()

        def portion() -> Portion | None:
            if scope != "left" and not aside.made:
                # a wide look reads them last
                self._sought = self.monotonic()
            if not self.seen_all:
                return self._begin(Portion())
            # Whoever has made room gets on before room is made again, however long forms and replies took; who has read
            # has got on.
            people = self._fitting()
            if people is None and made_room and scope == "left":
                people = LEAST
            # Only the turn that has read lets others wait for whoever has just asked: of all turns some get on.
            return None if people is None else self._begin(Portion(most=people, urgent_alone=scope != "left"))

        aside.asked = (lambda: self._waits(began, made_room=made_room)) if self.seen_all else None
        cycle, report = self.carry_out(
            name, lambda one: one.run(scope, full=self._full, aside=aside, goes_on=goes_on, portion=portion)
        )
        # whoever has begun to work everybody goes on with them
        self._full = self._full and cycle.stood_aside
        self._learn(cycle)
        return cycle, report

    def _waits(self, began: float, *, made_room: bool) -> bool:
        """Say whether forms and replies have waited for a turn that began then.

        They wait since they were last looked for, not since that was decided on; but a look that has made room for them
        gets on meanwhile.
        """
        at, span = self.monotonic(), self.span()
        least = span * (_LEAST_SHARE if made_room else _MARGIN_SHARE)
        return at - self._sought >= span and at - began >= least

    def _fitting(self) -> int | None:
        """Say how many people can be decided about before forms are looked for again; None: too few."""
        return self._pace.fits((1 - _MARGIN_SHARE) * self.span() - (self.monotonic() - self._sought))

    def _begin(self, portion: Portion) -> Portion:
        """Note when a cycle begins to decide."""
        self._began_to_decide = self.monotonic()
        return portion

    def _learn(self, cycle: Cycle) -> None:
        if cycle.worked:
            self._pace.took(cycle.worked, self.monotonic() - self._began_to_decide)


def _outcome(report: Report) -> Outcome:
    pulled = sum(report.pulled[kind] for kind in ("people", "activities", "crm_records"))
    return "news" if pulled or report.writes["planned"] else "quiet"
