"""What people said of themselves: it wins over what was found out elsewhere, weighs more, and differences are named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from connector.mapping.columns import column_of
from connector.mapping.conditions import tests_of
from connector.mapping.fields import FactLine
from connector.mapping.text import fold, number_of
from connector.scoring.compile import FitRuleC

PREFIX = "declared."
FOUND = "found."
#: the names of the facts of which a person said something else than was found out
DIFFERS = "declared_differs"


def marked_declared(people: pa.Table, lines: Mapping[str, FactLine]) -> pa.Table:
    """Put the facts that fields.yaml calls declared as a whole into ``declared.FACT``, where that is not there yet."""
    for name, line in lines.items():
        if line.kind == "declared" and name in people.column_names and PREFIX + name not in people.column_names:
            people = people.append_column(PREFIX + name, people.column(name))
    return people


def with_declared(people: pa.Table) -> pa.Table:
    """Let ``declared.FACT`` win wherever it is known, and add ``declared_differs``: null where nothing does.

    What was found stays as ``found.FACT``. Where people have ``declared_differs`` all this was done, and nothing is.
    Where the two columns are of different types both are read as text, which conditions compare as they do numbers.
    """
    if DIFFERS in people.column_names:
        return people
    differing = pa.array([""] * people.num_rows, pa.string())
    for column in sorted(name for name in people.column_names if name.startswith(PREFIX)):
        name = column.removeprefix(PREFIX)
        said = people.column(column)
        if name not in people.column_names:
            people = people.append_column(name, said)
            continue
        found = people.column(name)
        if found.type != said.type or pa.types.is_dictionary(said.type):
            found, said = found.cast(pa.string()), said.cast(pa.string())
        told = _known(said)
        both = pc.and_(told, _known(found))
        people = people.append_column(FOUND + name, people.column(name))
        people = people.set_column(people.column_names.index(name), name, pc.if_else(told, said, found))
        other = _other(said, found, both)
        longer = pc.binary_join_element_wise(differing, name, ", ")
        differing = pc.if_else(other, pc.if_else(pc.equal(differing, ""), name, longer), differing)
    return people.append_column(DIFFERS, pc.if_else(pc.equal(differing, ""), None, differing))


def declared_flags(rules: Iterable[FitRuleC], people: pa.Table) -> dict[str, pa.Array]:
    """Say for each rule (``d<number>``) where the person declared every fact that its condition names; never null.

    Rules that nobody's declared answers could hold are left out.
    """
    known: dict[str, pa.Array] = {}
    flags: dict[str, pa.Array] = {}
    for rule in rules:
        columns = [PREFIX + field for field in sorted({test.field for test in tests_of(rule.condition)})]
        if not columns or rule.declared == rule.tenths or not set(columns) <= set(people.column_names):
            continue
        for column in columns:
            if column not in known:
                known[column] = _known(people.column(column))
        flag = known[columns[0]]
        for column in columns[1:]:
            flag = pc.and_(flag, known[column])
        flags[f"d{rule.number}"] = flag
    return flags


def _known(column: pa.ChunkedArray) -> pa.Array:
    return column_of(column, len(column)).known()


def _other(said: pa.ChunkedArray, found: pa.ChunkedArray, both: pa.Array) -> pa.Array:
    """Say where two known values differ; each distinct pair is compared once."""
    texts = [pc.if_else(both, _text(column), None) for column in (said, found)]
    pairs = pa.table(dict(zip(("said", "found"), texts, strict=True)))
    codes = pairs.append_column("row", pa.array(range(pairs.num_rows), pa.int64())).filter(both)
    distinct = codes.group_by(["said", "found"]).aggregate([("row", "list")]).to_pydict()
    rows = [
        row
        for one, other, places in zip(distinct["said"], distinct["found"], distinct["row_list"], strict=True)
        if not _same(one, other)
        for row in places
    ]
    return pc.is_in(pa.array(range(pairs.num_rows), pa.int64()), value_set=pa.array(rows, pa.int64()))


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string())


def _same(one: str, other: str) -> bool:
    numbers: Sequence[object] = (number_of(one), number_of(other))
    if None not in numbers:
        return numbers[0] == numbers[1]
    return fold(one) == fold(other)
