"""How hits come from what is new in the lake: what came once is added, who has anything else is matched anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from connector.domain.durable import fsync
from connector.domain.sql_text import literal
from connector.ports.store import Segment
from connector.scoring.hits import runs as kept_runs
from connector.scoring.hits import seen as kept_seen
from connector.scoring.hits.building import HEAP_ROWS, KEY, NONE, NUMBERS, Place, left_out_numbers
from connector.scoring.hits.counting import Hits, Keys, Matched, hits_of
from connector.scoring.hits.keys import keys_of_identities
from connector.scoring.hits.landed import IDENTITY
from connector.scoring.hits.matchers import together
from connector.scoring.hits.runs import Run, gather, write_run
from connector.scoring.hits.seen import write_seen
from connector.scoring.hits.state import Covered, Current
from connector.scoring.local_days import EPOCH, microseconds

_PERSON = "person_system AS system, person_object AS object, person_id AS id"
#: small runs that stand beside the large one before they become one
_MOST_RUNS = 12
#: before anything landed
_NEVER = -(2**62)


@dataclass(frozen=True, slots=True)
class News:
    """What the store has not seen: segments, of which rows landed after the given instants count, and waiting rows."""

    fresh: dict[str, list[Segment]]
    after_us: dict[str, int]
    waiting: dict[str, list[Segment]]
    streams: dict[str, Covered]


def planned(place: Place, current: Current) -> News | None:
    """Find out what is new; None where rows have gone, or came among others that were merged: then all is matched."""
    if set(current.streams) - set(place.segments):
        return None
    fresh: dict[str, list[Segment]] = {}
    after_us: dict[str, int] = {}
    waiting: dict[str, list[Segment]] = {}
    streams: dict[str, Covered] = {}
    until = EPOCH + timedelta(microseconds=current.until_us)
    for system, segments in place.segments.items():
        covered = current.streams.get(system, Covered())
        paths = set(covered.paths)
        known = [segment for segment in segments if segment.path in paths]
        others = [segment for segment in segments if segment.path not in paths]
        after_us[system] = _NEVER
        if len(known) < len(paths):
            # Some were merged or rewritten. Rows keep when they landed when they move: all of before must be there.
            old = sum(segment.rows for segment in known) + _count(place, system, others, covered.landed_us)
            if old != covered.rows:
                return None
            after_us[system] = covered.landed_us
        fresh[system] = others
        waiting[system] = [segment for segment in segments if segment.high > until]
        if len(known) == len(paths):
            waiting[system] = [segment for segment in known if segment.high > until]
        streams[system] = Covered(
            tuple(segment.path for segment in segments),
            sum(segment.rows for segment in segments),
            max([covered.landed_us, *(microseconds(segment.landed_at) for segment in segments)]),
        )
    total = sum(segment.rows for each in fresh.values() for segment in each)
    if total > max(2 * HEAP_ROWS, sum(one.rows for one in current.streams.values())) and not any(
        after > _NEVER for after in after_us.values()
    ):
        return None
    return News(fresh, after_us, waiting, streams)


def _count(place: Place, system: str, segments: Sequence[Segment], landed_us: int) -> int:
    """Count the rows of some segments that had landed by an instant."""
    if not segments:
        return 0
    query = f"SELECT count(*) FROM landed WHERE epoch_us(landed_at) <= {landed_us}"
    with place.lake.opened({system: segments}, as_of=place.as_of) as ask:
        return sum(batch.column(0)[0].as_py() for batch in ask(query))


def add(place: Place, current: Current, news: News) -> tuple[Current, pa.Table, int]:
    """Match what is new, and anew who has a changed activity or a late one under a debounced rule.

    Answers with the state that then counts, the identities touched, and how many rows were new.

    Raises:
        LocalFault: the disk or a segment is broken.
        NotWhole: a file of the store is; then all is matched.
    """
    numbers, changed = _news(place, current, news)
    left_out = left_out_numbers(place)
    changed = np.union1d(changed, np.setxor1d(left_out, _all(place.root, current.left_out)))
    again = np.union1d(_all(place.root, current.again), changed)
    following = replace(current, until_us=place.until_us(), streams=news.streams)
    anew = _who_did(place, changed)
    direct, touched = _direct(place, current, news, again)
    if not len(numbers) and not len(changed) and not len(direct) and not touched.num_rows:
        return following, touched, 0
    following = _with_hits(place, current, following, direct, keys_of_identities(anew), again)
    touched = pa.concat_tables([touched, anew]).group_by(IDENTITY.names).aggregate([])
    if len(numbers):
        following = replace(following, seen=(*following.seen, write_seen(place.root, [numbers], 0)))
    if len(changed):
        following = replace(following, again=(write_seen(place.root, [again], 0),))
    if not np.array_equal(left_out, _all(place.root, current.left_out)):
        following = replace(following, left_out=(write_seen(place.root, [left_out], 0),))
    following = _tidy(place.root, following)
    fsync(place.root)
    return following, touched, len(numbers)


def _fresh_condition(news: News) -> str:
    """Write which rows of the segments that are new to us are new themselves."""
    return " OR ".join(
        f"(system = {literal(system)} AND epoch_us(landed_at) > {after})" for system, after in news.after_us.items()
    )


def _news(place: Place, current: Current, news: News) -> tuple[Keys, Keys]:
    """Number the new rows; give also those numbers of new or now due rows of which other versions are known."""
    with place.lake.opened(news.fresh, as_of=place.as_of) as ask:
        query = f"SELECT h FROM landed WHERE {_fresh_condition(news) or 'false'}"
        found = np.concatenate([NONE, *(batch.column(0).to_numpy() for batch in ask(query))])
    found.sort()
    numbers = np.unique(found)
    again = _all(place.root, current.again)
    known = kept_seen.seen(place.root, current.seen, numbers) | np.isin(numbers, again)
    changed = np.union1d(numbers[known], found[1:][found[1:] == found[:-1]])
    due = _due(place, news, current.until_us)
    if due:
        with place.lake.opened(news.waiting, as_of=place.as_of) as ask:
            rows = np.concatenate([NONE, *(b.column(0).to_numpy() for b in ask(f"SELECT h FROM landed WHERE {due}"))])
        rows = np.unique(rows)
        changed = np.union1d(changed, rows[np.isin(rows, again)])
    return numbers, changed


def _due(place: Place, news: News, until_us: int) -> str:
    """Write which rows had landed before and were waiting for their time; empty where none can."""
    if not any(news.waiting.values()):
        return ""
    landed = " OR ".join(
        f"(system = {literal(system)} AND (epoch_us(landed_at) <= {after} OR {after} = {_NEVER}))"
        for system, after in news.after_us.items()
    )
    return (
        f"epoch_us(occurred_at) > {until_us} AND epoch_us(occurred_at) <= {place.until_us()} AND ({landed or 'false'})"
    )


def _who_did(place: Place, numbers: Keys) -> pa.Table:
    """Find the identities of all versions of some activities."""
    if not len(numbers):
        return IDENTITY.empty_table()
    tables = place.tables(changed=pa.table([numbers], schema=NUMBERS))
    with place.lake.opened(place.segments, as_of=place.as_of, tables=tables) as ask:
        query = f"SELECT DISTINCT {_PERSON} FROM landed SEMI JOIN changed USING (h) WHERE person_id IS NOT NULL"
        return pa.Table.from_batches(list(ask(query)), schema=IDENTITY)


def _direct(place: Place, current: Current, news: News, again: Keys) -> tuple[Matched, pa.Table]:
    """Match new and due rows of activities that came once, and say whose they are."""
    tables = place.tables(again=pa.table([again], schema=NUMBERS))
    now = f"epoch_us(occurred_at) <= {place.until_us()} AND NOT deleted AND h NOT IN (SELECT h FROM again)"
    parts: list[Matched] = []
    people = [IDENTITY.empty_table()]
    questions = [
        (news.fresh, _fresh_condition(news) or "false"),
        (news.waiting, _due(place, news, current.until_us)),
    ]
    for segments, condition in questions:
        if not condition or not any(segments.values()):
            continue
        with place.lake.opened(segments, as_of=place.as_of, tables=tables) as ask:
            source = f"(SELECT * FROM landed WHERE ({condition}) AND {now})"
            parts += place.matched(ask(place.query(source)))
            types = ", ".join(literal(name) for name in place.matchers.types) or "''"
            who = f"SELECT DISTINCT {_PERSON} FROM {source} WHERE type IN ({types}) AND person_id IS NOT NULL"
            people += [pa.Table.from_batches([batch]) for batch in ask(who)]
    return together(parts), pa.concat_tables(people)


def _with_hits(place: Place, current: Current, following: Current, direct: Matched, anew: Keys, again: Keys) -> Current:
    """Write a run of everybody who is touched."""
    keys = np.unique(direct.key)
    anew = np.union1d(anew, _late(gather(place.root, current.runs, keys), direct))
    keys = keys[~np.isin(keys, anew)]
    direct = direct.only(~np.isin(direct.key, anew))
    before = gather(place.root, current.runs, keys)
    everybody = np.union1d(keys, anew)
    if not len(everybody):
        return following
    matched = together([direct, *_from_lake(place, anew, again)])
    hits = hits_of(everybody, matched, place.matchers.spans_us, place.zone, before=before)
    return replace(following, runs=(*following.runs, write_run(place.root, [hits], 0)))


def _late(before: Hits, direct: Matched) -> Keys:
    """Find who has an activity before the end of a chain: what was kept after it may fall."""
    if not len(before.chain_us) or not len(direct):
        return NONE
    sizes = np.diff(before.chain_ends, prepend=0)
    rules = 1 + max(int(before.chain_rule.max()), int(direct.rule.max()))
    chains = np.repeat(np.arange(len(before.key)), sizes) * rules + before.chain_rule
    mine = np.searchsorted(before.key, direct.key) * rules + direct.rule
    at = np.minimum(np.searchsorted(chains, mine), len(chains) - 1)
    late = (chains[at] == mine) & (direct.instant_us < before.chain_us[at])
    return np.unique(direct.key[late])


def _from_lake(place: Place, keys: Keys, again: Keys) -> list[Matched]:
    """Match everything that some identities did."""
    if not len(keys):
        return []
    tables = place.tables(wanted=pa.table({"key": keys}))
    numbers = pa.table([again], schema=NUMBERS)
    with place.lake.opened(place.segments, as_of=place.as_of, again=numbers, tables=tables) as ask:
        source = f"(SELECT * FROM activities WHERE {KEY} IN (SELECT key FROM wanted))"
        return list(place.matched(ask(place.query(source))))


def _all(root: Path, runs: Sequence[Run]) -> Keys:
    """Give all numbers of small runs."""
    return np.concatenate([NONE, *(part for run in runs for part in kept_seen.numbers_of(root, [run], run.bits))])


def _tidy(root: Path, current: Current) -> Current:
    """Make few runs of many: reading looks into each."""
    runs, seen = current.runs, current.seen
    if len(runs) > _MOST_RUNS:
        first = 0 if sum(run.keys for run in runs[1:]) * 4 > runs[0].keys else 1
        bits = max(run.bits for run in runs[first:])
        merged = (gather(root, runs[first:], keys) for keys in kept_runs.keys_of(root, runs[first:], bits))
        runs = (*runs[:first], write_run(root, merged, bits))
    if len(seen) > _MOST_RUNS:
        first = 0 if sum(run.keys for run in seen[1:]) * 4 > seen[0].keys else 1
        bits = max(run.bits for run in seen[first:])
        if not first:
            bits = max(bits, kept_seen.bits_for(sum(run.keys for run in seen)))
        seen = (*seen[:first], write_seen(root, kept_seen.numbers_of(root, seen[first:], bits), bits))
    return replace(current, runs=runs, seen=seen)
