"""How many of those whom news concern one cycle takes, and who goes first (docs/incremental.md, "Who goes first")."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from connector.identity.keys import KEYS, closed
from connector.lake.arrivals import DOERS
from connector.pipeline.incremental.kept import Kept
from connector.pipeline.incremental.news import MARK, News, marked
from connector.pipeline.incremental.touched import (
    Concerned,
    Left,
    Touched,
    complete,
    concerned_by,
    with_references,
)
from connector.pipeline.people.census import Census

#: so many take no longer than nobody: they are worked together with who cannot wait
_ALONG: Final = 100
#: so many of the same accounts are worked beside those who were chosen; of more, none
_MOST_BESIDE: Final = 200


@dataclass(frozen=True, slots=True)
class Portion:
    """How many people one cycle takes; the others are left to the next one.

    Attributes:
        most: about so many beside the urgent, who did what sales should act on at once, and whoever hangs together with
            them; 0: the urgent alone; None: all whom news concern, and whoever turns out to be concerned besides.
        urgent_alone: the urgent alone where there are some, and others would make them late.
    """

    most: int | None = None
    urgent_alone: bool = False


#: whoever has asked for sales or replied, and nobody else
URGENT: Final = Portion(0)


def choose(
    census: Census, kept: Kept, news: News, portion: Portion, *, now: datetime, begins: bool = False
) -> Touched | None:
    """Give whom a cycle works; None where it is nobody.

    Whoever could be one person is worked together, by keys known before and by those that have come. Where a cycle
    ``begins`` to work everybody anew, some at a time, or one before it has, others fill the portion up.

    Raises:
        Grown: so many are concerned that everybody is worked.
        LocalFault: the lake or what is kept cannot be read.
    """
    urgent = marked(pa.concat_tables([DOERS.empty_table(), *news.urgent]))
    if portion == URGENT and not len(urgent):
        return None
    concerned = concerned_by(census, kept, news, now=now)
    behind = kept.behind(kept.head.round + begins) if begins or kept.head.again else pa.array([], pa.string())
    if portion.most is None:
        return complete(census, kept, pc.unique(pa.concat_arrays([concerned.persons, behind])), concerned.fresh)
    waiting = _in_turn(kept, concerned)
    queue = pc.unique(pa.concat_arrays([waiting, behind]))
    alone = portion.urgent_alone and len(urgent) and len(queue) > _ALONG
    first = pc.unique(pa.concat_arrays([urgent, queue.slice(0, 0 if alone else portion.most)]))
    chosen = _hanging_together(kept, first, concerned)
    chosen = _beside(kept, chosen, pc.unique(pa.concat_arrays([concerned.persons, behind])), concerned)
    persons = chosen.filter(pc.invert(pc.starts_with(chosen, MARK)))
    mine = pc.is_in(marked(concerned.fresh), value_set=chosen)
    rest = _others(waiting, chosen)
    left = Left(
        _without_deeds(census, kept, news, rest, concerned).to_pylist(),
        chosen_all=not len(rest) and portion != URGENT,
        begins=begins,
        again=len(_others(behind, chosen)),
    )
    return with_references(census, kept, persons, concerned.fresh.filter(mine), left)


def _others(people: pa.Array, chosen: pa.Array) -> pa.Array:
    return people.filter(pc.invert(pc.is_in(people, value_set=chosen)))


def _in_turn(kept: Kept, concerned: Concerned) -> pa.Array:
    """Put persons and references in the order in which they are worked: who was left before, then by account."""
    at = kept.rows("people", "person_id", concerned.persons).select(["person_id", "account_id"])
    others = _others(concerned.persons, at.column("person_id").combine_chunks())
    found = pa.concat_tables([at, pa.table({"person_id": others})], promote_options="default")
    order = [("account_id", "ascending"), ("person_id", "ascending")]
    persons = found.sort_by(order).column("person_id").cast(pa.string()).combine_chunks()
    return pc.unique(pa.concat_arrays([pa.array(kept.head.left, pa.string()), marked(concerned.fresh), persons]))


def _hanging_together(kept: Kept, nodes: pa.Array, concerned: Concerned) -> pa.Array:
    """Add to some persons and references whoever could be one with them."""
    named = concerned.keyed.filter(pc.not_equal(concerned.keyed.column("ref"), ""))
    marks = pc.binary_join_element_wise(MARK, named.column("ref"), "")
    stated = pa.table([named.column("key"), marks], schema=KEYS)
    while True:
        theirs = kept.rows("keys", "person_id", nodes).column("key")
        keys = pc.unique(
            pa.chunked_array([*theirs.chunks, *stated.column("key").chunks], stated.schema.field("key").type)
        )
        found = kept.rows("keys", "key", keys).select(KEYS.names)
        more = closed(nodes, pa.concat_tables([stated, found.cast(KEYS)]))
        if len(more) == len(nodes):
            return more
        nodes = more


def _beside(kept: Kept, chosen: pa.Array, waiting: pa.Array, concerned: Concerned) -> pa.Array:
    """Add those of the same accounts who wait as well: the account's score is told of all of them."""
    accounts = pc.unique(kept.rows("people", "person_id", chosen).column("account_id"))
    there = kept.rows("people", "account_id", accounts.filter(pc.not_equal(accounts, "")))
    around = there.column("person_id").cast(pa.string()).combine_chunks()
    beside = _others(around.filter(pc.is_in(around, value_set=waiting)), chosen)
    if not 0 < len(beside) <= _MOST_BESIDE:
        return chosen
    return _hanging_together(kept, pa.concat_arrays([chosen, beside]), concerned)


def _without_deeds(census: Census, kept: Kept, news: News, waiting: pa.Array, concerned: Concerned) -> pa.Array:
    """Leave out of those who wait the references that only did something, where the person is known who waits, too."""
    owners = pc.unique(kept.rows("keys", "key", concerned.keyed.column("key")).column("person_id"))
    mine = owners.filter(pc.is_in(owners, value_set=waiting))
    known = marked(census.store.knowledge.identities(mine.to_pylist()))
    told = marked(pa.concat_tables([DOERS.empty_table(), *news.refs]))
    only_did = known.filter(pc.invert(pc.is_in(known, value_set=told)))
    return waiting.filter(pc.invert(pc.is_in(waiting, value_set=only_did)))
