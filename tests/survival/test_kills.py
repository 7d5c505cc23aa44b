"""A cycle killed anywhere, whatever is in the air, and run again leaves the same orgs; and the judge can say no.

The long form is ``benchmarks/survival/kills.py``. Here a few telling pairs of boundary and fault are tried, and
``HANDOFF_KILLS=N`` draws N more, by the seed ``HANDOFF_KILL_SEED``.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from benchmarks.survival.judge import complaints
from benchmarks.survival.kills import Pair, World, busy_day, campaign, choose, first_load, strike
from benchmarks.survival.trouble import COMPOSITES, CREATIONS, TROUBLES, Trouble

PEOPLE = 40
MORE = int(os.environ.get("HANDOFF_KILLS", "0"))
SEED = int(os.environ.get("HANDOFF_KILL_SEED", "1"))
_CREATED = "after POST composite/sobjects"
_CREATES = "before POST composite/sobjects"
_UPDATES = "before POST composite"
#: the boundary by its kind and its place among those of its kind, the fault, and whether a rep types meanwhile
TELLING = (
    (_CREATED, 0, ("salesforce", "drop_after_commit", CREATIONS), False),
    (_CREATED, -1, ("salesforce", "duplicate", CREATIONS), False),
    (_CREATES, -1, ("salesforce", "commit_late", CREATIONS), True),
    (_UPDATES, -1, ("salesforce", "expire_token", COMPOSITES), True),
    ("commit", -9, ("salesforce", "lock_row", CREATIONS), True),
    ("rename", 3, ("hubspot", "429", "/search"), False),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory, loaded, commands) -> World:
    return busy_day(tmp_path_factory.mktemp("day"), commands, loaded=loaded(PEOPLE))


def _at(world: World, kind: str, place: int) -> str:
    return [boundary for boundary in world.boundaries if boundary.rpartition("#")[0] == kind][place]


def _trouble(vendor: str, what: str, match: str) -> Trouble:
    return next(each for each in TROUBLES if (each.vendor, each.what, each.match) == (vendor, what, match))


def test_every_kind_of_boundary_is_seen(world):
    kinds = Counter(boundary.rpartition("#")[0] for boundary in world.boundaries)
    assert kinds["commit"] > 20
    assert kinds["rename"] > 8
    assert kinds["fsync"] > 15
    assert min(kinds[kind] for kind in ("read", "delete", _CREATES, _CREATED, _UPDATES, "after POST composite")) >= 2


def test_kills_with_faults_in_the_air_leave_the_same_orgs(world):
    pairs = [Pair(_at(world, kind, place), _trouble(*fault), typed) for kind, place, fault, typed in TELLING]
    verdicts = list(campaign(world, pairs + (choose(world, seed=SEED, pairs=MORE) if MORE else [])))
    assert {str(verdict.pair): list(map(str, verdict.wrong)) for verdict in verdicts if verdict.wrong} == {}
    # only what the answer to a lost request would have led to may not be reached
    assert sum(not verdict.killed for verdict in verdicts) <= 1 + len(verdicts) // 10
    assert all(verdict.struck for verdict in verdicts[: len(pairs)]), "a fault that never struck proves nothing"


def test_kills_of_the_first_load_leave_the_same_orgs(tmp_path, prepared, commands):
    world = first_load(tmp_path, commands, prepared=prepared(PEOPLE))
    verdicts = campaign(world, choose(world, seed=SEED, pairs=MORE or 1))
    assert {str(verdict.pair): list(map(str, verdict.wrong)) for verdict in verdicts if verdict.wrong} == {}


@pytest.mark.parametrize(
    ("mistake", "boundary", "kind"),
    [
        ("double", (_CREATED, -1), "doubled"),
        ("lose", (_CREATES, -1), "lost"),
        ("overwrite", (_CREATES, 0), "overwritten"),
    ],
)
def test_a_mistake_in_the_program_is_found_out(world, mistake, boundary, kind):
    harmless = next(trouble for trouble in TROUBLES if trouble.what == "delay" and trouble.vendor == "salesforce")
    pair = Pair(_at(world, *boundary), harmless, typed=kind == "overwritten")
    verdict = strike(world, pair, f"mistake-{mistake}", plant=mistake, cycles=2)
    assert verdict.killed
    kinds = Counter(complaint.kind for complaint in verdict.wrong)
    assert kinds[kind], list(map(str, verdict.wrong))
    if kind == "doubled":
        # under another key each task is another one; one more than there should be is a double
        assert kinds["doubled"] > kinds["lost"], list(map(str, verdict.wrong))


def test_what_is_planted_by_hand_is_found_out(world):
    place = world.open("by-hand")
    try:
        assert world.run(place).json["settled"]
        assert complaints(world.undisturbed[False], place.snapshots()) == []
        task = place.query("SELECT Id, Subject, WhoId, OwnerId FROM Task WHERE Handoff_Key__c != null")[0]
        values = {name: task[name] for name in ("Subject", "WhoId", "OwnerId")}
        lead = place.query(f"SELECT Id, Email FROM Lead WHERE Email = '{world.day.filled[0]}'")[0]

        def kinds(act: dict[str, object], **words: object) -> set[str]:
            place.act("salesforce", act)
            return {complaint.kind for complaint in complaints(world.undisturbed[False], place.snapshots(), **words)}

        assert "doubled" in kinds({"do": "create", "object": "Task", "values": values})
        edit = {"do": "edit", "object": "Lead", "id": lead["Id"], "values": {"Title": "Somebody else's"}}
        assert "overwritten" in kinds(edit, edited=[("Lead", lead["Email"], "Title")])
        assert "lost" in kinds({"do": "delete", "object": "Task", "id": task["Id"]})
    finally:
        world.close(place)
