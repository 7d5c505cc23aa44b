"""From the population to decisions, part by part: what stands on what, in one place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from connector.delivery.accounts import decide_accounts
from connector.delivery.decide import Decided, decide
from connector.delivery.ground import Ground
from connector.delivery.limits import Limits, judge, with_splits
from connector.delivery.records import own_mapping, stage_fields
from connector.delivery.spool import JudgedRows, RowSpool, outlines_of
from connector.pipeline.decisions.account_moves import account_moves
from connector.pipeline.decisions.withdrawing import of_left_records
from connector.pipeline.incremental.keeper import Keeper
from connector.pipeline.people.census import Census
from connector.pipeline.people.columns import unacted
from connector.pipeline.people.gathering import Holdings
from connector.pipeline.people.passes import PopulationPart
from connector.pipeline.people.population import Population
from connector.pipeline.people.workplace import made_lately, set_up_desk, users
from connector.pipeline.scratch import Scratch
from connector.pipeline.tables import row_hashes, sql
from connector.ports.store import (
    ACCOUNT_MOVES,
    IDENTITIES,
    PERSONS,
    SCORE_HISTORY,
    STAGE_MOVES,
    Decisions,
    OutboxRow,
)
from connector.ports.task_times import TaskEvent
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
    census: Census,
    population: Population,
    holdings: Holdings,
    scratch: Scratch,
    deciding: Deciding,
    *,
    now: datetime,
    told: Callable[[PopulationPart], None] = lambda _part: None,
    keeper: Keeper | None = None,
) -> Decisions:
    """Decide everything one cycle changes, in memory and in the CRM; limits are not applied yet. Writes nothing.

    What is decided lies in ``scratch`` and can be read as long as that is open. ``told`` hears of each part once,
    ``keeper`` takes down what the next cycle asks of this one.
    """
    store, marks = census.store, census.store.knowledge.marks()
    decider = _Decider(census, population, holdings, scratch, deciding, now)
    for part in population.each():
        told(part)
        moved = decider.decide(part)
        if keeper is not None:
            keeper.part(part.people, moved)
    rows, accounts = decider.decide_accounts()
    asked = {*population.passes.asked, *population.others.asked, *(one.id for one in population.identified.reviews)}
    if keeper is not None:
        keeper.questions(population)
    new_marks = {
        f"baseline:{traits.system}": now for traits in census.traits if f"baseline:{traits.system}" not in marks
    }
    return Decisions(
        run_id=deciding.run_id,
        plan_id=deciding.plan_id,
        at=now,
        identities=scratch.all("identities", IDENTITIES),
        persons=scratch.all("memory", PERSONS),
        stage_moves=scratch.all("moves", STAGE_MOVES),
        scores=scratch.all("history", SCORE_HISTORY),
        accounts=accounts,
        rows=rows,
        reviews=[*store.knowledge.unasked(population.identified.reviews), *population.reviews],
        moot=sorted(set(store.knowledge.ids_of_open_questions()) - asked),
        account_moves=scratch.all("account_moves", ACCOUNT_MOVES),
        rotations=decider.ground.desk.rotations(),
        marks=new_marks | ({"baseline": now} if marks.get("baseline") is None else {}),
        withdrawn=tuple(sorted(decider.withdrawn)),
        anew=tuple(sorted(decider.anew)),
        opted_out=dict(sorted(decider.opted_out.items())),
        late=dict(sorted(decider.late.items())),
        events=tuple(decider.events),
    )


def set_out(census: Census, population: Population, holdings: Holdings, deciding: Deciding, *, now: datetime) -> Ground:
    """Set out what deciding about any people shares, and a desk that hands out work to them in order; nobody yet."""
    knowledge, pending = census.store.knowledge, population.pending
    everybody, routing = users(holdings, census.crm), census.mappings.routing
    rotations, made = knowledge.rotations(), made_lately(census.store.outbox, now=now)
    desk = set_up_desk(holdings, census.crm, routing, everybody, population.tasks, rotations, pending, made)
    return Ground(
        now=now,
        install=census.install,
        run_id=deciding.run_id,
        plan_id=deciding.plan_id,
        mappings=census.mappings,
        crm=census.crm,
        info=deciding.info,
        people=pa.table({}),
        accounts=population.accounts.slice(0, 0),
        tasks=(),
        fast_events=(),
        pending=pending,
        desk=desk,
        user_id=deciding.user_id,
        mark=knowledge.marks().get("baseline"),
    )


class _Decider:
    """Decides part by part; one desk hands out work to all of them, in order."""

    def __init__(
        self,
        census: Census,
        population: Population,
        holdings: Holdings,
        scratch: Scratch,
        deciding: Deciding,
        now: datetime,
    ) -> None:
        marks = census.store.knowledge.marks()
        self._census = census
        self._scratch = scratch
        self._population = population
        self.withdrawn: list[int] = []
        self.anew: list[int] = []
        self.opted_out: Counter[str] = Counter()
        self.late: Counter[str] = Counter()
        self.events: list[TaskEvent] = []
        self._rows = RowSpool(scratch.folder("rows") / "rows")
        self._events = unacted(population.signals.fast_lane, marks)
        tasks = holdings.get(census.crm.system, "task")
        self._made = tasks.select([name for name in ("id", "modified_at") if name in tasks.column_names])
        self._task_ids = set(tasks.column("id").to_pylist())
        self._keys = {str(task["key"]) for task in population.tasks}
        aliases = population.identified.aliases
        became = zip(aliases.column("person_id").to_pylist(), aliases.column("into").to_pylist(), strict=True)
        population.pending.hand_over(dict(became))
        #: what all parts share
        self.ground = set_out(census, population, holdings, deciding, now=now)

    def decide(self, part: PopulationPart) -> set[str]:
        """Decide about some people and set aside what changes; give those of whom anything does."""
        people, number = part.people, part.number
        ids = people.column("person_id").combine_chunks()
        known = set(ids.to_pylist())
        events = self._events.filter(pc.is_in(self._events.column("person_id"), value_set=ids))
        on_the_way, unseen, finished = self._not_yet_seen(people)
        ground = replace(
            self.ground,
            people=people,
            tasks=[task for task in self._population.tasks if task["person_id"] in known],
            fast_events=events.to_pylist(),
            on_the_way=on_the_way,
            unseen=unseen,
            finished=finished,
        )
        decided = decide(ground)
        self.withdrawn += decided.withdrawn
        pending, system = self._population.pending, self._census.crm.system
        self.withdrawn += of_left_records(self._census.store, pending, people, system)
        self.anew += decided.anew
        self.opted_out += decided.opted_out
        self.late += decided.late
        self.events += decided.events
        self._rows.add(self._new(decided), decided.totals)
        after = people.set_column(people.column_names.index("shown"), "shown", decided.shown)
        words = (self.ground.run_id, self._census.mappings.scoring.name, self.ground.now)
        aliases = self._population.identified.aliases
        moved = {row.person_id for row in decided.rows}
        for name, table in (
            ("memory", _persons(after)),
            ("moves", _moves(part, self.ground.run_id)),
            ("history", _score_history(part, after, *words)),
            ("account_moves", account_moves(part, aliases, self._census.store, self.ground.run_id, self.ground.now)),
        ):
            if table.num_rows:
                self._scratch.put(name, number, table)
                moved.update(table.column("person_id").to_pylist())
        return moved

    def decide_accounts(self) -> tuple[RowSpool, dict[str, str]]:
        """Decide about the accounts; give all rows in their order, and what accounts were made to show."""
        rows, memory = decide_accounts(replace(self.ground, accounts=self._population.accounts))
        self._rows.add(rows, {})
        self._rows.rank()
        return self._rows, memory

    def _new(self, decided: Decided) -> list[OutboxRow]:
        """Leave out what has been asked for under the same key, or stands in the CRM."""
        keys = [row.write.key for row in decided.rows if row.write.kind == "create"]
        known = self._census.store.outbox.known_keys(keys) | self._keys if keys else set()
        return [row for row in decided.rows if row.write.kind == "update" or row.write.key not in known]

    def _not_yet_seen(self, people: pa.Table) -> tuple[set[str], set[str], dict[str, datetime]]:
        """Find what we have asked for and no pull has shown yet: keys of people's records, and keys of tasks.

        Beside them the tasks that were to be told of more and are not open any more, with their last change.

        Whoever decides before the CRM has shown what was created must not create it again under the key of a later
        event.
        """
        asked = sql(
            """
            SELECT crm_id, json_extract_string(shown, '$.created') AS created,
                json_extract_string(shown, '$.tasks.*') AS tasks,
                len(json_keys(shown, '$.owed')) > 0 AS owed
            FROM people WHERE shown IS NOT NULL
                AND (len(tasks) > 0 OR (crm_id IS NULL AND created IS NOT NULL))
            """,
            people=people.select(["crm_id", "shown"]),
        ).to_pylist()
        outbox = self._census.store.outbox
        records = sorted({row["created"] for row in asked if row["created"] and row["crm_id"] is None})
        tasks = sorted({key for row in asked for key in row["tasks"]})
        made = outbox.created_ids(tasks) if tasks else {}
        done = set(outbox.created_ids(records)) if records else set()
        waiting = self._population.pending.creations
        unseen = {key for key, id_ in made.items() if id_ not in self._task_ids}
        owed = {key for row in asked if row["owed"] for key in row["tasks"]} - unseen - self._keys
        return done | waiting if done else waiting, unseen, self._changed({made[key]: key for key in owed & set(made)})

    def _changed(self, tasks: Mapping[str, str]) -> dict[str, datetime]:
        """Give when tasks were changed last, by their keys. ``tasks``: id → key."""
        if not tasks:
            return {}
        there = self._made.filter(pc.is_in(self._made.column("id"), pa.array(list(tasks), pa.string())))
        return {tasks[row["id"]]: row["modified_at"] for row in there.to_pylist()}


def with_limits(decisions: Decisions, census: Census, limits: Limits, *, living: int, now: datetime) -> Decisions:
    """Hold what the limits do not let through today; the first live cycle writes our own fields only and has none."""
    used = census.store.outbox.used_by_cause(now - DAY)
    names = stage_fields(own_mapping(census.mappings.fields, census.crm))
    verdicts = judge(outlines_of(decisions.rows), limits, used=used, living=living)
    return replace(decisions, rows=JudgedRows(decisions.rows, with_splits(decisions.rows, verdicts, names), names))


def _persons(people: pa.Table) -> pa.Table:
    """Give the memory of everybody whose memory is another than before (``memory_hash``)."""
    here = people.drop_columns(["subject"]).rename_columns({"kept_subject": "subject"})
    persons = here.select(PERSONS.names).cast(PERSONS)
    before = people.column("memory_hash")
    same = pc.fill_null(pc.equal(row_hashes(persons), before), False)
    return persons.filter(pc.invert(same))


def _moves(part: PopulationPart, run_id: str) -> pa.Table:
    moves = part.staged.moves
    return moves.append_column("run_id", pa.array([run_id] * moves.num_rows, pa.string())).cast(STAGE_MOVES)


def _score_history(part: PopulationPart, people: pa.Table, run_id: str, model: str, now: datetime) -> pa.Table:
    """Keep the numbers and lines of those whose record is to show other ones than before."""
    return sql(
        """
        WITH moved AS (
            SELECT n.person_id, json_extract_string(n.shown, $paths::VARCHAR[]) AS here,
                json_extract_string(b.shown, $paths::VARCHAR[]) AS there
            FROM now_shown n JOIN before b USING (person_id) WHERE n.shown IS DISTINCT FROM b.shown
        ), fresh AS (
            SELECT person_id FROM moved WHERE here[1] IS NOT NULL AND here IS DISTINCT FROM there
        ), told AS (
            SELECT person_id, to_json(list({'dimension': dimension, 'rule': rule, 'points': points, 'count': count,
                'last_on': last_on} ORDER BY dimension, rule))::VARCHAR AS lines
            FROM lines WHERE person_id IN (SELECT person_id FROM fresh) GROUP BY person_id
        )
        SELECT s.person_id, $now::TIMESTAMPTZ AS "at", $run AS run_id, $model AS model, s.fit, s.interest,
            s.qualification, s.total, s.grade, s.verdict, coalesce(t.lines, '[]') AS lines
        FROM scores s JOIN fresh USING (person_id) LEFT JOIN told t USING (person_id) ORDER BY s.person_id
        """,
        {"now": now, "run": run_id, "model": model, "paths": ["$.record", "$.total", "$.grade", "$.reasons_key"]},
        now_shown=people.select(["person_id", "shown"]),
        before=part.people.select(["person_id", "shown"]),
        scores=part.scores,
        lines=part.lines,
    ).cast(SCORE_HISTORY)


def nothing_decided(deciding: Deciding, scratch: Scratch, *, now: datetime) -> Decisions:
    """Decide nothing."""
    return Decisions(
        run_id=deciding.run_id,
        plan_id=deciding.plan_id,
        at=now,
        identities=IDENTITIES.empty_table(),
        persons=PERSONS.empty_table(),
        stage_moves=STAGE_MOVES.empty_table(),
        scores=SCORE_HISTORY.empty_table(),
        rows=RowSpool(scratch.folder("rows") / "rows"),
        moves_on=False,
    )


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
        account_moves=ACCOUNT_MOVES.empty_table(),
        accounts={},
        rows=(),
        rotations={},
        marks={},
        moves_on=False,
        withdrawn=(),
        anew=(),
        events=(),
    )
