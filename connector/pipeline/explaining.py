"""One person, explained: who they are, which account, every line of the score, the stage, the work, the story."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.domain.refs import normal_email
from connector.errors import ConfigError
from connector.pipeline.census import Census
from connector.pipeline.cycle import SETTING_USER
from connector.pipeline.gathering import hold
from connector.pipeline.passes import PopulationPart
from connector.pipeline.population import Population, take_census
from connector.pipeline.scratch import open_scratch
from connector.pipeline.workplace import automation_ids, users

#: how many of the latest events the story tells
_TIMELINE = 50


@dataclass(frozen=True, slots=True)
class Explanation:
    """What ``handoff explain`` shows; ``document`` is its JSON."""

    document: dict[str, Any]


def explain(census: Census, who: str, *, as_of: datetime) -> Explanation:
    """Explain a person or an account, named by e-mail address, CRM id or source id. Reads only.

    Raises:
        ConfigError: nobody is known by that name at that time.
    """
    holdings = hold(census.lake, census.traits, as_of=as_of, asked=census.asked())
    names_of_programs = census.mappings.routing.automation_users
    own = census.store.switches.setting(SETTING_USER)
    everybody = users(holdings, census.crm)
    census = replace(census, automation=automation_ids(everybody, names_of_programs, own))
    # A look leaves nothing in the lake, which it may not even be allowed to write to.
    with TemporaryDirectory(prefix="handoff-") as folder, open_scratch(Path(folder)) as scratch:
        population = take_census(census, holdings, scratch, now=as_of, explained=True)
        return _explained(census, population, who.strip(), {user.id: user.username for user in everybody}, as_of)


def _explained(census: Census, population: Population, who: str, names: dict[str, str], as_of: datetime) -> Explanation:
    found = _find(population, who)
    if found is None:
        account = population.accounts.filter(pc.equal(population.accounts.column("account_id"), who)).to_pylist()
        if account:
            return Explanation(_account(population, account[0], as_of))
        raise ConfigError(
            "explain.unknown",
            "nobody is known by that e-mail address, CRM id or source id at that time",
            cure="check the spelling, or pull first: `handoff run --once` or `handoff plan`",
        )
    number, person_id = found
    part = population.part(number)
    row = _of(part.people, person_id)[0]
    return Explanation(
        {
            "kind": "person",
            "as_of": as_of.isoformat(),
            "person_id": person_id,
            "identity": _identity(census, population, row, person_id),
            "match": _match(census, row, person_id),
            "score": _score(part, row, person_id),
            "stage": _stage(census, row, person_id),
            "owner": names.get(str(row.get("owner_id")), row.get("owner_id")),
            "tasks": [_task(task, names) for task in population.tasks if task["person_id"] == person_id],
            "timeline": _timeline(population, person_id),
        }
    )


def _find(population: Population, text: str) -> tuple[int, str] | None:
    """Find somebody and their part: by the address shown of them, else by any reference, else by our own id."""
    address = normal_email(text)
    if address:
        for number in range(population.parts):
            people = population.passes.gathered(number).select(["person_id", "email"])
            rows = people.filter(pc.equal(pc.utf8_lower(people.column("email")), address))
            if rows.num_rows:
                return number, str(rows.column("person_id")[0].as_py())
    identities = population.identified.identities
    same = pc.equal(identities.column("id"), address or text)
    for person_id in [*identities.filter(same).column("person_id").to_pylist(), text]:
        part = population.part_of(person_id)
        if part is not None:
            return part, str(person_id)
    return None


def _of(table: pa.Table, person_id: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.filter(pc.equal(table.column("person_id"), person_id)).to_pylist()
    return rows


def _identity(census: Census, population: Population, row: dict[str, Any], person_id: str) -> dict[str, Any]:
    why = _of(population.identified.why, person_id)
    reviews = [review for review in population.identified.reviews if review.person_id == person_id]
    told = {f"{r['system']}:{r['object']}:{r['id']}" for r in why}
    return {
        "name": " ".join(part for part in (row.get("first_name"), row.get("last_name")) if part),
        "email": row.get("email"),
        "title": row.get("title"),
        "company": row.get("company"),
        "crm_record": row["record"],
        "in_review": bool(row["person_review"]),
        "questions": [json.loads(review.candidates) for review in reviews],
        "reviews": [review.id for review in reviews],
        "answers": [
            {
                "review": review.id,
                "answer": review.state,
                "candidate": review.answer or None,
                "by": review.answered_by,
                "at": _plain(review.answered_at),
            }
            for review in census.store.knowledge.reviews()
            if review.state != "open" and (review.person_id == person_id or _is_about(review.candidates, told))
        ],
        "records": [
            {"record": f"{r['system']}:{r['object']}:{r['id']}", "joined_by": r["key"], "to": r["to"]} for r in why
        ],
    }


def _is_about(candidates: str, records: set[str]) -> bool:
    return any(item.get("ref") in records for item in json.loads(candidates))


def _match(census: Census, row: dict[str, Any], person_id: str) -> dict[str, Any]:
    return {
        "account": row["account"],
        "account_id": row["match_account_id"] or None,
        "account_name": row.get("account.name"),
        "method": row["match_method"],
        "confidence": row["match_confidence"],
        "evidence": row["match_evidence"],
        "runner_up": row["runner_up"] or None,
        "moves": [
            {"at": _plain(move["at"]), "from": move["from_account"], "to": move["to_account"], "cause": move["cause"]}
            for move in census.store.knowledge.account_moves(person_id).to_pylist()
        ],
    }


def _score(part: PopulationPart, row: dict[str, Any], person_id: str) -> dict[str, Any]:
    lines = [
        {name: _plain(line[name]) for name in ("dimension", "rule", "points", "count", "first_on", "last_on")}
        for line in _of(part.lines, person_id)
    ]
    today = _of(part.scores, person_id)[0]
    shown = json.loads(row["shown"]) if row["shown"] else None
    return {
        "total": today["total"],
        "parts": {name: today[f"{name}_part"] for name in ("fit", "interest", "qualification")},
        "fit": today["fit"],
        "fit_range": [today["fit_low"], today["fit_high"]],
        "interest": today["interest"],
        "qualification": today["qualification"],
        "grade": today["grade"],
        "verdict": today["verdict"],
        "role": today["role"],
        "buying_stage": today["buying_stage"],
        "deciding_fact": today["deciding_fact"],
        "disqualified_because": today["disqualified_because"],
        "reasons": row["score.reasons"],
        "lines": lines,
        "shown": None if shown is None else {name: shown[name] for name in ("total", "grade", "verdict", "stage")},
    }


def _stage(census: Census, row: dict[str, Any], person_id: str) -> dict[str, Any]:
    moves = census.store.knowledge.stage_moves(person_id).to_pylist()
    return {
        "stage": row["stage"],
        "since": _plain(row["stage_since"]),
        "entry": row["stage_entry"],
        "disposition": row["disposition"],
        "cool_off_until": _plain(row["cool_off_until"]),
        "moves": [{name: _plain(move[name]) for name in ("at", "from_stage", "to_stage", "because")} for move in moves],
    }


def _task(task: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    owner = str(task["owner"])
    return {
        "id": task["id"],
        "subject": task["subject"],
        "rule": task["rule"],
        "owner": names.get(owner, owner),
        "due": task["due_at"] or task["due_date"],
        "status": task["status"],
    }


def _timeline(population: Population, person_id: str) -> list[dict[str, Any]]:
    events = population.signals.activities.of_person(person_id, latest=_TIMELINE).to_pylist()
    names = ("occurred_at", "system", "type", "path", "form", "asset", "campaign", "subject")
    return [{name: _plain(event[name]) for name in names if event[name] is not None} for event in reversed(events)]


def _account(population: Population, row: dict[str, Any], as_of: datetime) -> dict[str, Any]:
    names = ("person_id", "role", "score.total", "grade", "stage")
    members: list[dict[str, Any]] = []
    for part in population.each():
        here = pc.equal(pc.fill_null(part.people.column("account_id"), ""), row["account_id"])
        members += part.people.filter(here).select(list(names)).to_pylist()
    return {
        "kind": "account",
        "as_of": as_of.isoformat(),
        "account_id": row["account_id"],
        "name": row["name"],
        "score": row["score.total"],
        "fit": row["account.fit"],
        "grade": row["grade"],
        "roles": row["account.roles"],
        "people": members,
    }


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
