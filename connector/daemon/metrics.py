"""What Prometheus is told: counted from reports and looked up after each job, so that a scrape costs nothing."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric

from connector.daemon.reading import Reading
from connector.domain.writes import RowState
from connector.pipeline.reports.report import DISPOSITIONS, HOLDS, Report
from connector.pipeline.reports.task_times import OPENED_BY
from connector.pipeline.steps import STEPS, StepDone, StreamRead
from connector.ports.waits import Waits

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
# a second series for each counter, saying when it was made: nobody asks, and it doubles the answer
disable_created_metrics()  # type: ignore[no-untyped-call]

#: the states a row can wait in
_STATES: Final = tuple(state.value for state in RowState if state not in (RowState.DONE, RowState.SUPERSEDED))
_VERDICTS: Final = ("green", "amber", "red")
_ROWS: Final = ("landed", "repeated", "refused")
_WRITES: Final = ("written", "unchanged", "superseded", "dead")
#: a narrow look takes tens of milliseconds, a first load of a million people an hour
_CYCLE_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
_STEP_SECONDS: Final = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900)
#: a buyer on the telephone counts seconds; a weekend without a run counts days
_TASK_SECONDS: Final = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 1800, 3600, 14_400, 86_400)


class Metrics:
    """All metrics of one daemon. Names, units and labels: docs/operating.md, which a test holds to this file."""

    def __init__(self, jobs: Sequence[str], systems: Sequence[str], *, wall: Callable[[], float] = time.time) -> None:
        """Make them, with every label set that can be named beforehand at zero."""
        self.registry = CollectorRegistry()
        self._wall = wall
        self._of_cycles()
        self._of_rows()
        self._of_the_outside()
        build = Gauge("handoff_build_info", "The program, always 1", ["version", "python"], registry=self.registry)
        build.labels(version("handoff-connector"), platform.python_version()).set(1)
        self._ages = _Ages(self._wall)
        self.registry.register(self._ages)
        ProcessCollector(registry=self.registry)
        self._waits: dict[str, Waits] = {}
        self._opened: dict[str, int] = {}
        self._name_labels(jobs, systems)

    def _of_cycles(self) -> None:
        self._cycles = Counter(
            "handoff_cycles", "Cycles ended, by job and verdict", ["job", "verdict"], registry=self.registry
        )
        self._failures = Counter(
            "handoff_job_failures", "Jobs that ended with an error", ["job", "code"], registry=self.registry
        )
        self._cycle = Histogram(
            "handoff_cycle_duration_seconds",
            "How long cycles took",
            ["job"],
            buckets=_CYCLE_SECONDS,
            registry=self.registry,
        )
        self._step = Histogram(
            "handoff_step_duration_seconds",
            "How long steps took",
            ["step"],
            buckets=_STEP_SECONDS,
            registry=self.registry,
        )
        self._success = Gauge(
            "handoff_last_success_timestamp_seconds",
            "When a job last ended without an error",
            ["job"],
            registry=self.registry,
        )

    def _of_rows(self) -> None:
        labels = ["system", "stream"]
        self._pulled = Counter("handoff_pulled_rows", "Rows that systems sent", labels, registry=self.registry)
        self._landed = {
            name: Counter(f"handoff_{name}_rows", f"Rows pulled that were {what}", labels, registry=self.registry)
            for name, what in zip(_ROWS, ("new to the lake", "in the lake already", "no use"), strict=True)
        }
        self._persons = Gauge(
            "handoff_persons", "Living persons as of the last cycle that decided", registry=self.registry
        )
        self._dispositions = Gauge(
            "handoff_dispositions", "Persons by disposition", ["disposition"], registry=self.registry
        )
        self._moves = Counter("handoff_stage_moves", "Stage moves decided", registry=self.registry)
        self._task_seconds = Histogram(
            "handoff_event_to_task_seconds",
            "From what set off a task to the task in the CRM",
            ["opened_by"],
            buckets=_TASK_SECONDS,
            registry=self.registry,
        )
        self._missed = Counter(
            "handoff_event_to_task_missed", "Tasks that came later than the target", registry=self.registry
        )
        self._writes = Counter(
            "handoff_writes", "Rows of the outbox settled, by what became of them", ["outcome"], registry=self.registry
        )
        self._rows = Gauge(
            "handoff_outbox_rows", "Rows of the outbox not settled, by state", ["state"], registry=self.registry
        )
        self._held = Gauge(
            "handoff_outbox_held_rows", "Held rows, by what holds them", ["cause"], registry=self.registry
        )

    def _of_the_outside(self) -> None:
        self._calls = Counter("handoff_api_calls", "Requests sent", ["system"], registry=self.registry)
        self._calls_day = Gauge(
            "handoff_api_calls_last_day", "Requests of the last 24 hours", ["system"], registry=self.registry
        )
        self._ceiling = Gauge(
            "handoff_api_calls_ceiling", "Requests we allow ourselves in 24 hours", ["system"], registry=self.registry
        )
        self._vendor = Gauge(
            "handoff_api_calls_vendor_remaining", "Requests the vendor still allows", ["system"], registry=self.registry
        )
        self._retries = Counter("handoff_api_retries", "Requests sent again", ["system"], registry=self.registry)
        self._limited = Counter(
            "handoff_api_rate_limited", "Answers asking to come later", ["system"], registry=self.registry
        )
        self._waited = Counter(
            "handoff_api_wait_seconds", "Time waited for systems", ["system"], registry=self.registry
        )
        self._open = Gauge(
            "handoff_circuit_open", "1 while a system is left alone for being down", ["system"], registry=self.registry
        )
        self._silent = Gauge(
            "handoff_stream_silent",
            "1 while a stream or kind of event is silent beyond its own rhythm",
            ["system", "stream"],
            registry=self.registry,
        )
        self._openings = Counter(
            "handoff_circuit_openings", "Times a system was found to be down", ["system"], registry=self.registry
        )
        self._lake_bytes = Gauge("handoff_lake_bytes", "Size of the lake's live segments", registry=self.registry)
        self._segments = Gauge("handoff_lake_segments", "Live segments of the lake", registry=self.registry)
        self._lease = Gauge("handoff_engine_lease_held", "1 while this daemon's is the turn", registry=self.registry)
        self._paused = Gauge(
            "handoff_writes_paused", "1 while writes are paused or the mode is not live", registry=self.registry
        )

    def _name_labels(self, jobs: Sequence[str], systems: Sequence[str]) -> None:
        """Show what has not happened as zero: an alert on a rate needs a series to start from."""
        for job in jobs:
            self._cycle.labels(job)
            for verdict in _VERDICTS:
                self._cycles.labels(job, verdict)
        for step in STEPS:
            self._step.labels(step.name)
        for opened_by in OPENED_BY:
            self._task_seconds.labels(opened_by)
        for system in systems:
            for counter in (self._calls, self._retries, self._limited, self._waited, self._openings):
                counter.labels(system)
            self._open.labels(system)
        for outcome in _WRITES:
            self._writes.labels(outcome)
        for disposition in DISPOSITIONS:
            self._dispositions.labels(disposition)
        for state in _STATES:
            self._rows.labels(state)
        for cause in HOLDS:
            self._held.labels(cause)

    # -- told by the daemon ------------------------------------------------------------------------

    def step(self, done: StepDone) -> None:
        """Count a step."""
        self._step.labels(done.step).observe(done.seconds)
        for stream in done.streams:
            self._stream(stream)

    def _stream(self, read: StreamRead) -> None:
        place = (read.system, read.stream)
        self._pulled.labels(*place).inc(read.rows)
        for name, counter in self._landed.items():
            counter.labels(*place).inc(getattr(read, name))
        self._ages.read.setdefault(place, 0.0)
        if read.ended:
            self._ages.read[place] = self._wall()

    def cycle(self, job: str, report: Report) -> None:
        """Count a cycle that has ended, well or not."""
        self._cycles.labels(job, report.verdict).inc()
        self._cycle.labels(job).observe(report.seconds["total"])
        self._moves.inc(report.moves)
        for outcome in _WRITES:
            self._writes.labels(outcome).inc(report.writes[outcome])
        for opened_by, seconds in report.task_seconds.items():
            for one in seconds:
                self._task_seconds.labels(opened_by).observe(one)
        self._missed.inc(report.event_to_task["missed"])
        for system, calls in report.api_calls.items():
            self._calls.labels(system).inc(max(0, calls["used"]))
        if report.scored["persons"]:
            self._persons.set(report.scored["persons"])
            for disposition in DISPOSITIONS:
                self._dispositions.labels(disposition).set(report.dispositions.get(disposition, 0))

    def ended(self, job: str, code: str) -> None:
        """Note how a job ended; no code: without an error."""
        if code:
            self._failures.labels(job, code).inc()
        else:
            self._success.labels(job).set(self._wall())

    def turn(self, *, held: bool) -> None:
        """Note whose turn it is."""
        self._lease.set(held)

    def reading(self, now: Reading) -> None:
        """Show what was looked up."""
        for state in _STATES:
            self._rows.labels(state).set(now.rows.get(state, 0))
        for cause in {*HOLDS, *now.held}:
            self._held.labels(cause).set(now.held.get(cause, 0))
        self._ages.oldest = {state: at.timestamp() for state, at in now.oldest.items()}
        self._lake_bytes.set(now.lake_bytes)
        self._segments.set(now.lake_segments)
        self._paused.set(now.paused)
        _show(self._calls_day, now.calls_day)
        _show(self._ceiling, now.ceilings)
        _show(self._vendor, now.vendor_remaining)
        for system, waits in now.waits.items():
            before = self._waits.get(system, Waits())
            self._retries.labels(system).inc(waits.retries - before.retries)
            self._limited.labels(system).inc(waits.rate_limited - before.rate_limited)
            self._waited.labels(system).inc(waits.seconds - before.seconds)
            self._waits[system] = waits
        self._silent.clear()
        for place, silent in now.silent.items():
            self._silent.labels(*place).set(silent)
        for system, circuit in now.circuits.items():
            self._open.labels(system).set(circuit.state != "closed")
            self._openings.labels(system).inc(circuit.opened - self._opened.get(system, 0))
            self._opened[system] = circuit.opened

    # -- asked by others ---------------------------------------------------------------------------

    def exposition(self) -> bytes:
        """Give everything in Prometheus' text format."""
        return generate_latest(self.registry)


def _show(gauge: Gauge, values: Mapping[str, int | None]) -> None:
    for system, value in values.items():
        if value is not None:
            gauge.labels(system).set(value)


class _Ages:
    """Ages grow by themselves, so they are worked out when somebody asks."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        #: (system, stream) → when it was last read to its end (Unix seconds), 0: not yet
        self.read: dict[tuple[str, str], float] = {}
        self.oldest: dict[str, float] = {}
        self._since = wall()

    def collect(self) -> Iterable[Metric]:
        """Give lag and age as of now."""
        now = self._wall()
        lag = GaugeMetricFamily(
            "handoff_stream_lag_seconds",
            "Time since a stream was last read to its end, or since the start",
            labels=["system", "stream"],
        )
        for place, at in sorted(self.read.items()):
            lag.add_metric(place, max(0.0, now - (at or self._since)))
        yield lag
        age = GaugeMetricFamily(
            "handoff_outbox_oldest_seconds", "Time since the oldest row of a state was decided", labels=["state"]
        )
        for state in _STATES:
            age.add_metric([state], max(0.0, now - self.oldest[state]) if state in self.oldest else 0.0)
        yield age
