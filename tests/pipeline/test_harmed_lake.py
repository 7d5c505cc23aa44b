"""A cycle that meets a harmed file of the lake decides nothing, loses nothing, and goes on once the file is back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from small_house import House

from connector.errors import LocalFault
from connector.lake.checking import check_segments


@pytest.fixture
def house(tmp_path: Path, state_url: str) -> Iterator[House]:
    made = House(tmp_path, state_url)
    made.account()
    made.contact("1", title="CEO", employees=500)
    made.lead("L1", "1")
    yield made
    made.store.close()


def _memory(house: House) -> Any:
    """What was decided and how far everything was read."""
    store = house.store
    with store.database.read() as connection:
        cursors = connection.exec_driver_sql("SELECT system, stream, cursor FROM cursors ORDER BY 1, 2").all()
    return store.outbox.counts(), store.knowledge.persons(), store.knowledge.marks(), cursors


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 4
    path.write_bytes(data)


@pytest.mark.parametrize("harm", [Path.unlink, _cut, _flip], ids=["missing", "short", "flipped"])
def test_nothing_is_decided_and_nothing_lost(house: House, harm: Callable[[Path], None]) -> None:
    assert house.run().verdict == "green"
    root = house.engine.lake_root
    victims = [segment for segment in house.store.manifest.segments() if segment.stream == "records/hubspot/contact"]
    path = root / victims[0].path
    data, before = path.read_bytes(), _memory(house)
    harm(path)
    house.contact("1", title="CFO", employees=500)
    house.contact("2", title="CTO", employees=500)
    with pytest.raises(LocalFault) as raised:
        house.run()
    assert (raised.value.code, raised.value.exit_code) == ("lake.segment_unreadable", 5)
    assert victims[0].path in raised.value.message
    assert "backup" in raised.value.cure
    counts, persons, marks, _ = _memory(house)
    assert (counts, marks) == (before[0], before[2])
    assert persons.equals(before[1])
    assert [one.path for one in check_segments(root, house.store.manifest)] == [victims[0].path]
    path.write_bytes(data)
    assert house.run().verdict == "green"
    assert check_segments(root, house.store.manifest) == []
    names = {person["person_id"] for person in house.store.knowledge.persons().to_pylist()}
    assert len(names) == 2
    assert house.run().writes["planned"] == 0
