"""Many deletions at once, in the CRM or in a source: told once, and nothing is stopped for them.

Of one kind of record they are many from ``alarms.deleted_share`` of all there were, and ``FEWEST``, within a day of the
first. Who was merged is not deleted, and what was deleted before we first knew of it is no news.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from connector.domain.rests import has_rested
from connector.lake.deletions import deleted_since
from connector.ports.store import Store

#: fewer are what people tidy up in a day
FEWEST = 20
#: what is deleted within this of the first belongs together
TOGETHER = timedelta(days=1)
#: `status` tells of them for so long
TOLD_FOR = timedelta(days=7)
_SETTING = "deletions"


@dataclass(frozen=True, slots=True)
class Deleted:
    """Many records of one kind that were deleted.

    Attributes:
        of: how many there were before.
        since: when the first of them was seen (UTC).
    """

    system: str
    object: str
    gone: int
    of: int
    since: datetime

    def words(self) -> str:
        """Say it in a sentence, with the cure."""
        cure = "where nobody meant that, restore them there"
        return f"{self.system} {self.object}: {self.gone:,} of {self.of:,} deleted since {self.since:%F %R} UTC; {cure}"


def note_deletions(
    store: Store, lake_root: Path, landed: Mapping[tuple[str, str], int], *, share: float, now: datetime
) -> list[Deleted]:
    """Count deletions that have just landed, by system and object, and give what has become many by them.

    The lake is asked once a day has seen ``FEWEST`` of a kind, and then again when there may be more than ``share``.

    Raises:
        LocalFault: the lake cannot be read.
    """
    if not landed:
        return []
    kept = _kept(store)
    days: dict[str, dict[str, Any]] = {
        name: day for name, day in kept["days"].items() if not has_rested(day["since"], TOGETHER, now=now)
    }
    found = []
    for (system, object_), count in sorted(landed.items()):
        name = f"{system}/{object_}"
        day = days.setdefault(name, {"since": now.isoformat(), "gone": 0, "of": 0, "told": False})
        day["gone"] += count
        if day["gone"] < max(FEWEST, share * day["of"]):
            continue
        since = datetime.fromisoformat(day["since"])
        day["gone"], day["of"] = deleted_since(lake_root, store.manifest, system, object_, since)
        if not day["gone"]:
            # of nothing that we knew, as with the first load: the day begins with the next
            del days[name]
        if day["gone"] < max(FEWEST, share * day["of"]):
            continue
        one = Deleted(system, object_, day["gone"], day["of"], since)
        kept["told"][name] = asdict(one) | {"since": day["since"]}
        if not day["told"]:
            day["told"] = True
            found.append(one)
            structlog.get_logger().warning("records.deleted", system=system, object=object_, count=one.gone, of=one.of)
    store.switches.put_setting(_SETTING, json.dumps({"days": days, "told": kept["told"]}))
    return found


def deleted_lately(store: Store, *, now: datetime) -> list[Deleted]:
    """Give what was told within ``TOLD_FOR``, as many as there are by now."""
    rows = _kept(store)["told"].values()
    return [
        Deleted(**row | {"since": datetime.fromisoformat(row["since"])})
        for row in rows
        if not has_rested(row["since"], TOLD_FOR, now=now)
    ]


def _kept(store: Store) -> dict[str, dict[str, dict[str, Any]]]:
    kept: dict[str, dict[str, dict[str, Any]]] = json.loads(store.switches.setting(_SETTING) or "{}")
    return {"days": kept.get("days", {}), "told": kept.get("told", {})}
