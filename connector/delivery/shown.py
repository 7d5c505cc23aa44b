"""What a person's record was last made to show, kept as JSON in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Final

import pyarrow as pa

from connector.domain.engine_answers import answer
from connector.domain.records import Value
from connector.domain.sql_text import literal
from connector.lake.engine import querying

#: what every decision about a record renews
_NUMBERS = ("total", "grade", "verdict", "stage", "disposition", "reasons_key", "record")


@dataclass(slots=True)
class Shown:
    """Memory of one person's record.

    Attributes:
        total, grade, verdict, stage, disposition, reasons_key: as last decided to be shown.
        record: ``object:id`` of the CRM record they were decided for, or None.
        fields: our own CRM fields and their texts.
        personas: personas that were true at the last decision; one fires only when it becomes true.
        blanks: fill-ins that were true at the baseline: field → value; they never happen.
        fast: fast-lane rule → instant (ISO) of the last event that has been acted on.
        owed: fast-lane rule → instant (ISO) of the last event that the task on its way tells of; what came later and is
            acted on is told in it as soon as it shows.
        tasks: fast-lane rule → key of the task last opened.
        texts: fast-lane rule → what we last wrote into its task's words, as digests by field: what stands otherwise
            is a person's.
        created: key of the record last asked for, so that no second one is while the CRM has yet to show the first.
        made: what that record was asked for with (``OwnFields.made``); gone once it has been seen.
        given: id of the user to whom we gave the record, as long as we gave it to nobody else.
        late: stage → the entry into it whose late first touch has been dealt with.
        closed: channels that the person has closed, in order, with commas.
        undone: what holds back the writes that an undo took back: ``mappings`` (the digest then) and ``stages`` (not to
            be entered again); gone with the next thing that is shown.
    """

    total: float | None = None
    grade: str | None = None
    verdict: str | None = None
    stage: str | None = None
    disposition: str | None = None
    reasons_key: str | None = None
    record: str | None = None
    fields: dict[str, str | None] = field(default_factory=dict)
    personas: list[str] = field(default_factory=list)
    blanks: dict[str, Value] = field(default_factory=dict)
    fast: dict[str, str] = field(default_factory=dict)
    owed: dict[str, str] = field(default_factory=dict)
    tasks: dict[str, str] = field(default_factory=dict)
    texts: dict[str, dict[str, str]] = field(default_factory=dict)
    created: str | None = None
    made: dict[str, Any] | None = None
    given: str | None = None
    late: dict[str, int] = field(default_factory=dict)
    closed: str = ""
    undone: dict[str, Any] | None = None

    @classmethod
    def load(cls, text: str | None) -> Shown:
        """Read what ``dump`` wrote; nothing gives an empty memory."""
        return cls(**json.loads(text)) if text else cls()

    def acted(self, rule: str, until: str) -> None:
        """Note that events of a fast-lane rule are acted on, and the task told of them."""
        self.fast[rule] = until
        self.owed.pop(rule, None)

    def owes(self, rule: str, since: str, until: str) -> None:
        """Note that events of a fast-lane rule are acted on; those after ``since`` are to be told in its task."""
        self.fast[rule] = until
        self.owed.setdefault(rule, since)

    def told_until(self, rule: str, *, gone: bool, finished: datetime | None) -> str:
        """Give the instant (ISO) until which a fast-lane rule's events need no more work, or nothing.

        What the task was still to be told of is older than the deletion of its record (``gone``). Of what was asked for
        before somebody closed the task (``finished``) they have taken care: nobody is called twice for that.
        """
        acted = self.fast.get(rule, "")
        owed = self.owed.get(rule, acted)
        if gone or finished is None:
            return acted if gone else owed
        return max(owed, min(acted, finished.isoformat()))

    def dump(self) -> str:
        """Write as JSON with sorted keys, so that equal memories are equal texts."""
        return json.dumps(
            {name: getattr(self, name) for name in _NAMES}, sort_keys=True, ensure_ascii=False, separators=(",", ":")
        )


#: what is in it is plain, and copying that takes ten times as long as writing it
_NAMES: Final = tuple(one.name for one in fields(Shown))


def closed_channels(shown: pa.ChunkedArray) -> pa.Array:
    """Read out of many memories which channels are closed."""
    with querying() as connection:
        connection.register("memories", pa.table({"shown": shown}))
        found = answer(
            connection, "SELECT coalesce(json_extract_string(shown, '$.closed'), '') AS closed FROM memories"
        )
    return found.column("closed").combine_chunks()


def remember(before: pa.Table, numbers: pa.Table, fields: Mapping[str, pa.Array]) -> pa.Array:
    """Write many memories at once, each as ``dump`` would.

    Args:
        before: column ``shown``: what was remembered, or null.
        numbers: columns ``total grade verdict stage disposition reasons_key record``: what is shown from now on.
        fields: our own CRM fields and their texts; kept only where there is a record to show them.
    """
    empty = json.loads(Shown().dump())
    table = before.select(["shown"])
    for name in _NUMBERS:
        table = table.append_column(name, numbers.column(name))
    for place, name in enumerate(sorted(fields)):
        table = table.append_column(f"field_{place}", fields[name])
    told = ", ".join(f"{literal(name)}, field_{place}" for place, name in enumerate(sorted(fields)))
    words = {name: f"coalesce(to_json({name})::VARCHAR, 'null')" for name in _NUMBERS}
    words["fields"] = f"CASE WHEN record IS NULL THEN '{{}}' ELSE json_object({told})::VARCHAR END" if told else "'{}'"
    words["undone"] = "'null'"
    kept = sorted(set(empty) - set(words))
    for place, name in enumerate(kept, 1):
        words[name] = f"coalesce(was[{place}]::VARCHAR, {literal(json.dumps(empty[name]))})"
    words["made"] = f"CASE WHEN record IS NULL THEN {words['made']} ELSE 'null' END"
    # One reading takes out all that is kept: each reading keeps memory of its own.
    was = f"json_extract(shown, [{', '.join(literal(f'$.{name}') for name in kept)}])"
    parts = ", ".join(
        f"'{'{' if not place else ','}\"{name}\":', {words[name]}" for place, name in enumerate(sorted(words))
    )
    source = f"SELECT *, {was} AS was FROM memories"
    with querying() as connection:
        connection.register("memories", table)
        texts: pa.Table = answer(connection, f"SELECT concat({parts}, '}}') AS shown FROM ({source})")
    return texts.column("shown").combine_chunks()
