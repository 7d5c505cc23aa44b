"""What waits in the outbox and must not be sent any more goes out of it, before it could be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from connector.domain.writes import RowState
from connector.errors import HandoffError
from connector.ports.outbox import Outbox

#: what rows that are taken out are held by for a moment, and who it was, for the audit
OPTED_OUT = "opted_out"


def withdraw(outbox: Outbox, ids: Sequence[int], *, now: datetime) -> int:
    """Take rows out for good that are todo, held or dead; return how many.

    A row that a sender has claimed meanwhile goes its way: what it makes is closed by the next cycle.
    """
    gone, todo = 0, set(outbox.ids([RowState.TODO])) if ids else set()
    for id_ in ids:
        try:
            if id_ in todo:
                outbox.hold([id_], held_by=OPTED_OUT)
            outbox.dismiss([id_], who=OPTED_OUT, now=now)
            gone += 1
        except HandoffError as error:
            if error.code != "outbox.unlawful_move":
                raise
    return gone
