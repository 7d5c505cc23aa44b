"""Hits in a cycle: brought up to date once with what has landed, then asked for part by part; nothing is matched anew.

They lie beside the lake, in ``hits/``, and are derived: whatever is amiss with them, activities are read instead.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from connector.errors import LocalFault
from connector.lake.streaming import ActivityRows
from connector.mapping.bundle import Mappings
from connector.mapping.scoring import ScoringModel
from connector.ports.quarantine import EVENT
from connector.ports.store import Store
from connector.scoring.compile import compile_model
from connector.scoring.engines.on_duckdb import EMBEDDED
from connector.scoring.engines.runner import Engine
from connector.scoring.further import ScoredBy
from connector.scoring.hits.store import HitStore
from connector.scoring.score import ScoredPart, score_daily

FOLDER = "hits"
#: what was kept turned out to be harmed: it is gone now, and the next ``caught_up`` builds it again
DAMAGED = "hits.damaged"
_UNWRITABLE = "hits.unwritable"


@dataclass(frozen=True, slots=True)
class KeptHits:
    """The hits beside the lake at ``lake_root``, for whoever has the engine's turn and for nobody else."""

    lake_root: Path
    store: Store

    def caught_up(
        self, mappings: Mappings, systems: Sequence[str], held: pa.Table, *, as_of: datetime, time_zone: str
    ) -> HitStore | None:
        """Bring the hits up to a cycle's clock, without events that are ``held``; None where they do not help.

        That is where the rules ask for spans of time by the minute, where something landed after the clock, or the
        clock is behind that of the hits, and where the disk does not take them.

        Raises:
            ConfigError: a model or the time zone cannot be used.
            LocalFault: the lake or the state cannot be read.
        """
        first, *further = (compile_model(model) for model in (mappings.scoring, *mappings.further))
        rules = hashlib.sha256(mappings.scoring.bots.model_dump_json().encode()).hexdigest()[:16]
        hits = HitStore(self.lake_root / FOLDER, first, time_zone, further=further, quarantine=rules)
        if not hits.lasting:
            return None
        rows = ActivityRows(self.lake_root, self.store.manifest)
        try:
            caught_up = hits.catch_up(rows, systems, as_of=as_of, left_out=held.select(list(EVENT)))
        except LocalFault as fault:
            if fault.code != _UNWRITABLE:
                raise
            return None
        return None if caught_up is None else hits


def scored_by_hits(
    hits: HitStore,
    references: pa.Table,
    accounts: pa.Table,
    *,
    as_of: datetime,
    time_zone: str,
    engine: Engine = EMBEDDED,
) -> ScoredBy:
    """Give what scores people by the hits of their ``references`` (schema ``IDENTITIES``), all that they have."""

    def one(model: ScoringModel, people: pa.Table) -> ScoredPart:
        compiled = compile_model(model)
        ids = people.column("person_id").cast(pa.string()).combine_chunks()
        place = pc.index_in(references.column("person_id"), value_set=ids).cast(pa.int32())
        identities = references.select(["system", "object", "id"]).add_column(0, "person", place)
        daily = hits.hits(identities.filter(pc.is_valid(place)), compiled)
        return score_daily(compiled, people, daily, accounts, as_of=as_of, time_zone=time_zone, engine=engine)

    return one


def forget_hits(lake_root: Path) -> None:
    """Take away all hits that are kept: the next cycle makes them from the lake."""
    shutil.rmtree(lake_root / FOLDER, ignore_errors=True)
