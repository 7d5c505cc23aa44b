"""One person or account, explained: who they are, every line of the score, the stage, the work, the story."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from connector.mapping.lost import without
from connector.pipeline.explain.explained_account import account_document
from connector.pipeline.explain.explained_person import person_document
from connector.pipeline.explain.finding import Somebody, find
from connector.pipeline.explain.looking_back import Ground, stand_at
from connector.pipeline.intake.drift import drifted, lost_by
from connector.pipeline.people.census import Census
from connector.pipeline.people.gathering import hold
from connector.pipeline.people.population import take_census
from connector.pipeline.people.workplace import automation_ids, users
from connector.pipeline.scratch import open_scratch
from connector.pipeline.versions import model_at
from connector.pipeline.working import SETTING_USER


@dataclass(frozen=True, slots=True)
class Explanation:
    """What ``handoff explain`` shows; ``document`` is its JSON."""

    document: dict[str, Any]


def explain(
    census: Census, who: str, *, as_of: datetime, last: datetime | None = None, hindsight: bool = False
) -> Explanation:
    """Explain a person or an account; ``connector.pipeline.explain.finding`` says how they may be named. Reads only.

    Args:
        census: see there; its mappings are the files as they are.
        who: whom.
        as_of: the instant; before ``last`` what was known and in use then counts (``looking_back``).
        last: the last cycle's clock, None where none has run.
        hindsight: by what is known now of what had happened by then.

    Raises:
        ConfigError: nobody is known by that name at that time, several are, or the model of that time is unreadable.
    """
    ground = stand_at(census, as_of, last=last, hindsight=hindsight)
    model = _model(ground, census)
    census = ground.census
    # What systems have stopped telling is unknown as it is to the cycles; of the past no such thing is kept.
    lost = [] if ground.past else drifted(census.store)
    census = replace(census, mappings=without(census.mappings, lost_by(lost)), lost=lost_by(lost))
    holdings = hold(census.lake, census.traits, as_of=as_of, asked=census.asked())
    names_of_programs = census.mappings.routing.automation_users
    own = census.store.switches.setting(SETTING_USER)
    everybody = users(holdings, census.crm)
    census = replace(census, automation=automation_ids(everybody, names_of_programs, own))
    ground = replace(ground, census=census)
    names = {user.id: user.username for user in everybody}
    # A look leaves nothing in the lake, which it may not even be allowed to write to.
    with TemporaryDirectory(prefix="handoff-") as folder, open_scratch(Path(folder)) as scratch:
        population = take_census(census, holdings, scratch, now=as_of, explained=True)
        found = find(census, population, who.strip())
        if isinstance(found, Somebody):
            told = person_document(ground, population, found, names)
        else:
            told = account_document(ground, population, found)
    head = {"kind": told.pop("kind"), "as_of": as_of.isoformat(), "known": _known(ground), "model": model}
    fields = [{"field": f"{one.system} {one.object}.{one.field}", "words": one.words()} for one in lost if one.facts]
    return Explanation(head | {"lost": fields} | told)


def _known(ground: Ground) -> str:
    """Say what the numbers rest on: ``today``, ``then``, or ``now`` of what had happened by then (hindsight)."""
    if ground.hindsight:
        return "now"
    return "then" if ground.past else "today"


def _model(ground: Ground, census: Census) -> dict[str, Any]:
    """Say which model counts: its name, the version's number, since when, and who changed it why.

    ``number`` is None where no cycle kept the model, or the files have been changed since the last one.
    """
    store, mappings = census.store, ground.census.mappings
    words = {"name": mappings.scoring.name, "number": None, "first_used": None, "by": None, "because": None}
    used = model_at(store, ground.as_of if ground.past and not ground.hindsight else None)
    if used is None or not _is(used.files, mappings.files):
        return words
    told = {"number": used.number, "first_used": used.first_used.isoformat()}
    return words | told | {"by": used.by or None, "because": used.because or None}


def _is(files: Any, of_all: Any) -> bool:
    """Say whether these files are among all of a folder, word for word."""
    return all(of_all.get(name) == text for name, text in files.items())
