"""Creating records, so that a repeat finds the first one instead of making a second.

Rows are inserted, not upserted: with a unique key field both find the record that is there, but an upsert would also
write our first values over whatever people have done to it since. The org's refusal names the record.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from adapters.salesforce.batches import Batches, Row, outcome
from adapters.salesforce.classify import ADMIN, LATER
from adapters.salesforce.connection import WRITE_HEADERS, Connection
from adapters.salesforce.lookup import Lookup
from adapters.salesforce.schema import KEY_FIELD, Schema
from adapters.salesforce.values import wire_value
from adapters.salesforce.vendor_errors import ApiError, VendorError
from connector.domain.writes import OutcomeKind, Write, WriteOutcome
from connector.errors import AccessError, TransientError

#: ``duplicate value found: Handoff_Key__c duplicates value on record with id: 00T…`` (section 13).
_OTHER_RECORD = re.compile(r"\bid:\s*([A-Za-z0-9]{15,18})\b")
_LEAD_PREFIX = "00Q"


class Creator:
    """Inserts tasks, leads and contacts by key."""

    def __init__(self, connection: Connection, schema: Schema, lookup: Lookup) -> None:
        """Prepare; sends nothing."""
        self._connection = connection
        self._schema = schema
        self._lookup = lookup

    def apply(self, writes: Sequence[Write], batches: Batches) -> dict[str, WriteOutcome]:
        """Create; key → outcome.

        Raises:
            AccessError, RateLimited, TransientError: nothing was attempted.
        """
        return self._create([Row(write, dict(write.fields)) for write in writes], batches)

    def _create(self, rows: Sequence[Row], batches: Batches) -> dict[str, WriteOutcome]:
        outcomes: dict[str, WriteOutcome] = {}
        ready: list[Row] = []
        for row in rows:
            if self._schema.get(row.write.object).has(KEY_FIELD):
                ready.append(row)
            else:
                # Without its key a lost creation could never be found again.
                message = f"{KEY_FIELD} is missing on {row.write.object}: run handoff provision"
                outcomes[row.write.key] = outcome(row, ADMIN, "key_field_missing", message)
        # At most ten changes of type in one collection: sorting leaves one per type (section 7).
        ready.sort(key=lambda row: row.write.object)
        outcomes |= batches.send(ready, self._send, written=OutcomeKind.WRITTEN, reader=self._there_already)
        return outcomes | self._name_the_first(ready, outcomes, batches)

    def _send(self, rows: Sequence[Row]) -> Sequence[Any]:
        records = [
            {
                "attributes": {"type": self._schema.get(row.write.object).name},
                KEY_FIELD: row.write.key,
                **{name: wire_value(value) for name, value in _sendable(row).items()},
            }
            for row in rows
        ]
        body = {"allOrNone": False, "records": records}
        answer = self._connection.call("POST", "composite/sobjects", body=body, headers=WRITE_HEADERS)
        return answer if isinstance(answer, list) else ()

    def _there_already(self, row: Row, errors: list[VendorError]) -> WriteOutcome | None:
        """Take the org's refusal of a second record with our key for what it is: the first one is there."""
        for error in errors:
            if error.code == "DUPLICATE_VALUE" and KEY_FIELD.lower() in error.message.lower():
                other = _OTHER_RECORD.search(error.message)
                return WriteOutcome(row.write.key, OutcomeKind.UNCHANGED, id=other[1] if other else None)
        return None

    def _name_the_first(
        self, rows: Sequence[Row], outcomes: dict[str, WriteOutcome], batches: Batches
    ) -> dict[str, WriteOutcome]:
        """Look up ids that the refusals did not tell."""
        nameless = [
            row
            for row in rows
            if outcomes[row.write.key].kind is OutcomeKind.UNCHANGED and not outcomes[row.write.key].id
        ]
        if not nameless:
            return {}
        try:
            ids = self._lookup.by_key([row.write for row in nameless])
        except (AccessError, TransientError) as error:
            return batches.guard(nameless, error)
        except ApiError as error:
            return {row.write.key: outcome(row, LATER, error.code) for row in nameless}
        return {
            row.write.key: outcomes[row.write.key].but(id=ids[row.write.key])
            if row.write.key in ids
            else outcome(row, LATER, "duplicate_not_found")
            for row in nameless
        }


def _sendable(row: Row) -> dict[str, Any]:
    """Leave out what the vendor refuses: a task of a lead points at nothing else (section 10)."""
    fields = dict(row.fields)
    if row.write.object == "task" and str(fields.get("WhoId") or "").startswith(_LEAD_PREFIX):
        fields.pop("WhatId", None)
    return fields
