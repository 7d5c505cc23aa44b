"""What is kept of the last cycle that decided, so that the next need only work the touched (docs/incremental.md).

It is derived from lake and state and lies beside the lake, in ``kept/RUN/``, named after the run whose commit it
belongs to. A folder of everybody is followed by folders of those who were touched since. Whatever is amiss - another
run's commit, a missing or damaged file - makes it nothing, and the next cycle works everybody.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from connector.domain.sql_text import literal
from connector.identity.keys import KEYS
from connector.lake.engine import querying
from connector.pipeline.incremental.kept_tables import END, forget_all_but, harmed, holds, table_of, where
from connector.ports.store import INSTANT

FOLDER = "kept"
HEAD = "head.json"
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
        #: in which round they were worked last (``Head.round``)
        ("round", pa.int64()),
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
    [
        ("account_id", pa.string()),
        ("match", _HASH),
        ("ties", _HASH),
        ("facts", _HASH),
        ("score", _HASH),
        #: the round that is to come to everybody who may belong to it by the words it has now, while it has not
        ("gathers", pa.int64()),
    ]
)
#: tables with rows per person, by their names; ``standings`` and ``matches`` have the columns that their rooms give
PER_PERSON: Mapping[str, pa.Schema | None] = {
    "people": PEOPLE,
    "keys": KEYS,
    "links": LINKS,
    "standings": None,
    "matches": None,
    "ties": TIES,
    "asked": ASKED,
}


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
        layers: folders of some laid over it, oldest first, and how many people each has.
        overlaid: people for whom later folders count.
        left: whom the cycle left to the next one, who has waited longest first (``touched.Left``).
        round: how often working everybody anew, some at a time, has begun since everybody was worked at once.
        again: how many people have not been worked in this round yet.
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
    layers: list[tuple[str, int]] = field(default_factory=list)
    overlaid: int = 0
    left: list[str] = field(default_factory=list)
    round: int = 0
    again: int = 0
    format: int = 5

    def dump(self) -> str:
        """Write as JSON."""
        body = {one.name: getattr(self, one.name) for one in fields(self)} | {"as_of": self.as_of.isoformat()}
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
    def folders(self) -> list[Path]:
        """The folder of everybody and those laid over it, oldest first."""
        return [self._root / name for name in (self.head.base, *(name for name, _ in self.head.layers))]

    def accounts(self) -> pa.Table:
        """Give the hashes of all accounts (schema ``ACCOUNTS``)."""
        return table_of(self.folder, "accounts")

    def of(self, name: str, persons: pa.Array) -> pa.Table:
        """Give some people's rows of one table."""
        return self.rows(name, "person_id", persons)

    def rows(self, name: str, column: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
        """Give the rows of one table that have one of these values in a column.

        Raises:
            LocalFault: a file is missing or damaged.
        """
        if not holds(self.head.living):
            wanted = pa.table({column: values})
            return self.ask(f"SELECT * FROM {name} SEMI JOIN wanted USING ({column})", wanted=wanted)
        found: list[pa.Table] = []
        later: list[pa.ChunkedArray] = []
        for folder in reversed(self.folders):
            rows = where(table_of(folder, name), column, values)
            for gone in later if rows.num_rows else ():
                persons = rows.column("person_id")
                rows = where(rows, "person_id", gone.filter(pc.is_in(gone, value_set=persons)), among=False)
            found.append(rows)
            later += self._gone(folder)
        return pa.concat_tables(found, promote_options="default")

    def beside(self, name: str, persons: pa.Array, columns: Sequence[str] = ()) -> pa.Table:
        """Give everybody else's rows of one table; all its columns where none are named.

        Raises:
            LocalFault: a file is missing or damaged.
        """
        if not holds(self.head.living):
            told = ", ".join(columns) or "*"
            these = pa.table({"person_id": persons})
            return self.ask(f"SELECT {told} FROM {name} ANTI JOIN these USING (person_id)", these=these)
        found: list[pa.Table] = []
        later = persons
        for folder in reversed(self.folders):
            rows = table_of(folder, name)
            others = pc.invert(pc.is_in(rows.column("person_id"), value_set=later))
            found.append((rows.select(columns) if columns else rows).filter(others))
            for gone in self._gone(folder):
                later = pa.concat_arrays([later, *gone.chunks])
        return pa.concat_tables(found, promote_options="default")

    def behind(self, rounds: int) -> pa.Array:
        """Give the people who were worked last in one of the rounds before this number, longest ago first.

        Those of one account stand together, and so do those of none.

        Raises:
            LocalFault: a file is missing or damaged.
        """
        rows = self.rows("people", "round", pa.array(range(rounds), pa.int64()))
        order = [("round", "ascending"), ("account_id", "ascending"), ("person_id", "ascending")]
        return rows.select(["person_id", "account_id", "round"]).sort_by(order).column("person_id").combine_chunks()

    def ask(self, query: str, **tables: pa.Table) -> pa.Table:
        """Run one query over the tables by their names (``PER_PERSON``), and others.

        Raises:
            LocalFault: a file is missing or damaged.
        """
        with self._seen([name for name in PER_PERSON if name in query]) as connection:
            for name, table in tables.items():
                connection.register(name, table)
            try:
                return connection.sql(query).to_arrow_table()
            except _FILE_FAULTS as error:
                raise harmed(self.folder) from error

    def _gone(self, folder: Path) -> list[pa.ChunkedArray]:
        """Give who is no longer as the folders before this one have them."""
        return [] if folder.name == self.head.base else [table_of(folder, "gone").column("person_id")]

    @contextmanager
    def _seen(self, names: Iterable[str]) -> Iterator[duckdb.DuckDBPyConnection]:
        with querying(files=True) as connection:
            for name in names:
                parts: list[str] = []
                later: list[Path] = []
                for folder in reversed(self.folders):
                    gone = " UNION ALL ".join(f"SELECT person_id FROM {_table(each, 'gone')}" for each in later)
                    left = f" WHERE person_id NOT IN ({gone})" if later else ""
                    parts.append(f"SELECT * FROM {_table(folder, name)}{left}")
                    later.append(folder)
                try:
                    connection.execute(f"CREATE TEMP VIEW {name} AS {' UNION ALL '.join(reversed(parts))}")
                except _FILE_FAULTS as error:
                    raise harmed(self.folder) from error
            yield connection


def find_kept(lake_root: Path, decided: str) -> Kept | None:
    """Find what belongs to the last commit; None where nothing does, or where it is not whole."""
    root = lake_root / FOLDER
    if not decided or "/" in decided:
        return None
    try:
        head = Head.load((root / decided / HEAD).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError, KeyError):
        return None
    fresh = Head(decided, head.as_of, {}, [], {}, [], [], None, 0, {}, {}, {}, 0, 0)
    kept = Kept(root, head)
    whole = head.format == fresh.format and head.decided == decided
    return kept if whole and all((folder / HEAD).exists() for folder in kept.folders) else None


def forget_kept(lake_root: Path) -> None:
    """Take away everything that is kept: the next cycle works everybody."""
    shutil.rmtree(lake_root / FOLDER, ignore_errors=True)
    forget_all_but(lake_root / FOLDER)


def _table(folder: Path, name: str) -> str:
    return f"read_parquet({literal(str(folder / f'{name}{END}'))}, hive_partitioning = false)"


def counts(tally: Mapping[str, Any]) -> dict[str, int]:
    """Give counts without those that are nothing."""
    return {str(name): int(count) for name, count in tally.items() if count}
