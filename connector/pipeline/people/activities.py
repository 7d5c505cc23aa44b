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
from connector.ports.quarantine import EVENT
from connector.scoring.compile import compile_model

HELD = pa.schema([(name, pa.string()) for name in EVENT])
_OWNED = """
FROM activities a JOIN identities i
ON i.system = a.person_system AND i.object = a.person_object AND i.id = a.person_id
"""
#: leaves out what machines did
_BY_PEOPLE = " AND NOT EXISTS (SELECT 1 FROM held h WHERE h.system = a.system AND h.kind = a.kind AND h.id = a.id)"
_ALL = ", ".join(f"a.{name}" for name in ACTIVITY_COLUMNS.names if name != "person_id")


class Activities:
    """Activities of everybody in ``identities`` (schema ``IDENTITIES``) that had occurred and landed by ``as_of``.

    ``held`` (system, kind, id) are those of machines: they are told of one person, and left out of all else.
    """

    def __init__(
        self, lake: Lake, systems: Sequence[str], identities: pa.Table, as_of: datetime, held: pa.Table | None = None
    ) -> None:
        self._lake = lake
        self._systems = systems
        self._identities = identities
        self._as_of = as_of
        self._held = HELD.empty_table() if held is None else held

    def of_types(self, types: Sequence[str]) -> pa.Table:
        """Give everything about the activities of some types, with ``person_id`` and ``system``, in order of time."""
        wanted = ", ".join(f"'{name}'" for name in types) or "''"
        return self._ask(
            f"SELECT i.person_id, a.system, {_ALL} {_OWNED} WHERE a.type IN ({wanted}){self._by_people()} "
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
        """Give one person's ``latest`` activities, in order of time; ``quarantined`` says which are a machine's."""
        mine = self._identities.filter(pa.compute.equal(self._identities.column("person_id"), person_id))
        return self._ask(
            f"SELECT * FROM (SELECT i.person_id, a.system, {_ALL}, h.id IS NOT NULL AS quarantined {_OWNED} "
            "LEFT JOIN held h ON h.system = a.system AND h.kind = a.kind AND h.id = a.id "
            f"ORDER BY occurred_at DESC, a.system || ':' || a.kind || ':' || a.id DESC LIMIT {latest}) "
            "ORDER BY occurred_at, system || ':' || kind || ':' || id",
            mine,
        )

    def campaigns_of(self, person_ids: Sequence[str]) -> pa.Table:
        """Give what some people did that names a campaign (person_id, occurred_at, campaign), in order of time."""
        mine = pa.array(person_ids, pa.string())
        theirs = self._identities.filter(pa.compute.is_in(self._identities.column("person_id"), value_set=mine))
        return self._ask(
            f"SELECT i.person_id, a.occurred_at, a.campaign {_OWNED} WHERE a.campaign <> '' "
            "ORDER BY i.person_id, occurred_at, a.system || ':' || kind || ':' || a.id",
            theirs,
        )

    def spread(self, model: ScoringModel, places: pa.Table, folder: Path) -> None:
        """Write what the model's rules look at to ``folder/part=N``, with person_id and identity.

        ``places`` are identities with the ``part`` in which everything of their person is wanted.
        """
        query = f"SELECT i.part, {_looked_at(model)}{self._by_people()}"
        tables = {"identities": places, "held": self._held}
        self._lake.spread_activities(query, self._systems, folder, as_of=self._as_of, tables=tables)

    def of_rules(self, model: ScoringModel, person_id: str) -> pa.Table:
        """Give what the model's rules look at of one person, as ``spread`` writes it."""
        mine = self._identities.filter(pa.compute.equal(self._identities.column("person_id"), person_id))
        return self._ask(f"SELECT {_looked_at(model)}{self._by_people()}", mine)

    def forget(self) -> None:
        """Let go of who is who; nothing can be asked afterwards."""
        self._identities = self._identities.schema.empty_table()

    def _by_people(self) -> str:
        """Write what leaves out machines, where there are any: it costs reading every id."""
        return _BY_PEOPLE if self._held.num_rows else ""

    def _ask(self, query: str, identities: pa.Table | None = None) -> pa.Table:
        tables = {"identities": self._identities if identities is None else identities, "held": self._held}
        return self._lake.ask_activities(query, self._systems, as_of=self._as_of, tables=tables)


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
