"""What is needed to take stock of everybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from connector.domain.engine_memory import people_at_once
from connector.lake.reading import Lake
from connector.mapping.bundle import Mappings
from connector.mapping.lost import Lost
from connector.pipeline.engine import Engine as Working
from connector.pipeline.incremental.kept_hits import KeptHits
from connector.pipeline.intake.wanted import asked_of
from connector.pipeline.people.gathering import Asked
from connector.ports.store import Store
from connector.ports.traits import AdapterTraits
from connector.scoring.engines.on_duckdb import EMBEDDED
from connector.scoring.engines.runner import Engine


@dataclass(frozen=True, slots=True)
class Census:
    """What is needed to take stock: rules, systems, memory, clock. ``automation`` are user ids that are programs."""

    lake: Lake
    store: Store
    mappings: Mappings
    traits: Sequence[AdapterTraits]
    crm: AdapterTraits
    install: str
    time_zone: str
    automation: Sequence[str]
    #: people worked on in one go
    at_once: int = field(default_factory=people_at_once)
    #: what computes scores
    scoring: Engine = EMBEDDED
    #: where hits are kept, for a cycle of now whose turn it is; without, activities are read and matched
    hits: KeptHits | None = None
    #: what the mappings can no longer ask (``mappings`` are without it)
    lost: Lost = field(default_factory=Lost)

    def asked(self) -> Asked:
        """Say which columns of the lake to hold: everything but what is told part by part."""
        return asked_of(self.mappings, self.traits, self.crm.system)

    def of_people(self) -> list[tuple[str, str]]:
        """List the kinds of record that are people, by system."""
        return [(one.system, object_) for one in self.traits for object_ in one.people]


def census_of(engine: Working) -> Census:
    """Give what a look at everybody needs: scored on the embedded engine, from activities, by nobody's turn."""
    return Census(
        lake=Lake(engine.lake_root, engine.store.manifest),
        store=engine.store,
        mappings=engine.mappings,
        traits=engine.traits(),
        crm=engine.crm.traits(),
        install=engine.install,
        time_zone=engine.time_zone,
        automation=(),
        at_once=engine.at_once,
    )
