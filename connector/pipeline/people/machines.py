"""What machines did in people's names: the step between who is who and what counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from connector.pipeline.incremental.touched import Touched
from connector.pipeline.people.census import Census
from connector.pipeline.people.gathering import Holdings
from connector.ports.quarantine import EVENT
from connector.quarantine import keep_apart, keep_apart_of


@dataclass(frozen=True, slots=True)
class Apart:
    """What counts for nothing (``EVENT``), and how many events this look brought into which state.

    ``grown``: others than those looked at are concerned as well.
    """

    held: pa.Table
    counts: Mapping[str, int]
    grown: bool = False


def looked_through(
    census: Census,
    holdings: Holdings,
    identities: pa.Table,
    touched: Touched | None,
    *,
    look_only: bool,
) -> Apart:
    """Bring the list of quarantined events up to date as of the holdings, and give what is on it.

    ``touched``: the lake and ``identities`` hold these people only, whole. ``look_only``: nothing is brought up to
    date; what is given is what was known then, or, in hindsight, what is known now.
    """
    quarantine, as_of = census.store.quarantine, holdings.as_of
    if look_only:
        return Apart(quarantine.held(as_of=None if census.lake.hindsight else as_of), {})
    lake, systems, bots = census.lake, holdings.systems, census.mappings.scoring.bots
    if touched is None:
        kept = keep_apart(quarantine, lake, systems, identities, bots, as_of=as_of)
        return Apart(quarantine.held(), kept.counts())
    kept = keep_apart_of(quarantine, lake, systems, identities, bots, as_of=as_of, all_who_did=touched.all_who_did)
    names = pc.binary_join_element_wise(*(identities.column(name) for name in ("system", "object", "id")), ":")
    theirs = quarantine.rows_of(names.to_pylist())
    held = theirs.filter(pc.equal(theirs.column("state"), "held")).select(list(EVENT))
    return Apart(held, kept.counts(), kept.grown)
