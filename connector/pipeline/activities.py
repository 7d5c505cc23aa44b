"""What people did, with the person it belongs to: read from the lake piece by piece, never held as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from connector.lake.layout import ACTIVITY_COLUMNS
from connector.lake.reading import Lake
from connector.mapping.conditions import tests_of
from connector.mapping.scoring import ScoringModel
from connector.scoring.compile import compile_model

_OWNED = """
FROM activities a JOIN identities i
ON i.system = a.person_system AND i.object = a.person_object AND i.id = a.person_id
"""
_ALL = ", ".join(f"a.{name}" for name in ACTIVITY_COLUMNS.names if name != "person_id")


class Activities:
    """Activities of everybody in ``identities`` (schema ``IDENTITIES``) that had occurred and landed by ``as_of``."""

    def __init__(self, lake: Lake, systems: Sequence[str], identities: pa.Table, as_of: datetime) -> None:
        self._lake = lake
        self._systems = systems
        self._identities = identities
        self._as_of = as_of

    def of_types(self, types: Sequence[str]) -> pa.Table:
        """Give everything about the activities of some types, with ``person_id`` and ``system``, in order of time."""
        wanted = ", ".join(f"'{name}'" for name in types) or "''"
        return self._ask(
            f"SELECT i.person_id, a.system, {_ALL} {_OWNED} WHERE a.type IN ({wanted}) "
            "ORDER BY occurred_at, a.system || ':' || kind || ':' || a.id"
        )

    def of_humans(self, crm: str, types: Sequence[str]) -> pa.Table:
        """Give what people in sales may have done (person_id, occurred_at, by_user).

        From the CRM that is whatever a user did; from other systems, which know no users, it is activities of
        ``types``.
        """
        wanted = ", ".join(f"'{name}'" for name in types)
        return self._ask(
            f"SELECT i.person_id, a.occurred_at, a.by_user {_OWNED} WHERE CASE WHEN a.system = '{crm}' "
            f"THEN a.by_user IS NOT NULL AND a.type <> 'other' OR a.kind = 'task' ELSE a.type IN ({wanted}) END"
        )

    def of_person(self, person_id: str, *, latest: int) -> pa.Table:
        """Give one person's ``latest`` activities, in order of time."""
        mine = self._identities.filter(pa.compute.equal(self._identities.column("person_id"), person_id))
        return self._ask(
            f"SELECT * FROM (SELECT i.person_id, a.system, {_ALL} {_OWNED} "
            f"ORDER BY occurred_at DESC, a.system || ':' || kind || ':' || a.id DESC LIMIT {latest}) "
            "ORDER BY occurred_at, system || ':' || kind || ':' || id",
            mine,
        )

    def spread(self, model: ScoringModel, places: pa.Table, folder: Path) -> None:
        """Write what the model's rules look at to ``folder/part=N``, with person_id and identity.

        ``places`` are identities with the ``part`` in which everything of their person is wanted.
        """
        query = f"SELECT i.part, {_looked_at(model)}"
        self._lake.spread_activities(query, self._systems, folder, as_of=self._as_of, tables={"identities": places})

    def of_rules(self, model: ScoringModel, person_id: str) -> pa.Table:
        """Give what the model's rules look at of one person, as ``spread`` writes it."""
        mine = self._identities.filter(pa.compute.equal(self._identities.column("person_id"), person_id))
        return self._ask(f"SELECT {_looked_at(model)}", mine)

    def forget(self) -> None:
        """Let go of who is who; nothing can be asked afterwards."""
        self._identities = self._identities.schema.empty_table()

    def _ask(self, query: str, identities: pa.Table | None = None) -> pa.Table:
        held = self._identities if identities is None else identities
        return self._lake.ask_activities(query, self._systems, as_of=self._as_of, tables={"identities": held})


def _looked_at(model: ScoringModel) -> str:
    """Write what follows SELECT for the activities of a model's rules."""
    rules = compile_model(model).interest
    types = ", ".join(f"'{name}'" for name in sorted({rule.on for rule in rules})) or "''"
    looked_at = {test.field for rule in rules for test in tests_of(rule.condition)}
    columns = [
        name for name in (*ACTIVITY_COLUMNS.names, "system") if name in looked_at | {"type", "occurred_at", "landed_at"}
    ]
    return (
        "i.person_id, a.person_system || ':' || a.person_object || ':' || a.person_id AS identity, "
        f"{', '.join('a.' + name for name in columns)} {_OWNED} WHERE a.type IN ({types})"
    )
