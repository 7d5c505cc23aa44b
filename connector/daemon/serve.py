"""The daemon: one process, a few jobs, never two at once, late ones run once."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from connector.bootstrap import House, check_ready, open_house
from connector.errors import HandoffError, LocalFault
from connector.pipeline.cycle import Cycle, Scope
from connector.pipeline.turn import LEASE, cycle_clock, engine_turn, remember_clock

#: a stop must be over within ten seconds; the page or batch in hand is finished first
STOP_SECONDS = 5.0
_TICK_SECONDS = 0.2


def serve(config: Path, *, stop: Callable[[], bool]) -> int:
    """Run the jobs of handoff.yaml's schedule until ``stop`` says so; return the exit code.

    Raises:
        HandoffError: the house cannot be opened, or live mode is refused.
    """
    with open_house(config, stop=stop) as house, engine_turn(house.store, house.engine.owner):
        daemon = Daemon(house)
        check_ready(house, today=cycle_clock(house.store, None).date())
        code = daemon.run(stop)
        if not daemon.finished:
            # A thread still waits for a vendor, and the interpreter would wait for it; what it holds is looked up.
            house.store.switches.release(LEASE, house.engine.owner)
            sys.stderr.flush()
            os._exit(code)
        return code


class Daemon:
    """The jobs of one house."""

    def __init__(self, house: House) -> None:
        self._house = house
        # Adapters are for one thread at a time, and a cycle must not overtake another.
        self._one_at_a_time = threading.Lock()
        self._log = structlog.get_logger().bind(mode=house.settings.mode)
        self._fatal: HandoffError | None = None
        #: False once a stop could not wait for the cycle in hand
        self.finished = True
        self._scheduler = BackgroundScheduler(
            timezone=ZoneInfo(house.settings.time_zone),
            # A late job runs once, however late: without a grace time APScheduler drops what is a second behind.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def run(self, stop: Callable[[], bool]) -> int:
        """Work until asked to stop; a cycle in hand gets ten seconds to finish what it is at."""
        schedule = self._house.settings.schedule
        jobs: list[tuple[str, Callable[[], None], object]] = [
            ("fast_lane", lambda: self.cycle("fast"), IntervalTrigger(seconds=schedule.fast_lane.total_seconds())),
            ("source", lambda: self.cycle("sources"), IntervalTrigger(seconds=schedule.source.total_seconds())),
            ("crm", lambda: self.cycle("all"), IntervalTrigger(seconds=schedule.crm.total_seconds())),
            ("deliver", self.deliver, IntervalTrigger(seconds=schedule.deliver.total_seconds())),
            (
                "full_rescore",
                lambda: self.cycle("all"),
                CronTrigger(hour=schedule.full_rescore.hour, minute=schedule.full_rescore.minute),
            ),
        ]
        for name, job, trigger in jobs:
            self._scheduler.add_job(job, trigger, id=name)
        self._log.info("daemon.started", jobs=[name for name, _, _ in jobs])
        self._scheduler.start()
        threading.Thread(target=self.cycle, args=("all",), name="first-cycle", daemon=True).start()
        while not stop() and self._fatal is None:
            time.sleep(_TICK_SECONDS)
        self._scheduler.shutdown(wait=False)
        self.finished = self._one_at_a_time.acquire(timeout=STOP_SECONDS)
        self._log.info("daemon.stopped", finished=self.finished)
        if self._fatal is not None:
            raise self._fatal
        return 0

    def cycle(self, scope: Scope) -> None:
        """Run one cycle, unless another job is at work: the next one will see what this one would have seen."""
        if not self._one_at_a_time.acquire(blocking=scope == "all", timeout=60 if scope == "all" else -1):
            return
        try:
            now = cycle_clock(self._house.store, None)
            remember_clock(self._house.store, now)
            self._guarded(scope, Cycle(self._house.engine, now=now), lambda cycle: cycle.run(scope))
        finally:
            self._one_at_a_time.release()

    def deliver(self) -> None:
        """Send what waits, where anything does."""
        store = self._house.store
        if self._house.settings.mode != "live" or store.switches.paused() is not None:
            return
        counts = store.outbox.counts()
        if not any(counts.get(state) for state in ("todo", "doing", "unknown")):
            return
        if self._one_at_a_time.acquire(blocking=False):
            try:
                now = cycle_clock(store, None)
                self._guarded("deliver", Cycle(self._house.engine, now=now), lambda cycle: cycle.deliver())
            finally:
                self._one_at_a_time.release()

    def _guarded(self, name: str, cycle: Cycle, work: Callable[[Cycle], object]) -> None:
        """Let a failed job fail alone; only a fault of this machine ends the daemon."""
        try:
            work(cycle)
        except LocalFault as error:
            self._fatal = error
        except HandoffError as error:
            self._log.error("job.failed", job=name, run=cycle.report.run_id, code=error.code, at=error.at)
        except Exception as error:  # noqa: BLE001 - a door: one bad cycle must not end the daemon, and is never silent
            self._log.error("job.crashed", job=name, run=cycle.report.run_id, kind=type(error).__name__, exc_info=True)
        else:
            report = cycle.report
            self._log.info(
                "job.done",
                job=name,
                run=report.run_id,
                verdict=report.verdict,
                pulled=report.pulled,
                writes=report.writes,
                api_calls=report.api_calls,
                seconds=report.seconds,
            )
