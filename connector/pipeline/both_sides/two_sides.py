"""What a system holds against what the lake holds of it: ids, stamps, and the values of some records."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

import duckdb
import pyarrow as pa

from connector.domain.records import RecordVersion
from connector.domain.refs import Ref
from connector.domain.sql_text import literal
from connector.lake.engine import querying
from connector.lake.layout import FIELD, INSTANT, alias_of, as_text, named
from connector.lake.reading import Lake
from connector.pipeline.intake.pulling import leave_out
from connector.ports.listing import Listed, Lister

Cause = Literal[
    "missed_change", "missed_deletion", "missed_event", "unseen", "lost_write", "overwritten", "doubled_key"
]
#: clocks of two machines may differ by so much: what changed this long before a pull may have come just after it
CLOCKS_APART: Final = timedelta(minutes=5)

_LISTED = pa.schema([("id", pa.string()), ("modified_at", INSTANT)])
_COMPARE = """
    SELECT coalesce(l.id, h.id) AS id, l.id IS NOT NULL AS there, h.id IS NOT NULL AS here, l.modified_at AS stamp
    FROM listed l FULL JOIN held h ON l.id = h.id
    WHERE l.id IS NULL AND NOT h.deleted AND h.merged_into IS NULL
       OR h.id IS NULL
       OR l.id IS NOT NULL AND (h.deleted OR l.modified_at > h.modified_at
                                OR split_part(h.merged_into, ':', 2) = {object})
    ORDER BY 1
"""
#: a lead that became a contact lives on in the CRM's own list of leads
_LIVING = """
    SELECT count(*) FROM held WHERE NOT deleted AND (merged_into IS NULL OR split_part(merged_into, ':', 2) <> {object})
"""
_EQUAL = """
    SELECT l.id FROM listed l JOIN held h ON l.id = h.id
    WHERE NOT h.deleted AND h.merged_into IS NULL AND coalesce(l.modified_at <= h.modified_at, true) ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """One record, or one field of it, in which the two sides differ."""

    cause: Cause
    system: str
    object: str
    id: str
    field: str = ""


