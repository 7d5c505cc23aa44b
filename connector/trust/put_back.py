"""A state that was put back from a copy: what was sent since is nowhere in it, so nothing of it is simply sent again.

The next cycle pulls everything that changed since the copy, sees in the CRM what had been written and created, and
decides anew on what is still missing: as an empty state against a filled org creates nothing, an older one does not
either.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from connector.domain.writes import OutcomeKind, RowState, WriteOutcome
from connector.errors import LocalFault
from connector.ports.store import SETTING_PUT_BACK, Store

#: the lake's own memory of the last cycle that worked on it
_WITNESS = "last-run.json"
_HELD = "restore"
#: longer than any lease
_LONG = timedelta(days=365)


def witness(lake_root: Path, run_id: str) -> None:
    """Note in the lake which cycle worked on it last.

    Raises:
        LocalFault: the folder cannot be written.
    """
    try:
        lake_root.mkdir(parents=True, exist_ok=True)
        part = lake_root / f"{_WITNESS}.{run_id}.part"
        part.write_text(json.dumps({"run_id": run_id}), encoding="utf-8")
        part.replace(lake_root / _WITNESS)
    except OSError as error:
        words = error.strerror or "the disk does not take it"
        cure = "free space on the disk of the lake, or allow writing there"
        raise LocalFault("lake.unwritable", words, cure=cure, at=str(lake_root)) from error


def notice_put_back(store: Store, lake_root: Path, *, now: datetime) -> dict[str, int] | None:
    """Settle a state that is older than its lake; None where it is not. The engine's turn must be ours."""
    if not is_older_than_lake(store, lake_root):
        return None
    told = settle_put_back(store, now=now)
    structlog.get_logger().warning("state.put_back", **told)
    return told


def is_older_than_lake(store: Store, lake_root: Path) -> bool:
    """Say whether the lake remembers a cycle that the state does not: the state was put back, by whatever means."""
    try:
        remembered = json.loads((lake_root / _WITNESS).read_text(encoding="utf-8"))["run_id"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return store.runs.find(str(remembered)) is None


def settle_put_back(store: Store, *, now: datetime) -> dict[str, int]:
    """Make a state that was put back safe to go on from; give the outbox rows that were let go, by what they were.

    * What was on its way, or of unknown fate, is looked up: a creation by its key; of an update the CRM's value counts.
    * All other wishes are let go, remembered nowhere: the next cycle decides on them anew, by what the CRM then holds.

    May be repeated. Nothing else may work on the state meanwhile.
    """
    outbox = store.outbox
    outbox.expire(now=now + _LONG)
    told = {"looked_up": 0, "taken_as_it_is": 0, "decided_anew": 0}
    lost = [row for row in outbox.each_unsettled() if row.state is RowState.UNKNOWN]
    settled = {
        row.id: WriteOutcome(key=row.write.key, kind=OutcomeKind.UNCHANGED, id=row.write.id, code="put_back")
        for row in lost
        if row.write.kind == "update"
    }
    outbox.settle(settled, now=now)
    told["taken_as_it_is"] = len(settled)
    told["looked_up"] = len(lost) - len(settled)
    outbox.retry(outbox.ids([RowState.DEAD]), now=now)
    for reason in sorted({row.held_by for row in outbox.each_unsettled() if row.state is RowState.HELD}):
        told["decided_anew"] += outbox.drop(held_by=reason, now=now)
    outbox.hold(outbox.ids([RowState.TODO]), held_by=_HELD)
    told["decided_anew"] += outbox.drop(held_by=_HELD, now=now)
    store.switches.put_setting(SETTING_PUT_BACK, now.isoformat())
    store.switches.audit("handoff", "state put back", now, dict(told))
    return told
