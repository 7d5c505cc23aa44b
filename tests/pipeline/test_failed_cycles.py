"""A cycle that fails tells of its rows all the same: what was sent before it failed, and what goes on waiting."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from small_house import House

from adapters.memory import MemoryCrm
from connector.errors import AccessError, TransientError


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a house past its baseline whose CRM takes two rows at once."""
    made = House(tmp_path, f"sqlite:///{tmp_path}/state.db", crm=MemoryCrm({"batch_size": 2}, system="crm"))
    made.account()
    for number in range(4):
        made.contact(str(number), title="CEO")
        made.lead(f"L{number}", str(number))
    for _ in range(3):
        made.run()
    yield made
    made.close()


def _shut_after(house: House, monkeypatch: pytest.MonkeyPatch, batches: int) -> list[str]:
    """Let the CRM's token end after so many batches; give the ids of records that are written from now on."""
    apply, written = house.crm.apply, []

    def applied(writes: Any, *, now: Any) -> Any:
        if len(written) >= batches * 2:
            raise AccessError("memory.token", "the token has ended")
        written.extend(write.id or write.key for write in writes)
        return apply(writes, now=now)

    monkeypatch.setattr(house.crm, "apply", applied)
    return written


def _ask(house: House) -> None:
    for number in range(4):
        for view in range(5):
            house.did(f"view{number}{view}", "page_view", str(number), path="/pricing")
        house.asks(f"ask{number}", str(number))


def test_a_token_that_ends_while_rows_are_sent_leaves_a_report_of_all_of_them(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    _ask(house)
    written = _shut_after(house, monkeypatch, 1)
    cycle = house.cycle()
    with pytest.raises(AccessError):
        cycle.run()
    document = cycle.report.document()
    writes = document["writes"]
    assert (document["verdict"], document["error"]["code"]) == ("red", "memory.token")
    assert writes["written"] == len(written) == 2
    assert writes["planned"] > 2
    assert writes["held"] == document["held_by"]["retry"] == writes["planned"] - 2
    assert document["settled"] is False
    monkeypatch.undo()
    house.did("after", "page_view", "0", path="/nothing")
    report = house.run("sources")
    assert report.writes["planned"] == writes["held"], "it has read what was written, and wishes for nothing anew"
    assert house.run().writes["planned"] == 0


def test_a_source_that_does_not_answer_leaves_a_report_of_what_waits(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    _ask(house)
    _shut_after(house, monkeypatch, 0)
    with pytest.raises(AccessError):
        house.run()
    waiting = sum(house.store.outbox.unsettled_counts().values())
    assert waiting
    house.source.faults.unreachable(100)
    cycle = house.cycle()
    with pytest.raises(TransientError):
        cycle.run()
    document = cycle.report.document()
    assert document["writes"]["planned"] == document["held_by"]["retry"] == waiting
    assert document["settled"] is False
