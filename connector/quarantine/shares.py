"""How much of what each campaign brought was made by machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from connector.lake.reading import Lake
from connector.ports.quarantine import Quarantine


@dataclass(frozen=True, slots=True)
class Share:
    """One campaign: ``held`` and ``released`` of its ``events`` (opens, clicks and page views that name it)."""

    system: str
    campaign: str
    events: int
    held: int
    released: int

    @property
    def share(self) -> float:
        """Give what is held as a share of one."""
        return self.held / self.events if self.events else 0.0

    def document(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {**asdict(self), "share": round(self.share, 4)}


def shares_of(quarantine: Quarantine, lake: Lake, systems: Sequence[str], *, as_of: datetime) -> list[Share]:
    """Give the campaigns of which anything is held or released, most held first.

    Events without a campaign are one of their own, with an empty name.
    """
    listed = quarantine.by_campaign()
    if not listed:
        return []
    counted = lake.ask_activities(
        """SELECT system, coalesce(campaign, '') AS campaign, count(*) AS events FROM activities
        WHERE type IN ('email_open', 'email_click', 'page_view') GROUP BY ALL""",
        systems,
        as_of=as_of,
    ).to_pylist()
    events = {(row["system"], row["campaign"]): int(row["events"]) for row in counted}
    return [
        Share(one.system, one.campaign, events.get((one.system, one.campaign), 0), one.held, one.released)
        for one in listed
    ]
