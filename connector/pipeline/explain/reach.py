"""Of whom an answer about one person or account is made: of few, where the last cycle kept what is so of all others.

The means are those by which a cycle works only the touched (docs/incremental.md): worked are whoever is asked about,
all who could be one with them, and all of whom there is news since the cycle that kept it. The answer is the same.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from connector.domain.refs import normal_email
from connector.errors import LocalFault
from connector.identity.keys import STATED, stated_keys
from connector.lake.arrivals import DOERS
from connector.pipeline.explain.finding import SHORT_ID
from connector.pipeline.incremental.ground import ground_of, unfit
from connector.pipeline.incremental.kept import Kept, find_kept
from connector.pipeline.incremental.news import Grown, Reader
from connector.pipeline.incremental.touched import Touched, complete, concerned_by
from connector.pipeline.people.census import Census
from connector.pipeline.people.population import answered_questions

#: what a cycle's ground tells of its decisions alone: no number, stage or account of anybody depends on it
_OF_DECISIONS = ("fields", "keys", "moving", "outbox")


def reach(census: Census, root: Path, who: str, own: str | None, *, as_of: datetime) -> Touched | None:
    """Give whom an answer takes; None: everybody, wherever anything else is in doubt.

    Args:
        census: see there; as the cycles have it, without what systems have stopped telling.
        root: the lake's folder, beside which the last cycle has kept what it found.
        who: as ``finding`` understands it; whoever answers to it is taken in, in whichever way.
        own: our user in the CRM, as the last cycle found it.
        as_of: today's instant, which no cycle has gone beyond.
    """
    kept = find_kept(root, census.store.knowledge.last_decided())
    if kept is None or as_of < kept.head.as_of or unfit(census.mappings) or kept.head.again:
        return None
    try:
        reader = Reader(census, kept, root, now=as_of)
        if not _same_ground(census, kept, reader, own, as_of=as_of):
            return None
        concerned = concerned_by(census, kept, reader.landed(), now=as_of)
        persons = pa.concat_arrays([concerned.persons.cast(pa.string()), _meant(census, kept, who)])
        return complete(census, kept, pc.unique(persons), concerned.fresh)
    except (Grown, LocalFault):
        # Whatever is amiss with what was kept, or with the lake: who reads of everybody sees it, or does not need it.
        return None


def wider(census: Census, touched: Touched, grown: Grown) -> Touched | None:
    """Take in others who turned out to matter; None: everybody."""
    if grown.persons is None:
        return None
    persons = pc.unique(pa.concat_arrays([touched.persons, grown.persons.cast(pa.string())]))
    try:
        return complete(census, touched.kept, persons, touched.fresh)
    except Grown:
        return None


def assure_all_of(touched: Touched, accounts: Collection[str]) -> None:
    """See to it that the people of some accounts are all among the touched.

    Raises:
        Grown: some are not.
        LocalFault: what is kept cannot be read.
    """
    theirs = touched.kept.rows("standings", "account_id", pa.array(sorted(accounts), pa.string()))
    ids = theirs.column("person_id").combine_chunks()
    missing = ids.filter(pc.invert(pc.is_in(ids, value_set=touched.persons)))
    if len(missing):
        raise Grown(missing)


def _same_ground(census: Census, kept: Kept, reader: Reader, own: str | None, *, as_of: datetime) -> bool:
    """Say whether everything that everybody's answer depends on is what it was to the cycle that kept it."""
    ground = ground_of(census, now=as_of, described={}, own=own, answered=answered_questions(census.store))
    before = kept.head.ground
    ground |= reader.workers()
    return all(before.get(name) == ground.get(name) for name in {*before, *ground} if name not in _OF_DECISIONS)


def _meant(census: Census, kept: Kept, who: str) -> pa.Array:
    """List all who may answer to a word, be it as a person or, of a bare id, as the people of an account."""
    knowledge, past = census.store.knowledge, census.store.past
    once = (ref.split(":", 2)[2] for ref in past.references_of(who))
    address = normal_email(who) or ""
    ids = sorted({who, address, who.split(":", 2)[-1], who.rpartition(":")[2], *once})
    row = dict.fromkeys(STATED.names) | {"system": "", "object": "", "id": who, "email": address}
    keys = stated_keys(pa.Table.from_pylist([row], schema=STATED), DOERS.empty_table(), ids).column("key")
    found = [
        *kept.rows("keys", "key", keys).column("person_id").chunks,
        *kept.rows("standings", "account_id", pa.array(ids, pa.string())).column("person_id").chunks,
        knowledge.identities([who]).column("person_id").combine_chunks(),
    ]
    if len(who) == SHORT_ID:
        identities = knowledge.identities()
        found += identities.filter(pc.starts_with(identities.column("id"), who)).column("person_id").chunks
    return pc.unique(pa.chunked_array([each.cast(pa.string()) for each in found], pa.string()))
