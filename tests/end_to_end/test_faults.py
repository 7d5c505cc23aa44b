"""What goes wrong between us and the vendors changes nothing of what stands there in the end."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.survival.buyers import a_day_of_buyers
from benchmarks.survival.commands import Commands
from benchmarks.survival.place import Place

PEOPLE = 40
#: the path of creations in sets, and of updates: what reads and patches in one go, and own fields without a look
_COLLECTIONS = r"^POST /services/data/v[0-9.]+/composite/sobjects"
_COMPOSITE = r"^(POST /services/data/v[0-9.]+/composite|PATCH /services/data/v[0-9.]+/composite/sobjects)$"
_SF = "salesforce"
_HS = "hubspot"

CASES: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "an answer to a creation is lost": (_SF, [{"match": _COLLECTIONS, "what": "drop_after_commit", "count": 1}]),
    "the answers to the first three creations are lost": (
        _SF,
        [{"match": _COLLECTIONS, "what": "drop_after_commit", "count": 3}],
    ),
    "an answer to an update is lost": (_SF, [{"match": _COMPOSITE, "what": "drop_after_commit", "count": 4}]),
    "a proxy sends creations twice": (_SF, [{"match": _COLLECTIONS, "what": "duplicate", "count": 9}]),
    "a proxy sends updates twice": (_SF, [{"match": _COMPOSITE, "what": "duplicate", "count": 9}]),
    "the connection is reset before a creation": (_SF, [{"match": _COLLECTIONS, "what": "reset", "count": 1}]),
    "the connection is reset before anything": (_SF, [{"match": "^POST", "what": "reset", "count": 2}]),
    "the rate limit strikes at creations": (_SF, [{"match": _COLLECTIONS, "what": "429", "count": 2}]),
    "the rate limit strikes at reads and updates": (_SF, [{"match": _COMPOSITE, "what": "429", "count": 2}]),
    "an answer is cut": (_SF, [{"match": _COLLECTIONS, "what": "truncate", "count": 1}]),
    "rows are locked": (_SF, [{"match": _COLLECTIONS, "what": "lock_row", "count": 1}]),
    "HubSpot's rate limit strikes": (_HS, [{"match": "", "what": "429", "count": 3, "retry_after": 1}]),
    "HubSpot's edge answers with a page": (_HS, [{"match": "", "what": "html_502", "count": 2}]),
    "HubSpot's answers are cut": (_HS, [{"match": "/events", "what": "truncate", "count": 2}]),
    "HubSpot's connections are reset": (_HS, [{"match": "/search", "what": "reset", "count": 2}]),
}


@pytest.fixture(scope="module")
def day(loaded, tmp_path_factory: pytest.TempPathFactory, commands: Commands) -> tuple[Path, Any, dict[str, bytes]]:
    """A day of buyers before its cycle, the clock of the cycle, and what it leaves where nothing goes wrong."""
    folder = tmp_path_factory.mktemp("day")
    shutil.copytree(loaded(PEOPLE), folder / "before")
    with Place(folder / "before", commands) as place:
        day = a_day_of_buyers(place)
    shutil.copytree(folder / "before", folder / "after")
    with Place(folder / "after", commands) as place:
        assert place.cycle(day.at)["created"] == {"task": 2, "lead": 1}
        return folder / "before", day.at, place.snapshots()


def _to_its_end(place: Place, at: Any, *, tries: int = 3) -> None:
    """Run cycles until one is green; a read that stays impossible may cost one of them."""
    for _ in range(tries):
        done = place.handoff("run", "--once", "--as-of", at.isoformat(), "--json")
        assert done.code in {0, 4}, done
        if done.code == 0 and done.json["verdict"] == "green":
            return
    raise AssertionError(f"no cycle became green: {done}")


@pytest.mark.parametrize("name", CASES)
def test_a_fault_leaves_the_same_orgs(name, day, place_of: Callable[[Path], Place]):
    template, at, undisturbed = day
    vendor, faults = CASES[name]
    place = place_of(template)
    place.faults(vendor, *faults)
    _to_its_end(place, at)
    assert all(place.struck(vendor)), "a fault that never struck proves nothing"
    place.faults(vendor)
    if place.snapshots() != undisturbed:
        place.cycle(at)  # judged after the next cycle
    assert place.snapshots() == undisturbed


def test_a_creation_that_commits_late_is_not_repeated(day, place_of: Callable[[Path], Place]):
    template, at, undisturbed = day
    place = place_of(template)
    place.faults(_SF, {"match": _COLLECTIONS, "what": "commit_late", "after": "2m", "count": 1})
    place.handoff("run", "--once", "--as-of", at.isoformat(), "--json")
    assert place.struck(_SF) == [1]
    place.faults(_SF)
    place.ask(_SF, "clock", {"advance": "11m"})
    _to_its_end(place, at)
    assert place.snapshots() == undisturbed


def test_a_token_that_expires_is_renewed_and_the_day_goes_on(day, place_of: Callable[[Path], Place]):
    template, at, undisturbed = day
    place = place_of(template)
    ready = place.ready["salesforce"]
    place.configure(auth="{flow: client_credentials, client_id: '${SF_ID}', client_secret: '${SF_SECRET}'}")
    place.env(SF_ID=ready["client_id"], SF_SECRET=ready["client_secret"])
    place.faults(_SF, {"match": _COLLECTIONS, "what": "expire_token", "count": 1})
    _to_its_end(place, at)
    assert place.struck(_SF) == [1]
    place.faults(_SF)
    assert place.snapshots() == undisturbed
