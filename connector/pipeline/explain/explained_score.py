"""One person's numbers, explained: lines that add up, what was written and what changed since, what is missing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.delivery.last_shown import UNSURE
from connector.domain.outbox_states import OWN_GROUPS
from connector.mapping.scoring import ScoringModel
from connector.pipeline.explain.looking_back import Ground
from connector.pipeline.people.census import Census
from connector.pipeline.people.passes import PopulationPart
from connector.pipeline.people.population import Population
from connector.pipeline.versions import model_at
from connector.scoring.compile import QUESTIONS, compile_model
from connector.scoring.people.cooling import HORIZON_DAYS, goes_cold
from connector.scoring.people.declared import DIFFERS, FOUND, PREFIX
from connector.scoring.people.shares import shares_of_total
from connector.scoring.people.totals import DIMENSIONS
from connector.scoring.reasons import top_reasons
from connector.scoring.score import Scored

_LINE = ("dimension", "rule", "points", "count", "first_on", "last_on")


def score_document(
    ground: Ground, population: Population, part: PopulationPart, row: Mapping[str, Any]
) -> dict[str, Any]:
    """Give the JSON of one person's numbers: computed as of the instant, and beside them what was shown last."""
    census, person_id = ground.census, str(row["person_id"])
    model = census.mappings.scoring
    scores, lines = (_rows(table, person_id) for table in (part.scores, part.lines))
    today: dict[str, Any] = scores.to_pylist()[0]
    parts = {name: today[f"{name}_part"] for name in DIMENSIONS}
    told = _lines(model, lines.to_pylist(), parts)
    reasons = top_reasons(Scored(scores, lines, population.accounts), model, longest=1000).to_pylist()[0]
    shown = json.loads(row["shown"]) if row["shown"] else None
    return {
        "total": today["total"],
        "parts": parts,
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
        "opening": reasons["opening"],
        "missing": _missing(today, told, model),
        "lines": told,
        "shown": None if shown is None else {name: shown.get(name) for name in ("total", "grade", "verdict", "stage")},
        "undelivered": _undelivered(ground, row),
        "unsure": bool(row.get(UNSURE)),
        "changes": changes(census, person_id, today, told, as_of=ground.as_of),
        "goes_cold": _cold(ground, population, today, person_id),
        **_further(today, row),
    }


def _undelivered(ground: Ground, row: Mapping[str, Any]) -> dict[str, str] | None:
    """Say what keeps the numbers decided last from the record; None where they stand there."""
    census = ground.census
    lane = f"{census.crm.system}:{row['record']}"
    # Of one record, of whom few rows wait; the last one carries what was decided last.
    rows = [one for one in census.store.outbox.each_unsettled() if one.lane == lane and one.group in OWN_GROUPS]
    if not rows:
        return None
    last = rows[-1]
    return {"state": last.state.value, "held_by": last.held_by, "code": last.code, "fixer": last.fixer}


def _rows(table: pa.Table, person_id: str) -> pa.Table:
    return table.filter(pc.equal(table.column("person_id"), person_id))


def _lines(model: ScoringModel, lines: Sequence[Mapping[str, Any]], parts: Mapping[str, float]) -> list[dict[str, Any]]:
    """Give the lines with what each adds to the total (``to_total``): of a dimension they add up to its part."""
    shares = shares_of_total(compile_model(model).weights, lines, parts)
    return [
        {**{name: _plain(line[name]) for name in _LINE}, "to_total": share}
        for line, share in zip(lines, shares, strict=True)
    ]


def _missing(today: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], model: ScoringModel) -> dict[str, Any]:
    """Say what nobody knows: the fact that would decide, and the questions without an answer."""
    answered = {line["rule"] for line in lines if line["dimension"] == "qualification"}
    asked = list(model.dimensions.qualification.bants)
    return {
        "deciding_fact": today["deciding_fact"],
        "fit_range": [today["fit_low"], today["fit_high"]],
        "unanswered": [question for question in asked if question not in answered],
    }


def changes(
    census: Census,
    person_id: str,
    today: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]],
    *,
    as_of: datetime,
) -> dict[str, Any] | None:
    """Say what changed since the number was written last; where nothing did, since it was another one.

    Compared are the lines kept with what was written, so no past is computed again. None where nothing was ever
    written, or nothing else than now.
    """
    history = [row for row in census.store.knowledge.score_history(person_id).to_pylist() if row["at"] <= as_of]
    for row in reversed(history):
        then = json.loads(row["lines"])
        used = model_at(census.store, row["at"])
        same = used is not None and all(census.mappings.files.get(n) == text for n, text in used.files.items())
        moved = _moved(then, lines, same_model=same)
        if moved:
            return {
                "since": row["at"].isoformat(),
                "same_model": same,
                "total": {"then": row["total"], "now": today["total"]},
                **{name: {"then": row[name], "now": today[name]} for name in (*DIMENSIONS, "grade", "verdict")},
                "lines": moved,
            }
    return None


