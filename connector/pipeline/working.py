"""Decides in one cycle about everybody, about the touched, or about nobody, and tells what it did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.domain.few_at_work import few_at_work
from connector.errors import LocalFault
from connector.pipeline import steps
from connector.pipeline.decisions.deciding import Deciding, decide_all, nothing_decided, with_limits
from connector.pipeline.decisions.plans import summary
from connector.pipeline.decisions.redeciding import asked_anew, decide_anew
from connector.pipeline.engine import Engine
from connector.pipeline.forgetting import Named
from connector.pipeline.incremental.choosing import Portion
from connector.pipeline.incremental.keeper import Keeper
from connector.pipeline.incremental.kept_hits import DAMAGED
from connector.pipeline.incremental.news import Grown
from connector.pipeline.incremental.outlook import Outlook, look
from connector.pipeline.incremental.touched import Left
from connector.pipeline.people.census import Census
from connector.pipeline.people.gathering import hold
from connector.pipeline.people.passes import PopulationPart
from connector.pipeline.people.population import Population, take_census
from connector.pipeline.people.workplace import automation_ids, users
from connector.pipeline.reports.report import Report
from connector.pipeline.reports.telling import forecast, tell_part, tell_population, tell_unchanged
from connector.pipeline.scratch import Scratch
from connector.ports.store import Decisions, OutboxRow
from connector.ports.traits import FieldInfo

#: the word in the state that says who we are in the CRM, for commands that ask no system
SETTING_USER = "crm_user_id"
#: objects whose fields deciding needs described
_DESCRIBED = ("lead", "contact", "account", "task")

#: tries after which hits that are found to be harmed again and again end the cycle
_MOST_TRIES = 5


class Working:
    """The steps from who is who to what is decided, of one cycle.

    Attributes:
        moves: moves between stages: (from, to) → people.
        plan_summary: what a plan of it would do, in numbers.
        fast_lane: events of those who were worked that sales should act on at once.
        keep: keeps the cycle for the next one, to be called once its decisions are stored.
        leaves: whether it leaves people to the next one.
        worked: how many people it works, where it is not everybody.
    """

    def __init__(self, engine: Engine, census: Census, report: Report, walk: steps.Walk, *, now: datetime) -> None:
        """Take what a cycle works with; ``census`` knows no programs among the users yet."""
        self._engine = engine
        self._census = census
        self.report = report
        self._steps = walk
        self._now = now
        self.moves: Counter[tuple[str, str]] = Counter()
        self.plan_summary: dict[str, Any] = {}
        self.fast_lane: pa.Table | None = None
        self.keep: Callable[[], None] = lambda: None
        self.leaves, self.worked = False, 0
        self.came_back: list[Named] = []
        #: dead creations, decided anew; None where they are not to be made any more
        self.anew: dict[int, OutboxRow | None] = {}

    def decide(self, scratch: Scratch, *, live: bool, full: bool, portion: Portion) -> tuple[Decisions, Decisions]:
        """Give what was decided, without and with the rows that a limit holds.

        Args:
            scratch: where it lies.
            live: it will be stored; then it is also kept for the next cycle.
            full: work everybody, whatever has come.
            portion: of those whom news concern, how many are worked.
        """
        engine = self._engine
        engine.progress(steps.IDENTIFY.name, "reading the lake", 0)
        census = self._census
        own = engine.crm.user_id()
        engine.store.switches.put_setting(SETTING_USER, own or "")
        deciding = Deciding(self.report.run_id, self.report.plan_id, self._described(), own)
        root, info = engine.lake_root, deciding.info
        outlook = look(census, root, now=self._now, described=info, own=own, full=full, portion=portion)
        tries = 0
        while not outlook.nothing:
            tries += 1
            try:
                with few_at_work(self._at_most(outlook)):
                    return self._work(outlook, census, deciding, scratch.within(f"try-{tries}"), live=live)
            except Grown as grown:
                outlook.widen(grown)
            except LocalFault as fault:
                if fault.code == DAMAGED and tries < _MOST_TRIES:
                    continue
                if not fault.code.startswith("kept.") or outlook.touched is None:
                    raise
                outlook.widen(Grown(everybody="harmed"))
        return self._nothing(outlook, deciding, scratch)

    def _at_most(self, outlook: Outlook) -> int:
        """Say how many people are worked, of everybody a bound: somebody of whom no row was ever read is nobody."""
        if outlook.touched is not None:
            return len(outlook.touched.persons)
        return sum(segment.rows for segment in self._engine.store.manifest.segments())

    def _nothing(self, outlook: Outlook, deciding: Deciding, scratch: Scratch) -> tuple[Decisions, Decisions]:
        """Decide nothing: nobody's answer could be another than the last cycle's."""
        assert outlook.kept is not None
        tell_unchanged(self.report, outlook.kept.head)
        for step in (steps.IDENTIFY, steps.QUARANTINE, steps.MATCH, steps.SCORE, steps.STAGE):
            self._steps.done(step, {"persons": 0})
        decisions = nothing_decided(deciding, scratch, now=self._now)
        forecast(self.report, self._engine, decisions.rows)
        self.plan_summary = summary(decisions.rows)
        return decisions, decisions

    def _work(
        self, outlook: Outlook, census: Census, deciding: Deciding, scratch: Scratch, *, live: bool
    ) -> tuple[Decisions, Decisions]:
        """Decide about everybody, or about the touched.

        Raises:
            Grown: others than the touched are concerned as well.
        """
        engine, touched = self._engine, outlook.touched
        if touched is not None:
            census = replace(census, lake=census.lake.of(touched.references, census.of_people()))
        holdings = hold(census.lake, census.traits, as_of=self._now, asked=census.asked())
        names = engine.mappings.routing.automation_users
        everybody = users(holdings, census.crm)
        census = replace(census, automation=automation_ids(everybody, names, deciding.user_id))
        engine.progress(steps.DECIDE.name, "matching, scoring, staging", 0)
        keeper = outlook.keeper() if live else None
        told: list[tuple[steps.Step, Mapping[str, int]]] = []
        try:
            population = take_census(
                census,
                holdings,
                scratch,
                now=self._now,
                told=lambda step, counts: told.append((step, counts)),
                answered=outlook.answered,
                pending=outlook.pending,
                touched=touched,
                keeping=None if keeper is None else keeper.keeping,
            )
            if touched is not None and touched.left is not None and touched.left.begins:
                touched.left.again = population.others.living
            for step, counts in told:
                self._told(outlook, step, counts)
            self.fast_lane = population.signals.fast_lane
            self.came_back = population.passes.came_back
            tell_population(self.report, population)
            decisions = decide_all(
                census, population, holdings, scratch, deciding, now=self._now, told=self._tell_part, keeper=keeper
            )
            asked = asked_anew(census.store, decisions.anew)
            self.anew = decide_anew(asked, census, population, holdings, deciding, now=self._now)
        except BaseException:
            # Whatever ends the cycle here, half of a head must not be kept for the next.
            if keeper is not None:
                keeper.keeping.drop()
            raise
        self._steps.done(steps.STAGE, {"persons": population.living, "moves": self.report.moves})
        self.report.opted_out.update(decisions.opted_out)
        self.report.late_touches.update(decisions.late)
        limited = with_limits(decisions, census, engine.limits, living=population.living, now=self._now)
        forecast(self.report, engine, limited.rows)
        self.plan_summary = summary(limited.rows)
        if touched is not None:
            self.leaves = bool(touched.left)
            self.worked = len(touched.persons)
        if keeper is not None:
            self.keep = partial(self._kept, keeper, population, scratch)
        return decisions, limited

    def asked_since(self, since: datetime) -> list[dict[str, str]]:
        """List who asked for sales since an instant: before the mark nobody is called for it by us."""
        assert self.fast_lane is not None
        at = self.fast_lane.column("occurred_at")
        events = self.fast_lane.filter(pc.greater_equal(at, pa.scalar(since, at.type))).to_pylist()
        names = ("rule", "person_id")
        return [{name: event[name] for name in names} | {"at": event["occurred_at"].isoformat()} for event in events]

    def _kept(self, keeper: Keeper, population: Population, scratch: Scratch) -> None:
        """Keep the cycle for the next, if the disk takes it: else the next works everybody."""
        report = self.report
        with suppress(LocalFault):
            keeper.commit(
                population,
                scratch,
                self._engine.store,
                decided=report.run_id,
                now=self._now,
                dispositions=report.dispositions,
                stages=report.stages,
            )
        keeper.keeping.drop()

    def _told(self, outlook: Outlook, step: steps.Step, counts: Mapping[str, int]) -> None:
        """Tell of a step; of the first, whom the cycle works and what has come."""
        if step is not steps.IDENTIFY:
            self._steps.done(step, counts)
            return
        touched: dict[str, int] = {}
        if outlook.touched is not None:
            left = outlook.touched.left or Left()
            touched = {"touched": len(outlook.touched.persons), "left": len(left.waiting), "again": left.again}
        came = {f"came_{name}": count for name, count in sorted(outlook.by().items())}
        words = {"everybody": outlook.everybody, "anew": outlook.anew()}
        self._steps.done(step, {**counts, **touched, **came}, words=words)

    def _tell_part(self, part: PopulationPart) -> None:
        """Add the people of one part to what is told of all."""
        self.moves.update(tell_part(self.report, part))

    def _described(self) -> dict[str, dict[str, FieldInfo]]:
        crm = self._engine.crm
        return {object_: {info.name: info for info in crm.fields(object_)} for object_ in _DESCRIBED}
