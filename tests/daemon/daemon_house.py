"""A daemon's jobs over memory, on a clock that the test moves."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from small_house import T0
from small_house import House as SmallHouse
from sqlalchemy import event

from connector import bootstrap
from connector.daemon.clock import Clock
from connector.daemon.health import Health
from connector.daemon.jobs import Jobs
from connector.daemon.looks import JOBS, Job
from connector.daemon.metrics import Metrics
from connector.daemon.serve import timetable
from connector.logs import log_step
from connector.mapping.settings import Settings
from connector.pipeline.turn import Turn

#: as handoff.yaml's own
SCHEDULE = {"source": "60s", "crm": "5m", "fast_lane": "15s", "deliver": "5s", "full_rescore": "02:00"}


class Hands:
    """The clocks of a machine: they go on together, or apart when it sleeps or somebody sets one."""

    def __init__(self) -> None:
        self.wall = T0
        self.seconds = 1000.0
        self.clock = Clock(lambda: self.wall, lambda: self.seconds)

    def on(self, **span: float) -> None:
        """Let time pass."""
        self.wall += timedelta(**span)
        self.seconds += timedelta(**span).total_seconds()

    def sleep(self, **span: float) -> None:
        """Suspend the machine: only the wall clock goes on."""
        self.wall += timedelta(**span)


class Desk:
    """A house, its jobs, and those who watch."""

    def __init__(self, folder: Path, url: str, *, mode: str = "live", schedule: dict[str, str] | None = None) -> None:
        self.hands = Hands()
        self.small = SmallHouse(folder, url, mode=mode)
        self.store = self.small.store
        # what a power cut would lose is of no interest here, and on a busy disk it costs minutes
        event.listen(self.store.database.engine, "connect", _carelessly)  # type: ignore[attr-defined]
        self.store.database.engine.dispose()  # type: ignore[attr-defined]
        systems = [{"name": "hubspot", "adapter": "memory"}], {"name": "crm", "adapter": "memory"}
        self.settings = Settings.model_validate(
            {
                "sources": systems[0],
                "crm": systems[1],
                "state": url,
                "mode": mode,
                "schedule": schedule or SCHEDULE,
                "cutover": {"waived_by": "ops", "reason": "a test", "on": "2026-01-01"},
            }
        )
        engine = self.small.engine
        self.asked_to_stop = False
        #: people the next look will find, where looks are played
        self.news = 0
        self.health = Health(self.hands.clock.monotonic, lake=folder)
        self.metrics = Metrics(JOBS, ["hubspot", "crm"], wall=lambda: self.hands.clock.now().timestamp())
        self.turn = Turn(self.store, engine.owner)
        assert self.turn.renew()
        self.jobs = Jobs(
            bootstrap.House(self.settings, engine.mappings, self.store, engine),
            self.turn,
            self.hands.clock,
            self.health,
            self.metrics,
            lambda: self.asked_to_stop,
        )
        self.health.look_at_state = self.jobs.look_at_state
        engine.stop = lambda: self.asked_to_stop or self.turn.lost
        engine.still_ours = self.turn.renew
        engine.clock = self.hands.clock.now
        engine.on_step = self._step

    def _step(self, done: Any) -> None:
        log_step(done)
        self.metrics.step(done)

    def fire(self, *names: Job) -> None:
        """Fire jobs, people's clock being the machine's."""
        for name in names:
            self.small.now = self.hands.wall
            self.jobs.fire(name)

    def live(self, **span: float) -> None:
        """Let the scheduler's own timetable fire what it fires in a span of time."""
        end = self.hands.wall + timedelta(**span)
        table = timetable(self.settings.schedule, self.settings.time_zone)
        due: dict[Any, datetime] = {name: _next(trigger, self.hands.wall) for name, trigger in table.items()}
        while (at := min(due.values())) <= end:
            self.hands.on(seconds=(at - self.hands.wall).total_seconds())
            for name in [name for name, then in due.items() if then == at]:
                self.fire(name)
                due[name] = _next(table[name], at)
        self.hands.on(seconds=(end - self.hands.wall).total_seconds())

    def past_the_baseline(self) -> Desk:
        """Let a lead be known and the first cycle be over."""
        self.small.account()
        self.small.contact("1", title="CEO", employees=500)
        self.small.lead("L1", "1")
        self.fire("crm")
        assert self.health.ready()[0], self.health.ready()
        return self

    def runs(self) -> int:
        """Count the cycles so far."""
        return len(self.store.runs.last(100_000))

    def tasks(self) -> int:
        return len(self.small.tasks())

    def reasons(self) -> dict[str, str]:
        """Give what keeps the daemon from being ready."""
        checks = self.health.ready()[1]["checks"]
        return {name: check["reason"] for name, check in checks.items() if not check["ok"]}


def _carelessly(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")


def _next(trigger: Any, after: datetime) -> datetime:
    moment = after + timedelta(microseconds=1)
    if getattr(trigger, "interval", None) is not None:
        return after + trigger.interval
    found: datetime = trigger.get_next_fire_time(None, moment)
    return found


@contextmanager
def overheard() -> Iterator[list[Any]]:
    """Collect the events that are logged, whatever level a command set in this process before."""
    before = structlog.get_config()["wrapper_class"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    try:
        with structlog.testing.capture_logs() as lines:
            yield lines
    finally:
        structlog.configure(wrapper_class=before)
