"""What a write refers to by creation key, replaced by ids once they exist: a task's contact, a contact's company."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from adapters.hubspot.batches import Batches, outcome
from adapters.hubspot.classify import LATER
from adapters.hubspot.lookup import Lookup
from connector.domain.writes import Write, WriteOutcome
from connector.errors import AccessError, TransientError

#: What writes refer to.
_TARGETS = ("contact", "account")


def open_references(write: Write) -> dict[str, str]:
    """Give the references that still stand for an id: field → creation key."""
    return {name: key for name, key in write.references.items() if not write.fields.get(name)}


def resolve(
    writes: Sequence[Write], done: Mapping[str, WriteOutcome], lookup: Lookup, batches: Batches
) -> tuple[list[Write], dict[str, WriteOutcome]]:
    """Give the writes that are complete now, and outcomes of those whose record is not there yet.

    Raises:
        AccessError, RateLimited, TransientError: nothing was attempted.
    """
    ids = {key: known.id for key, known in done.items() if known.id}
    wanted = {key for write in writes for key in open_references(write).values()} - ids.keys()
    try:
        for word in _TARGETS:
            missing = sorted(wanted - ids.keys())
            ids |= lookup.by_key(word, [Write(key, "create", word, None, {}) for key in missing])
    except (AccessError, TransientError) as error:
        return [], batches.guard(writes, error)
    ready: list[Write] = []
    waiting: dict[str, WriteOutcome] = {}
    for write in writes:
        references = open_references(write)
        if all(ids.get(key) for key in references.values()):
            found = {name: ids[key] for name, key in references.items()}
            ready.append(replace(write, fields={**write.fields, **found}))
        else:
            waiting[write.key] = outcome(write, LATER, "reference_missing")
    return ready, waiting
