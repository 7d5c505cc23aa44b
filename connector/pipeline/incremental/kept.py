"""What is kept of the last cycle that decided, so that the next need only work the touched (docs/incremental.md).

It is derived from lake and state and lies beside the lake, in ``kept/RUN/``, named after the run whose commit it
belongs to. A folder of everybody is followed by folders of those who were touched since. Whatever is amiss - another
run's commit, a missing or damaged file - makes it nothing, and the next cycle works everybody.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connector.domain.sql_text import literal
from connector.errors import LocalFault
from connector.identity.keys import KEYS
from connector.lake.engine import querying
from connector.ports.store import INSTANT

FOLDER = "kept"
#: Parquet, by a name of its own: whoever sweeps the lake of unlisted segments leaves it alone
_END = ".kept"
_HEAD = "head.json"
_HASH = pa.uint64()
#: a missing or damaged file; anything else would be a bug of ours
_FILE_FAULTS = (duckdb.IOException, duckdb.InvalidInputException)

#: what the report counts of somebody, where they belong, and when their answer changes by itself
PEOPLE = pa.schema(
    [
        ("person_id", pa.string()),
        ("method", pa.string()),
        ("disposition", pa.string()),
        ("stage", pa.string()),
        ("account_id", pa.string()),
        #: more than one account would do: what breaks ties may change the answer
        ("contested", pa.bool_()),
        ("cool_off_until", INSTANT),
        ("touch_due", INSTANT),
    ]
)
#: columns of people that say when their answer changes by itself
DEADLINES = ("cool_off_until", "touch_due")
#: companies and accounts that somebody's records are linked to
LINKS = pa.schema([("system", pa.string()), ("id", pa.string()), ("person_id", pa.string())])
#: what breaks ties among accounts, of the people whose CRM record is linked to one
TIES = pa.schema(
    [
        ("person_id", pa.string()),
        ("link_account_id", pa.string()),
        ("open_opportunity", pa.bool_()),
        ("human_last", INSTANT),
    ]
)
#: questions that were put; ``about`` is ``person`` or ``account``
ASKED = pa.schema([("person_id", pa.string()), ("id", pa.string()), ("about", pa.string())])
#: hashes of what people see of an account, by what follows from a change
ACCOUNTS = pa.schema(
    [("account_id", pa.string()), ("match", _HASH), ("ties", _HASH), ("facts", _HASH), ("score", _HASH)]
)
#: tables with rows per person, by their names; ``standings`` and ``matches`` have the columns that their rooms give
_PER_PERSON: Mapping[str, pa.Schema | None] = {
    "people": PEOPLE,
    "keys": KEYS,
    "links": LINKS,
    "standings": None,
    "matches": None,
    "ties": TIES,
    "asked": ASKED,
}
_GONE = pa.schema([("person_id", pa.string())])


@dataclass
class Head:
    """What is looked at in every cycle, whatever has come.

    Attributes:
        decided: the run that decided.
        as_of: its clock.
        ground: what everybody's answer depends on, as digests by name.
        segments: the files of the lake it had seen.
        pending: rows of the outbox as it saw them: id → (state and reason, person, lane).
        restless: people who decided or remembered something: they are looked at once more.
        retired: people to whom no reference belongs any more.
        deadline: the earliest instant at which somebody's answer changes by itself.
        living, methods, dispositions, stages, reviews: what the report counts of everybody.
        base: the folder of everybody.
        overlaid: people for whom later folders count.
        format: of these files.
    """

    decided: str
    as_of: datetime
    ground: dict[str, str]
    segments: list[str]
    pending: dict[str, list[str]]
    restless: list[str]
    retired: list[str]
    deadline: datetime | None
    living: int
    methods: dict[str, int]
    dispositions: dict[str, int]
    stages: dict[str, int]
    reviews: int
    accounts: int
    base: str = ""
    overlaid: int = 0
    format: int = 1

    def dump(self) -> str:
        """Write as JSON."""
        body = asdict(self) | {"as_of": self.as_of.isoformat()}
        return json.dumps(body | {"deadline": self.deadline.isoformat() if self.deadline else None})

    @classmethod
    def load(cls, text: str) -> Head:
        """Read what ``dump`` wrote."""
        body = json.loads(text)
        deadline = datetime.fromisoformat(body["deadline"]) if body["deadline"] else None
        return cls(**(body | {"as_of": datetime.fromisoformat(body["as_of"]), "deadline": deadline}))


class Kept:
    """What a cycle finds; tables are read when they are asked for."""

    def __init__(self, root: Path, head: Head) -> None:
        self.head = head
        self._root = root

    @property
    def folder(self) -> Path:
        """The newest folder."""
        return self._root / self.head.decided

    @property
    def base(self) -> Path:
        """The folder of everybody."""
        return self._root / self.head.base

    def accounts(self) -> pa.Table:
        """Give the hashes of all accounts (schema ``ACCOUNTS``)."""
        return _read(self.folder / f"accounts{_END}")

    def ask(self, query: str, **tables: pa.Table) -> pa.Table:
        """Run one query over the tables by their names (``_PER_PERSON``), and others.

        Raises:
            LocalFault: a file is missing or damaged.
        """
        with self._seen([name for name in _PER_PERSON if name in query]) as connection:
            for name, table in tables.items():
                connection.register(name, table)
            try:
                return connection.sql(query).to_arrow_table()
            except _FILE_FAULTS as error:
                raise _harmed(self.folder) from error

    def of(self, name: str, persons: pa.Array) -> pa.Table:
        """Give some people's rows of one table."""
        return self.ask(
            f"SELECT * FROM {name} SEMI JOIN these USING (person_id)", these=pa.table({"person_id": persons})
        )

    def beside(self, name: str, persons: pa.Array) -> pa.Table:
        """Give everybody else's rows of one table."""
        return self.ask(
            f"SELECT * FROM {name} ANTI JOIN these USING (person_id)", these=pa.table({"person_id": persons})
        )

    @contextmanager
    def _seen(self, names: Iterable[str]) -> Iterator[duckdb.DuckDBPyConnection]:
        with querying() as connection:
            alone = self.head.base == self.head.decided
            for name in names:
                query = f"SELECT * FROM {_table(self.base, name)}"
                if not alone:
                    gone = f"SELECT person_id FROM {_table(self.folder, 'gone')}"
                    query += f" WHERE person_id NOT IN ({gone}) UNION ALL SELECT * FROM {_table(self.folder, name)}"
                try:
                    connection.execute(f"CREATE TEMP VIEW {name} AS {query}")
                except _FILE_FAULTS as error:
                    raise _harmed(self.folder) from error
            yield connection