@dataclass(slots=True)
class Sides:
    """One kind of record of one system, compared.

    Attributes:
        theirs: living records that the system lists.
        ours: records that live by the lake.
        since: records that differ because they changed after they were last pulled: no difference.
        erased: records of people who were erased, and those that point at them, which the lake leaves out on purpose.
        sampled: records whose values were compared.
        gone: ids that the list proves to be gone although the system says nothing of them.
    """

    system: str
    object: str
    streams: tuple[str, ...]
    theirs: int = 0
    ours: int = 0
    since: int = 0
    erased: int = 0
    sampled: int = 0
    differences: list[Difference] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Comparer:
    """Compares one kind of record after the other.

    Attributes:
        sample: how many records of each kind have their values compared.
        seed: which ones.
        erased: says of a reference whether its person was erased.
        erased_any: whether anybody was.
        besides: (system, object) → ids whose values are compared whatever the sample.
    """

    lake: Lake
    now: datetime
    sample: int
    seed: int
    erased: Callable[[Ref], bool]
    erased_any: bool
    besides: Mapping[tuple[str, str], Collection[str]] = field(default_factory=dict)

    def compare(
        self,
        lister: Lister,
        sides: Sides,
        fields: Sequence[str],
        *,
        last_read: datetime,
        asked: Sequence[str] = (),
        listed: Callable[[Iterator[list[Listed]]], pa.Table] | None = None,
    ) -> None:
        """Compare one kind of record; ``fields`` are the native fields whose values are sampled.

        ``listed`` may look at the list, with its fields ``asked``, while it passes by; it gives back ids and stamps.

        Raises:
            AccessError, RateLimited, TransientError: the system could not be asked; nothing is known then.
        """
        held = self.lake.current(sides.system, sides.object, as_of=self.now, columns=())
        held = held.select(["id", "modified_at", "deleted", "merged_into"])
        pages = lister.list_living(sides.object, asked)
        theirs = listed_table(pages) if listed is None else listed(pages)
        mark = last_read - CLOCKS_APART
        with querying() as connection:
            connection.register("listed", theirs)
            connection.register("held", held)
            sides.theirs = theirs.num_rows
            object_ = literal(sides.object)
            sides.ours = int(connection.sql(_LIVING.format(object=object_)).fetchall()[0][0])
            table: pa.Table = connection.sql(_COMPARE.format(object=object_)).to_arrow_table()
            differing = table.to_pylist()
            equal = [row[0] for row in connection.sql(_EQUAL).fetchall()]
        self._by_ids(lister, sides, differing, mark)
        self._by_values(lister, sides, self._sampled(sides, equal), fields)

    def _by_ids(self, lister: Lister, sides: Sides, rows: Sequence[Mapping[str, object]], mark: datetime) -> None:
        vanished = [str(row["id"]) for row in rows if not row["there"]]
        left_out = self._left_out(lister, sides, [str(row["id"]) for row in rows if row["there"] and not row["here"]])
        sides.erased += len(left_out)
        for row in rows:
            if row["there"] and row["id"] not in left_out:
                self._differs(sides, "missed_change", str(row["id"]), row["stamp"], mark)
        if not vanished:
            return
        known = {record.ref.id: record for record in lister.read_records(sides.object, vanished).records}
        complete = lister.listed_objects().get(sides.object, False)
        for id_ in vanished:
            record = known.get(id_)
            if record is None and complete:
                sides.gone.append(id_)
                sides.differences.append(Difference("missed_deletion", sides.system, sides.object, id_))
            elif record is None:
                sides.differences.append(Difference("unseen", sides.system, sides.object, id_))
            elif record.deleted or record.merged_into is not None:
                self._differs(sides, "missed_deletion", id_, record.modified_at, mark)
            else:
                # it came back, or into sight, while the list was read
                sides.since += 1

    def _left_out(self, lister: Lister, sides: Sides, ids: Sequence[str]) -> set[str]:
        """Give those of the records we do not hold that point at somebody who was erased: a list of ids cannot tell."""
        if not self.erased_any or not ids:
            return set()
        page = lister.read_records(sides.object, ids)
        known = {record.ref.id for record in page.records if not self.erased(record.ref)}
        leave_out(page, self.erased)
        return known - {record.ref.id for record in page.records}

    def _differs(self, sides: Sides, cause: Cause, id_: str, stamp: object, mark: datetime) -> None:
        if self.erased(Ref(sides.system, sides.object, id_)):
            sides.erased += 1
        elif isinstance(stamp, datetime) and stamp > mark:
            sides.since += 1
        else:
            sides.differences.append(Difference(cause, sides.system, sides.object, id_))

    def _sampled(self, sides: Sides, equal: Sequence[str]) -> list[str]:
        dice = random.Random(f"{self.seed}:{sides.system}:{sides.object}")  # noqa: S311 - a sample, no secret
        chosen = dice.sample(equal, min(self.sample, len(equal)))
        return sorted({*chosen, *set(self.besides.get((sides.system, sides.object), ())).intersection(equal)})

    def _by_values(self, lister: Lister, sides: Sides, ids: Sequence[str], fields: Sequence[str]) -> None:
        if not ids:
            return
        some = pa.table({"system": [sides.system] * len(ids), "object": [sides.object] * len(ids), "id": list(ids)})
        few = self.lake.of(some, [(sides.system, sides.object)])
        held = few.current(sides.system, sides.object, as_of=self.now, columns=[FIELD + named(name) for name in fields])
        ours = {row["id"]: row for row in held.to_pylist()}
        for record in lister.read_records(sides.object, ids).records:
            row = ours.get(record.ref.id)
            if row is None:
                continue
            if record.modified_at > row["modified_at"]:
                sides.since += 1
                continue
            sides.sampled += 1
            sides.differences += [
                Difference("missed_change", sides.system, sides.object, record.ref.id, name)
                for name in unlike(record, row, fields)
            ]


def unlike(record: RecordVersion, row: Mapping[str, object], fields: Sequence[str]) -> list[str]:
    """Name the fields in which a record differs from a row of the lake; fields the vendor did not send do not count."""
    if alias_of(record) != row["merged_into"]:
        return []
    return [
        name
        for name in fields
        if name in record.fields
        and (column := FIELD + named(name)) in row
        and as_text(record.fields[name]) != row[column]
    ]


def listed_table(pages: Iterator[list[Listed]]) -> pa.Table:
    """Give ids and stamps of a list, of ids that come twice the first."""
    batches = [
        pa.table({"id": [row.id for row in page], "modified_at": [row.modified_at for row in page]}, schema=_LISTED)
        for page in pages
    ]
    if not batches:
        return _LISTED.empty_table()
    with querying() as connection:
        return _distinct(connection, pa.concat_tables(batches))


def _distinct(connection: duckdb.DuckDBPyConnection, rows: pa.Table) -> pa.Table:
    connection.register("rows", rows)
    return connection.sql("SELECT id, max(modified_at) AS modified_at FROM rows GROUP BY id").to_arrow_table()
