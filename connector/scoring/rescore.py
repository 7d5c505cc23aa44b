"""Score everybody from kept hits, part by part: memory holds one part, its results are handed on or written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connector.domain.engine_memory import give_back
from connector.errors import LocalFault
from connector.mapping.scoring import ScoringModel
from connector.scoring.accounts.roll_up import STANDINGS
from connector.scoring.compile import compile_model
from connector.scoring.engines.on_duckdb import EMBEDDED, DuckDb
from connector.scoring.engines.runner import Engine
from connector.scoring.hits.store import HitStore
from connector.scoring.score import ScoredPart, roll_up, score_daily

#: people that are best scored together: this bounds memory, not the result
PART_PEOPLE = 25_000
#: hits that are best scored together
PART_HITS = 1_200_000
FILES = ("scores", "lines", "accounts")
_FEW_PEOPLE = 5_000
_ONE_THREAD = DuckDb(1)


@dataclass(frozen=True, slots=True)
class People:
    """Some people, in order of ``person_id``, and who they are at the sources.

    ``identities`` has ``person`` (int32: the place in ``people``), ``system``, ``object`` and ``id``.
    """

    people: pa.Table
    identities: pa.Table


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows were written."""

    people: int
    lines: int
    accounts: int


def rescore(
    store: HitStore,
    model: ScoringModel,
    parts: Iterable[People],
    accounts: pa.Table | None = None,
    *,
    as_of: datetime,
    time_zone: str = "UTC",
    engine: Engine = EMBEDDED,
) -> Iterator[ScoredPart]:
    """Score people from the hits of a store that was caught up to ``as_of``: everybody, or only who was touched.

    A person's rows are the same whoever else is asked for. What accounts need is ``standings``: keep it, put the parts
    together and roll them up (``connector.scoring.score.roll_up``).

    Raises:
        ConfigError: the model or the time zone cannot be used.
        LocalFault: the hits are damaged.
    """
    compiled = compile_model(model)
    for part in (piece for whole in parts for piece in _fitting(store, whole)):
        daily = store.hits(part.identities, compiled)
        here = _enough(engine, part.people.num_rows)
        yield score_daily(
            compiled, part.people, daily, accounts, as_of=as_of, time_zone=time_zone, engine=here, coded=True
        )


def _fitting(store: HitStore, part: People) -> Iterator[People]:
    """Cut a part where its people did more than is best held together."""
    if part.people.num_rows <= _FEW_PEOPLE:
        yield part
        return
    place = part.identities.column("person").to_numpy()
    hits = np.zeros(part.people.num_rows, np.int64)
    np.add.at(hits, place, store.sizes(part.identities))
    number = np.cumsum(hits) // PART_HITS
    edges = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), part.people.num_rows]
    for first, end in pairwise(edges):
        mine = part.identities.filter(pa.array((place >= first) & (place < end)))
        person = pc.subtract(mine.column("person"), pa.scalar(first, pa.int32()))
        yield People(
            part.people.slice(first, end - first), mine.set_column(mine.column_names.index("person"), "person", person)
        )


def _enough(engine: Engine, people: int) -> Engine:
    """Take one thread for a few people: handing work to others takes longer than doing it."""
    return _ONE_THREAD if engine is EMBEDDED and people <= _FEW_PEOPLE else engine


def write_rescored(
    store: HitStore,
    model: ScoringModel,
    parts: Iterable[People],
    accounts: pa.Table | None,
    out: Path,
    *,
    as_of: datetime,
    time_zone: str = "UTC",
    engine: Engine = EMBEDDED,
) -> Counts:
    """Score everybody and write ``scores.parquet``, ``lines.parquet`` and ``accounts.parquet`` into ``out``.

    Rows are as in ``Scored``, in the order of the parts. A reader never sees half a file.

    Raises:
        ConfigError: the model or the time zone cannot be used.
        LocalFault: the hits are damaged, or ``out`` cannot be written.
    """
    scored = rescore(store, model, parts, accounts, as_of=as_of, time_zone=time_zone, engine=engine)
    people = lines = 0
    standings = [STANDINGS.empty_table()]
    try:
        with ExitStack() as stack:
            out.mkdir(parents=True, exist_ok=True)
            files = {name: stack.enter_context(_File(out / f"{name}.parquet")) for name in FILES}
            writer = stack.enter_context(ThreadPoolExecutor(1))
            writing: Future[None] | None = None
            part: ScoredPart | None = None
            for part in scored:
                if writing is not None:
                    writing.result()
                writing = writer.submit(_write_both, files, part.scores, part.lines)
                people, lines = people + part.scores.num_rows, lines + part.lines.num_rows
                standings.append(part.standings)
            if writing is not None:
                writing.result()
            part = writing = None
            give_back()
            rolled_up = roll_up(
                model, pa.concat_tables(standings), accounts, as_of=as_of, time_zone=time_zone, engine=engine
            )
            files["accounts"].write(rolled_up)
            for file in files.values():
                file.done()
    except OSError as error:
        raise LocalFault(
            "output.unwritable", f"cannot write: {error.strerror}", cure="check the folder and the disk", at=str(out)
        ) from error
    return Counts(people, lines, rolled_up.num_rows)


def roll_up_touched(
    model: ScoringModel,
    before: pa.Table,
    asked: pa.Array,
    fresh: pa.Table,
    accounts: pa.Table | None,
    *,
    as_of: datetime,
    time_zone: str = "UTC",
    engine: Engine = EMBEDDED,
) -> tuple[pa.Table, pa.Table]:
    """Score again the accounts of people who were rescored; their rows are those of rolling up everybody.

    Args:
        model: see ``roll_up``.
        before: the standings of everybody before.
        asked: the ``person_id`` of everybody who was rescored.
        fresh: the ``standings`` that came of it.
        accounts: as in ``roll_up``; of others than those concerned nothing is looked at.
        as_of: the instant.
        time_zone: whose days count.
        engine: where it is computed.

    Returns:
        The standings of everybody as they are now, and the accounts that anybody of ``asked`` was or is at. Where
        accounts roll up into their parents, all of them.

    Raises:
        ConfigError: the model or the time zone cannot be used.
    """
    mine = pc.is_in(before.column("person_id"), value_set=asked)
    now = pa.concat_tables([before.filter(pc.invert(mine)), fresh])
    touched = pc.unique(pa.concat_tables([before.filter(mine), fresh]).column("account_id"))
    of_touched, listed = now, accounts
    if compile_model(model).account.hierarchy is None:
        of_touched = now.filter(pc.is_in(now.column("account_id"), value_set=touched))
        if accounts is not None:
            listed = accounts.filter(pc.is_in(accounts.column("account_id").cast(pa.string()), value_set=touched))
    here = _enough(engine, of_touched.num_rows)
    return now, roll_up(model, of_touched, listed, as_of=as_of, time_zone=time_zone, engine=here)


class _File:
    """A Parquet file that gets its name when it is whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._draft = path.with_name(f".{path.name}.{os.getpid()}")
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()
        self._draft.unlink(missing_ok=True)

    def write(self, table: pa.Table) -> None:
        if self._writer is None:
            # Ids that are numbers inside are texts in the file; what they were is no reader's business.
            self._writer = pq.ParquetWriter(self._draft, table.schema, store_schema=False)
        self._writer.write_table(table)

    def done(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
            self._draft.replace(self._path)


def _write_both(files: dict[str, _File], scores: pa.Table, lines: pa.Table) -> None:
    files["scores"].write(scores)
    files["lines"].write(lines)
