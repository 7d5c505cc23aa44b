"""Rows and cursor become durable together: whatever breaks on the way, it is all there or nothing is."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.errors import LocalFault
from connector.lake import segments as protocol

T0 = datetime(2026, 3, 1, tzinfo=UTC)


class PowerCut(BaseException):
    """The process ends here; nobody catches this."""


def _break(patch: pytest.MonkeyPatch, point: str, error: BaseException, place: Any) -> None:
    def cut(*_args: object, **_words: object) -> None:
        raise error

    match point:
        case "write":
            patch.setattr(protocol.pq, "write_table", cut)
        case "fsync":
            patch.setattr(protocol.os, "fsync", cut)
        case "replace":
            patch.setattr(Path, "replace", cut)
        case "fsync folder":
            patch.setattr(protocol, "fsync", cut)
        case "commit":
            patch.setattr(type(place.manifest), "commit_segments", cut)


POINTS = ("write", "fsync", "replace", "fsync folder", "commit")


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_leaves_the_old_cursor_and_the_retry_the_same_result(
    place: Any, say: Any, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    place.land(say.version("1", fields={"a": "old"}), cursor="before")
    items = (say.version("1", T0 + timedelta(hours=1), fields={"a": "new"}), say.version("2"), say.activity("v"))
    with monkeypatch.context() as patch:
        _break(patch, point, PowerCut(), place)
        with pytest.raises(PowerCut):
            place.land(*items, cursor="after")
    assert place.manifest.cursor("crm", "stream") == "before"
    assert place.current()["1"]["f:a"] == "old"
    assert set(place.current()) == {"1"}
    landed = place.land(*items, cursor="after")
    assert (landed.records, landed.activities, landed.repeated) == (2, 1, 0)
    assert place.manifest.cursor("crm", "stream") == "after"
    assert place.current()["1"]["f:a"] == "new"
    assert place.lake.activities(["crm"], as_of=T0).num_rows == 1


def test_a_kill_after_the_commit_leaves_nothing_to_do(place: Any, say: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = type(place.manifest).commit_segments

    def commit_and_die(*args: Any, **words: Any) -> None:
        commit(*args, **words)
        raise PowerCut

    with monkeypatch.context() as patch:
        patch.setattr(type(place.manifest), "commit_segments", commit_and_die)
        with pytest.raises(PowerCut):
            place.land(say.version("1"), cursor="after")
    assert place.manifest.cursor("crm", "stream") == "after"
    assert place.land(say.version("1"), cursor="after").repeated == 1


@pytest.mark.parametrize("point", ["fsync", "replace", "fsync folder"])
def test_a_full_disk_is_a_local_fault_that_names_the_place(
    place: Any, say: Any, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    _break(monkeypatch, point, OSError(28, "No space left on device"), place)
    with pytest.raises(LocalFault) as caught:
        place.land(say.version("1"))
    assert caught.value.code == "lake.write_failed"
    assert caught.value.at == str(place.root)
    assert place.manifest.cursor("crm", "stream") is None


@pytest.mark.parametrize("harm", ["missing", "empty", "cut", "rubbish"])
def test_a_harmed_segment_is_named(place: Any, say: Any, harm: str) -> None:
    place.land(*(say.version(str(number), fields={"a": "x" * 50}) for number in range(50)))
    place.land(say.version("other", T0 + timedelta(hours=1)))
    segment = place.manifest.segments()[0]
    path = place.root / segment.path
    data = path.read_bytes()
    match harm:
        case "missing":
            path.unlink()
        case "empty":
            path.write_bytes(b"")
        case "cut":
            path.write_bytes(data[: len(data) // 2])
        case "rubbish":
            path.write_bytes(os.urandom(len(data)))
    place.restart()
    for read in (place.current, lambda: place.land(say.version("1", fields={"a": "y"}))):
        with pytest.raises(LocalFault) as caught:
            read()
        assert caught.value.code == "lake.segment_unreadable"
        assert segment.path in caught.value.message


def _age(path: Path, days: int, *, now: datetime) -> None:
    stamp = (now - timedelta(days=days)).timestamp()
    os.utime(path, (stamp, stamp))


def test_sweeping_takes_old_unlisted_files_only(place: Any, say: Any) -> None:
    now = datetime.now(UTC)
    place.land(say.version("1"))
    (listed,) = place.files()
    folder = listed.parent
    old, young, draft = folder / "old.parquet", folder / "young.parquet", place.root / "staging" / "old.parquet"
    for path in (old, young, draft):
        path.write_bytes(b"half")
    for path in (old, draft, listed):
        _age(path, 3, now=now)
    assert place.landing.sweep(now=now) == 2
    assert place.files() == sorted([listed, young])
    assert place.landing.sweep(now=now) == 0
    assert set(place.current()) == {"1"}


def test_retired_segments_go_after_a_grace_for_readers(place: Any, say: Any) -> None:
    place.land(say.version("1"))
    segment = place.manifest.segments()[0]
    # files may be far older than the moment they were replaced
    _age(place.root / segment.path, 30, now=datetime.now(UTC))
    place.manifest.commit_segments((), [segment.path], {})
    now = datetime.now(UTC)
    assert place.landing.sweep(now=now) == 0
    later = now + timedelta(days=2)
    # a cycle told to live two days ahead takes nothing from readers who live today
    assert place.landing.sweep(now=later) == 0
    place.restart(clock=lambda: later)
    assert place.landing.sweep(now=now) == 0
    assert place.landing.sweep(now=later) == 1
    assert place.manifest.retired_before(later) == []
    assert place.files() == []
