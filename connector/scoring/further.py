"""Further models beside the first: each speaks of whom its ``for`` holds, and of nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from connector.mapping.evaluate import evaluate, holds
from connector.mapping.scoring import ScoringModel
from connector.scoring.engines.on_duckdb import EMBEDDED
from connector.scoring.engines.runner import Engine
from connector.scoring.people.declared import with_declared
from connector.scoring.people.fit import fields_of, join_account_facts
from connector.scoring.score import ScoredPart, score_part

#: what conditions and fields see of a further model, as ``score.NAME.…``
RESULTS: Mapping[str, pa.DataType] = {
    **dict.fromkeys(("total", "fit", "interest", "qualification"), pa.float64()),
    **dict.fromkeys(("grade", "verdict", "buying_stage"), pa.string()),
}

#: scores some people, in order of their ids, by one model
ScoredBy = Callable[[ScoringModel, pa.Table], ScoredPart]


def spoken_of(model: ScoringModel, people: pa.Table, accounts: pa.Table | None, *, now: datetime) -> pa.Table:
    """Keep the people of whom a model speaks; unknown is no."""
    facts = join_account_facts(with_declared(people), accounts, fields_of([model.for_]))
    return people.filter(holds(evaluate(model.for_, facts, now=now)))


def score_further(
    models: Iterable[ScoringModel],
    people: pa.Table,
    activities: pa.Table,
    accounts: pa.Table | None = None,
    *,
    as_of: datetime,
    time_zone: str = "UTC",
    engine: Engine = EMBEDDED,
) -> dict[str, ScoredPart]:
    """Score some people by further models, by name; scores and lines of a model are of those it speaks of.

    Raises:
        ConfigError: a model or the time zone cannot be used.
    """

    def scored_by(model: ScoringModel, some: pa.Table) -> ScoredPart:
        return score_part(model, some, activities, accounts, as_of=as_of, time_zone=time_zone, engine=engine)

    return score_spoken_of(models, people, accounts, scored_by, as_of=as_of)


def score_spoken_of(
    models: Iterable[ScoringModel],
    people: pa.Table,
    accounts: pa.Table | None,
    scored_by: ScoredBy,
    *,
    as_of: datetime,
) -> dict[str, ScoredPart]:
    """Score some people by further models as ``score_further`` does, whatever their interest is known from.

    Raises:
        ConfigError: a model cannot be used.
    """
    return {model.name: scored_by(model, spoken_of(model, people, accounts, now=as_of)) for model in models}


def further_facts(scored: Mapping[str, ScoredPart], person_ids: pa.ChunkedArray) -> pa.Table:
    """Set ``score.NAME.total`` and the like beside people; null where a model does not speak of somebody.

    ``person_id`` comes first; the rows are in the order of ``person_ids``.
    """
    table = pa.table({"person_id": person_ids})
    for name, part in scored.items():
        rows = pc.index_in(person_ids.cast(pa.string()), value_set=part.scores.column("person_id").combine_chunks())
        for word in RESULTS:
            table = table.append_column(f"score.{name}.{word}", part.scores.column(word).take(rows))
    return table


def looked_at_by(models: Sequence[ScoringModel]) -> ScoringModel:
    """Give one model with the interest rules of all, for asking which activities any of them looks at; not to score."""
    first = models[0]
    rules = [rule.model_copy(update={"group": None}) for one in models for rule in one.dimensions.interest.rules]
    interest = first.dimensions.interest.model_copy(update={"rules": tuple(rules)})
    return first.model_copy(update={"dimensions": first.dimensions.model_copy(update={"interest": interest})})
