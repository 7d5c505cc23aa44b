from __future__ import annotations

import pyarrow as pa

from connector.ports.store import IDENTITIES, PERSONS, Review
from state.tables import METADATA


def _holds(store, needle):
    """Look for a text in every column of every table."""
    with store.database.read() as connection:
        return [
            table.name
            for table in METADATA.sorted_tables
            for row in connection.exec_driver_sql(f"SELECT * FROM {table.name}")
            if any(needle in str(value) for value in row)
        ]


def test_erased_person_is_nowhere_and_stays_out(hand, words):
    person = dict.fromkeys(PERSONS.names) | {"person_id": "p1", "shown": "Ada"}
    secret = {"person_id": "p1", "fields": {"Name": "Ada"}, "reason": "Ada asked"}
    hand.add(
        words.update("done", **secret),
        words.update("lost", **secret),
        words.update("lost2", **secret),
        words.update("dead", **secret),
        words.update("other", person_id="p2"),
        words.create("todo", person_id="p1", priority=9),
        identities=pa.Table.from_pylist(
            [{"system": "hubspot", "object": "email", "id": "Ada@x", "person_id": "p1"}], IDENTITIES
        ),
        persons=pa.Table.from_pylist([person], PERSONS),
        reviews=[Review("rev", "person", "p1", '["Ada"]', words.NOW)],
    )
    rows = {row.write.id: row for row in hand.claim(5)}
    hand.settle(rows["done"], "written", before={"Name": "Ada L"})
    hand.settle(rows["dead"], "rejected", message="Ada is no good")
    hand.settle(rows["lost"], "unknown")
    receipt = hand.store.knowledge.erase(["p1"], hashes=["h1", "h2"], who="ann", at=words.NOW)
    assert receipt == {
        "identities_past": 0, "identities": 1, "persons": 1, "stage_moves": 0, "score_history": 0, "account_moves": 0,
        "reviews": 1, "quarantine": 0, "outbox": 3, "plans": 0, "tombstones": 2
    }  # fmt: skip
    assert hand.store.knowledge.tombstones() == {"h1", "h2"}
    assert _holds(hand.store, "Ada") == ["outbox", "outbox"], "what is on its way cannot be taken back"
    hand.settle(rows["lost"], "written", before={"Name": "Ada L"})
    hand.settle(rows["lost2"], "retry")
    assert _holds(hand.store, "Ada") == []
    assert hand.states() == ["done", "done", "superseded", "superseded", "doing", "superseded"]
    hand.add(words.create("todo", person_id="p1", plan_id="p2"))
    assert hand.states().count("todo") == 0
    hand.store.knowledge.erase([], hashes=["h3", "h2"], who="ann", at=words.NOW)
    hand.store.knowledge.erase([], hashes=["another"], who="ann", at=words.NOW)
    assert hand.store.knowledge.lift_tombstones(["h1", "h9"], who="ann", at=words.NOW) == 3, "one person's go together"
    assert hand.store.knowledge.tombstones() == {"another"}
