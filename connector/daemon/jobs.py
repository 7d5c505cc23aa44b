"""The daemon's jobs: what each one does, when it is its turn, and what its end means for the next ones.

Whoever fires them (the scheduler in real time, a test on a clock of its own) may fire too often: a job that is not
due does nothing, and one that is due together with a wider one becomes that one. So late jobs run once, whatever was
missed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from connector.bootstrap import House, check_ready
from connector.daemon.clock import Clock
from connector.daemon.health import Health
from connector.daemon.looks import LOOKS, SCOPES, Job, Looks
from connector.daemon.metrics import Metrics
from connector.daemon.reading import take_reading
from connector.daemon.rhythm import Outcome, Rhythm
from connector.daemon.state_file import PASSING, StateFile
from connector.errors import AccessError, HandoffError, LocalFault, Refused, Stopped, TransientError
from connector.pipeline.cycle import Cycle
from connector.pipeline.reports.report import Report
from connector.pipeline.turn import Turn, cycle_clock, remember_clock
from connector.ports.waits import Guarded
from connector.trust.put_back import is_older_than_lake, notice_put_back, witness

HOUSEKEEPING_SECONDS: Final = 3600.0

# -- what is kept (docs/operating.md) --------------------------------------------------------------
#: a look that found nothing
KEEP_LOOKS: Final = timedelta(days=1)
#: runs that decided, and their plans
KEEP_RUNS: Final = timedelta(days=90)
#: so many of them whatever their age: a plan is held against later ones
KEEP_AT_LEAST: Final = 200
#: plans that were never carried out, newest first; each holds everything that was decided
KEEP_BODIES: Final = 10
#: calls; the budget asks for one day
KEEP_CALLS: Final = timedelta(days=7)
#: those who watch are told again after a job at most this often
_READING_SECONDS: Final = 10.0


@dataclass
class Jobs:
    """The jobs of one house, one at a time.

    Attributes:
        turn: the engine lease of this process.
        fatal: what ends the daemon, once something does.
    """

    house: House
    turn: Turn
    clock: Clock
    health: Health
    metrics: Metrics
    stop: Callable[[], bool]
    fatal: HandoffError | None = field(default=None, init=False)
    #: held while a job is at work; adapters are for one thread at a time
    at_work: threading.Lock = field(default_factory=threading.Lock, init=False)
    _rhythms: dict[Job, Rhythm] = field(init=False)
    _looks: Looks = field(init=False)
    _file: StateFile = field(init=False)
    #: whether another holds the engine's turn, as far as is known
    standing_by: bool = field(default=False, init=False)
    #: whether the job in hand delivers without the engine's turn
    beside: bool = field(default=False, init=False)
    #: until when looks at forms, which are fired the most often, do not ask for the turn of another
    _ask_again: float = field(default=0.0, init=False)
    _led: bool = field(default=False, init=False)
    _known_as_ours: bool = field(default=False, init=False)
    _checked_on: date | None = field(default=None, init=False)
    _paused: bool = field(default=False, init=False)
    _waiting: dict[str, int] = field(default_factory=dict, init=False)
    _read_at: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Take the spans of handoff.yaml."""
        schedule = self.house.settings.schedule
        spans: dict[Job, float] = {
            "deliver": schedule.deliver.total_seconds(),
            "fast_lane": schedule.fast_lane.total_seconds(),
            "source": schedule.source.total_seconds(),
            "crm": schedule.crm.total_seconds(),
            "full_rescore": 0.0,
            "housekeeping": HOUSEKEEPING_SECONDS,
        }
        self._rhythms = {name: Rhythm(seconds) for name, seconds in spans.items()}
        # It is fired so often that it need not be early.
        self._rhythms["fast_lane"].slack_share = 0.01
        self._looks = Looks(
            self._carry_out,
            self.clock.monotonic,
            span=lambda: self._rhythms["fast_lane"].seconds,
            longest=spans["source"],
            broken_off=lambda: self.stop() or self.turn.asked,
            fast_lane_first=self._fast_lane_first,
        )
        self._file = StateFile(self.house.settings.state.get_secret_value())
        self._log = structlog.get_logger().bind(mode=self.house.settings.mode)

    def wake(self) -> None:
        """Let every job be due: the machine has slept, or a clock was set."""
        for rhythm in self._rhythms.values():
            rhythm.wake()

    def look_at_state(self) -> None:
        """Look whether the state answers and is the one we opened.

        Raises:
            LocalFault: it does not, or is not.
        """
        self._file.check()
        self.house.store.check()

    def fire(self, name: Job) -> None:
        """Run a job if it is due and nothing speaks against it. Never raises; what ends the daemon is in ``fatal``."""
        with self.at_work:
            if self.stop() or self.fatal is not None:
                return
            due = self._due(name)
            if due is None:
                return
            began = self.clock.monotonic()
            if name == "fast_lane" and self.standing_by and began < self._ask_again:
                return
            try:
                self._file.check()
                if self._gave_way():
                    return
                if self.house.store.shared:
                    # A newer replica may have brought the state to its own version: then this one has to go.
                    self.house.store.check()
                if due == "deliver" and not self._anything_to_send(began):
                    return
                ours = self._ours()
                if ours or (due == "deliver" and self._may_deliver_beside()):
                    self.beside = not ours
                    self._run(due, began)
            except HandoffError as error:
                self._failed(due, began, error)
            except Exception as error:  # noqa: BLE001 - a door: one bad job must not end the daemon, and is never silent
                self._log.error("job.crashed", job=due, kind=type(error).__name__, exc_info=True)
                self._failed(due, began, HandoffError("program.bug", f"{type(error).__name__} inside Handoff"))
            finally:
                self.beside = False

    def _due(self, name: Job) -> Job | None:
        """Give the job to run now: this one, the widest that is due as well, or none."""
        if name in ("full_rescore", "deliver"):
            return name
        at = self.clock.monotonic()
        asked = LOOKS[1:] if name in LOOKS else (name,)
        return next((job for job in asked if self._rhythms[job].due(at)), None)

    def _ours(self) -> bool:
        """Say whether the engine's turn is ours, taking it again where it is free.

        Raises:
            LocalFault: the state does not answer.
        """
        if not self.turn.take():
            if not self.standing_by:
                self._log.warning("engine.lost")
            self.stand_by()
            return False
        if self.standing_by:
            self._log.warning("engine.retaken" if self._led else "engine.taken_over")
            self.standing_by = False
            self._rhythms["crm"].wake()
            notice_put_back(self.house.store, self.house.engine.lake_root, now=self.clock.now())
        self._led = True
        self.health.engine = "held"
        self.metrics.turn(held=True)
        return True

    def give_way(self) -> None:
        """Leave the engine's turn to a command that waits for it, unless a job is at work; it is taken back after."""
        if self.turn.asked and self.at_work.acquire(blocking=False):
            try:
                with suppress(HandoffError):
                    self._gave_way()
            finally:
                self.at_work.release()

    def _gave_way(self) -> bool:
        """Leave the turn to whoever waits for it.

        Raises:
            LocalFault: the state does not answer.
        """
        if not self.turn.give_way():
            return False
        self._log.info("engine.gave_way")
        self.stand_by()
        return True

    def stand_by(self) -> None:
        """Wait for the engine's turn, which another holds; what is in the outbox may be delivered meanwhile."""
        self.standing_by = True
        self._ask_again = self.clock.monotonic() + self._rhythms["fast_lane"].span_seconds
        self.health.engine = "standing by"
        self.metrics.turn(held=False)

    def _may_deliver_beside(self) -> bool:
        """Say whether rows may be sent without the engine's turn: on a shared state, unless it is an older one.

        A state that was put back must be settled by who holds the turn before anything of it is sent.
        """
        if not self.house.store.shared:
            return False
        if not self._known_as_ours:
            self._known_as_ours = not is_older_than_lake(self.house.store, self.house.engine.lake_root)
        return self._known_as_ours

    def _run(self, name: Job, began: float) -> None:
        with self.health.at_work(name):
            if name == "housekeeping":
                outcome: Outcome | None = self._keep_house()
            elif name == "deliver":
                outcome = self._deliver()
            else:
                outcome = self._look(name)
        if outcome is not None:
            self._ended(name, began, outcome)

    def _look(self, name: Job) -> Outcome | None:
        """Look as far as the job does; None where it was broken off."""
        if name == "fast_lane":
            return self._looks.narrow()
        first, outcome = not self._looks.seen_all, self._looks.wide(name)
        if first and self._looks.seen_all:
            with suppress(LocalFault):  # whoever reads them next will say so
                self.house.engine.arrange()
        return outcome

    def _fast_lane_first(self) -> None:
        """Look at forms and replies while a wider look waits."""
        began = self.clock.monotonic()
        try:
            # what the wider look has landed of forms is news to nobody, and must not wait for its end
            outcome = self._looks.narrow(goes_on=True)
        except HandoffError as error:
            self._failed("fast_lane", began, error)
        else:
            self._ended("fast_lane", began, outcome)

    # -- the jobs ----------------------------------------------------------------------------------

    def _carry_out(self, name: Job, work: Callable[[Cycle], Report]) -> tuple[Cycle, Report]:
        """Let a cycle of now look at systems."""
        cycle = Cycle(self.house.engine, now=cycle_clock(self.house.store, None, clock=self.clock.now))
        return cycle, self._cycle(name, cycle, lambda one: work(self._allowed(one)))

    def _allowed(self, cycle: Cycle) -> Cycle:
        """Give the cycle back if it may begin, and keep its clock; asked once a day: what was signed may have run out.

        Raises:
            Refused: it may not.
            AccessError, TransientError: the CRM does not say; the cycle stands among the runs.
        """
        now = cycle.report.as_of
        today = now.astimezone(ZoneInfo(self.house.settings.time_zone)).date()
        if today != self._checked_on:
            with cycle.first_asked():
                check_ready(self.house, today=now.date())
            self._checked_on = today
        remember_clock(self.house.store, now)
        return cycle

    def _anything_to_send(self, at: float) -> bool:
        """Say whether rows wait that others released, retried or handed over, or that could not be sent.

        What could not be sent last time is tried again less and less often; anything new at once. It costs two small
        questions, and is asked every few seconds.
        """
        store = self.house.store
        paused = self.house.settings.mode != "live" or store.switches.paused() is not None
        if self._paused and not paused:
            # What was decided while paused was dropped; whoever resumes wants to see it now.
            self._rhythms["crm"].wake()
        self._paused = paused
        waiting = {} if paused else self._unsent()
        due = waiting != self._waiting or self._rhythms["deliver"].due(at) or self._probe_due()
        return bool(waiting) and due

    def _probe_due(self) -> bool:
        """Say whether the CRM was left alone for being down, and may be asked again: nobody waits longer than that."""
        crm = self.house.engine.crm
        return isinstance(crm, Guarded) and crm.circuit().state == "half_open"

    def _deliver(self) -> Outcome:
        """Send what waits."""
        now = cycle_clock(self.house.store, None, clock=self.clock.now)
        report = self._cycle("deliver", Cycle(self.house.engine, now=now), Cycle.deliver)
        self._waiting = self._unsent()
        return "news" if any(report.writes[end] for end in ("written", "unchanged", "superseded", "dead")) else "failed"

    def _unsent(self) -> dict[str, int]:
        counts = self.house.store.outbox.unsettled_counts()
        return {state: counts[state] for state in ("todo", "doing", "unknown") if counts.get(state)}

    def _keep_house(self) -> Outcome:
        """Forget what is of no use any more."""
        now = self.clock.now()
        store = self.house.store
        gone = store.runs.prune(
            looks_before=now - KEEP_LOOKS, before=now - KEEP_RUNS, keep=KEEP_AT_LEAST, keep_bodies=KEEP_BODIES
        )
        gone["calls"] = store.ledger.prune(now - KEEP_CALLS)
        self._log.info("housekeeping", **gone)
        return "news"

    def _cycle(self, name: Job, cycle: Cycle, work: Callable[[Cycle], Report]) -> Report:
        try:
            work(cycle)
        except (AccessError, TransientError):
            # Days of these, and housekeeping forgets the last look that went well: the lake must not remember that one.
            self._witness(cycle.report)
            raise
        finally:
            report = cycle.report
            self.metrics.cycle(name, report)
            self._log.info(
                "job.done",
                job=name,
                run=report.run_id,
                verdict=report.verdict,
                pulled=report.pulled,
                writes=report.writes,
                api_calls=report.api_calls,
                seconds={part: round(value, 3) for part, value in report.seconds.items()},
                code=(report.error or {}).get("code", ""),
            )
        self._witness(report)
        if cycle.stood_aside:
            return report
        told = report.writes["planned"] or SCOPES.get(name) == "all"
        # A narrow look that found nothing says nothing of how the last cycle went.
        self.health.ended([*self._stands_for(name)], verdict=report.verdict if told else "", silent=report.silent)
        return report

    def _witness(self, report: Report) -> None:
        if not self.beside:
            witness(self.house.engine.lake_root, report.run_id)

    # -- how it ended ------------------------------------------------------------------------------

    @staticmethod
    def _stands_for(name: Job) -> list[Job]:
        """List a job and those whose work it has done besides."""
        return list(LOOKS[LOOKS.index(name) :]) if name in LOOKS else [name]

    def _ended(self, name: Job, began: float, outcome: Outcome) -> None:
        recovered = bool(self._rhythms[name].failures)
        for job in self._stands_for(name):
            self._rhythms[job].ran(began, outcome)
            self.metrics.ended(job, "")
        for job in LOOKS[1:] if name in LOOKS else ():
            rhythm = self._rhythms[job]
            if recovered and rhythm.failures:
                rhythm.wake()  # where one system is back, others may be
            elif outcome == "news":
                rhythm.hurry()  # where one thing happens, others do
        if name == "housekeeping":
            self.health.ended([name])
        self._read()

    def _failed(self, name: Job, began: float, error: HandoffError) -> None:
        """Let a failed job fail alone; only a lasting fault of this machine, or a refusal, ends the daemon."""
        if isinstance(error, Stopped) and self.stop():
            return
        self._log.error("job.failed", job=name, code=error.code, at=error.at)
        lasting = error.exit_code == LocalFault.exit_code and error.code not in PASSING
        if lasting or error.exit_code == Refused.exit_code:
            self.fatal = error
        wait = error.retry_after_seconds if isinstance(error, TransientError) else None
        self._rhythms[name].ran(began, "failed", wait_seconds=wait or 0.0)
        self.metrics.ended(name, error.code)
        self.health.ended([name], code=error.code)
        if name in LOOKS[2:] and not self._rhythms["crm"].failures:
            # It may have landed what it then could not decide on: only the widest job decides without news.
            self._rhythms["crm"].wake()
        if error.code not in PASSING:
            self._read()

    def _read(self) -> None:
        at = self.clock.monotonic()
        if self._read_at is None or at - self._read_at >= _READING_SECONDS:
            self._read_at = at
            self.metrics.reading(take_reading(self.house.engine, now=self.clock.now()))