def _moved(
    then: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]], *, same_model: bool
) -> list[dict[str, Any]]:
    """List the lines that are others than before, those that moved most first."""
    before = {(line["dimension"], line["rule"]): line for line in then}
    after = {(line["dimension"], line["rule"]): line for line in now}
    found = []
    for key in dict.fromkeys([*after, *before]):
        was, is_ = before.get(key), after.get(key)
        points = (0.0 if was is None else was["points"], 0.0 if is_ is None else is_["points"])
        why = _why(was, is_, same_model=same_model)
        if why is not None:
            last_on = (is_ or was or {}).get("last_on")
            words = {"dimension": key[0], "rule": key[1], "then": points[0], "now": points[1]}
            found.append(words | {"change": round(points[1] - points[0], 1), "why": why, "last_on": last_on})
    return sorted(found, key=lambda one: (-abs(one["change"]), one["dimension"], one["rule"]))


def _why(was: Mapping[str, Any] | None, is_: Mapping[str, Any] | None, *, same_model: bool) -> str | None:
    """Say how a line moved: ``new``, ``gone``, ``again``, ``fewer``, ``aged``, ``other``; None where it did not."""
    if was is None or is_ is None:
        return "new" if was is None else "gone"
    if is_["dimension"] != "interest" or is_["rule"] == "limit":
        return None if was["points"] == is_["points"] else "other"
    counts = (was.get("count") or 0, is_.get("count") or 0)
    if counts[0] != counts[1] or was.get("last_on") != is_.get("last_on"):
        return "again" if counts[1] > counts[0] or str(is_.get("last_on")) > str(was.get("last_on")) else "fewer"
    if was["points"] == is_["points"]:
        return None
    # A falling return that is negative rises as it ages.
    return "aged" if same_model and abs(is_["points"]) < abs(was["points"]) else "other"


def _cold(ground: Ground, population: Population, today: Mapping[str, Any], person_id: str) -> dict[str, Any] | None:
    """Estimate when somebody cools down if nothing new happens; None where that is not within the horizon."""
    census = ground.census
    cold = goes_cold(
        compile_model(census.mappings.scoring),
        population.signals.activities.of_rules(census.mappings.scoring, person_id),
        letter=str(today["grade"])[0],
        as_of=ground.as_of,
        time_zone=census.time_zone,
    )
    if cold is None or today["verdict"] == "disqualified":
        return None
    return {
        "within_days": HORIZON_DAYS,
        "interest": _step(cold.band_on, cold.band),
        "verdict": _step(cold.verdict_on, cold.verdict),
    }


def _step(day: date | None, way: tuple[Any, Any] | None) -> dict[str, Any] | None:
    return None if day is None or way is None else {"on": day.isoformat(), "from": way[0], "to": way[1]}


def _further(today: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """Give flags, numbers of further models, and the evidence of answers and declared facts."""
    known = {f"score.{name}" for name in today} | {"score.reasons", "score.date"}
    flags = {n: _plain(v) for n, v in today.items() if n.startswith(("too_hot", "early_alert")) and v is not None}
    models: dict[str, dict[str, Any]] = {}
    for name, value in row.items():
        words = name.split(".")
        if len(words) == 3 and words[0] == "score" and name not in known:
            models.setdefault(words[1], {})[words[2]] = _plain(value)
    return {"flags": flags, "models": models, "answers": _answers(row), "declared": _declared(row)}


def _answers(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give each answered question with its evidence; ``by`` is a CRM user id, null where nobody is named."""
    found = []
    for question in QUESTIONS:
        answer = row.get(f"bants.{question}")
        if answer is not None:
            by, when = row.get(f"bants.{question}.by"), _plain(row.get(f"bants.{question}.on"))
            seen = None if by else "seen by handoff"
            found.append({"question": question, "answer": answer, "by": by, "on": when, "evidence": seen})
    return found


def _declared(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give each fact that the person declared: what they said, which counts, and what was found elsewhere."""
    said = {name.removeprefix(PREFIX): value for name, value in row.items() if name.startswith(PREFIX)}
    differing = (row.get(DIFFERS) or "").split(", ")
    return [
        {"fact": name, "said": _plain(value), "found": _plain(row.get(FOUND + name)), "differs": name in differing}
        for name, value in said.items()
        if value is not None
    ]


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
