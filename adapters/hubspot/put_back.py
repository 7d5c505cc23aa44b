"""Giving people back what they saved between our look and our write.

HubSpot has no call that reads and writes, but it keeps the history of every property. After properties that people
write too have been written, their history is read: where the value that ours replaced is not the one we had seen, a
person was quicker, and gets it back. What remains is a person who does so three times in a row, which is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from adapters.hubspot.batches import Batches, Row, outcome
from adapters.hubspot.classify import OPS
from adapters.hubspot.reading import EPOCH, PageReader, instant
from adapters.hubspot.values import same, wire_value
from adapters.hubspot.wire import Wire
from adapters.hubspot.words import LIFECYCLE, PATHS
from connector.domain.records import Value
from connector.domain.writes import OutcomeKind, Write, WriteOutcome
from connector.errors import AccessError, TransientError

#: Records with their history in one call: half of those without (hubspot.md section 4).
READ_BATCH = 50
#: Times something is put back before a person is asked to look.
MOST_ROUNDS = 3


class _Version(msgspec.Struct):
    value: str | None = None
    timestamp: str | None = None


class _Past(msgspec.Struct, rename="camel"):
    id: str
    properties_with_history: dict[str, list[_Version]] = {}


_PASTS = PageReader(_Past)


@dataclass(frozen=True, slots=True)
class Sent:
    """What was written into properties that people write too.

    Attributes:
        values: what we wrote.
        seen: what we had seen there before.
        before: what the journal keeps.
    """

    write: Write
    values: dict[str, Value]
    seen: dict[str, Value]
    before: dict[str, Value]


@dataclass(frozen=True, slots=True)
class _Theirs:
    """A value that a person saved between our look and our write; ``newest``: ours still stands over it."""

    value: Value
    newest: bool


def put_back(wire: Wire, word: str, sent: Sequence[Sent], batches: Batches) -> dict[str, WriteOutcome]:
    """Look at what was replaced and give people's values back; key → outcome of those where a person won.

    Where the history cannot be read now, what was written stands.
    """
    told: dict[str, WriteOutcome] = {}
    left = list(sent)
    for turn in range(MOST_ROUNDS + 1):
        if not left:
            break
        try:
            found = _quicker(wire, word, left)
        except (AccessError, TransientError):
            break
        back: list[Sent] = []
        for one in left:
            theirs = found.get(one.write.key, {})
            if not theirs:
                continue
            before = {**one.before, **{name: version.value for name, version in theirs.items()}}
            told[one.write.key] = WriteOutcome(one.write.key, OutcomeKind.HUMAN_WON, one.write.id, before)
            again = {name: version.value for name, version in theirs.items() if version.newest}
            if LIFECYCLE in again or (again and turn == MOST_ROUNDS):
                # The API passes over a stage that lies before the present one.
                told[one.write.key] = _failed(one.write, again, before)
            elif again:
                back.append(Sent(one.write, again, {name: one.values[name] for name in again}, before))
        left, failed = _written(wire, word, back, batches)
        told |= failed
    return told


def _written(
    wire: Wire, word: str, back: Sequence[Sent], batches: Batches
) -> tuple[list[Sent], dict[str, WriteOutcome]]:
    """Write what is put back; give what went through, and outcomes of what did not."""
    rows = [
        Row(one.write, {"id": one.write.id, "properties": {name: wire_value(v) for name, v in one.values.items()}})
        for one in back
    ]
    results = batches.send(wire.paths.batch_update(PATHS[word]), rows)
    through = [one for one in back if results[one.write.key].kind is OutcomeKind.WRITTEN]
    failed = {
        one.write.key: _failed(one.write, one.values, one.before)
        for one in back
        if results[one.write.key].kind is not OutcomeKind.WRITTEN
    }
    return through, failed


def _quicker(wire: Wire, word: str, sent: Sequence[Sent]) -> dict[str, dict[str, _Theirs]]:
    """Read the history of what was written: key → property → what a person had saved there meanwhile."""
    found: dict[str, dict[str, _Theirs]] = {}
    for start in range(0, len(sent), READ_BATCH):
        some = {str(one.write.id): one for one in sent[start : start + READ_BATCH]}
        names = sorted({name for one in some.values() for name in one.values})
        body = {"inputs": [{"id": id_} for id_ in some], "properties": names, "propertiesWithHistory": names}
        for row in wire.post(wire.paths.batch_read(PATHS[word]), body, _PASTS).rows:
            one = some.get(row.id)
            for name, wrote in one.values.items() if one else ():
                theirs = _replaced(row.properties_with_history.get(name, []), wrote, one.seen[name] if one else None)
                if one is not None and theirs is not None:
                    found.setdefault(one.write.key, {})[name] = theirs
    return found


def _replaced(versions: Sequence[_Version], wrote: Value, seen: Value) -> _Theirs | None:
    """Give the value that ours replaced, where it is not the one we had seen; None too where history does not tell."""
    past = sorted(versions, key=lambda version: instant(version.timestamp) or EPOCH, reverse=True)
    place = next((at for at, version in enumerate(past) if same(version.value, wrote)), None)
    if place is None:
        return None
    older = next((version for version in past[place + 1 :] if not same(version.value, wrote)), None)
    if older is None or same(older.value, seen):
        return None
    return _Theirs(older.value, newest=place == 0)


def _failed(write: Write, values: Iterable[str], before: dict[str, Value]) -> WriteOutcome:
    """Report that a person's value could not be given back: a person must look, with the value in ``before``."""
    message = f"a person's value could not be put back in {', '.join(sorted(values))}"
    return outcome(write, OPS, "put_back_failed", message, before=before)
