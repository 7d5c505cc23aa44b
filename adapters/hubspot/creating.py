"""Creating records, so that a repeat finds the first one instead of making a second.

Inputs go by batch create and not by upsert: with a unique property both find the record that is there, but an upsert
would also write our first values over whatever people have done to it since. In what form the account refuses the
second record with our key is not documented, so whatever was refused is looked up by its key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.hubspot.batches import Batches, Row, outcome
from adapters.hubspot.classify import ADMIN, OPS
from adapters.hubspot.lookup import Lookup
from adapters.hubspot.schema import Schema
from adapters.hubspot.values import wire_value
from adapters.hubspot.wire import Wire
from adapters.hubspot.words import ASSOCIATIONS, KEY, PATHS
from connector.domain.writes import OutcomeKind, Write, WriteOutcome
from connector.errors import AccessError, TransientError


class Creator:
    """Creates contacts, companies and tasks by key."""

    def __init__(self, wire: Wire, schema: Schema, lookup: Lookup) -> None:
        """Prepare; sends nothing."""
        self._wire = wire
        self._schema = schema
        self._lookup = lookup

    def apply(self, word: str, writes: Sequence[Write], batches: Batches) -> dict[str, WriteOutcome]:
        """Create records of one kind; key → outcome.

        Raises:
            AccessError, RateLimited, TransientError: nothing was attempted.
        """
        try:
            keeps = self._schema.keeps_keys(word)
        except (AccessError, TransientError) as error:
            return batches.guard(writes, error)
        if not keeps:
            # Without its key a lost creation could never be found again; tasks would even drop it without a word.
            message = f"{KEY} is missing on {word}: run handoff provision"
            return {write.key: outcome(write, ADMIN, "key_field_missing", message) for write in writes}
        refused = {write.key: found for write in writes if (found := self._unwritable(word, write)) is not None}
        ready = [Row(write, _input(write)) for write in writes if write.key not in refused]
        outcomes = batches.send(self._wire.paths.batch_create(PATHS[word]), ready)
        return refused | outcomes | self._there_already(word, ready, outcomes, batches)

    def _unwritable(self, word: str, write: Write) -> WriteOutcome | None:
        """Refuse what a task would silently lose: the vendor ignores properties it does not know (section 8)."""
        known = (
            {*self._schema.get(word), *ASSOCIATIONS} if word == "task" else write.fields.keys() - ASSOCIATIONS.keys()
        )
        missing = sorted(write.fields.keys() - known)
        if not missing:
            return None
        return outcome(write, OPS, "PROPERTY_DOESNT_EXIST", f"{word} has no {', '.join(missing)}")

    def _there_already(
        self, word: str, rows: Sequence[Row], outcomes: dict[str, WriteOutcome], batches: Batches
    ) -> dict[str, WriteOutcome]:
        """Take the refusal of a second record with our key for what it is: the first one is there."""
        doubtful = [row.write for row in rows if outcomes[row.write.key].kind is OutcomeKind.REJECTED]
        if not doubtful or not self._schema.key_is_unique(word):
            return {}
        try:
            ids = self._lookup.by_key(word, doubtful)
        except (AccessError, TransientError) as error:
            return batches.guard(doubtful, error)
        return {key: WriteOutcome(key, OutcomeKind.UNCHANGED, id_) for key, id_ in ids.items()}


def _input(write: Write) -> dict[str, Any]:
    """Write a creation as an input; associations are made in the same breath (sections 4 and 6)."""
    properties = {name: wire_value(value) for name, value in write.fields.items() if name not in ASSOCIATIONS}
    links = [
        {
            "to": {"id": wire_value(write.fields[name])},
            "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": number}],
        }
        for name, (_, number) in ASSOCIATIONS.items()
        if write.fields.get(name)
    ]
    return {"properties": {**properties, KEY: write.key}, "associations": links}
