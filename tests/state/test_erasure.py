from __future__ import annotations

from contextlib import closing

import pyarrow as pa

from connector.ports.store import IDENTITIES, PERSONS, Review
from state import open_store
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


def test_no_file_of_the_state_keeps_who_was_erased_beside_a_process_that_has_it_open(tmp_path, words):
    """SQLite's log and free pages would go on showing them until somebody wrote enough, or for good."""
    url = f"sqlite:///{tmp_path / 'state.db'}"
    person = dict.fromkeys(PERSONS.names) | {"person_id": "p1", "shown": "Ada Lovelace " * 500}
    with closing(open_store(url)) as daemon, closing(open_store(url)) as command:
        daemon.knowledge.commit_decisions(words.decisions(persons=pa.Table.from_pylist([person], PERSONS)))
        assert _files_that_hold(tmp_path, b"Ada Lovelace") != []
        command.knowledge.erase(["p1"], hashes=["h1"], who="ann", at=words.NOW)
        assert _files_that_hold(tmp_path, b"Ada Lovelace") == []


def test_erasing_does_not_wait_for_somebody_who_reads(tmp_path, words):
    url = f"sqlite:///{tmp_path / 'state.db'}"
    with closing(open_store(url)) as daemon, closing(open_store(url)) as command:
        with daemon.database.read() as reading:
            reading.exec_driver_sql("SELECT count(*) FROM persons").fetchall()
            command.knowledge.erase([], hashes=["h1"], who="ann", at=words.NOW)
            # a writer is not kept waiting either, and the process waits as long as ever for its next commit
            with command.database.write() as writing:
                assert writing.exec_driver_sql("PRAGMA busy_timeout").scalar_one() > 1000
        assert daemon.knowledge.tombstones() == {"h1"}


def _files_that_hold(folder, needle):
    return [file.name for file in sorted(folder.iterdir()) if needle in file.read_bytes()]
