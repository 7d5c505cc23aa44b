"""One account, explained: its number by the people who make it, roles, what is missing, who came and went."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.pipeline.explain.explained_score import changes
from connector.pipeline.explain.looking_back import Ground
from connector.pipeline.people.population import Population
from connector.scoring.accounts.hierarchy import lineage
from connector.scoring.accounts.shares import AccountLine, Member, account_lines
from connector.scoring.compile import compile_model

_MEMBER = ("person_id", "account_id", "first_name", "last_name", "title", "role", "interest", "score.total")
_MEMBER_NOW = ("grade", "verdict", "stage")
#: what else scoring may say of an account, where it does
_FURTHER = ("buying_stage", "too_hot", "too_hot_since", "early_alert", "early_alert_since", "news", "customer")
_Lines = dict[str, list[dict[str, Any]]]
#: what stands beside an account's facts and is none of them
_RESULTS = ("grade", "shown", "record")
#: how many of the latest comings and goings are told
_MOVES = 20


def account_document(ground: Ground, population: Population, account_id: str, takes_in: set[str]) -> dict[str, Any]:
    """Give the JSON of one account; ``takes_in``: as the function of that name gives it."""
    census, accounts = ground.census, population.accounts
    model = compile_model(census.mappings.scoring)
    row = accounts.filter(pc.equal(accounts.column("account_id"), account_id)).to_pylist()[0]
    members, lines_of = _members(population, takes_in)
    lines = account_lines(
        model,
        [Member(m["person_id"], m["role"] or "other", m["interest"], m["account_id"] == account_id) for m in members],
    )
    by_id = {member["person_id"]: member for member in members}
    return {
        "kind": "account",
        "account_id": account_id,
        "name": row["name"],
        "score": row["score.total"],
        "fit": row["account.fit"],
        "grade": row["grade"],
        "ready": row["account.ready"],
        "engaged_people": row["account.engaged_people"],
        "roles": json.loads(row["account.roles"]) if row["account.roles"] else {},
        "subsidiaries": sorted(takes_in - {account_id}),
        "lines": [_line(line, by_id) for line in lines],
        "people": [_person(by_id[line.person_id]) for line in lines if line.person_id is not None],
        "changes": {
            "people": _moved(ground, members, lines_of),
            "moves": _moves(ground, account_id),
        },
        "shown": json.loads(row["shown"]) if row.get("shown") else None,
        **_further(row),
    }


def takes_in(ground: Ground, population: Population, account_id: str) -> set[str]:
    """List the accounts whose people count at this one: itself, and subsidiaries where the model lets it."""
    accounts = population.accounts
    hierarchy = compile_model(ground.census.mappings.scoring).account.hierarchy
    if hierarchy is None:
        return {account_id}
    facts = accounts.select([name for name in accounts.column_names if "." not in name and name not in _RESULTS])
    facts = facts.rename_columns([n if n == "account_id" else f"account.{n}" for n in facts.column_names])
    pairs = lineage(hierarchy, facts, now=ground.as_of)
    ids = accounts.column("account_id")
    here = pc.equal(pairs.column("account"), pc.index(ids, account_id))
    return set(ids.take(pairs.filter(here).column("member")).to_pylist())


def _members(population: Population, accounts: set[str]) -> tuple[list[dict[str, Any]], _Lines]:
    """Give the people of some accounts, and the lines of each."""
    found: list[dict[str, Any]] = []
    lines: _Lines = {}
    wanted = pa.array(sorted(accounts), pa.string())
    for part in population.each():
        here = pc.is_in(pc.fill_null(part.people.column("account_id"), ""), value_set=wanted)
        names = [name for name in (*_MEMBER, *_MEMBER_NOW) if name in part.people.column_names]
        mine = part.people.filter(here).select(names)
        scored = part.scores.filter(here).to_pylist()
        found += [{**row, "scores": scores} for row, scores in zip(mine.to_pylist(), scored, strict=True)]
        among = pc.is_in(part.lines.column("person_id"), value_set=mine.column("person_id").combine_chunks())
        for line in part.lines.filter(among).to_pylist():
            lines.setdefault(line["person_id"], []).append({**line, "last_on": _plain(line["last_on"])})
    return found, lines


def _name(row: Mapping[str, Any]) -> str:
    return " ".join(part for part in (row.get("first_name"), row.get("last_name")) if part)


def _person(row: Mapping[str, Any]) -> dict[str, Any]:
    words = {name: row.get(name) for name in ("person_id", "account_id", "title", "role", "interest", "score.total")}
    return words | {"name": _name(row)} | {name: row.get(name) for name in _MEMBER_NOW}


def _line(line: AccountLine, people: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    told: dict[str, Any] = {"kind": line.kind, "points": line.points}
    if line.person_id is not None:
        row = people[line.person_id]
        told |= {"person_id": line.person_id, "name": _name(row), "role": row["role"], "interest": row["interest"]}
        told |= {"given": round(line.given, 3), "place": line.place, "engaged": line.engaged}
    return told


def _moved(ground: Ground, members: list[dict[str, Any]], lines: _Lines) -> list[dict[str, Any]]:
    """Say whose interest is another than when their number was written last, those that moved most first."""
    found = []
    for member in members:
        person_id = member["person_id"]
        moved = changes(ground.census, person_id, member["scores"], lines.get(person_id, []), as_of=ground.as_of)
        if moved is not None and moved["interest"]["then"] != moved["interest"]["now"]:
            words = {"person_id": person_id, "name": _name(member), "since": moved["since"]}
            found.append(words | moved["interest"])
    return sorted(found, key=lambda one: (-abs(one["now"] - one["then"]), one["person_id"]))


def _moves(ground: Ground, account_id: str) -> list[dict[str, Any]]:
    """Tell who came to the account and who left it, the latest first."""
    rows = ground.census.store.past.moves_at_account(account_id, ground.as_of).to_pylist()
    return [
        {
            "at": row["at"].isoformat(),
            "person_id": row["person_id"],
            "way": "came" if row["to_account"] == account_id else "left",
            "cause": row["cause"],
        }
        for row in reversed(rows[-_MOVES:])
    ]


def _further(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ((name, f"account.{name}") for name in _FURTHER)
    return {name: _plain(row[column]) for name, column in names if row.get(column) is not None}


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
