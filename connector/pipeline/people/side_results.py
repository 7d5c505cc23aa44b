"""What scoring says beside the numbers of the first model: single rules that are asked for, and further models."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pyarrow as pa

from connector.mapping.bundle import Mappings
from connector.mapping.conditions import Condition, tests_of
from connector.pipeline.tables import beside
from connector.scoring.engines.on_duckdb import EMBEDDED
from connector.scoring.engines.runner import Engine
from connector.scoring.facts import rule_facts
from connector.scoring.further import ScoredBy, further_facts, score_spoken_of
from connector.scoring.people.declared import marked_declared, with_declared
from connector.scoring.score import Scored

_OF_RULES = ("points.", "count.")


def with_said(people: pa.Table, mappings: Mappings) -> pa.Table:
    """Let what people said of themselves win over what was found, for everything that follows."""
    return with_declared(marked_declared(people, mappings.fields.person))


def with_side_results(
    people: pa.Table,
    mappings: Mappings,
    scored: Scored,
    scored_by: ScoredBy,
    *,
    now: datetime,
    engine: Engine = EMBEDDED,
) -> pa.Table:
    """Set ``points.RULE`` and ``count.RULE`` that some condition asks for, and ``score.NAME.…``, beside people.

    ``scored`` are their own scores and lines, with the accounts as they are known (no results); ``scored_by`` scores
    some of them by a further model.
    """
    rules = rules_asked_for(mappings)
    if rules:
        people = beside(people, rule_facts(scored, rules, engine=engine))
    if mappings.further:
        parts = score_spoken_of(mappings.further, people, scored.accounts, scored_by, as_of=now)
        people = beside(people, further_facts(parts, people.column("person_id")))
    return people


def rules_asked_for(mappings: Mappings) -> list[str]:
    """List the rules of which a transition, persona, assignment or the creation asks points or count, sorted."""
    asked = {test.field for condition in _conditions(mappings) for test in tests_of(condition)}
    return sorted({name.partition(".")[2] for name in asked if name.startswith(_OF_RULES)})


def _conditions(mappings: Mappings) -> Iterator[Condition]:
    yield from (transition.when for transition in mappings.lifecycle.transitions)
    yield from (persona.when for persona in mappings.routing.personas)
    yield from (line.when for line in mappings.routing.assign)
    if mappings.fields.create is not None:
        yield mappings.fields.create.when
