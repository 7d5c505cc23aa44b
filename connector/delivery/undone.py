"""What an undo took back stays as it is until there is news: whose own fields and stages wait, of many at once."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.domain.records import Value
from connector.lake.engine import querying

#: how ``Shown.dump`` begins what is held back; most people have nothing there
_MARK = '"undone":{'
_PATHS = (
    "['$.undone.mappings', '$.undone.stages', '$.record', '$.grade', '$.verdict', '$.reasons_key', '$.total', "
    "'$.undone.created']"
)


def held_back(
    people: pa.Table,
    lanes: Collection[str],
    *,
    system: str,
    mappings: str,
    step: Decimal,
    asking: Iterable[Mapping[str, Any]] = (),
) -> pa.Array:
    """Give, for each row, the stages (JSON) that are not to be entered again, or null where nothing is held back.

    An undo is over with anything that would be worth showing: another grade, verdict or set of reasons, a number that
    moved by ``step``, another record, other mapping files; with anything sales should act on at once; and once no row
    of the outbox holds it back any more, for somebody has let it go.

    Args:
        people: columns ``shown record grade reasons_key`` and, where there are any, ``verdict`` and ``score.total``.
        lanes: records whose own fields the outbox holds back (``Pending.undone``).
        system: the CRM's name, with which lanes begin.
        mappings: digest of the mapping files.
        step: ``write_step``.
        asking: events of people that sales should act on at once (``person_id rule occurred_at``), acted on or not.
    """
    nothing = pa.nulls(people.num_rows, pa.string())
    marked = pc.match_substring(pc.fill_null(people.column("shown"), ""), _MARK)
    if not pc.any(marked).as_py():
        return nothing
    names = ("record", "grade", "verdict", "reasons_key", "score.total", "shown")
    looked = people.select([name for name in names if name in people.column_names])
    looked = looked.append_column("place", pa.array(range(people.num_rows), pa.int64())).filter(marked)
    # A record that the undone run made is left as it is; perhaps no pull had shown it yet, then or now.
    same = ["coalesce(was[3], was[8]) = coalesce(record, was[8])"]
    same += ["was[1] = $mappings", "was[4] IS NOT DISTINCT FROM grade"]
    same += ["was[6] IS NOT DISTINCT FROM reasons_key"]
    same += ["was[5] IS NOT DISTINCT FROM verdict"] if "verdict" in looked.column_names else []
    if "score.total" in looked.column_names:
        same.append(f'coalesce(abs("score.total" - TRY_CAST(was[7] AS DOUBLE)) < {step}, true)')
    query = (
        f"SELECT place, coalesce(was[2], '[]') AS stages, json_extract_string(shown, '$.fast') AS fast "
        f"FROM (SELECT *, json_extract_string(shown, {_PATHS}) AS was FROM looked) "
        f"JOIN lanes ON lane = concat($system, ':', coalesce(record, was[8])) WHERE {' AND '.join(same)} ORDER BY place"
    )
    with querying() as connection:
        connection.register("looked", looked)
        connection.register("lanes", pa.table({"lane": pa.array(sorted(lanes), pa.string())}))
        values = {"system": system, "mappings": mappings}
        found: pa.Table = connection.sql(query, params=values).to_arrow_table()
    if found.num_rows and "person_id" in people.column_names:
        found = found.filter(_not_asking(people.column("person_id").take(found.column("place")), found, asking))
    at = pc.index_in(pa.array(range(people.num_rows), pa.int64()), value_set=found.column("place").combine_chunks())
    return found.column("stages").combine_chunks().take(at)


def _not_asking(ids: pa.ChunkedArray, found: pa.Table, asking: Iterable[Mapping[str, Any]]) -> pa.Array:
    """Mark those of whom nothing has come that sales should act on at once and has not."""
    acted = {id_: json.loads(fast) for id_, fast in zip(ids.to_pylist(), found.column("fast").to_pylist(), strict=True)}
    fresh = {
        event["person_id"]
        for event in asking
        if event["person_id"] in acted
        and event["occurred_at"].isoformat() > acted[event["person_id"]].get(event["rule"], "")
    }
    return pa.array([id_ not in fresh for id_ in ids.to_pylist()], pa.bool_())


def same_value(left: Value, right: Value) -> bool:
    """Say whether a CRM means one value by two: blanks, numbers and their texts, truths, instants however written."""
    if left in (None, "") or right in (None, ""):
        return left in (None, "") and right in (None, "")
    return left == right if type(left) is type(right) and left == right else _plain(left) == _plain(right)


def _plain(value: Value) -> str | float | datetime:
    if isinstance(value, bool) or not isinstance(value, str):
        return str(value).casefold() if isinstance(value, bool) else float(value or 0)
    text = value.strip()
    for read in (float, _instant):
        try:
            return read(text)
        except ValueError:
            continue
    return text.casefold() if text.casefold() in {"true", "false"} else text


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("a day or an instant of nowhere is compared as text")
    return found
