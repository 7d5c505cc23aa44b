"""Memory as it stood at an earlier instant: who was who, what had been answered, which model was in use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from connector.ports.store import (
    IDENTITIES,
    PERSONS,
    SCORE_HISTORY,
    STAGE_MOVES,
    Decisions,
    Review,
    Version,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def decisions(**changes: Any) -> Decisions:
    none = {"identities": IDENTITIES, "persons": PERSONS, "stage_moves": STAGE_MOVES, "scores": SCORE_HISTORY}
    values: dict[str, Any] = {name: schema.empty_table() for name, schema in none.items()}
    return Decisions(**{"run_id": "run", "plan_id": "plan", "at": NOW, **values, **changes})


def identity(*pairs: tuple[str, str]) -> pa.Table:
    rows = [{"system": "s", "object": "o", "id": id_, "person_id": person} for id_, person in pairs]
    return pa.Table.from_pylist(rows, IDENTITIES)


def move(person: str, to: str, entry: int, at: datetime) -> pa.Table:
    row = {"person_id": person, "entry": entry, "from_stage": "inquiry", "to_stage": to, "at": at, "run_id": "run"}
    return pa.Table.from_pylist([row], STAGE_MOVES)


def history(person: str, at: datetime, total: float) -> pa.Table:
    row = {"person_id": person, "at": at, "run_id": "run", "model": "m", "total": total, "grade": "A1", "lines": "[]"}
    return pa.Table.from_pylist([row], SCORE_HISTORY)


def whose(table: pa.Table) -> dict[str, str]:
    assert table.schema == IDENTITIES
    return {row["id"]: row["person_id"] for row in table.to_pylist()}


def test_references_are_whose_they_were(store):
    commit = store.knowledge.commit_decisions
    commit(decisions(identities=identity(("1", "a"), ("2", "b"))))
    commit(decisions(at=NOW + HOUR, identities=identity(("2", "a"), ("3", "c"))))
    commit(decisions(at=NOW + 2 * HOUR, identities=identity(("2", "b"))))
    past = store.past
    assert whose(past.identities(NOW - HOUR)) == {}
    assert whose(past.identities(NOW)) == {"1": "a", "2": "b"}
    assert whose(past.identities(NOW + HOUR)) == {"1": "a", "2": "a", "3": "c"}
    assert whose(past.identities(NOW + 2 * HOUR)) == whose(store.knowledge.identities())
    assert past.retired(NOW) == []
    assert past.retired(NOW + HOUR) == ["b"]
    assert past.retired(NOW + 2 * HOUR) == []


def test_a_repeated_commit_changes_no_past(store):
    first = decisions(identities=identity(("1", "a")))
    second = decisions(at=NOW + HOUR, identities=identity(("1", "b")))
    for each in (first, second, second):
        store.knowledge.commit_decisions(each)
    assert whose(store.past.identities(NOW)) == {"1": "a"}
    assert whose(store.past.identities(NOW + HOUR)) == {"1": "b"}


def test_the_erased_are_in_no_past(store):
    commit = store.knowledge.commit_decisions
    commit(decisions(identities=identity(("1", "a"), ("2", "b"))))
    commit(decisions(at=NOW + HOUR, identities=identity(("1", "b"))))
    receipt = store.knowledge.erase(["b"], hashes=[], who="ops", at=NOW + 2 * HOUR)
    assert receipt["identities_past"] == 1
    assert whose(store.past.identities(NOW)) == {}


def test_answers_count_from_when_they_were_given(store):
    review = Review("r1", "person", "a", "[]", NOW)
    store.knowledge.commit_decisions(decisions(reviews=[review]))
    answer: dict[str, Any] = {"answer": "x", "who": "ops"}
    store.knowledge.answer_review("r1", state="accepted", at=NOW + HOUR, **answer)
    store.knowledge.reopen_review("r1", who="ops", at=NOW + 2 * HOUR)
    store.knowledge.answer_review("r1", state="rejected", at=NOW + 3 * HOUR, **answer)

    def then(hours: int) -> list[tuple[str, str]]:
        return [(one.state, one.answer) for one in store.past.reviews(NOW + hours * HOUR)]

    assert store.past.reviews(NOW - HOUR) == []
    assert then(0) == [("open", "")]
    assert then(1) == [("accepted", "x")]
    assert then(2) == [("open", "withdrawn:accepted:x")]
    assert store.past.reviews(NOW + 3 * HOUR) == store.knowledge.reviews()
    assert [one.id for one in store.past.reviews(NOW + 2 * HOUR, "withdrawn")] == ["r1"]
    assert store.past.reviews(NOW + HOUR, "open") == []


def test_stage_and_shown_number_are_those_of_then(store):
    commit = store.knowledge.commit_decisions
    commit(decisions(stage_moves=move("a", "mql", 1, NOW), scores=history("a", NOW, 40.0)))
    later = NOW + HOUR
    commit(decisions(at=later, stage_moves=move("a", "nurture", 2, later), scores=history("a", later, 20.0)))
    assert store.past.persons(["a", "z"], NOW - HOUR).num_rows == 0
    (row,) = store.past.persons(["a", "z"], NOW).to_pylist()
    assert (row["stage"], row["stage_since"], row["stage_entry"]) == ("mql", NOW, 1)
    assert '"total": 40.0' in row["shown"]
    (row,) = store.past.persons(["a"], later + HOUR).to_pylist()
    assert (row["stage"], row["stage_entry"]) == ("nurture", 2)


def version(digest: str, **words: Any) -> Version:
    given = {"by": "Ada", "because": "a try", "first_used": NOW, "files": {"scoring.yaml": f"name: {digest}\n"}}
    return Version("scoring", 0, digest, **{**given, **words})


def test_versions_are_numbered_once_and_used_in_spans(store):
    meet = store.versions.meet
    assert meet(version("x"), run_id="r1", at=NOW) == 1
    assert meet(version("x", because="another word"), run_id="r2", at=NOW + HOUR) == 1
    assert meet(version("y", first_used=NOW + 2 * HOUR), run_id="r3", at=NOW + 2 * HOUR) == 2
    store.versions.tell("scoring", {"sales": 3})
    store.versions.tell("scoring", {"sales": 4})
    assert meet(version("x"), run_id="r4", at=NOW + 3 * HOUR) == 1
    assert store.versions.versions("mappings") == []
    one, two = store.versions.versions("scoring")
    assert (one.number, one.because, one.files) == (1, "a try", {"scoring.yaml": "name: x\n"})
    assert (two.number, two.first_used) == (2, NOW + 2 * HOUR)
    spans = [(use.number, use.since, use.run_id) for use in store.versions.uses("scoring")]
    assert spans == [(1, NOW, "r1"), (2, NOW + 2 * HOUR, "r3"), (1, NOW + 3 * HOUR, "r4")]
    assert store.versions.uses("scoring")[1].results == {"first": {"sales": 3}, "last": {"sales": 4}}
