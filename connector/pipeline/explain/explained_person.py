"""One person, explained: identity, match, numbers with their lines, stage, work, story."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.mapping.fields import CHANNELS
from connector.pipeline.explain.explained_score import score_document
from connector.pipeline.explain.finding import Somebody
from connector.pipeline.explain.looking_back import Ground
from connector.pipeline.people.census import Census
from connector.pipeline.people.population import Population
from connector.quarantine.evidence import document_of

#: how many of the latest events the story tells
_TIMELINE = 50


def person_document(ground: Ground, population: Population, found: Somebody, names: dict[str, str]) -> dict[str, Any]:
    """Give the JSON of one person; ``names`` are the CRM's users by id."""
    census, person_id = ground.census, found.person_id
    part = population.part(found.part)
    row = rows_of(part.people, person_id)[0]
    score = score_document(ground, population, part, row)
    for answer in score["answers"]:
        answer["by"] = names.get(str(answer["by"]), answer["by"])
    return {
        "kind": "person",
        "person_id": person_id,
        "identity": _identity(census, population, row, person_id),
        "match": _match(census, row, person_id),
        "score": score,
        "opt_out": {
            channel: {"closed": bool(row[f"opt_out.{channel}"]), "by": _names(row[f"opt_out.{channel}_by"])}
            for channel in CHANNELS
        },
        "stage": _stage(ground, row, person_id),
        "owner": names.get(str(row.get("owner_id")), row.get("owner_id")),
        "tasks": [_task(task, names) for task in population.tasks if task["person_id"] == person_id],
        "task_times": [
            {"rule": one.rule, "event": plain(one.event_at), "task": plain(one.task_at), "seconds": one.seconds}
            for one in census.store.task_times.of_person(person_id)
            if one.task_at <= ground.as_of or not ground.past
        ],
        "timeline": _timeline(population, person_id),
        "quarantine": _quarantine(ground, population, person_id),
    }


def rows_of(table: pa.Table, person_id: str) -> list[dict[str, Any]]:
    """Give one person's rows."""
    rows: list[dict[str, Any]] = table.filter(pc.equal(table.column("person_id"), person_id)).to_pylist()
    return rows


def plain(value: Any) -> Any:
    """Give dates and instants as text."""
    return value.isoformat() if hasattr(value, "isoformat") else value


def _names(told: str | None) -> list[str]:
    return told.split(", ") if told else []


def _identity(census: Census, population: Population, row: dict[str, Any], person_id: str) -> dict[str, Any]:
    why = rows_of(population.identified.why, person_id)
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
                "at": plain(review.answered_at),
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
            {"at": plain(move["at"]), "from": move["from_account"], "to": move["to_account"], "cause": move["cause"]}
            for move in census.store.knowledge.account_moves(person_id).to_pylist()
        ],
    }


def _stage(ground: Ground, row: dict[str, Any], person_id: str) -> dict[str, Any]:
    """Tell the stage: where somebody was left by the last cycle of the time, with the way there."""
    knowledge = ground.census.store.knowledge
    moves = knowledge.stage_moves(person_id).to_pylist()
    return {
        "stage": row["stage"],
        "since": plain(row["stage_since"]),
        "entry": row["stage_entry"],
        "disposition": row["disposition"],
        "cool_off_until": plain(row["cool_off_until"]),
        "moves": [{name: plain(move[name]) for name in ("at", "from_stage", "to_stage", "because")} for move in moves],
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
    return [
        {name: plain(event[name]) for name in names if event[name] is not None}
        | ({"quarantined": True} if event["quarantined"] else {})
        for event in reversed(events)
    ]


def _quarantine(ground: Ground, population: Population, person_id: str) -> list[dict[str, Any]]:
    """Give what machines did in this person's name, latest first: held, and released by somebody."""
    census, store = ground.census, ground.census.store.quarantine
    refs = rows_of(population.identified.identities, person_id)
    names = [f"{ref['system']}:{ref['object']}:{ref['id']}" for ref in refs]
    rows = store.rows_of(names, as_of=None if ground.hindsight else ground.as_of).to_pylist()
    said = [one for one in store.answers() if one.known_at is None or ground.hindsight or one.known_at <= ground.as_of]
    documents = [document_of(row, said, census.mappings.scoring.bots) for row in rows if row["state"] != "cleared"]
    for document in documents:
        for name in ("occurred_at", "since"):
            document[name] = plain(document[name])
        if document["answer"] is not None:
            document["answer"]["at"] = plain(document["answer"]["at"])
    return documents[:_TIMELINE]
