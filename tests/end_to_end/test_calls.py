"""A first load and a quiet cycle cost no call more than the smallest possible, on both sides."""

from __future__ import annotations

import pytest

from benchmarks.survival.place import VENDORS, Place

PEOPLE = 1000


@pytest.fixture(scope="module")
def passes(tmp_path_factory, prepared, commands) -> dict[str, dict[str, dict[str, object]]]:
    import shutil

    folder = tmp_path_factory.mktemp("calls") / "place"
    shutil.copytree(prepared(PEOPLE), folder)
    with Place(folder, commands) as place:
        counted = {}
        for name in ("first load", "quiet cycle"):
            place.mark()
            document = place.cycle()
            counted[name] = place.calls()
            for vendor in VENDORS:
                told = document["api_calls"][vendor]
                # what was forecast before the writes is what they cost
                assert 0 < told["used"] <= told["forecast"] <= told["used"] + 1
        assert document["writes"]["planned"] == 0
        return counted


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("cycle", ["first load", "quiet cycle"])
def test_no_call_is_spent_beyond_the_smallest_number(passes, cycle, vendor):
    calls = passes[cycle][vendor]
    over = {n: s for n, s in calls["streams"].items() if s["used"] > s["floor"]}
    assert calls["used"] <= calls["floor"], over
    assert calls["violations"] == 0
    assert "fault" not in calls["apart"]
