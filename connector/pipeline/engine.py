"""Everything a cycle works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from connector.delivery.limits import Limits
from connector.domain.engine_memory import people_at_once
from connector.lake.arranged import arrange
from connector.lake.landing import Landing
from connector.lake.layout import activities_stream, records_stream
from connector.lake.repeats import KnownKeys
from connector.mapping.bundle import Mappings
from connector.pipeline import steps
from connector.ports.crm import Crm
from connector.ports.source import Source
from connector.ports.store import Store
from connector.ports.traits import AdapterTraits
from connector.scoring.engines import runner as scoring_engine
from connector.scoring.engines.on_duckdb import EMBEDDED


@dataclass
class Engine:
    """Everything a cycle works with, put together once by the bootstrap.

    Attributes:
        mode: ``paused``, ``shadow`` or ``live``.
        patience: real time a cycle spends on what may pass (locks, lost answers).
        sits_out: whether a cycle also waits while the CRM is left alone because it is down; the daemon comes back.
        progress: told (step, detail, rows so far) for people who watch.
        stop: asked between pages and batches; a signal makes it true.
        on_step: told of each step of each cycle once, when it ends.
        still_ours: asked right before decisions are stored: False when another engine has taken the turn.
        silence: how long a stream may bring nothing before a cycle is red for it, whatever its rhythm.
        deleted_share: of the records of one kind, deleted within a day, from which a cycle is amber for it.
        event_to_task: how soon after its event a task should be in the CRM; None: no alarm.
        clock: now, for the age of files.
        at_once: people worked on in one go; it bounds memory and changes no answer.
        scoring: what computes scores; it changes no answer either.
        keeps_hits: whether what was matched is kept for the next cycle; nor does this.
    """

    install: str
    time_zone: str
    mode: str
    mappings: Mappings
    sources: Sequence[Source]
    crm: Crm
    store: Store
    lake_root: Path
    limits: Limits
    calls_per_day: Mapping[str, int]
    left_to_others: float
    dead_share: float
    owner: str = field(default_factory=lambda: uuid4().hex)
    patience: timedelta = timedelta(seconds=60)
    sits_out: bool = True
    progress: Callable[[str, str, int], None] = lambda _step, _detail, _rows: None
    stop: Callable[[], bool] = lambda: False
    on_step: Callable[[steps.StepDone], None] = lambda _done: None
    still_ours: Callable[[], bool] = lambda: True
    silence: timedelta = timedelta(days=3)
    deleted_share: float = 0.05
    event_to_task: timedelta | None = None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    at_once: int = field(default_factory=people_at_once)
    scoring: scoring_engine.Engine = EMBEDDED
    keeps_hits: bool = True
    _known: KnownKeys | None = field(default=None, init=False)

    @property
    def adapters(self) -> list[Source]:
        """The sources in the order of handoff.yaml, the CRM last."""
        return [*self.sources, self.crm]

    def traits(self) -> list[AdapterTraits]:
        """Give every adapter's traits, the CRM's last."""
        return [adapter.traits() for adapter in self.adapters]

    def landing(self) -> Landing:
        """Give what appends to the lake; which rows its files hold is remembered from cycle to cycle."""
        if self._known is None:
            self._known = KnownKeys(self.lake_root)
        return Landing(self.lake_root, self.store.manifest, clock=self.clock, known=self._known)

    def arrange(self) -> None:
        """Have in memory what cycles of a few people ask for: the first of them would take seconds longer for it.

        Raises:
            LocalFault: a file of the lake is missing or damaged.
        """
        manifest = self.store.manifest
        for one in self.traits():
            streams = (activities_stream(one.system), *(records_stream(one.system, kind) for kind in one.people))
            arrange(self.lake_root, [manifest.segments(stream) for stream in streams])
