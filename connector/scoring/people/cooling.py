"""When somebody goes cold: their interest computed forward day by day, as if nothing new happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from connector.scoring.compile import SCALE_TENTHS, TENTH, CompiledModel
from connector.scoring.engines.on_duckdb import EMBEDDED
from connector.scoring.engines.runner import Engine
from connector.scoring.hits.match import match_hits
from connector.scoring.local_days import EPOCH_DAY, local_day, zone_of
from connector.scoring.people.interest import create_interest_lines

#: how far ahead is looked: a little more than a year
HORIZON_DAYS = 400
_RANKS = {"sales": 3, "review": 2, "nurture": 1}


@dataclass(frozen=True, slots=True)
class Cold:
    """The first local days on which less is true than today; None where none comes within the horizon.

    Attributes:
        band_on: the interest number of the grade is a lower one.
        band: from which number to which.
        verdict_on: the verdict is a lower one.
        verdict: from which to which.
    """

    band_on: date | None
    band: tuple[int, int] | None
    verdict_on: date | None
    verdict: tuple[str, str] | None


def goes_cold(
    model: CompiledModel,
    activities: pa.Table,
    *,
    letter: str,
    as_of: datetime,
    time_zone: str = "UTC",
    horizon: int = HORIZON_DAYS,
    engine: Engine = EMBEDDED,
) -> Cold | None:
    """Say when decay and expiry alone take one person below their band of interest, and below their verdict.

    Every day ahead is scored by the engine itself, so that caps, windows, groups and negative lines count; what is
    estimated is only that nothing new happens and fit stays. None where the person has done nothing that scores.

    Args:
        model: the model.
        activities: all of one person's, as for ``match_hits``.
        letter: the fit letter, which stays.
        as_of: now.
        time_zone: in which days are counted.
        horizon: how many days ahead to look.
        engine: where to compute.
    """
    hits = match_hits(model, activities, time_zone=time_zone, as_of=as_of)
    numbers = _ahead(model, hits, today=local_day(as_of, zone_of(time_zone)), horizon=horizon, engine=engine)
    if numbers is None:
        return None
    bands = [_band(model, number) for number in numbers]
    verdicts = [model.matrix[letter, band] for band in bands]
    first = as_of.astimezone(zone_of(time_zone)).date()
    lower = next((day for day, band in enumerate(bands) if band > bands[0]), None)
    worse = next((day for day, verdict in enumerate(verdicts) if _RANKS[verdict] < _RANKS[verdicts[0]]), None)
    return Cold(
        None if lower is None else first + timedelta(days=lower),
        None if lower is None else (bands[0], bands[lower]),
        None if worse is None else first + timedelta(days=worse),
        None if worse is None else (verdicts[0], verdicts[worse]),
    )


def interest_ahead(
    model: CompiledModel, activities: pa.Table, *, as_of: datetime, time_zone: str = "UTC", horizon: int = HORIZON_DAYS
) -> list[tuple[date, float]]:
    """Give one person's interest on each local day from ``as_of`` on, if nothing new happens; empty without deeds."""
    today = local_day(as_of, zone_of(time_zone))
    hits = match_hits(model, activities, time_zone=time_zone, as_of=as_of)
    numbers = _ahead(model, hits, today=today, horizon=horizon, engine=EMBEDDED)
    days = (EPOCH_DAY + timedelta(days=today + day) for day in range(horizon + 1))
    return [] if numbers is None else [(day, number / 10) for day, number in zip(days, numbers, strict=True)]


def _ahead(model: CompiledModel, hits: pa.Table, *, today: int, horizon: int, engine: Engine) -> list[int] | None:
    """Give the interest in tenths of today and each day after it; None where nothing was ever done."""
    rules = pa.array([rule.id for rule in model.interest], pa.string())
    places = pc.index_in(hits.column("rule").cast(pa.string()), value_set=rules)
    done = pa.table({"rule": places, "day": hits.column("day").cast(pa.int32()), "hits": hits.column("count")})
    done = done.filter(pc.is_valid(places))
    if not done.num_rows:
        return None
    with engine.runner() as runner:
        # One person for each day ahead, who did all the same and is looked at on that day.
        runner.register("done", done)
        runner.register("ahead", pa.table({"person": pa.array(range(horizon + 1), pa.int32())}))
        runner.table(
            "daily",
            "SELECT person, rule, day, sum(hits)::BIGINT AS hits FROM done CROSS JOIN ahead GROUP BY person, rule, day",
        )
        create_interest_lines(runner, model, today=f"({today} + person)")
        summed = runner.fetch(
            f"""SELECT a.person, least(greatest(coalesce(sum(l.tenths)::BIGINT, 0), 0), {SCALE_TENTHS}) AS tenths
                FROM ahead a LEFT JOIN interest_lines l USING (person) GROUP BY a.person ORDER BY a.person"""
        )
    return [int(tenths) for tenths in summed.column("tenths").to_pylist()]


def _band(model: CompiledModel, tenths: int) -> int:
    for number, least in model.bands.numbers:
        if tenths * TENTH >= least:
            return number
    return model.bands.numbers[-1][0]
