"""One look at systems: as far as asked, and at the CRM as well where it holds writes of ours that none has shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from connector.identity.tombstones import Graveyard
from connector.pipeline import steps
from connector.pipeline.engine import Engine
from connector.pipeline.forgetting import purge
from connector.pipeline.intake.pulling import Aside, Pulled, Puller
from connector.pipeline.intake.wanted import wanted_of
from connector.ports.source import Source
from connector.ports.traits import AdapterTraits

#: ``fast``: forms and replies; ``sources``: all of marketing; ``all``: everything; ``left``: nothing but what the CRM
#: shows of our own writes
Scope = Literal["fast", "sources", "all", "left"]
_LANES: Final[Mapping[Scope, str | None]] = {"fast": "fast", "sources": None, "all": None, "left": None}
#: set while the CRM holds writes of ours that no pull has brought back
SETTING_UNSEEN: Final = "crm_unseen_writes"


@dataclass(frozen=True, slots=True)
class Look:
    """What a look brought.

    Attributes:
        pulled: the figures of all that was read.
        news: whether anything came of what was asked for; what the CRM shows besides waits for a wider look.
        files_swept: files of the lake that were deleted.
    """

    pulled: Pulled
    news: bool
    files_swept: int


def look_at_systems(
    engine: Engine, traits: Sequence[AdapterTraits], scope: Scope, *, aside: Aside, goes_on: bool, now: datetime
) -> Look:
    """Pull and land; failures are among what was pulled.

    Raises:
        LocalFault: the lake or the state cannot be written.
        Stopped: a signal came; what was read is landed.
    """
    purge(engine.store, engine.lake_root, traits, install=engine.install, at=now)
    graves = Graveyard(engine.install, engine.store.knowledge.tombstones())
    landing, wide = engine.landing(), scope in {"sources", "all"}
    puller = Puller(
        landing,
        engine.store.manifest,
        engine.store.ledger,
        erased=graves.holds if graves else None,
        progress=lambda system, stream, rows: engine.progress(steps.PULL.name, f"{system} {stream}", rows),
        stop=engine.stop,
        aside=aside,
        merges=wide,
    )
    crm = engine.crm.traits().system
    wanted = {one.system: wanted_of(engine.mappings, one, is_crm=one.system == crm) for one in traits}
    # What is written while we pull may not be in the mirror yet.
    unseen = engine.store.switches.setting(SETTING_UNSEEN)
    pulled, all_of_crm = Pulled(), scope == "all"
    # The mirror is older than what we wrote: deciding on it would wish for all of that again. Whoever has asked waits
    # for nothing but the decision, so a look at forms catches up first: with the next news it would have had to.
    if unseen and scope == "fast":
        pulled.add(puller.pull([engine.crm], engine.crm, wanted, now=now))
        all_of_crm = True
    asked = puller.pull(_in_scope(engine, scope), engine.crm, wanted, now=now, lane=_LANES[scope])
    pulled.add(asked)
    if unseen and not all_of_crm and (asked.news or goes_on) and not asked.stood_aside:
        pulled.add(puller.pull([engine.crm], engine.crm, wanted, now=now))
        all_of_crm = True
    if wide and not pulled.stood_aside:
        landing.compact(everywhere=True, enough=aside.wanted)
    landing.rest()
    seen = all_of_crm and not (pulled.stood_aside or pulled.failures)
    if seen and engine.store.switches.setting(SETTING_UNSEEN) == unseen:
        engine.store.switches.put_setting(SETTING_UNSEEN, "")
    return Look(pulled, asked.news, landing.sweep(now=now) if wide else 0)


def _in_scope(engine: Engine, scope: Scope) -> Sequence[Source]:
    if scope == "left":
        return ()
    return engine.adapters if scope == "all" else engine.sources
