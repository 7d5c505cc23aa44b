"""Bulk jobs through whole cycles of the program: ended, killed, signed out, aborted, refused in part."""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.survival.boundaries import Watch
from benchmarks.survival.commands import Commands
from benchmarks.survival.place import AT, Place

PEOPLE = 40
#: from so few rows on a cycle makes a job
FROM = 5
Load = tuple[Path, dict[str, bytes]]
_JOBS = r"/services/data/v[0-9.]+/jobs/ingest"


def _by_job(place: Place) -> None:
    """Let large plans go as jobs, by a sign-in that can be renewed."""
    ready = place.ready["salesforce"]
    place.env(SF_ID=ready["client_id"], SF_SECRET=ready["client_secret"])
    auth = "{flow: client_credentials, client_id: '${SF_ID}', client_secret: '${SF_SECRET}'}"
    place.configure(auth=f"{auth}, bulk_from: {FROM}")


def _run(place: Place, *, code: int = 0) -> dict[str, Any]:
    done = place.handoff("run", "--once", "--as-of", AT.isoformat(), "--json")
    assert done.code == code, (done.code, done.out[-2000:], done.err[-2000:])
    return done.json


def _jobs(place: Place) -> list[str]:
    """Give the states of all jobs."""
    ready = place.ready["salesforce"]
    url = f"{ready['url']}/services/data/v62.0/jobs/ingest"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {ready['access_token']}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return [job["state"] for job in json.load(answer)["records"]]


@pytest.fixture(scope="module")
def load(prepared: Callable[[int], Path], tmp_path_factory: pytest.TempPathFactory, commands: Commands) -> Load:
    """Run a first load whose own fields go as jobs, and nothing happens."""
    folder = tmp_path_factory.mktemp("bulk") / "place"
    shutil.copytree(prepared(PEOPLE), folder)
    with Place(folder, commands) as place:
        _by_job(place)
        assert _run(place)["verdict"] == "green"
        assert _jobs(place), "the plan was large enough"
        assert set(_jobs(place)) == {"JobComplete"}
        return prepared(PEOPLE), place.snapshots()


def test_a_job_leaves_what_batches_leave(load: Load, place_of: Callable[[Path], Place]) -> None:
    place = place_of(load[0])
    _run(place)
    assert _jobs(place) == []
    assert place.snapshots() == load[1]


@pytest.mark.parametrize("moment", ["after POST jobs/ingest", "after PATCH jobs/ingest"])
def test_killed_during_a_job(load: Load, place_of: Callable[[Path], Place], moment: str) -> None:
    place = place_of(load[0])
    _by_job(place)
    watch = Watch(end_at=f"{moment}#1", sender_seconds=0.6)
    assert place.handoff("run", "--once", "--as-of", AT.isoformat(), watch=watch).code == -9
    assert _run(place)["settled"]
    assert place.snapshots() == load[1]


def test_the_session_ends_while_the_job_is_looked_at(load: Load, place_of: Callable[[Path], Place]) -> None:
    place = place_of(load[0])
    _by_job(place)
    place.faults("salesforce", {"match": rf"^GET {_JOBS}/", "what": "expire_token", "count": 1})
    assert _run(place)["verdict"] == "green"
    assert place.struck("salesforce") == [1]
    assert place.snapshots() == load[1]


def test_a_job_that_is_never_closed_is_aborted_and_its_rows_go_again(
    load: Load, place_of: Callable[[Path], Place]
) -> None:
    place = place_of(load[0])
    _by_job(place)
    place.faults("salesforce", {"match": rf"^PATCH {_JOBS}/", "what": "reset", "count": 1})
    assert _run(place)["verdict"] == "green"
    assert "Aborted" in _jobs(place)
    assert place.snapshots() == load[1]


def test_rows_that_a_job_refuses_are_told_and_the_rest_is_written(
    load: Load, place_of: Callable[[Path], Place]
) -> None:
    place = place_of(load[0])
    _by_job(place)
    rule = {"object": "Lead", "values": {"field": "Fax", "message": "A fax number, please"}}
    place.act("salesforce", {"do": "set_validation_rule", **rule})
    # More are dead than an operator wants to see, so the cycle is red.
    document = _run(place, code=1)
    assert document["writes"]["dead"] > 0
    assert document["writes"]["dead"] + document["writes"]["written"] == document["writes"]["planned"]
    assert set(document["updated"]) == {"account", "contact"}
    assert "FIELD_CUSTOM_VALIDATION_EXCEPTION" in json.dumps(place.json("outbox", "list"))
