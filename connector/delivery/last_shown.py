"""What records show of scores that nobody can work out, any more or yet, stays as it was shown last."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from connector.domain.engine_answers import answer
from connector.domain.sql_text import literal
from connector.lake.engine import querying
from connector.mapping.fields import CrmField

#: marks rows whose score hangs on something lost, or on people not worked yet (``connector.pipeline.people.unsure``);
#: there only where some do
UNSURE = "unsure"
#: results that hang on no score
_SURE = frozenset({"stage", "stage_entry", "disposition", "opt_out.call", "opt_out.email"})
_MATCH = "match."
#: what memory keeps of a score → the column of the engine
_KEPT: Mapping[str, str] = {
    "total": "score.total",
    "grade": "grade",
    "verdict": "verdict",
    "reasons_key": "reasons_key",
}


def as_last_shown(rows: pa.Table) -> pa.Table:
    """Put the numbers that were shown last in the place of those of unsure people or accounts."""
    if UNSURE not in rows.column_names:
        return rows
    was = _read(rows, [f"$.{name}" for name in _KEPT])
    for place, name in enumerate(_KEPT.values()):
        at = rows.schema.get_field_index(name)
        if at >= 0:
            before = was.column(place).cast(rows.column(at).type)
            rows = rows.set_column(at, name, pc.if_else(rows.column(UNSURE), before, rows.column(at)))
    return rows


def shown_fields(rows: pa.Table, mapped: Mapping[str, CrmField], prefix: str) -> dict[str, pa.ChunkedArray]:
    """Give, by our CRM field, the text that unsure rows are to go on showing: the last one, else what the CRM holds."""
    if UNSURE not in rows.column_names:
        return {}
    names = [name for name, field in mapped.items() if not (field.source in _SURE or field.source.startswith(_MATCH))]
    was = _read(rows, [f'$.fields."{name}"' for name in names])
    found = {}
    for place, name in enumerate(names):
        column = prefix + name
        held = rows.column(column) if column in rows.column_names else pa.nulls(rows.num_rows, pa.string())
        found[name] = pc.coalesce(was.column(place), pc.cast(held, pa.string()))
    return found


def _read(rows: pa.Table, paths: list[str]) -> pa.Table:
    """Read some paths out of the memory of each row, in order; blank where the row is sure."""
    told = ", ".join(f"json_extract_string(shown, {literal(path)}) AS c{place}" for place, path in enumerate(paths))
    table = rows.select(["shown", UNSURE]).append_column("place", pa.array(range(rows.num_rows), pa.int64()))
    with querying() as connection:
        connection.register("rows", table)
        return answer(
            connection,
            f"SELECT {told or 'NULL'} FROM (SELECT place, CASE WHEN {UNSURE} THEN shown END AS shown FROM rows)"
            " ORDER BY place",
        )
