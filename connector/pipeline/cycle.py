"""One cycle: the list of steps walked once, for real or as a plan."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from connector.delivery.budget import Budget, accounted, hold_for_budget
from connector.delivery.drained import Drained
from connector.domain.engine_memory import give_back
from connector.domain.writes import RowState
from connector.errors import HandoffError, LocalFault, Refused
from connector.mapping.lost import without
from connector.pipeline import steps
from connector.pipeline.decisions.dead_letters import release_changed, remember_dead
from connector.pipeline.decisions.deciding import dropped, with_limits
from connector.pipeline.decisions.plans import check_current, dump_plan, load_plan
from connector.pipeline.decisions.redeciding import asked_anew, settle_anew
from connector.pipeline.decisions.rerouting import drain_and_reroute
from connector.pipeline.decisions.withdrawing import withdraw
from connector.pipeline.engine import Engine
from connector.pipeline.forgetting import Named, bury_again
from connector.pipeline.incremental.choosing import Portion
from connector.pipeline.incremental.kept_hits import KeptHits
from connector.pipeline.intake.deletions import note_deletions
from connector.pipeline.intake.drift import Drift, hold_drifted, look_for_drift, lost_by, release_drifted
from connector.pipeline.intake.looking import SETTING_UNSEEN, Scope, look_at_systems
from connector.pipeline.intake.pulling import Aside
from connector.pipeline.intake.silence import note_silence, silent_streams
from connector.pipeline.intake.streams_read import note_read
from connector.pipeline.people.census import Census, census_of
from connector.pipeline.recording import recorded, refusal_recorded
from connector.pipeline.reports.report import Report
from connector.pipeline.scratch import Scratch, open_scratch
from connector.pipeline.versions import meet_mappings, tell_results
from connector.pipeline.working import Working
from connector.ports.store import Decisions
from connector.ports.traits import AdapterTraits

#: how far before the mark `status` looks for people who asked for sales
BEFORE_BASELINE = timedelta(days=7)
#: words kept in the state for commands that ask no system
SETTING_BEFORE_BASELINE = "fast_lane_before_baseline"


class Cycle:
    """Walks the steps once. Make a new one for each cycle."""

    def __init__(self, engine: Engine, *, now: datetime) -> None:
        self._engine = engine
        self._now = now
        self._begun = time.monotonic()
        run_id = f"{now:%Y%m%dT%H%M%S}-{uuid4().hex[:8]}"
        self.report = Report(run_id, f"plan-{run_id}", now, engine.mode)
        #: moves between stages: (from, to) → people
        self.moves: Counter[tuple[str, str]] = Counter()
        self._full = False
        #: whether everybody is worked in one go, whatever portion was asked for
        self._at_once = False
        self._aside = Aside()
        self._goes_on = False
        self._portion: Callable[[], Portion | None] = Portion
        #: whether it made room for the fast lane before it decided, and whether all was read by then
        self.stood_aside = self.all_read = False
        #: whether it has stored decisions and left people to the next
        self.leaves = False
        #: people it has worked, where it did not work everybody
        self.worked = 0
        self._drift: list[Drift] = []
        #: whether the engine's turn is ours: a plan beside a daemon is made without
        self._turn = True
        #: rows that the cycle took over, and the run that decided on the others
        self._before: list[int] = []
        self._decided_by = run_id
        self.plan_summary: dict[str, Any] = {}
        self._steps = steps.Walk(run_id, engine.on_step)

    def first_asked(self) -> AbstractContextManager[None]:
        """Let a run stand in the history, with its error, whose first question of the block a system refuses."""
        return refusal_recorded(self._engine, self.report, self._steps)

    def plan(self, *, pull: bool = True) -> Report:
        """Walk the steps up to the writes, which are stored as a plan and not sent."""
        return self._walk("plan", pull=pull)

    def run(
        self,
        scope: Scope = "all",
        *,
        full: bool = False,
        aside: Aside | None = None,
        goes_on: bool = False,
        portion: Callable[[], Portion | None] = Portion,
    ) -> Report:
        """Walk all steps; ``full`` works everybody even where only some could be given another answer.

        That is at once, or, where there is a ``portion``, it begins to. With a narrower ``scope`` only those streams
        are read, and where they bring nothing new nothing is decided: the daemon looks at forms far more often than at
        the whole CRM. Where ``aside`` says so after a page of marketing's slow streams, or ``portion`` gives none once
        all is read, what was read is landed and nothing is decided (``stood_aside``); a cycle that ``goes_on`` does so
        for it. Of those whom news concern it may decide about a ``portion`` (``leaves``); one that goes on in the scope
        ``left`` decides about the next.
        """
        self._full, self._aside, self._goes_on = full, aside or Aside(), goes_on
        self._portion = portion
        return self._walk("run", pull=True, scope=scope)

    def run_plan(self, plan_id: str, *, deliver: bool = True) -> Report:
        """Do exactly what a stored plan says; without ``deliver`` its rows are left to whoever drains the outbox.

        Raises:
            Refused: there is no such plan, its ground has moved, or writes are paused.
        """
        store = self._engine.store
        body = store.runs.plan(plan_id)
        if body is None:
            raise Refused("plan.unknown", f"there is no plan {plan_id}", cure="`handoff plan` makes one")
        if self._engine.mode != "live" or store.switches.paused() is not None:
            raise Refused("run.paused", "writes are paused", cure="set mode: live, or `handoff resume`")
        decisions, data = load_plan(body)
        check_current(data, decisions, store, mappings=self._engine.mappings.digest)
        self.report.plan_id, self._decided_by = plan_id, decisions.run_id
        with self._recorded("run"):
            self._before = self._unsettled() + self._look_for_drift("run")
            with self._timed("score"):
                census = self._census()
                decisions = hold_drifted(decisions, self._drift, census.crm.system)
                living = store.knowledge.remembered()
                limited = with_limits(decisions, census, self._engine.limits, living=living, now=self._now)
                self._store(limited)
            if deliver:
                self._write()
            else:
                self._count(Drained())
        return self.report

    def deliver(self) -> Report:
        """Send what waits in the outbox, and nothing else."""
        with self._recorded("run"):
            self._before = self._unsettled()
            self._write()
        return self.report

    # -- the steps ---------------------------------------------------------------------------------

    def _walk(self, command: steps.Command, *, pull: bool, scope: Scope = "all") -> Report:
        self._turn = pull
        with self._recorded(command):
            self._before = self._unsettled()
            news = pull and self._pull(scope)
            self.all_read = not self.stood_aside
            if self.stood_aside or (pull and scope != "all" and not (news or self._goes_on)):
                return self.report
            if (portion := self._portion()) is None:
                self.stood_aside = True
                return self.report
            if command == "run" and self._may_write():
                with self._checking():
                    self._before += release_changed(self._engine, now=self._now)
            self._before += self._look_for_drift(command)
            self._at_once = self._at_once or bool(asked_anew(self._engine.store))
            with open_scratch(self._engine.lake_root) as scratch:
                live, work, decisions = self._decided(command, scratch, portion)
                if not live:
                    self._remember(command, decisions)
                    return self.report
                if decisions.moves_on:
                    self._engine.progress(steps.STORE.name, "memory and outbox", len(decisions.rows))
                    self._store(decisions, work.came_back)
                    if self._engine.still_ours():
                        work.keep()
                        self.leaves = work.leaves
                self._before += settle_anew(self._engine, work.anew, now=self._now)
            if "baseline" in decisions.marks:
                week = json.dumps(work.asked_since(self._now - BEFORE_BASELINE))
                self._engine.store.switches.put_setting(SETTING_BEFORE_BASELINE, week)
            give_back()
            self._write()
        return self.report

    def _decided(self, command: steps.Command, scratch: Scratch, portion: Portion) -> tuple[bool, Working, Decisions]:
        """Decide and keep the plan; say whether its writes may be stored, and give what was found out and decided."""
        with self._timed("score"), self._checking():
            live = command == "run" and self._may_write()
            work = Working(self._engine, self._census(), self.report, self._steps, now=self._now)
            # what is dropped is not kept either: then nobody would be known to have been left
            some = portion if live and not self._at_once else Portion()
            full = self._full or self._at_once
            wished, decisions = work.decide(scratch, live=live, full=full, portion=some)
            self.moves, self.plan_summary, self.worked = work.moves, work.plan_summary, work.worked
            self._keep_plan(wished, done=live)
            decisions = hold_drifted(decisions, self._drift, self._engine.crm.traits().system)
        self._steps.done(steps.DECIDE, {"rows": len(decisions.rows), "reviews": len(decisions.reviews)})
        return live, work, decisions

    def _checking(self) -> AbstractContextManager[None]:
        """Write down the calls of the block, which neither pull nor write."""
        return accounted(self._engine.adapters, self._engine.store.ledger, cause="check", now=self._now)

    def _look_for_drift(self, command: steps.Command) -> list[int]:
        """See which fields are not what they were; let go what waited for others, and work everybody then."""
        with self._checking():
            self._drift = look_for_drift(self._engine, now=self._now)
        self.report.drift = [one.words() for one in self._drift]
        waits, crm = command == "run" and self._may_write(), self._engine.crm.traits().system
        freed = release_drifted(self._engine.store, self._drift, crm, now=self._now) if waits else []
        self._at_once = self._at_once or bool(freed)
        return freed

    def _may_write(self) -> bool:
        return self._engine.mode == "live" and self._engine.store.switches.paused() is None

    def _store(self, decisions: Decisions, came_back: Sequence[Named] = ()) -> None:
        """Store decisions, unless another engine has decided meanwhile: this one may have slept since it looked."""
        if not self._engine.still_ours():
            raise LocalFault("engine.lost", "another run took over while this one slept", cure="let that one work")
        meet_mappings(self._engine.store, self._engine.mappings, run_id=self.report.run_id, at=decisions.at)
        self._engine.store.knowledge.commit_decisions(decisions)
        # Only now: what is wished for in their place must not be lost. Whoever ends in between does so again.
        withdraw(self._engine.store.outbox, decisions.withdrawn, now=self._now)
        bury_again(self._engine.store, came_back, install=self._engine.install, at=self._now)
        tell_results(self._engine.store, self.report.document(), at=decisions.at)
        tables = ("identities", "persons", "stage_moves", "scores")
        counts = {name: getattr(decisions, name).num_rows for name in tables}
        self._steps.done(steps.STORE, {"rows": len(decisions.rows), **counts})

    def _pull(self, scope: Scope) -> bool:
        """Pull and land; say whether anything new came."""
        engine = self._engine
        with self._timed("pull"):
            look = look_at_systems(engine, self._traits, scope, aside=self._aside, goes_on=self._goes_on, now=self._now)
            pulled = look.pulled
            self.stood_aside = pulled.stood_aside
            self.report.add_pulled(pulled.counts(), pulled.streams)
            note_read(engine.store, pulled.streams, self._traits, at=self._now)
            share, root = engine.deleted_share, engine.lake_root
            many = note_deletions(engine.store, root, pulled.deleted, share=share, now=self._now)
            self.report.deleted = [one.words() for one in many]
            counts = pulled.counts() | {"files_swept": look.files_swept}
            self._steps.done(steps.PULL, counts, streams=pulled.streams)
        if pulled.failures:
            raise pulled.failures[0]
        if scope == "all" and not self.stood_aside:
            note_silence(engine.store, engine.lake_root, self._traits, now=self._now, allowed=engine.silence)
        self.report.silent = [one.words(self._now) for one in silent_streams(engine.store)]
        return look.news

    def _keep_plan(self, decisions: Decisions, *, done: bool) -> None:
        """Store the plan; of one that is done at once only what later commands ask of it."""
        store, digest = self._engine.store, self._engine.mappings.digest
        body = dump_plan(decisions, mappings=digest, rotations=store.knowledge.rotations(), done=done)
        store.runs.save_plan(self.report.plan_id, made_at=self._now, body=body)

    def _remember(self, command: steps.Command, decisions: Decisions) -> None:
        """Drop what was decided while nothing may be written, but keep what a person must answer."""
        if command == "run":
            self._store(dropped(decisions))
        tally = self._engine.store.outbox.tally(self._decided_by, self._before)
        self.report.add_writes(tally, by_mode=len(decisions.rows))
        self._needs_person()

    def _write(self) -> None:
        engine = self._engine
        with self._timed("write"):
            engine.progress(steps.WRITE.name, "sending", 0)
            if not engine.store.shared:
                # This process holds the engine's turn, and nobody delivers beside it: a row that is on its way belongs
                # to one that is gone, however long its lease would still run, and waits for nobody.
                engine.store.outbox.lose_dead(alone=True)
            # Bounds of lost answers are counted from when a row is sent, which may be long after the cycle began.
            drained = drain_and_reroute(engine, self._budget(engine.crm.traits().system), clock=self._instant)
            if drained.written:
                engine.store.switches.put_setting(SETTING_UNSEEN, self.report.run_id)
            if drained.stopped_by == "budget":
                hold_for_budget(engine.store.outbox)
            remember_dead(engine, now=self._now)
        self._count(drained)
        parts = ("written", "unchanged", "dead")
        self._steps.done(
            steps.WRITE, {name: getattr(drained, name) for name in parts} | {"held": self.report.writes["held"]}
        )

    def _instant(self) -> datetime:
        return self._now + timedelta(seconds=time.monotonic() - self._begun)

    def _count(self, drained: Drained) -> None:
        store = self._engine.store
        self.report.add_writes(store.outbox.tally(self._decided_by, self._before))
        self.report.add_times(store.task_times.measure(), target=self._engine.event_to_task)
        self.report.add_kinds(drained.by_kind)
        self._needs_person()

    def _needs_person(self) -> None:
        store = self._engine.store
        counts = store.outbox.unsettled_counts()
        waiting = counts.get("held:limit", 0) + counts.get("dead", 0)
        self.report.needs_person = waiting + store.knowledge.open_questions()

    # -- what the steps stand on -------------------------------------------------------------------

    @property
    def _traits(self) -> list[AdapterTraits]:
        return self._engine.traits()

    def _census(self) -> Census:
        engine = self._engine
        hits = KeptHits(engine.lake_root, engine.store) if engine.keeps_hits and self._turn else None
        lost = lost_by(self._drift)
        mappings = without(engine.mappings, lost)
        return replace(census_of(engine), scoring=engine.scoring, hits=hits, mappings=mappings, lost=lost)

    def _budget(self, system: str) -> Budget:
        engine = self._engine
        return Budget(system, engine.store.ledger, engine.calls_per_day.get(system), engine.left_to_others)

    def _unsettled(self) -> list[int]:
        """List rows that this cycle takes over: todo, doing, unknown, and those a budget held before."""
        outbox = self._engine.store.outbox
        outbox.release(plan_id=None, held_by="budget", now=self._now)
        return outbox.ids([RowState.TODO, RowState.DOING, RowState.UNKNOWN])

    # -- the report --------------------------------------------------------------------------------

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self.report.seconds[part] += time.monotonic() - started

    @contextmanager
    def _recorded(self, kind: steps.Command) -> Iterator[None]:
        with recorded(self._engine, self.report, self._steps, kind):
            try:
                yield
            except HandoffError:
                # Some rows may have been sent before it failed, and what waits goes on waiting.
                with suppress(HandoffError):
                    self._account()
                raise

    def _account(self) -> None:
        """Tell what has become of the rows of a cycle that fails."""
        if not self.report.writes["planned"]:
            self._count(Drained())
        if self.report.writes["written"]:
            self._engine.store.switches.put_setting(SETTING_UNSEEN, self.report.run_id)
