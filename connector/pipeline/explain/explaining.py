"""One person or account, explained: who they are, every line of the score, the stage, the work, the story."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from connector.domain.few_at_work import few_at_work
from connector.errors import LocalFault
from connector.mapping.lost import without
from connector.pipeline.explain.explained_account import account_document, takes_in
from connector.pipeline.explain.explained_person import person_document
from connector.pipeline.explain.finding import Somebody, find
from connector.pipeline.explain.looking_back import Ground, stand_at
from connector.pipeline.explain.reach import assure_all_of, reach, wider
from connector.pipeline.incremental.news import Grown
from connector.pipeline.incremental.touched import Touched
from connector.pipeline.intake.drift import drifted, lost_by
from connector.pipeline.people.census import Census
from connector.pipeline.people.gathering import hold
from connector.pipeline.people.population import take_census
from connector.pipeline.people.workplace import automation_ids, users
from connector.pipeline.scratch import Scratch, open_scratch
from connector.pipeline.versions import model_at
from connector.pipeline.working import SETTING_USER


@dataclass(frozen=True, slots=True)
class Explanation:
    """What ``handoff explain`` shows; ``document`` is its JSON."""

    document: dict[str, Any]


def explain(
    census: Census,
    who: str,
    *,
    as_of: datetime,
    last: datetime | None = None,
    hindsight: bool = False,
    lake_root: Path | None = None,
) -> Explanation:
    """Explain a person or an account; ``connector.pipeline.explain.finding`` says how they may be named. Reads only.

    Args:
        census: see there; its mappings are the files as they are.
        who: whom.
        as_of: the instant; before ``last`` what was known and in use then counts (``looking_back``).
        last: the last cycle's clock, None where none has run.
        hindsight: by what is known now of what had happened by then.
        lake_root: the lake's folder: of others than are asked about counts what the last cycle has kept there, where it
            still holds; None: everybody is worked anew. What is told is the same.

    Raises:
        ConfigError: nobody is known by that name at that time, several are, or the model of that time is unreadable.
    """
    ground = stand_at(census, as_of, last=last, hindsight=hindsight)
    model = _model(ground, census)
    census = ground.census
    # What systems have stopped telling is unknown as it is to the cycles; of the past no such thing is kept.
    lost = [] if ground.past else drifted(census.store)
    census = replace(census, mappings=without(census.mappings, lost_by(lost)), lost=lost_by(lost))
    ground = replace(ground, census=census)
    told = _told_of_few(ground, who.strip(), None if ground.past or hindsight else lake_root)
    head = {"kind": told.pop("kind"), "as_of": as_of.isoformat(), "known": _known(ground), "model": model}
    fields = [{"field": f"{one.system} {one.object}.{one.field}", "words": one.words()} for one in lost if one.facts]
    return Explanation(head | {"lost": fields} | told)


def _told_of_few(ground: Ground, who: str, lake_root: Path | None) -> dict[str, Any]:
    """Give the JSON of whoever is meant, found out among as few people as it takes; see ``explain``."""
    census, touched = ground.census, None
    if lake_root is not None:
        own = census.store.switches.setting(SETTING_USER)
        touched = reach(census, lake_root, who, own, as_of=ground.as_of)
    # A look leaves nothing in the lake, which it may not even be allowed to write to.
    with TemporaryDirectory(prefix="handoff-") as folder, open_scratch(Path(folder)) as scratch:
        for number in count():
            try:
                with few_at_work(None if touched is None else len(touched.persons)):
                    return _told(ground, who, touched, scratch.within(f"try-{number}"))
            except Grown as grown:
                assert touched is not None
                touched = wider(census, touched, grown)
            except LocalFault as fault:
                # A cycle may have put what is kept in order meanwhile.
                if touched is None or not fault.code.startswith("kept."):
                    raise
                touched = None
    raise AssertionError("everybody is never too few")


def _told(ground: Ground, who: str, touched: Touched | None, scratch: Scratch) -> dict[str, Any]:
    """Give the JSON of whoever is meant, found out among ``touched``, or among everybody.

    Raises:
        ConfigError: see ``explain``.
        Grown: others than the touched matter as well.
    """
    census, as_of = ground.census, ground.as_of
    if touched is not None:
        census = replace(census, lake=census.lake.of(touched.references, census.of_people()))
    holdings = hold(census.lake, census.traits, as_of=as_of, asked=census.asked())
    names_of_programs = census.mappings.routing.automation_users
    everybody = users(holdings, census.crm)
    own = census.store.switches.setting(SETTING_USER)
    census = replace(census, automation=automation_ids(everybody, names_of_programs, own))
    ground = replace(ground, census=census)
    population = take_census(census, holdings, scratch, now=as_of, explained=True, touched=touched)
    found = find(census, population, who)
    if isinstance(found, Somebody):
        return person_document(ground, population, found, {user.id: user.username for user in everybody})
    accounts = takes_in(ground, population, found)
    if touched is not None:
        assure_all_of(touched, accounts)
    return account_document(ground, population, found, accounts)


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
