"""The history of cycles and their plans."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import func, insert, select, text, update

from connector.domain.outbox_states import UNSETTLED
from connector.errors import HandoffError
from connector.ports.store import Run
from state.database import Database
from state.instants import to_us
from state.outbox_dependents import UNSETTLED_ROWS, states
from state.tables import PLANS, RUNS

_COLUMNS: Final = tuple(RUNS.c[name] for name in Run.__slots__)
_SAVE: Final = """
    INSERT INTO plans (id, made_at, body) VALUES (:id, :made_at, :body)
    ON CONFLICT (id) DO UPDATE SET made_at = excluded.made_at, body = excluded.body
"""
#: rows of these wait for somebody or something; whose plan they are of is asked by `approve`
_WAITED_FOR: Final = f"SELECT plan_id FROM outbox WHERE state IN ({states(*UNSETTLED)}) AND {UNSETTLED_ROWS}"
#: a run that ended well and decided nothing left no plan
_LOOK: Final = "verdict = 'green' AND NOT EXISTS (SELECT 1 FROM plans WHERE plans.id = runs.plan_id)"
_PRUNE_LOOKS: Final = f"DELETE FROM runs WHERE started_at < :looks_before AND {_LOOK}"
_PRUNE_RUNS: Final = f"""
    DELETE FROM runs WHERE started_at < :before AND plan_id NOT IN ({_WAITED_FOR})
    AND number NOT IN (SELECT number FROM runs WHERE NOT ({_LOOK}) ORDER BY number DESC LIMIT :keep)
"""
_PRUNE_PLANS: Final = f"""
    DELETE FROM plans WHERE made_at < :before AND id NOT IN (SELECT plan_id FROM runs) AND id NOT IN ({_WAITED_FOR})
"""
#: plans carried out by their own cycle are short, and asked for by later ones
_UNDONE: Final = "body NOT LIKE '%\"done\": true%'"
_PRUNE_BODIES: Final = f"""
    DELETE FROM plans WHERE {_UNDONE} AND id NOT IN ({_WAITED_FOR})
    AND id NOT IN (SELECT id FROM plans WHERE {_UNDONE} ORDER BY made_at DESC LIMIT :keep_bodies)
"""


class SqlRuns:
    """``connector.ports.store.Runs`` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, run: Run) -> None:
        """Record that a cycle has started."""
        number = select(func.coalesce(func.max(RUNS.c.number), 0) + 1).scalar_subquery()
        values = {name: getattr(run, name) for name in Run.__slots__}
        with self._database.write() as connection:
            if self._database.make == "postgresql":
                connection.exec_driver_sql("LOCK TABLE runs IN SHARE ROW EXCLUSIVE MODE")
            connection.execute(insert(RUNS).values(number=number, **values))

    def finish(self, run_id: str, *, verdict: str, report: str, at: datetime) -> None:
        """Record how it ended; see the port."""
        change = update(RUNS).where(RUNS.c.id == run_id).values(verdict=verdict, report=report, ended_at=at)
        with self._database.write() as connection:
            if connection.execute(change).rowcount != 1:
                raise HandoffError("state.no_such_run", "a cycle ended that had not begun")

    def last(self, count: int = 10) -> list[Run]:
        """List the latest cycles, newest first."""
        query = select(*_COLUMNS).order_by(RUNS.c.number.desc()).limit(count)
        with self._database.read() as connection:
            return [Run(*row) for row in connection.execute(query)]

    def find(self, run_id: str) -> Run | None:
        """Give one cycle, or None."""
        with self._database.read() as connection:
            row = connection.execute(select(*_COLUMNS).where(RUNS.c.id == run_id)).one_or_none()
            return None if row is None else Run(*row)

    def oldest(self) -> datetime | None:
        """Say when the first of the cycles that are still known began."""
        query = select(RUNS.c.started_at).order_by(RUNS.c.number).limit(1)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one_or_none()

    def save_plan(self, plan_id: str, *, made_at: datetime, body: str) -> None:
        """Store a plan (JSON)."""
        with self._database.write() as connection:
            connection.execute(text(_SAVE), {"id": plan_id, "made_at": to_us(made_at), "body": body})

    def plan(self, plan_id: str) -> str | None:
        """Give a stored plan (JSON), or None."""
        with self._database.read() as connection:
            return connection.execute(select(PLANS.c.body).where(PLANS.c.id == plan_id)).scalar_one_or_none()

    def prune(self, *, looks_before: datetime, before: datetime, keep: int, keep_bodies: int) -> dict[str, int]:
        """Forget old runs and plans; see the port."""
        bounds = {"looks_before": to_us(looks_before), "before": to_us(before)}
        bounds |= {"keep": keep, "keep_bodies": keep_bodies}
        gone = {"runs": 0, "plans": 0}
        with self._database.write() as connection:
            # Looks first: which runs they are is told by the plans that are still there.
            steps = (
                ("runs", _PRUNE_LOOKS, ("looks_before",)),
                ("runs", _PRUNE_RUNS, ("before", "keep")),
                ("plans", _PRUNE_PLANS, ("before",)),
                ("plans", _PRUNE_BODIES, ("keep_bodies",)),
            )
            for kind, statement, names in steps:
                gone[kind] += connection.execute(text(statement), {name: bounds[name] for name in names}).rowcount
        return gone
