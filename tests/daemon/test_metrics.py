"""What Prometheus reads: sound by its own parser, named by its conventions, bounded, and the same as the page says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from daemon_house import Desk
from prometheus_client.parser import text_string_to_metric_families
from small_house import T0

from connector.ports.traits import Usage
from connector.ports.waits import Waits

PAGE = next(folder for folder in Path(__file__).parents if (folder / "docs" / "operating.md").is_file())
PAGE = PAGE / "docs" / "operating.md"
_ROW = re.compile(r"^\| `(handoff_\w+)(?:\{([\w, ]*)\})?` \| (counter|gauge|histogram) \|", re.MULTILINE)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A daemon that has lived through a first load, a request, a failing system and a held row."""
    folder = tmp_path_factory.mktemp("metrics")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("connector.daemon.jobs.check_ready", lambda _house, today: None)
        usage = Usage(used=40, limit=1000, seen_at=T0)
        patch.setattr("adapters.memory.MemoryCrm.usage", lambda _self: usage)
        made = Desk(folder, f"sqlite:///{folder}/state.db")
        # Of this one alone: Python remembers of a class, for the whole process, which protocols it once met.
        patch.setattr(made.small.crm, "waits", lambda: Waits(3, 2, 4.5), raising=False)
        made.past_the_baseline()
        made.small.asks("e1", "1")
        made.hands.on(minutes=5)
        made.fire("crm")
        made.small.source.faults.unreachable(1)
        made.hands.on(minutes=1)
        made.fire("source")
        yield made
        made.small.close()


def _families(desk: Desk) -> dict[str, Any]:
    text = desk.metrics.exposition().decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def _values(desk: Desk, sample: str) -> dict[tuple[str, ...], float]:
    """Give a sample's values by those of its labels, in the order of the labels' names."""
    found = {}
    for family in _families(desk).values():
        for one in family.samples:
            if one.name == sample:
                found[tuple(value for _, value in sorted(one.labels.items()))] = one.value
    return found


def test_every_metric_has_words_a_type_and_a_name_by_the_conventions(desk: Desk) -> None:
    families = _families(desk)
    ours = {name: family for name, family in families.items() if name.startswith("handoff_")}
    assert len(ours) > 25
    for name, family in ours.items():
        assert family.documentation, name
        assert family.type in {"counter", "gauge", "histogram"}, name
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
        assert not re.search(r"_(ms|millis|minutes|hours|days|kb|mb|percent)\b", name)
        if family.type == "histogram":
            assert name.endswith("_seconds")
        for sample in family.samples:
            if family.type == "counter":
                assert sample.name.endswith("_total"), sample.name
            assert not sample.name.endswith("_created")
    assert "process_resident_memory_bytes" in families
    assert "process_open_fds" in families


def test_the_page_and_the_registry_agree(desk: Desk) -> None:
    told = {}
    for name, labels, kind in _ROW.findall(PAGE.read_text("utf-8")):
        told[name] = (kind, {label.strip() for label in labels.split(",") if label.strip()})
    real: dict[str, tuple[str, set[str]]] = {}
    for name, family in _families(desk).items():
        if name.startswith("handoff_"):
            shown = f"{name}_total" if family.type == "counter" else name
            labels = set().union(*(sample.labels for sample in family.samples)) - {"le"}
            real[shown] = (family.type, labels)
    assert told == real


def test_labels_are_bounded_and_hold_no_people(desk: Desk) -> None:
    text = desk.metrics.exposition().decode()
    assert "@" not in text
    assert "Doe" not in text
    assert len(text.splitlines()) < 600
    runs = {run.id for run in desk.store.runs.last(100)}
    assert not any(run in text for run in runs)


def test_the_figures_are_those_of_the_cycles(desk: Desk) -> None:
    cycles = _values(desk, "handoff_cycles_total")
    assert cycles["crm", "green"] == 2
    assert cycles["source", "red"] == 1
    assert cycles["fast_lane", "green"] == 0, "what has not happened is zero, not absent"
    assert _values(desk, "handoff_cycle_duration_seconds_count")["crm",] == 2
    assert _values(desk, "handoff_step_duration_seconds_count")["store",] == 2
    assert _values(desk, "handoff_job_failures_total") == {("memory.unreachable", "source"): 1}
    assert _values(desk, "handoff_pulled_rows_total")["activities", "hubspot"] >= 1
    assert _values(desk, "handoff_landed_rows_total")["leads", "crm"] >= 1
    assert _values(desk, "handoff_persons")[()] == 1
    assert _values(desk, "handoff_dispositions")["fast_lane",] == 1
    assert _values(desk, "handoff_writes_total")["written",] == sum(
        count for state, count in desk.store.outbox.counts().items() if state == "done"
    )
    assert _values(desk, "handoff_outbox_rows") == dict.fromkeys(
        [("todo",), ("doing",), ("held",), ("unknown",), ("dead",)], 0
    )
    # one call before the first cycle: the house described its own fields
    assert 0 <= desk.small.crm.calls() - _values(desk, "handoff_api_calls_total")["crm",] <= 1
    assert _values(desk, "handoff_api_calls_vendor_remaining") == {("crm",): 960}
    assert _values(desk, "handoff_api_calls_ceiling") == {("crm",): 500}
    assert _values(desk, "handoff_api_calls_last_day")["crm",] > 0
    assert _values(desk, "handoff_api_retries_total")["crm",] == 3
    assert _values(desk, "handoff_api_rate_limited_total")["crm",] == 2
    assert _values(desk, "handoff_api_wait_seconds_total")["crm",] == 4.5
    segments = desk.store.manifest.segments()
    assert _values(desk, "handoff_lake_segments")[()] == len(segments)
    assert _values(desk, "handoff_lake_bytes")[()] == sum(segment.size_bytes for segment in segments)
    assert _values(desk, "handoff_engine_lease_held")[()] == 1
    assert _values(desk, "handoff_writes_paused")[()] == 0
    assert _values(desk, "handoff_last_success_timestamp_seconds")["crm",] < desk.hands.wall.timestamp()


def test_lag_grows_while_a_stream_cannot_be_read(desk: Desk) -> None:
    before = _values(desk, "handoff_stream_lag_seconds")
    assert before["activities", "hubspot"] >= 60
    assert set(before) >= {("leads", "crm"), ("contacts", "hubspot")}
    desk.hands.on(hours=1)
    after = _values(desk, "handoff_stream_lag_seconds")
    assert after["activities", "hubspot"] == before["activities", "hubspot"] + 3600
