"""Put rows away together with what hangs on them, and take them out again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sandbox.core.records import Duplicate
from sandbox.salesforce.errors import duplicate_value
from sandbox.salesforce.rows.rules import CASCADES

if TYPE_CHECKING:
    from sandbox.core.records import Record
    from sandbox.salesforce.state import OrgState

#: Children are put away just before their parent, each up to a second later than the one before it.
TOGETHER = timedelta(seconds=30)


def put_away(state: OrgState, row: Record, user: str) -> None:
    """Mark a row and its children deleted."""
    for child, link in CASCADES.get(row.obj, ()):
        for found in state.records.find(child, link, row.id):
            put_away(state, found, user)
    state.records.remove(row.obj, row.id, at=state.stamp(row), by=user)


def take_out(state: OrgState, row: Record, user: str) -> None:
    """Let a row, and what went away with it, live again.

    Raises: ApiError DUPLICATE_VALUE when a unique value was taken meanwhile.
    """
    gone_at = row.modified_at
    try:
        state.records.remove(row.obj, row.id, at=state.stamp(row), by=user, deleted=False)
    except Duplicate as error:
        raise duplicate_value(error.field_name, error.holder) from error
    for child, link in CASCADES.get(row.obj, ()):
        for found in list(state.records.rows(child)):
            with_it = found.deleted and found.get(link) == row.id and found.get("MasterRecordId") is None
            if with_it and gone_at - found.modified_at <= TOGETHER:
                take_out(state, found, user)
