"""Our own fields on CRM records: what they should show, and which records must be written, decided column by column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.delivery.last_shown import UNSURE, as_last_shown, shown_fields
from connector.domain.engine_answers import answer
from connector.domain.sql_text import literal
from connector.lake.engine import querying
from connector.mapping.facts import SOURCE_COLUMNS
from connector.mapping.fields import CrmField
from connector.ports.traits import FieldInfo

#: what of the shown memory makes a number worth writing again, whatever its size
_TRIGGERS = ("grade", "verdict", "stage", "disposition", "reasons_key")
#: how ``Shown.dump`` begins what a creation carried that no pull has shown yet; few people have anything there
_MADE = '"made":{'
#: the columns that memory keeps of what is shown, and their words there
_NUMBERS: Mapping[str, str] = {
    "score.total": "total",
    **{name: name for name in (*_TRIGGERS, "record")},
}


@dataclass(frozen=True, slots=True)
class OwnFields:
    """Wanted values of our own fields for every row, as text, and which rows are to be written.

    Attributes:
        wanted: CRM field → column of texts (null = blank).
        news: rows whose shown numbers are to be replaced (grade, stage, reasons … changed, or the number moved enough).
        differ: CRM field → rows in which the CRM holds something else.
        numbers: ``total grade verdict stage disposition reasons_key record`` that go with what is wanted, as far as
            they are known.
    """

    wanted: Mapping[str, pa.Array]
    news: pa.Array
    differ: Mapping[str, pa.Array]
    numbers: pa.Table

    def made(self, row: int, names: Iterable[str]) -> dict[str, Any]:
        """Give what a creation that carries these fields shows: ``fields``, total, and what would make it news."""
        shown: dict[str, Any] = {name: self.numbers.column(name)[row].as_py() for name in ("total", *_TRIGGERS)}
        return shown | {"fields": {name: self.wanted[name][row].as_py() for name in names}}


def text_of(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Write a column of results as the CRM will give it back: numbers without trailing zeros, blanks as null."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_string(array.type):
        return pc.if_else(pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(array)), 0), None, array)
    if pa.types.is_floating(array.type) or pa.types.is_decimal(array.type):
        text = pc.cast(pc.cast(array, pa.decimal128(18, 4)), pa.string())
        text = pc.replace_substring_regex(text, r"(\.\d*?)0+$", r"\1")
        return pc.replace_substring_regex(text, r"\.$", "")
    if pa.types.is_boolean(array.type):
        return pc.if_else(array, "true", "false")
    return pc.cast(array, pa.string())


def own_fields(
    people: pa.Table,
    mapped: Mapping[str, CrmField],
    info: Mapping[str, FieldInfo],
    *,
    step: Decimal,
    prefix: str = "crm.",
    undone: pa.Array | None = None,
) -> OwnFields:
    """Compare what our fields should show with what the CRM holds (columns ``crm.FIELD``).

    Where ``undone`` is not null an undo holds everything back (``connector.delivery.undone``): nothing there is news.

    ``people`` has a column per source word of ``mapped`` and ``shown``, the JSON of what was shown last; of rows marked
    ``unsure`` what hangs on the score stays as it was. A record that we made and the pull shows for the first time goes
    on showing what it was made with, as long as that is no news.
    """
    people, last = as_last_shown(people), shown_fields(people, mapped, prefix)
    wanted: dict[str, pa.Array] = {}
    differ: dict[str, pa.Array] = {}
    for name, field in mapped.items():
        source = SOURCE_COLUMNS.get(field.source, field.source)
        if field.write != "always" or source not in people.column_names or (info and name not in info):
            # A field the org does not have shows nothing; once it is there, everybody's value is news.
            continue
        values = _translate(text_of(people.column(source)), field)
        length = info[name].length if name in info else None
        if length and info[name].type in {"text", "other"}:
            values = pc.utf8_slice_codeunits(values, 0, length)
        if name in last:
            values = pc.if_else(people.column(UNSURE), last[name], values).combine_chunks()
        wanted[name] = values
    numbers = people.select([name for name in _NUMBERS if name in people.column_names])
    numbers = numbers.rename_columns([_NUMBERS[name] for name in numbers.column_names])
    held = {name: _held(people, prefix + name) for name in wanted}
    made = _as_made(people, numbers, wanted, held, mapped, step)
    if made.num_rows:
        numbers, wanted = _going_on(numbers, wanted, held, made)
    for name, values in wanted.items():
        differ[name] = pc.not_equal(pc.fill_null(values, ""), pc.fill_null(held[name], ""))
    news = _news(people, wanted, mapped, step, prefix)
    return OwnFields(wanted, news if undone is None else pc.and_(news, pc.is_null(undone)), differ, numbers)


def _there(field: CrmField) -> str:
    """Ask whether the kind of record has the field, where only one does."""
    return f" AND split_part(record, ':', 1) = {literal(field.only)}" if field.only else ""


def _held(people: pa.Table, column: str) -> pa.Array:
    """Give what the CRM holds of a field, as text."""
    return text_of(people.column(column)) if column in people.column_names else pa.nulls(people.num_rows, pa.string())


def _as_made(
    people: pa.Table,
    numbers: pa.Table,
    wanted: Mapping[str, pa.Array],
    held: Mapping[str, pa.Array],
    mapped: Mapping[str, CrmField],
    step: Decimal,
) -> pa.Table:
    """Find the rows (``place``) whose record is shown for the first time, as it was made, and their ``total`` then.

    Nobody has changed a field of ours there, and nothing has happened since that would be worth writing again.
    """
    marked = pc.match_substring(pc.fill_null(people.column("shown"), ""), _MADE)
    if not pc.any(marked).as_py() or set(numbers.column_names) != set(_NUMBERS.values()):
        return pa.table({"place": pa.array([], pa.int64()), "total": pa.array([], pa.float64())})
    looked = numbers.append_column("shown", people.column("shown"))
    looked = looked.append_column("place", pa.array(range(people.num_rows), pa.int64()))
    conditions = ["record IS NOT NULL", f"abs(total - TRY_CAST(made ->> '$.total' AS DOUBLE)) < {step}"]
    conditions += [f"(made ->> '$.{name}') IS NOT DISTINCT FROM {name}" for name in _TRIGGERS]
    for place, (name, values) in enumerate(wanted.items()):
        looked = looked.append_column(f"wanted_{place}", values).append_column(f"held_{place}", held[name])
        then = f"(made -> '$.fields' ->> {literal(name)})"
        differs = f"held_{place} IS DISTINCT FROM {then} OR ({then} IS NULL AND wanted_{place} IS NOT NULL)"
        conditions.append(f"NOT (({differs}){_there(mapped[name])})")
    with querying() as connection:
        connection.register("looked", looked.filter(marked))
        query = (
            f"SELECT place, CAST(made ->> '$.total' AS DOUBLE) AS total "
            f"FROM (SELECT *, json_extract(shown, '$.made') AS made FROM looked) "
            f"WHERE ({') AND ('.join(conditions)}) ORDER BY place"
        )
        return answer(connection, query)


def _going_on(
    numbers: pa.Table, wanted: Mapping[str, pa.Array], held: Mapping[str, pa.Array], made: pa.Table
) -> tuple[pa.Table, dict[str, pa.Array]]:
    """Put in the place of what is wanted what the records of these rows (``place``) show since they were made."""
    at = pc.index_in(pa.array(range(numbers.num_rows), pa.int64()), value_set=made.column("place").combine_chunks())
    mask = pc.is_valid(at)
    total = made.column("total").combine_chunks().take(at).cast(numbers.schema.field("total").type)
    place = numbers.schema.get_field_index("total")
    numbers = numbers.set_column(place, "total", pc.if_else(mask, total, numbers.column("total")))
    return numbers, {name: pc.if_else(mask, held[name], values) for name, values in wanted.items()}


def _translate(values: pa.Array, field: CrmField) -> pa.Array:
    for ours, theirs in field.values.items():
        values = pc.if_else(pc.equal(values, ours), theirs, values)
    return values


def _news(
    people: pa.Table, wanted: Mapping[str, pa.Array], mapped: Mapping[str, CrmField], step: Decimal, prefix: str
) -> pa.Array:
    """Mark rows never shown, or whose triggers changed, whose number moved by the step, whose CRM value is not ours.

    A field that was not shown so far and now has something to show is news too: it was mapped or provisioned since.
    Where there is no record, there is no value that could differ.
    """
    triggers = [name for name in _TRIGGERS if name in people.column_names]
    # All are taken out in one reading: each reading of its own would keep memory of its own, and there are some twenty.
    paths = ["$.record", "$.total", *(f"$.{name}" for name in triggers), *(f'$.fields."{name}"' for name in wanted)]
    was = {path: f"was[{place}]" for place, path in enumerate(paths, 1)}
    conditions = ["shown IS NULL", f"{was['$.record']} IS DISTINCT FROM record"]
    conditions += [f'{was[f"$.{name}"]} IS DISTINCT FROM "{name}"' for name in triggers]
    if "score.total" in people.column_names:
        conditions.append(f'abs("score.total" - TRY_CAST({was["$.total"]} AS DOUBLE)) >= {step}')
    for name in wanted:
        before = was[f'$.fields."{name}"']
        held = f'"{prefix}{name}"' if prefix + name in people.column_names else "NULL"
        conditions.append(
            f'({held} IS DISTINCT FROM {before} OR ({before} IS NULL AND "wanted.{name}" IS NOT NULL)) '
            # Null is nothing that could be known otherwise here: without a record the answer is no.
            f"AND coalesce({was['$.record']} = record, false){_there(mapped[name])}"
        )
    looked_at = {"shown", "record", "score.total", *triggers, *(prefix + name for name in wanted)}
    looked = people.select([name for name in people.column_names if name in looked_at])
    for name, values in wanted.items():
        looked = looked.append_column("wanted." + name, values)
    listed = ", ".join(literal(path) for path in paths)
    with querying() as connection:
        connection.register("people", looked)
        query = (
            f"SELECT coalesce(({') OR ('.join(conditions)}), true) AS news "
            f"FROM (SELECT *, json_extract_string(shown, [{listed}]) AS was FROM people)"
        )
        table: pa.Table = answer(connection, query)
    return table.column("news").combine_chunks()
