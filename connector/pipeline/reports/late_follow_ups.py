"""Who was handed over and has not been touched in time, by the campaign that brought them. Reads only."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.pipeline.people.census import Census
from connector.pipeline.people.gathering import hold
from connector.pipeline.people.population import Population, take_census
from connector.pipeline.people.workplace import automation_ids, users
from connector.pipeline.scratch import open_scratch
from connector.pipeline.working import SETTING_USER
from connector.routing.first_touch import stages_with_a_clock

#: where neither an activity nor a record says what brought somebody
UNKNOWN = "unknown"
_LOOKED_AT = ("person_id", "record", "stage", "stage_since", "touch_due", "owner_id", "lead_source")


@dataclass(frozen=True, slots=True)
class FollowUp:
    """One person whose first touch is still missing; ``late_seconds`` is below nothing while it is early."""

    person_id: str
    record: str | None
    stage: str
    since: datetime
    due: datetime
    late_seconds: float
    owner: str
    campaign: str


@dataclass(frozen=True, slots=True)
class FollowUps:
    """Everybody whose first touch is missing, the latest first."""

    as_of: datetime
    stages: list[str]
    missing: list[FollowUp]

    def document(self) -> dict[str, Any]:
        """Give the JSON: ``late`` by campaign, ``people`` one by one; no names."""
        late = [one for one in self.missing if one.late_seconds >= 0]
        by: dict[str, list[FollowUp]] = defaultdict(list)
        for one in late:
            by[one.campaign].append(one)
        return {
            "as_of": self.as_of.isoformat(),
            "stages": self.stages,
            "waiting": len(self.missing) - len(late),
            "late": [
                {
                    "campaign": campaign,
                    "people": len(of),
                    "longest_late_seconds": max(one.late_seconds for one in of),
                    "owners": dict(sorted(Counter(one.owner for one in of).items())),
                }
                for campaign, of in sorted(by.items(), key=lambda item: (-len(item[1]), item[0]))
            ],
            "people": [
                {
                    "person_id": one.person_id,
                    "record": one.record,
                    "campaign": one.campaign,
                    "stage": one.stage,
                    "since": one.since.isoformat(),
                    "due": one.due.isoformat(),
                    "late_seconds": one.late_seconds,
                    "owner": one.owner,
                }
                for one in late
            ],
        }


def late_follow_ups(census: Census, *, as_of: datetime) -> FollowUps:
    """Find whoever waits for a first touch; whoever was handed over before the baseline is nobody's debt.

    A person's campaign is that of the latest activity with one before the hand-over, else the lead source.
    """
    stages = sorted(stages_with_a_clock(census.mappings.routing))
    mark = census.store.knowledge.marks().get("baseline")
    if not stages or mark is None:
        return FollowUps(as_of, stages, [])
    holdings = hold(census.lake, census.traits, as_of=as_of, asked=census.asked())
    everybody = users(holdings, census.crm)
    own = census.store.switches.setting(SETTING_USER)
    names = {user.id: user.username for user in everybody}
    census = replace(census, automation=automation_ids(everybody, census.mappings.routing.automation_users, own))
    # A look leaves nothing in the lake, which it may not even be allowed to write to.
    with TemporaryDirectory(prefix="handoff-") as folder, open_scratch(Path(folder)) as scratch:
        population = take_census(census, holdings, scratch, now=as_of, explained=True)
        rows: list[dict[str, Any]] = []
        for part in population.each():
            waiting = pc.and_(
                pc.is_valid(part.people.column("touch_due")),
                pc.fill_null(pc.greater(part.people.column("stage_since"), pa.scalar(mark, _INSTANT)), False),
            )
            rows += part.people.select(list(_LOOKED_AT)).filter(waiting).to_pylist()
        campaigns = _campaigns(population, [row["person_id"] for row in rows])
    work = {task.id for task in census.mappings.routing.stage_tasks}
    holders = {task["person_id"]: str(task["owner"]) for task in population.tasks if task["rule"] in work}
    found = [_follow_up(row, holders, names, campaigns, as_of) for row in rows]
    return FollowUps(as_of, stages, sorted(found, key=lambda one: (-one.late_seconds, one.person_id)))


_INSTANT = pa.timestamp("us", "UTC")


def _campaigns(population: Population, ids: list[str]) -> dict[str, list[tuple[datetime, str]]]:
    """Give the campaigns of some people's activities, in order of time."""
    found: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for row in population.signals.activities.campaigns_of(ids).to_pylist() if ids else ():
        found[row["person_id"]].append((row["occurred_at"], row["campaign"]))
    return found


def _follow_up(
    row: dict[str, Any],
    holders: dict[str, str],
    names: dict[str, str],
    campaigns: dict[str, list[tuple[datetime, str]]],
    as_of: datetime,
) -> FollowUp:
    owner = holders.get(row["person_id"]) or str(row["owner_id"] or "")
    before = [campaign for at, campaign in campaigns.get(row["person_id"], ()) if at <= row["stage_since"]]
    return FollowUp(
        row["person_id"],
        row["record"],
        row["stage"],
        row["stage_since"],
        row["touch_due"],
        (as_of - row["touch_due"]).total_seconds(),
        names.get(owner, owner or "nobody"),
        before[-1] if before else row["lead_source"] or UNKNOWN,
    )
