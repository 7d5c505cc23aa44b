"""Putting the ids of created records where writes name them by creation key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from adapters.salesforce.batches import Batches, Row, outcome
from adapters.salesforce.classify import LATER
from adapters.salesforce.lookup import Lookup
from adapters.salesforce.schema import Schema
from adapters.salesforce.vendor_errors import ApiError
from connector.domain.writes import Write, WriteOutcome
from connector.errors import AccessError, TransientError

#: What writes refer to: a task's person.
_PEOPLE = ("lead", "contact")


def open_references(write: Write) -> dict[str, str]:
    """Give the references that still stand for an id: field → creation key."""
    if not write.references:
        return {}
    return {name: key for name, key in write.references.items() if not write.fields.get(name)}


class References:
    """Resolves references from what this batch has created, else by looking up the key."""

    def __init__(self, schema: Schema, lookup: Lookup) -> None:
        """Prepare; sends nothing."""
        self._schema = schema
        self._lookup = lookup

    def resolve(
        self, writes: Sequence[Write], done: Mapping[str, WriteOutcome], batches: Batches
    ) -> tuple[list[Write], dict[str, WriteOutcome]]:
        """Give the writes that are complete now, and outcomes of those whose record is not there yet.

        Raises:
            AccessError, RateLimited, TransientError: nothing was attempted.
        """
        ids = {key: known.id for key, known in done.items() if known.id}
        wanted = {key for write in writes for key in open_references(write).values()} - ids.keys()
        rows = [Row(write, {}) for write in writes]
        try:
            ids |= self._by_key(wanted)
        except (AccessError, TransientError) as error:
            return [], batches.guard(rows, error)
        except ApiError as error:
            return [], {row.write.key: outcome(row, LATER, error.code) for row in rows}
        ready: list[Write] = []
        waiting: dict[str, WriteOutcome] = {}
        for row in rows:
            references = open_references(row.write)
            if all(ids.get(key) for key in references.values()):
                found = {name: ids[key] for name, key in references.items()}
                ready.append(replace(row.write, fields={**row.write.fields, **found}))
            else:
                waiting[row.write.key] = outcome(row, LATER, "reference_missing")
        return ready, waiting

    def _by_key(self, keys: set[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for word in _PEOPLE:
            missing = sorted(keys - found.keys())
            if missing and self._schema.find(word) is not None:
                found |= self._lookup.by_key([Write(key, "create", word, None, {}) for key in missing])
        return found
