"""What a cycle decided, stored so that exactly that can be run later, or refused with the names of what has changed."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

import pyarrow as pa

from connector.delivery.spool import JudgedRows, RowSpool
from connector.domain.writes import Cause, RowState, Write
from connector.errors import Refused
from connector.mapping.fields import CHANNELS
from connector.pipeline.tables import sql
from connector.ports.store import Decisions, OutboxRow, Review, Rows, Store, parts_of
from connector.ports.task_times import TaskEvent

#: how many cycles a plan may be old; older ones have been overtaken in any case
_LOOK_BACK = 200
#: people looked up in memory in one go
_AT_ONCE = 50_000
_TABLES = ("identities", "persons", "stage_moves", "scores", "account_moves")


def dump_plan(decisions: Decisions, *, mappings: str, rotations: dict[str, str], done: bool) -> str:
    """Write decisions and what they stood on as JSON.

    Args:
        decisions: as ``decide`` gave them, before limits hold anything.
        mappings: digest of the mapping files.
        rotations: every pool's rotation before the cycle.
        done: the cycle carries it out itself: its rows are in the outbox, and the plan only says which records they
            are about.
    """
    body = {
        "version": 1,
        "run_id": decisions.run_id,
        "plan_id": decisions.plan_id,
        "at": decisions.at.isoformat(),
        "mappings": mappings,
        "rotations_before": rotations,
        "done": done,
        "lanes": _lanes(decisions.rows),
        "report": summary(decisions.rows),
    }
    if done:
        return json.dumps(body, ensure_ascii=False)
    body |= {
        "tables": {name: _encode(getattr(decisions, name)) for name in _TABLES},
        "accounts": decisions.accounts,
        "rows": _pack_rows(decisions.rows),
        "reviews": [_plain(asdict(review)) for review in decisions.reviews],
        "rotations": dict(decisions.rotations),
        "marks": {name: at.isoformat() for name, at in decisions.marks.items()},
        "gone": list(decisions.gone),
        "withdrawn": list(decisions.withdrawn),
        "events": [[one.key, one.rule, one.opened_by, one.at.isoformat()] for one in decisions.events],
    }
    return json.dumps(body, ensure_ascii=False)


def load_plan(body: str) -> tuple[Decisions, dict[str, Any]]:
    """Read what ``dump_plan`` wrote: the decisions, and the whole body for its other parts.

    Raises:
        Refused: the cycle that made the plan has carried it out.
    """
    data = json.loads(body)
    if data.get("done"):
        cure = "`handoff approve` releases what a limit held in it; `handoff plan` makes a new one"
        raise Refused("plan.superseded", "the run that made this plan has decided on all of its records", cure=cure)
    # a plan made by an older program knows no ways between accounts
    tables = {name: _decode(data["tables"][name]) for name in _TABLES if name in data["tables"]}
    decisions = Decisions(
        run_id=data["run_id"],
        plan_id=data["plan_id"],
        at=datetime.fromisoformat(data["at"]),
        accounts=data["accounts"],
        rows=_unpack_rows(data["rows"]),
        reviews=[Review(**(r | {"opened_at": datetime.fromisoformat(r["opened_at"])})) for r in data["reviews"]],
        rotations=data["rotations"],
        marks={name: datetime.fromisoformat(at) for name, at in data["marks"].items()},
        gone=tuple(data.get("gone", ())),
        withdrawn=tuple(data.get("withdrawn", ())),
        events=tuple(
            TaskEvent(key, rule, opened_by, datetime.fromisoformat(at))
            for key, rule, opened_by, at in data.get("events", ())
        ),
        **tables,
    )
    return decisions, data


def check_current(body: dict[str, Any], decisions: Decisions, store: Store, *, mappings: str) -> None:
    """Refuse a plan whose ground has moved.

    Raises:
        Refused: the mappings differ, a rotation moved, or a later cycle decided on one of its records.
    """
    cure = "make a new plan"
    if body["mappings"] != mappings:
        raise Refused("plan.mappings_changed", "the mapping files have changed since the plan was made", cure=cure)
    known = store.outbox.known_keys([row.write.key for row in decisions.rows if row.write.kind == "create"])
    lanes = {row.lane for row in decisions.rows}
    each = store.outbox.each_unsettled()
    later = {row.lane for row in each if row.lane in lanes and row.decided_at > decisions.at}
    names = sorted(later | _settled_since(decisions, store) | {f"creation {key}" for key in known})
    names += _decided_since(decisions, store)
    if names:
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        raise Refused("plan.superseded", f"a later cycle has decided on {shown}", cure=cure)
    if body["rotations_before"] != store.knowledge.rotations():
        raise Refused("plan.rotation_moved", "work has been shared out since the plan was made", cure=cure)


def _settled_since(decisions: Decisions, store: Store) -> set[str]:
    """Name records on which a later cycle has decided, though all of that is written by now."""
    lanes = {row.lane for row in decisions.rows}
    found: set[str] = set()
    for run in store.runs.last(_LOOK_BACK):
        own = run.plan_id == decisions.plan_id
        if run.as_of < decisions.at or (own and run.kind == "plan"):
            break
        body = None if own or run.kind == "plan" else store.runs.plan(run.plan_id)
        if body is not None:
            data = json.loads(body)
            touched = lanes.intersection(data["lanes"])
            if touched and store.outbox.tally(data["run_id"], ()):
                found |= touched
    return found


def _decided_since(decisions: Decisions, store: Store) -> list[str]:
    """Name people whose memory is newer than the plan: their stage moved, or they have closed a channel since."""
    names: list[str] = []
    for part in parts_of(decisions.persons):
        for first in range(0, part.num_rows, _AT_ONCE):
            planned = part.slice(first, _AT_ONCE)
            rows = sql(
                """
                SELECT m.person_id FROM memory m JOIN planned p USING (person_id)
                WHERE m.stage_entry > p.stage_entry OR (m.stage_since > $at AND m.stage IS DISTINCT FROM p.stage)
                    OR (coalesce(json_extract_string(m.shown, '$.closed'), '')
                        NOT IN ('', coalesce(json_extract_string(p.shown, '$.closed'), ''))
                        AND json_extract_string(p.shown, '$.closed') IS DISTINCT FROM $all)
                ORDER BY ALL LIMIT 20
                """,
                {"at": decisions.at, "all": ",".join(CHANNELS)},
                memory=store.knowledge.persons(planned.column("person_id").to_pylist()),
                planned=planned,
            )
            names += rows.column("person_id").to_pylist()
    return [f"person {name}" for name in sorted(names)[:20]]


def summary(rows: Sequence[OutboxRow]) -> dict[str, Any]:
    """Count what a plan would do: by cause, by kind of record, held rows apart."""
    if isinstance(rows, JudgedRows) and rows.untouched is not None:
        rows = rows.untouched
    if isinstance(rows, RowSpool):
        return rows.summary()
    causes: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for row in rows:
        causes[row.cause.value] += 1
        kinds[f"{row.write.kind} {row.write.object}"] += 1
        if row.state is RowState.HELD:
            held[row.held_by] += 1
    return {
        "writes": len(rows),
        "by_cause": dict(sorted(causes.items())),
        "by_object": dict(sorted(kinds.items())),
        "held": dict(sorted(held.items())),
    }


def _lanes(rows: Sequence[OutboxRow]) -> list[str]:
    return rows.lanes() if isinstance(rows, RowSpool) else sorted({row.lane for row in rows})


def _encode(rows: Rows) -> str:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        for part in parts_of(rows):
            writer.write_table(part)
    return base64.b64encode(sink.getvalue()).decode("ascii")


def _decode(text: str) -> pa.Table:
    with pa.ipc.open_stream(base64.b64decode(text)) as reader:
        return reader.read_all()


def _pack_rows(rows: Iterable[OutboxRow]) -> str:
    """Write rows as lines of JSON, packed: they say much the same, and may be many."""
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as packed:
        for row in rows:
            packed.write((json.dumps(_row_out(row), ensure_ascii=True) + "\n").encode("ascii"))
    return base64.b64encode(sink.getvalue()).decode("ascii")


def _unpack_rows(text: str) -> list[OutboxRow]:
    with pa.CompressedInputStream(pa.BufferReader(base64.b64decode(text)), "zstd") as packed:
        return [_row_in(json.loads(line)) for line in packed.read().splitlines()]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (frozenset, set)):
        return sorted(value)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return value


def _row_out(row: OutboxRow) -> dict[str, Any]:
    plain: dict[str, Any] = _plain(asdict(row))
    return plain


def _row_in(data: dict[str, Any]) -> OutboxRow:
    write = data["write"]
    write |= {"ours": frozenset(write["ours"]), "if_blank": frozenset(write["if_blank"])}
    row = OutboxRow(
        **(
            data
            | {
                "write": Write(**write),
                "cause": Cause(data["cause"]),
                "state": RowState(data["state"]),
                "depends_on": tuple(data["depends_on"]),
                "decided_at": datetime.fromisoformat(data["decided_at"]),
            }
        )
    )
    return replace(row, not_before=None, sent_at=None)
