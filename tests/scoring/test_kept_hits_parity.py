"""Scores from hits kept on the disk against the slow reference: everybody, only a few, however the history landed."""

from __future__ import annotations

import random
import tempfile
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from scoring_effort import looking_at
from scoring_parity import differences, expected, plain
from scoring_worlds import random_world

from connector.domain.records import Activity, Page
from connector.domain.refs import Ref
from connector.lake.landing import Landing
from connector.lake.streaming import ActivityRows
from connector.mapping.scoring import ScoringModel
from connector.scoring.compile import compile_model
from connector.scoring.hits.store import HitStore
from connector.scoring.rescore import People, rescore
from connector.scoring.score import Scored, roll_up
from state.store import open_store

SYSTEM = "web"


def deed_of(row):
    who = Ref(SYSTEM, "visitor", row["identity"] or row["person_id"])
    words = {name: row[name] for name in ("path", "asset", "value")}
    return Activity(Ref(SYSTEM, "visit", row["activity_id"]), row["type"], who, row["occurred_at"], **words)


def some(world, people):
    """People, each with all identities that deeds of theirs can have."""
    people = sorted(people, key=lambda row: row["person_id"])
    ids = [(place, f"{row['person_id']}{more}") for place, row in enumerate(people) for more in ("", "-0", "-1")]
    identities = {
        "person": pa.array([place for place, _ in ids], pa.int32()),
        "system": pa.array([SYSTEM] * len(ids), pa.string()),
        "object": pa.array(["visitor"] * len(ids), pa.string()),
        "id": pa.array([id_ for _, id_ in ids], pa.string()),
    }
    return People(world.but(people=people).people_table(), pa.table(identities))


@looking_at(6)
@given(seed=st.integers(0, 2**32))
def test_kept_hits_score_as_the_reference_does_however_they_landed(seed):
    rnd = random.Random(seed)
    world = random_world(rnd)
    rows = [{name: value for name, value in row.items() if name != "landed_at"} for row in world.activities]
    world, model = world.but(activities=rows), ScoringModel.model_validate(world.model)
    wanted = expected(world)
    with tempfile.TemporaryDirectory() as folder:
        state = open_store(f"sqlite:///{folder}/state.db")
        landing = Landing(Path(folder) / "lake", state.manifest)
        store = HitStore(Path(folder) / "hits", compile_model(model), world.zone)
        steps = rnd.randint(1, 4)
        for step in range(steps, 0, -1):
            now = world.as_of - timedelta(minutes=step - 1)
            # what was told before is told again, now and then
            page = [row for row in rows if rnd.random() < 1 / step]
            landing.land(
                SYSTEM, "s", [Page([], [deed_of(row) for row in page], cursor="c", last=True)], shapes={}, landed_at=now
            )
            store.catch_up(ActivityRows(Path(folder) / "lake", state.manifest), [SYSTEM], as_of=now)
        more = {"as_of": world.as_of, "time_zone": world.zone}
        whole = next(rescore(store, model, [some(world, world.people)], world.accounts_table(), **more))
        few = [row for row in world.people if rnd.random() < 0.3] or world.people[:1]
        touched = next(rescore(store, model, [some(world, few)], world.accounts_table(), **more))
        state.close()
    rolled_up = roll_up(model, whole.standings, world.accounts_table(), **more)
    assert differences(wanted, plain(Scored(whole.scores, whole.lines, rolled_up))) == []
    ids = {row["person_id"] for row in few}
    for name in ("scores", "lines"):
        mine = [row for row in wanted[name] if row["person_id"] in ids]
        assert differences({name: mine}, {name: getattr(touched, name).to_pylist()}) == []
