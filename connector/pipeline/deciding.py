"""From the population to decisions: what stands on what, in one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from connector.delivery.decide import decide
from connector.delivery.ground import Ground
from connector.delivery.limits import Limits, hold_excess
from connector.delivery.records import own_mapping, stage_fields
from connector.matching import ask
from connector.pipeline.columns import unacted
from connector.pipeline.gathering import Holdings
from connector.pipeline.population import Census, Population
from connector.pipeline.tables import row_hashes, sql
from connector.pipeline.workplace import set_up_desk, users
from connector.ports.store import (
    IDENTITIES,
    PERSONS,
    SCORE_HISTORY,
    STAGE_MOVES,
    Decisions,
    OutboxRow,
    Store,
)
from connector.ports.traits import FieldInfo

DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Deciding:
    """The words of one decision: its ids, the CRM's fields, and who we are there."""

    run_id: str
    plan_id: str
    info: Mapping[str, Mapping[str, FieldInfo]]
    user_id: str | None


def decide_all(
    census: Census, population: Population, holdings: Holdings, deciding: Deciding, *, now: datetime
) -> Decisions:
    """Decide everything one cycle changes, in memory and in the CRM; limits are not applied yet. Writes nothing."""
    store = census.store
    marks = store.knowledge.marks()
    mark = marks.get("baseline")
    everybody = users(holdings, census.crm)
    desk = set_up_desk(
        holdings,
        census.crm,
        census.mappings.routing,
        everybody,
        population.tasks,
        store.knowledge.rotations(),
    )
    events = unacted(population.signals.fast_lane, marks).to_pylist()
    pending = store.outbox.unsettled()
    on_the_way, unseen = _not_yet_seen(store, population, holdings, census.crm.system, pending)
    ground = Ground(
        now=now,
        install=census.install,
        run_id=deciding.run_id,
        plan_id=deciding.plan_id,
        mappings=census.mappings,
        crm=census.crm,
        info=deciding.info,
        people=population.people,
        accounts=population.accounts,
        tasks=population.tasks,
        fast_events=events,
        pending=pending,
        desk=desk,
        user_id=deciding.user_id,
        mark=mark,
        on_the_way=on_the_way,
        unseen=unseen,
    )
    decided = decide(ground)
    keys = [row.write.key for row in decided.rows if row.write.kind == "create"]
    known = store.outbox.known_keys(keys) | {str(task["key"]) for task in population.tasks}
    rows = [row for row in decided.rows if row.write.kind == "update" or row.write.key not in known]
    people = population.people.set_column(population.people.column_names.index("shown"), "shown", decided.shown)
    new_marks = {
        f"baseline:{traits.system}": now for traits in census.traits if f"baseline:{traits.system}" not in marks
    }
    return Decisions(
        run_id=deciding.run_id,
        plan_id=deciding.plan_id,
        at=now,
        identities=_changed(population.identified.identities, store.knowledge.identities(), IDENTITIES),
        persons=_persons(people),
        stage_moves=_moves(population, deciding.run_id),
        scores=_score_history(population, people, deciding.run_id, census.mappings.scoring.name, now),
        accounts=decided.accounts,
        rows=rows,
        reviews=[*population.identified.reviews, *ask(population.matches, now=now)],
        rotations=desk.rotations(),
        marks=new_marks | ({"baseline": now} if mark is None else {}),
    )


def _not_yet_seen(
    store: Store, population: Population, holdings: Holdings, crm: str, pending: Sequence[OutboxRow]
) -> tuple[set[str], set[str]]:
    """Find what we have asked for and no pull has shown yet: keys of people's records, and keys of tasks.

    Whoever decides before the CRM has shown what was created must not create it again under the key of a later event.
    """
    asked = sql(
        """
        SELECT crm_id, json_extract_string(shown, '$.created') AS created,
            json_extract_string(shown, '$.tasks.*') AS tasks
        FROM people WHERE shown IS NOT NULL
            AND (len(tasks) > 0 OR (crm_id IS NULL AND created IS NOT NULL))
        """,
        people=population.people.select(["crm_id", "shown"]),
    ).to_pylist()
    waiting = {row.write.key for row in pending if row.write.kind == "create"}
    records = sorted({row["created"] for row in asked if row["created"] and row["crm_id"] is None})
    tasks = sorted({key for row in asked for key in row["tasks"]})
    shown = set(holdings.get(crm, "task").column("id").to_pylist())
    made = store.outbox.created_ids(tasks) if tasks else {}
    done = set(store.outbox.created_ids(records)) if records else set()
    return done | waiting, {key for key, id_ in made.items() if id_ not in shown}


