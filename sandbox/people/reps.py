"""The people who sell: how quick and how good each is, and when each was on holiday or had left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.people.cast import ACTIVE_REPS, FORMER_REPS, HISTORY
from sandbox.people.seasons import DAY
from sandbox.people.world import Absence

if TYPE_CHECKING:
    import random

    from numpy.typing import NDArray


REPS: tuple[str, ...] = (*ACTIVE_REPS, *FORMER_REPS)
REP_PLACE: dict[str, int] = {key: place for place, key in enumerate(REPS)}
#: Median hours to the first call after a hand-over, per rep; a lognormal with this spread around it.
RESPONSE_HOURS = (3.0, 8.0, 5.0, 12.0, 16.0)
RESPONSE_SPREAD = 0.9
#: What a rep adds to the log-odds of a deal.
SKILL = (0.35, 0.0, 0.15, -0.2, -0.35)
#: Somebody away for longer than this hands leads back; a colleague calls a day later.
HANDS_BACK_AFTER = timedelta(days=5)


@dataclass(frozen=True, slots=True)
class Desk:
    """When each rep was away, in order of time."""

    absences: tuple[Absence, ...]

    def away(self, rep: NDArray[Any], instants: NDArray[Any]) -> NDArray[np.int64]:
        """Return for each row how many seconds the rep (a place in REPS) will still be away, 0 when at work."""
        left = np.zeros(len(rep), dtype=np.int64)
        for absence in self.absences:
            start, end = int(absence.start.timestamp()), int(absence.end.timestamp())
            inside = (rep == REP_PLACE[absence.user]) & (instants >= start) & (instants < end)
            left[inside] = end - instants[inside]
        return left


def build_desk(dice: random.Random, at: datetime) -> Desk:
    """Plan holidays: two weeks each summer, one at the turn of the year, some days of illness; none lies ahead."""
    found: list[Absence] = []
    start = (at - HISTORY).replace(hour=0, minute=0, second=0, microsecond=0)
    for rep in REPS:
        for year in range(start.year, at.year + 1):
            summer = datetime(year, 7, 1, tzinfo=UTC) + timedelta(days=7 * dice.randrange(0, 7))
            winter = datetime(year, 12, 22, tzinfo=UTC)
            spans = [(summer, 14, "Summer holiday"), (winter, 11, "Christmas holiday")]
            new_year = datetime(year, 1, 10, tzinfo=UTC)
            spans += [(new_year + timedelta(days=dice.randrange(330)), dice.randrange(1, 5), "Sick") for _ in range(2)]
            found += [
                Absence(rep, first, first + timedelta(days=days), why)
                for first, days, why in spans
                if first >= start and first + timedelta(days=days) <= at
            ]
    return Desk(tuple(sorted(found, key=lambda absence: (absence.start, absence.user))))


def response_hours(
    rng: np.random.Generator, desk: Desk, rep: NDArray[np.int64], handover: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return hours from hand-over to the first call; an absence delays it, a long one until a colleague takes over."""
    hours = np.array(RESPONSE_HOURS)[rep] * np.exp(rng.normal(0.0, RESPONSE_SPREAD, len(rep)))
    away = desk.away(rep, handover)
    longest = int(HANDS_BACK_AFTER.total_seconds())
    waited = np.where(away > longest, DAY, away) / 3600
    return np.asarray(np.round(hours + waited, 2), dtype=np.float64)
