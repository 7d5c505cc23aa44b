"""Updating records by id: our own properties straight away, properties that people write too with a look before.

A property of ours was compared with the mirror of the last pull and is simply written; what the mirror showed is what
the journal keeps. Where that is not known of all properties, or people write one of them too, the records are read in
one call and written in the next, for HubSpot has no call that does both. A value that is neither the expected nor the
wanted one is a person's: it stays, and the property is not sent.

Who saves between those two calls gets the value back (``put_back``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from adapters.conformance.write_rule import Effect, effect_of
from adapters.hubspot.batches import Batches, Row, outcome
from adapters.hubspot.classify import OPS, REMAP
from adapters.hubspot.lookup import Lookup
from adapters.hubspot.put_back import Sent, put_back
from adapters.hubspot.schema import Schema
from adapters.hubspot.values import same, wire_value
from adapters.hubspot.wire import Wire
from adapters.hubspot.words import ASSOCIATIONS, LIFECYCLE, PATHS
from connector.domain.records import Value
from connector.domain.writes import OutcomeKind, Write, WriteOutcome, only_ours
from connector.errors import AccessError, TransientError


class Updater:
    """Updates contacts, companies and tasks."""

    def __init__(self, wire: Wire, schema: Schema, lookup: Lookup) -> None:
        """Prepare; sends nothing."""
        self._wire = wire
        self._schema = schema
        self._lookup = lookup

    def apply(self, word: str, writes: Sequence[Write], batches: Batches) -> dict[str, WriteOutcome]:
        """Update records of one kind; key → outcome.

        Raises:
            AccessError, RateLimited, TransientError: nothing was attempted.
        """
        outcomes: dict[str, WriteOutcome] = {}
        for some in _each_record_once(writes):
            outcomes |= self._apply(word, some, batches)
        return outcomes

    def _apply(self, word: str, writes: Sequence[Write], batches: Batches) -> dict[str, WriteOutcome]:
        try:
            refused = {write.key: found for write in writes if (found := self._unwritable(word, write)) is not None}
            writable = [write for write in writes if write.key not in refused]
            known = [write for write in writable if _mirrored(write)]
            looked = self._look(word, [write for write in writable if not _mirrored(write)])
        except (AccessError, TransientError) as error:
            return batches.guard(writes, error)
        rows = [_row(write, write.fields, {name: write.expected[name] for name in write.fields}) for write in known]
        rows += [row for row in looked if isinstance(row, Row)]
        settled = {found.key: found for found in looked if isinstance(found, WriteOutcome)}
        outcomes = batches.send(self._wire.paths.batch_update(PATHS[word]), rows)
        done = [row for row in rows if outcomes[row.write.key].kind in (OutcomeKind.WRITTEN, OutcomeKind.HUMAN_WON)]
        sent = [one for row in done if (one := _theirs_too(row)) is not None]
        return refused | settled | outcomes | put_back(self._wire, word, sent, batches)

    def _unwritable(self, word: str, write: Write) -> WriteOutcome | None:
        """Refuse what the vendor would pass over without a word, or would refuse the whole batch for."""
        if not (write.id or "").isdecimal():
            return outcome(write, REMAP, "OBJECT_NOT_FOUND", "this is no id of a record here")
        names = set(write.fields)
        missing = names & ASSOCIATIONS.keys() if word != "task" else names - self._schema.get(word).keys()
        if missing:
            return outcome(write, OPS, "PROPERTY_DOESNT_EXIST", f"{word} has no property {', '.join(sorted(missing))}")
        return None

    def _look(self, word: str, writes: Sequence[Write]) -> list[Row | WriteOutcome]:
        """Read records before writing, and settle those of which nothing is left to write."""
        if not writes:
            return []
        names = sorted({name for write in writes for name in write.fields})
        held = self._lookup.read_fields(word, [write.id or "" for write in writes], names)
        return [self._after_looking(word, write, held.get(write.id or "")) for write in writes]

    def _after_looking(self, word: str, write: Write, held: dict[str, Value] | None) -> Row | WriteOutcome:
        if held is None:
            return outcome(write, REMAP, "OBJECT_NOT_FOUND", "the record is gone, or merged into another")
        before = {name: held.get(name) for name in write.fields}
        effect = effect_of(write, _in_our_words(write, held))
        kind = effect.kind
        if self._goes_back(word, effect, held):
            del effect.changes[LIFECYCLE]
            kind = OutcomeKind.HUMAN_WON
        if not effect.changes:
            return WriteOutcome(write.key, kind, write.id, before)
        return _row(write, effect.changes, before, kind)

    def _goes_back(self, word: str, effect: Effect, held: dict[str, Value]) -> bool:
        """Say whether the lifecycle would move back, which the vendor's API passes over (hubspot.md section 7)."""
        if LIFECYCLE not in effect.changes:
            return False
        stages = self._schema.stages(word)
        wanted, present = effect.changes[LIFECYCLE], held.get(LIFECYCLE)
        return wanted in stages and present in stages and stages.index(str(wanted)) < stages.index(str(present))


def _theirs_too(row: Row) -> Sent | None:
    """Give what was written into properties that people write too."""
    write = row.write
    names = [name for name in row.input["properties"] if name not in write.ours or name in write.if_blank]
    values = {name: write.fields[name] for name in names}
    return Sent(write, values, {name: row.before[name] for name in names}, row.before) if names else None


def _row(
    write: Write, fields: dict[str, Value], before: dict[str, Value], kind: OutcomeKind = OutcomeKind.WRITTEN
) -> Row:
    properties = {name: wire_value(value) for name, value in fields.items()}
    return Row(write, {"id": write.id, "properties": properties}, before, kind)


def _mirrored(write: Write) -> bool:
    """Say whether a write is about nothing but properties of ours, and the mirror tells what stands in each of them.

    The lifecycle stage is looked at in any case: whose it is or not, it does not go back.
    """
    return write.fields.keys() <= write.expected.keys() and only_ours(write) and LIFECYCLE not in write.fields


def _in_our_words(write: Write, held: dict[str, Value]) -> dict[str, Value]:
    """Spell what stands there as the write does, where it is the same to the vendor: all its values are texts."""
    spelt = dict(held)
    for name, wanted in write.fields.items():
        for ours in (wanted, write.expected.get(name)):
            if same(held.get(name), ours):
                spelt[name] = ours
                break
    return spelt


def _each_record_once(writes: Sequence[Write]) -> list[list[Write]]:
    """Split so that no record stands twice in one batch, which the vendor refuses; order per record is kept."""
    layers: list[list[Write]] = []
    depth: dict[str | None, int] = defaultdict(int)
    for write in writes:
        at = depth[write.id]
        depth[write.id] += 1
        if at == len(layers):
            layers.append([])
        layers[at].append(write)
    return layers