def with_limits(decisions: Decisions, census: Census, limits: Limits, *, living: int, now: datetime) -> Decisions:
    """Hold what the limits do not let through today; the first live cycle writes our own fields only and has none."""
    used = census.store.outbox.used_by_cause(now - DAY)
    names = stage_fields(own_mapping(census.mappings.fields, census.crm))
    rows = hold_excess(decisions.rows, limits, used=used, living=living, stage_fields=names)
    return replace(decisions, rows=rows)


def _changed(new: pa.Table, old: pa.Table, schema: pa.Schema) -> pa.Table:
    """Keep the rows of ``new`` that ``old`` does not hold word for word."""
    if not old.num_rows:
        return new.select(schema.names).cast(schema)
    names = ", ".join(f'"{name}"' for name in schema.names)
    changed = sql(f"SELECT {names} FROM new EXCEPT SELECT {names} FROM old ORDER BY ALL", new=new, old=old)
    return changed.cast(schema)


def _persons(people: pa.Table) -> pa.Table:
    """Give the memory of everybody whose memory is another than before (``memory_hash``)."""
    here = people.drop_columns(["subject"]).rename_columns({"kept_subject": "subject"})
    persons = here.select(PERSONS.names).cast(PERSONS)
    before = people.column("memory_hash")
    same = pc.fill_null(pc.equal(row_hashes(persons), before), False)
    return persons.filter(pc.invert(same))


def _moves(population: Population, run_id: str) -> pa.Table:
    moves = population.staged.moves
    return moves.append_column("run_id", pa.array([run_id] * moves.num_rows, pa.string())).cast(STAGE_MOVES)


def _score_history(population: Population, people: pa.Table, run_id: str, model: str, now: datetime) -> pa.Table:
    """Keep the numbers and lines of everybody whose record is to show other ones than before."""
    return sql(
        """
        WITH fresh AS (
            SELECT n.person_id FROM now_shown n JOIN before b USING (person_id)
            WHERE n.shown IS DISTINCT FROM b.shown AND json_extract_string(n.shown, '$.record') IS NOT NULL AND (
                  json_extract_string(n.shown, '$.total') IS DISTINCT FROM json_extract_string(b.shown, '$.total')
               OR json_extract_string(n.shown, '$.grade') IS DISTINCT FROM json_extract_string(b.shown, '$.grade')
               OR json_extract_string(n.shown, '$.record') IS DISTINCT FROM json_extract_string(b.shown, '$.record')
               OR json_extract_string(n.shown, '$.reasons_key') IS DISTINCT FROM
                  json_extract_string(b.shown, '$.reasons_key'))
        ), told AS (
            SELECT person_id, to_json(list({'dimension': dimension, 'rule': rule, 'points': points, 'count': count,
                'last_on': last_on} ORDER BY dimension, rule))::VARCHAR AS lines
            FROM lines WHERE person_id IN (SELECT person_id FROM fresh) GROUP BY person_id
        )
        SELECT s.person_id, $now::TIMESTAMPTZ AS "at", $run AS run_id, $model AS model, s.fit, s.interest,
            s.qualification, s.total, s.grade, s.verdict, coalesce(t.lines, '[]') AS lines
        FROM scores s JOIN fresh USING (person_id) LEFT JOIN told t USING (person_id) ORDER BY s.person_id
        """,
        {"now": now, "run": run_id, "model": model},
        now_shown=people.select(["person_id", "shown"]),
        before=population.people.select(["person_id", "shown"]),
        scores=population.scored.scores,
        lines=population.scored.lines,
    ).cast(SCORE_HISTORY)


def dropped(decisions: Decisions) -> Decisions:
    """Keep open questions while paused or in shadow; the rest is dropped.

    Who is who is worked out again: kept without the memory that moves with a merge, the survivor would lose it.
    """
    return replace(
        decisions,
        identities=IDENTITIES.empty_table(),
        gone=(),
        persons=PERSONS.empty_table(),
        stage_moves=STAGE_MOVES.empty_table(),
        scores=SCORE_HISTORY.empty_table(),
        accounts={},
        rows=(),
        rotations={},
        marks={},
    )
