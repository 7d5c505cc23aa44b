"""What an undo changes in memory: stages go back as a move of their own, and what was undone is held back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from connector.delivery.shown import Shown
from connector.ports.store import IDENTITIES, PERSONS, STAGE_MOVES, Store

#: why somebody is in the stage they were in before
UNDONE_BECAUSE = "undone"


class Taken(NamedTuple):
    """Own fields of one record that go back; ``stage``: what the record shows of the stage is among them.

    ``created``: the run made the record, which is left as it is; perhaps no pull has shown it yet.
    """

    object: str
    record: str
    person_id: str
    stage: bool = False
    created: bool = False


@dataclass(frozen=True, slots=True)
class Undone:
    """The words of one undo: which run is undone, by which, when, on what model; ``kind``: hold it back, or let go."""

    run_id: str
    by: str
    now: datetime
    mappings: str
    system: str
    kind: Literal["hold", "let_go"]


class Memory(NamedTuple):
    """Changed memory, ready to be committed."""

    persons: pa.Table
    moves: pa.Table
    accounts: dict[str, str]


def undone_memory(store: Store, taken: Iterable[Taken], words: Undone) -> Memory:
    """Put back the stages of people who have not moved since, and mark people and accounts as held back."""
    listed = list(taken)
    stages: dict[str, bool] = defaultdict(bool)
    created: dict[str, str] = {}
    names = _persons_of(store, [one for one in listed if one.object != "account"], words.system)
    for one in listed:
        if one.object != "account":
            person_id = names.get((one.object, one.record), one.person_id)
            stages[person_id] |= one.stage
            created |= {person_id: f"{one.object}:{one.record}"} if one.created else {}
    rows, moves = [], []
    for person in store.knowledge.persons(sorted(stages)).to_pylist():
        entered: list[str] = []
        if stages[person["person_id"]]:
            entered, move = _stage_back(store, person, words)
            moves += [] if move is None else [move]
        person["shown"] = _marked(person["shown"], entered, words, created.get(person["person_id"]))
        rows.append(person)
    shown = store.knowledge.accounts()
    accounts = {
        one.record: _marked(shown[one.record], [], words)
        for one in listed
        if one.object == "account" and one.record in shown
    }
    return Memory(pa.Table.from_pylist(rows, schema=PERSONS), pa.Table.from_pylist(moves, schema=STAGE_MOVES), accounts)


def _persons_of(store: Store, taken: list[Taken], system: str) -> dict[tuple[str, str], str]:
    """Say who the records' persons are today: they may have become others since the run."""
    identities = store.knowledge.identities() if taken else IDENTITIES.empty_table()
    ids = pa.array({one.record for one in taken}, pa.string())
    mask = pc.and_(pc.equal(identities.column("system"), system), pc.is_in(identities.column("id"), value_set=ids))
    return {(row["object"], row["id"]): row["person_id"] for row in identities.filter(mask).to_pylist()}


def _stage_back(store: Store, person: dict[str, Any], words: Undone) -> tuple[list[str], Mapping[str, Any] | None]:
    """Put one person's stage back where nothing but an undo has moved it since; give what the run had them enter."""
    moves = store.knowledge.stage_moves(person["person_id"]).to_pylist()
    mine = [move for move in moves if move["run_id"] == words.run_id]
    if not mine:
        return [], None
    entered = sorted({move["to_stage"] for move in mine})
    later = [move for move in moves if move["entry"] > mine[-1]["entry"]]
    if person["stage"] != mine[-1]["to_stage"] or any(move["because"] != UNDONE_BECAUSE for move in later):
        return entered, None
    before = [m for m in moves if m["entry"] < mine[0]["entry"] and m["to_stage"] == mine[0]["from_stage"]]
    move = {
        "person_id": person["person_id"],
        # The number goes on: keys of what was created in the stage that is left stay taken.
        "entry": person["stage_entry"] + 1,
        "from_stage": person["stage"],
        "to_stage": mine[0]["from_stage"],
        "at": words.now,
        "because": UNDONE_BECAUSE,
        "run_id": words.by,
    }
    person |= {"stage": mine[0]["from_stage"], "stage_entry": move["entry"], "cool_off_until": None}
    person["stage_since"] = before[-1]["at"] if before else mine[0]["at"]
    return entered, move


def _marked(text: str | None, entered: list[str], words: Undone, created: str | None = None) -> str:
    """Hold back what is shown, or let it go where an undo is undone; ``created``: the record that the run made."""
    shown = Shown.load(text)
    if words.kind == "let_go":
        shown.undone = None
    else:
        already = shown.undone or {}
        stages = sorted({*already.get("stages", []), *entered})
        made = created or already.get("created")
        shown.undone = {"mappings": words.mappings, "stages": stages, "created": made}
    return shown.dump()