def find_kept(lake_root: Path, decided: str) -> Kept | None:
    """Find what belongs to the last commit; None where nothing does, or where it is not whole."""
    root = lake_root / FOLDER
    if not decided or "/" in decided:
        return None
    try:
        head = Head.load((root / decided / _HEAD).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError, KeyError):
        return None
    fresh = Head(decided, head.as_of, {}, [], {}, [], [], None, 0, {}, {}, {}, 0, 0)
    whole = head.format == fresh.format and head.decided == decided and (root / head.base / _HEAD).exists()
    return Kept(root, head) if whole else None


@dataclass
class Keeping:
    """Takes down what a cycle finds out, table by table, until it is committed (``finish``) or dropped."""

    lake_root: Path
    #: where a cycle of some is laid over
    over: Kept | None = None
    _folder: Path = field(init=False)
    _writers: dict[str, pq.ParquetWriter] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Make a folder of its own."""
        self._folder = self.lake_root / FOLDER / f".{uuid4().hex}"
        try:
            self._folder.mkdir(parents=True, mode=0o700)
        except OSError as error:
            raise _unwritable(self._folder) from error

    def put(self, name: str, table: pa.Table) -> None:
        """Add rows to one table.

        Raises:
            LocalFault: the disk is full or may not be written.
        """
        schema = ACCOUNTS if name == "accounts" else _PER_PERSON.get(name)
        table = table if schema is None else table.select(schema.names).cast(schema)
        try:
            if name not in self._writers:
                self._writers[name] = pq.ParquetWriter(
                    self._folder / f"{name}{_END}", table.schema, compression="zstd", compression_level=1
                )
            self._writers[name].write_table(table)
        except OSError as error:
            raise _unwritable(self._folder) from error

    def finish(self, head: Head, persons: pa.Array | None = None) -> None:
        """Keep it under the name of the run that decided; what was kept before goes.

        Args:
            head: with everything but ``base`` and ``overlaid``.
            persons: of a cycle of some: all that were worked or were found to be others.
        """
        if self.over is not None:
            assert persons is not None
            gone = self._laid_over(self.over, persons)
            head.base, head.overlaid = self.over.head.base, gone
        else:
            head.base, head.overlaid = head.decided, 0
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()
        root = self._folder.parent
        try:
            (self._folder / _HEAD).write_text(head.dump(), encoding="utf-8")
            shutil.rmtree(root / head.decided, ignore_errors=True)
            self._folder.replace(root / head.decided)
        except OSError as error:
            raise _unwritable(self._folder) from error
        for old in root.iterdir():
            if old.name not in {head.decided, head.base}:
                shutil.rmtree(old, ignore_errors=True)

    def _laid_over(self, kept: Kept, persons: pa.Array) -> int:
        """Take over what earlier cycles of some have laid over everybody, but for those worked now."""
        gone = pa.table({"person_id": persons})
        earlier = kept.head.base != kept.head.decided
        if earlier:
            before = _read(kept.folder / f"gone{_END}")
            gone = pa.table({"person_id": pc.unique(pa.chunked_array([*before.column(0).chunks, persons]))})
        for name, schema in _PER_PERSON.items():
            if earlier:
                rows = _read(kept.folder / f"{name}{_END}")
                rest = pc.invert(pc.is_in(rows.column("person_id"), value_set=persons))
                self.put(name, rows.filter(rest))
            elif name not in self._writers:
                known = pq.read_schema(kept.base / f"{name}{_END}") if schema is None else schema
                self.put(name, known.empty_table())
        self.put("gone", gone.cast(_GONE))
        return int(gone.num_rows)

    def drop(self) -> None:
        """Let go of it; nothing happens after ``finish``."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()
        shutil.rmtree(self._folder, ignore_errors=True)


def forget_kept(lake_root: Path) -> None:
    """Take away everything that is kept: the next cycle works everybody."""
    shutil.rmtree(lake_root / FOLDER, ignore_errors=True)


def _table(folder: Path, name: str) -> str:
    return f"read_parquet({literal(str(folder / f'{name}{_END}'))}, hive_partitioning = false)"


def _read(path: Path) -> pa.Table:
    try:
        return pq.ParquetFile(path).read()
    except (OSError, pa.ArrowException) as error:
        raise _harmed(path.parent) from error


def _harmed(place: Path) -> LocalFault:
    return LocalFault("kept.harmed", "what was kept of the last cycle cannot be read", cure="", at=str(place))


def _unwritable(place: Path) -> LocalFault:
    cure = "free space on the disk of the lake, or allow writing there"
    return LocalFault("kept.unwritable", "nothing can be kept for the next cycle", cure=cure, at=str(place))


def counts(tally: Mapping[str, Any]) -> dict[str, int]:
    """Give counts without those that are nothing."""
    return {str(name): int(count) for name, count in tally.items() if count}
