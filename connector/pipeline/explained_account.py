"""One account, explained: its number by the people who make it, roles, and what of it was written."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.pipeline.population import Population

_MEMBER = ("person_id", "first_name", "last_name", "title", "role", "interest", "score.total", "grade", "stage")


def account_document(population: Population, account_id: str) -> dict[str, Any]:
    """Give the JSON of one account."""
    accounts = population.accounts
    row = accounts.filter(pc.equal(accounts.column("account_id"), account_id)).to_pylist()[0]
    members = _members(population, account_id)
    return {
        "kind": "account",
        "account_id": account_id,
        "name": row["name"],
        "score": row["score.total"],
        "fit": row["account.fit"],
        "grade": row["grade"],
        "ready": row["account.ready"],
        "engaged_people": row["account.engaged_people"],
        "roles": row["account.roles"],
        "people": members,
        "shown": None if not row.get("shown") else json.loads(row["shown"]),
    }


def _members(population: Population, account_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for part in population.each():
        here = pc.equal(pc.fill_null(part.people.column("account_id"), ""), account_id)
        names = [name for name in _MEMBER if name in part.people.column_names]
        found += _plain(part.people.filter(here).select(names))
    return found


def _plain(people: pa.Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = people.to_pylist()
    for row in rows:
        row["name"] = " ".join(part for part in (row.pop("first_name", None), row.pop("last_name", None)) if part)
    return rows
