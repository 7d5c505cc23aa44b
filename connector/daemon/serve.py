"""The daemon: one process, a few jobs, never two at once, late ones run once, and a door for those who watch."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from connector.bootstrap import House, check_ready, open_house
from connector.daemon.clock import Clock
from connector.daemon.door import Door, json_page
from connector.daemon.health import Health
from connector.daemon.jobs import HOUSEKEEPING_SECONDS, Jobs
from connector.daemon.looks import JOBS, Job
from connector.daemon.metrics import CONTENT_TYPE, Metrics
from connector.errors import Stopped
from connector.logs import log_step
from connector.mapping.settings import Schedule
from connector.pipeline.cycle import Cycle
from connector.pipeline.steps import StepDone
from connector.pipeline.turn import cycle_clock, engine_turn, stood_by_turn
from connector.trust.put_back import notice_put_back

#: a stop must be over within ten seconds; the page or batch in hand is finished first
STOP_SECONDS = 5.0
_TICK_SECONDS = 0.2
_BEAT_SECONDS = 5.0
_BEAT = "beat"
#: within the span of looks at forms: that is by how much one of them may be late
_FIRINGS = 20


def serve(config: Path, *, stop: Callable[[], bool], clock: Clock | None = None) -> int:
    """Run the jobs of handoff.yaml's schedule until ``stop`` says so; return the exit code.

    Raises:
        HandoffError: the house cannot be opened, live mode is refused, another engine is at work, or the port is taken.
    """
    clock = clock or Clock()
    health = Health(clock.monotonic)
    watch = _Watch(health, stop)
    with ExitStack() as stack:
        house = stack.enter_context(open_house(config, stop=watch.stop, progress=watch.progress, on_step=watch.step))
        store, owner = house.store, house.engine.owner
        turn = stack.enter_context(
            stood_by_turn(store, owner) if store.shared else engine_turn(store, owner, stop=stop)
        )
        now = cycle_clock(house.store, None, clock=clock.now)
        with Cycle(house.engine, now=now).first_asked():
            check_ready(house, today=now.date())
        if turn.held:
            notice_put_back(store, house.engine.lake_root, now=clock.now())
        systems = [adapter.traits().system for adapter in house.engine.adapters]
        metrics = Metrics(JOBS, systems)
        jobs = Jobs(house, turn, clock, health, metrics, stop)
        watch.metrics, watch.lost = metrics, lambda: turn.lost and not jobs.beside
        house.engine.still_ours = turn.renew
        house.engine.sits_out = False
        health.engine, health.lake, health.look_at_state = "held", house.engine.lake_root, jobs.look_at_state
        if not turn.held:
            jobs.stand_by()
        door = stack.enter_context(_door(house, health, metrics))
        daemon = Daemon(jobs)
        code = daemon.run(stop, listening=door.url)
        if not daemon.finished:
            # A thread still waits for a vendor, and the interpreter would wait for it; what it holds is looked up.
            turn.release()
            sys.stderr.flush()
            os._exit(code)
        return code


class _Watch:
    """What the engine is asked and tells while it works, made before the engine it watches."""

    def __init__(self, health: Health, stop: Callable[[], bool]) -> None:
        self._health = health
        self._stop = stop
        self.metrics: Metrics | None = None
        self.lost: Callable[[], bool] = lambda: False

    def stop(self) -> bool:
        """Say whether to stop, and note that a page or batch has been done."""
        self._health.moved()
        return self._stop() or self.lost()

    def progress(self, _step: str, _detail: str, _rows: int) -> None:
        """Note that something has been done."""
        self._health.moved()

    def step(self, done: StepDone) -> None:
        """Log and count a step."""
        self._health.moved()
        log_step(done)
        if self.metrics is not None:
            self.metrics.step(done)


def _door(house: House, health: Health, metrics: Metrics) -> Door:
    pages = {
        "/livez": lambda: json_page(*health.live()),
        "/readyz": lambda: json_page(*health.ready()),
        "/metrics": lambda: (200, CONTENT_TYPE, metrics.exposition()),
    }
    return Door(house.settings.console.host, house.settings.console.port, pages)


def timetable(schedule: Schedule, time_zone: str) -> dict[Job, BaseTrigger]:
    """Give what fires each job; whether it then has anything to do is the job's own affair.

    Looks at forms are fired far more often than they are due: one that was made between two looks of a wide one is no
    multiple of their span ago, and the next would come up to twice the span after it.
    """

    def every(seconds: float) -> BaseTrigger:
        return IntervalTrigger(seconds=seconds, timezone=ZoneInfo("UTC"))

    rescore = schedule.full_rescore
    return {
        "deliver": every(schedule.deliver.total_seconds()),
        "fast_lane": every(schedule.fast_lane.total_seconds() / _FIRINGS),
        "source": every(schedule.source.total_seconds()),
        "crm": every(schedule.crm.total_seconds()),
        "full_rescore": CronTrigger(hour=rescore.hour, minute=rescore.minute, timezone=ZoneInfo(time_zone)),
        "housekeeping": every(HOUSEKEEPING_SECONDS),
    }


class Daemon:
    """Fires the jobs in real time."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._clock = jobs.clock
        self._log = structlog.get_logger().bind(mode=jobs.house.settings.mode)
        self._taking_over = False
        #: False once a stop could not wait for the job in hand
        self.finished = True
        # Jobs queue behind one another by design; each firing that finds its predecessor waiting would be a warning.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._scheduler = BackgroundScheduler(
            timezone=ZoneInfo("UTC"),
            # One thread for the jobs, so that no two run at once; one that shows that the scheduler is alive.
            executors={"default": ThreadPoolExecutor(1), _BEAT: ThreadPoolExecutor(1)},
            # A late job runs once, however late: without a grace time APScheduler drops what is a second behind.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def run(self, stop: Callable[[], bool], *, listening: str) -> int:
        """Work until asked to stop; a cycle in hand gets ten seconds to finish what it is at."""
        table = self._table()
        for name, trigger in table.items():
            self._scheduler.add_job(partial(self._jobs.fire, name), trigger, id=name)
        self._scheduler.add_job(
            self._jobs.health.beat, IntervalTrigger(seconds=_BEAT_SECONDS), id=_BEAT, executor=_BEAT
        )
        self._fire_now("crm")
        self._jobs.health.beat()
        self._log.info("daemon.started", jobs=list(table), listening=listening, engine=self._jobs.health.engine)
        try:
            self._scheduler.start()
            while not stop() and self._jobs.fatal is None:
                time.sleep(_TICK_SECONDS)
                self._mind_the_clock()
                self._mind_the_turn()
        except Stopped:
            self._log.warning("daemon.hurried")
        self._end()
        if self._jobs.fatal is not None:
            raise self._jobs.fatal
        return 0

    def _end(self) -> None:
        try:
            self._scheduler.shutdown(wait=False)
            self.finished = self._jobs.at_work.acquire(timeout=STOP_SECONDS)
        except Stopped:
            # The second signal: whoever sends it does not want to wait.
            self.finished = False
        self._log.info("daemon.stopped", finished=self.finished)

    def _mind_the_clock(self) -> None:
        """After sleep or a set clock, look at everything once, and let the scheduler plan anew.

        APScheduler plans on the clock that people set: set back by an hour, it would fire nothing for an hour.
        """
        jumped = self._clock.jumped()
        if jumped is None:
            return
        self._log.warning("daemon.clock_jumped", seconds=round(jumped.total_seconds()))
        self._jobs.wake()
        for name, trigger in self._table().items():
            self._scheduler.reschedule_job(name, trigger=trigger)
        self._scheduler.reschedule_job(_BEAT, trigger=IntervalTrigger(seconds=_BEAT_SECONDS))
        self._fire_now("crm")

    def _mind_the_turn(self) -> None:
        """Begin to lead as soon as the turn is ours, not when the next job happens to be due; give way when asked."""
        self._jobs.give_way()
        if self._jobs.standing_by and self._jobs.turn.held:
            if not self._taking_over:
                self._jobs.wake()
                self._fire_now("crm")
            self._taking_over = True
        else:
            self._taking_over = False

    def _table(self) -> dict[Job, BaseTrigger]:
        settings = self._jobs.house.settings
        return timetable(settings.schedule, settings.time_zone)

    def _fire_now(self, name: Job) -> None:
        self._scheduler.modify_job(name, next_run_time=datetime.now(ZoneInfo("UTC")))
