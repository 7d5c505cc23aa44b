"""A harmed file is named with its cure, and a folder that takes nothing leaves nothing behind."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from io import FileIO
from pathlib import Path
from typing import Any

import pytest

from connector.errors import LocalFault
from connector.lake.checking import check_segments

T0 = datetime(2026, 3, 1, tzinfo=UTC)


def flip(path: Path, place: float = 0.5) -> None:
    """Turn one bit, as a worn disk does."""
    data = bytearray(path.read_bytes())
    data[int(len(data) * place)] ^= 4
    path.write_bytes(data)


def test_a_whole_lake_has_no_problems(place: Any, say: Any) -> None:
    assert check_segments(place.root, place.manifest) == []
    place.land(say.version("1"), say.activity("v"))
    assert check_segments(place.root, place.manifest) == []


def test_each_harmed_file_is_listed_with_its_cure(place: Any, say: Any) -> None:
    for number in range(4):
        place.land(say.version(str(number), fields={"a": "x" * 99}))
    first, second, third, _ = place.manifest.segments()
    flip(place.root / first.path)
    (place.root / second.path).unlink()
    (place.root / third.path).write_bytes(b"")
    problems = check_segments(place.root, place.manifest)
    assert [(one.path, one.kind) for one in problems] == [
        (first.path, "corrupt"),
        (second.path, "missing"),
        (third.path, "short"),
    ]
    for one in problems:
        assert (one.stream, one.rows) == ("records/crm/contact", 1)
        assert one.path in str(one)
        assert "backup" in str(one)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def _grow(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


def _spoil_footer(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-40:-8] = b"\xff" * 32
    path.write_bytes(data)


def _spoil_magic(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"2")


def _flip_values(path: Path) -> None:
    flip(path, 0.2)


def _forbid(path: Path) -> None:
    path.unlink()
    # for the superuser nothing is forbidden; a folder in its place cannot be read by him either
    path.mkdir()


#: harm, what the quick look says, what the checksums say
HARMS = [
    (Path.unlink, "missing", "missing"),
    (_cut, "short", "short"),
    (_grow, "corrupt", "corrupt"),
    (_spoil_footer, "corrupt", "corrupt"),
    (_spoil_magic, "corrupt", "corrupt"),
    (_forbid, "unreadable", "unreadable"),
    (_flip_values, None, "corrupt"),
]


@pytest.mark.parametrize(("harm", "quick", "deep"), HARMS, ids=lambda one: getattr(one, "__name__", str(one)))
def test_the_quick_look_sees_all_but_turned_bits_and_the_reader_is_told_the_same(
    place: Any, say: Any, harm: Any, quick: str | None, deep: str
) -> None:
    place.land(*(say.version(str(number), fields={"a": "x" * number}) for number in range(60)), cursor="before")
    place.land(say.activity("v"), cursor="before")
    segment = place.manifest.segments("records/crm/contact")[0]
    harm(place.root / segment.path)
    for how, kind in ((False, quick), (True, deep)):
        found = [(one.path, one.kind) for one in check_segments(place.root, place.manifest, deep=how)]
        assert found == ([] if kind is None else [(segment.path, kind)])
    place.restart()
    for read in (place.current, lambda: place.land(say.version("1", fields={"a": "y"}), cursor="after")):
        with pytest.raises(LocalFault) as caught:
            read()
        assert caught.value.code == "lake.segment_unreadable"
        assert caught.value.message == f"segment {segment.path} is {deep}"
        assert caught.value.exit_code == 5
        assert ("right to read" if deep == "unreadable" else "backup") in caught.value.cure
    assert place.manifest.cursor("crm", "stream") == "before"
    assert place.lake.activities(["crm"], as_of=datetime.max.replace(tzinfo=UTC)).num_rows == 1


def test_a_file_that_may_not_be_read_is_named_with_the_right_that_is_missing(
    place: Any, say: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.land(say.version("1"))
    place.restart()
    opened = Path.open

    def refuse(self: Path, *words: Any, **more: Any) -> Any:
        if self.suffix == ".parquet":
            raise PermissionError(13, "Permission denied")
        return opened(self, *words, **more)

    monkeypatch.setattr(Path, "open", refuse)
    for deep in (False, True):
        assert [one.kind for one in check_segments(place.root, place.manifest, deep=deep)] == ["unreadable"]
    with pytest.raises(LocalFault, match="is unreadable") as caught:
        place.current()
    assert "right to read" in caught.value.cure


def test_a_file_nobody_lists_is_nobodys_problem(place: Any, say: Any) -> None:
    place.land(say.version("1"))
    (path,) = place.files()
    path.with_name("20260101T000000000000-0000000000000000.parquet").write_bytes(path.read_bytes())
    assert check_segments(place.root, place.manifest) == []
    assert set(place.current()) == {"1"}


def test_a_file_that_was_merged_away_while_we_looked_is_no_problem(
    place: Any, say: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.land(say.version("1"))
    listing = place.manifest.segments

    def list_then_retire(stream: str | None = None) -> Any:
        segments = listing(stream)
        monkeypatch.setattr(place.manifest, "segments", listing)
        place.manifest.commit_segments((), [one.path for one in segments], {})
        (place.root / segments[0].path).unlink()
        return segments

    monkeypatch.setattr(place.manifest, "segments", list_then_retire)
    assert check_segments(place.root, place.manifest) == []


@pytest.mark.parametrize("where", [0.02, 0.3, 0.6, 0.98])
def test_one_turned_bit_is_not_read(place: Any, say: Any, where: float) -> None:
    place.land(*(say.version(str(number), fields={"a": f"value {number}"}) for number in range(99)))
    place.land(*(say.activity(str(number)) for number in range(99)))
    harmed = place.manifest.segments()
    for segment in harmed:
        flip(place.root / segment.path, where)
    place.restart()
    for read in (
        place.current,
        lambda: place.lake.versions("crm", "contact", as_of=T0),
        lambda: place.lake.activities(["crm"], as_of=T0),
        lambda: place.land(say.version("1")),
        lambda: place.land(say.activity("1")),
    ):
        with pytest.raises(LocalFault) as caught:
            read()
        assert caught.value.code == "lake.segment_unreadable"
        assert any(segment.path in caught.value.message for segment in harmed)
        assert "backup" in caught.value.cure


def test_a_file_that_is_put_back_is_read_again(place: Any, say: Any) -> None:
    place.land(say.version("1"))
    (path,) = place.files()
    data = path.read_bytes()
    flip(path)
    with pytest.raises(LocalFault):
        place.current()
    path.write_bytes(data)
    assert set(place.current()) == {"1"}


def _refuse(patch: pytest.MonkeyPatch, point: str, error: OSError) -> None:
    def refuse(*_args: object, **_words: object) -> None:
        raise error

    class Full(FileIO):
        """Takes half of what it is given, then nothing."""

        def write(self, data: Any) -> int:
            if len(data) < 400:
                raise error
            return super().write(data[: len(data) // 2])

    match point:
        case "folder":
            patch.setattr(Path, "mkdir", refuse)
        case "open":
            patch.setattr(Path, "open", refuse)
        case "write":
            patch.setattr(Path, "open", lambda self, mode="r", **_: Full(self, mode))
        case "fsync":
            patch.setattr(os, "fsync", refuse)


@pytest.mark.parametrize(
    ("point", "number"), [("folder", 30), ("open", 30), ("open", 13), ("write", 28), ("fsync", 28), ("fsync", 5)]
)
def test_a_folder_that_takes_nothing(
    place: Any, say: Any, monkeypatch: pytest.MonkeyPatch, point: str, number: int
) -> None:
    if point != "folder":
        place.land(say.version("0"), cursor="before")
    cursor, files = place.manifest.cursor("crm", "stream"), place.files()
    items = [say.version(str(n), fields={"a": f"{n}" * 9}) for n in range(1, 50)]
    with monkeypatch.context() as patch:
        _refuse(patch, point, OSError(number, os.strerror(number)))
        with pytest.raises(LocalFault) as caught:
            place.land(*items, cursor="after")
    assert caught.value.code == "lake.write_failed"
    assert os.strerror(number) in caught.value.message
    assert "free space or rights" in caught.value.cure
    assert (place.manifest.cursor("crm", "stream"), place.files()) == (cursor, files)
    assert place.land(*items, cursor="after").records == 49
    assert place.manifest.cursor("crm", "stream") == "after"


def test_a_sweep_that_may_not_delete_says_so(place: Any, say: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    place.land(say.version("1"))
    draft = place.root / "staging" / "old.parquet"
    draft.write_bytes(b"half")
    os.utime(draft, (0, 0))

    def refuse(*_args: object, **_words: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        with pytest.raises(LocalFault):
            place.landing.sweep(now=datetime.now(UTC))
    assert place.landing.sweep(now=datetime.now(UTC)) == 1
    assert not draft.exists()


def test_new_folders_are_made_durable_with_their_parents(place: Any, say: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stored: list[str] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        stored.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("this system does not show which file a descriptor stands for")
    monkeypatch.setattr(os, "fsync", noted)
    place.land(say.version("1"))
    folder = place.root / "records" / "crm" / "contact"
    for parent in (folder, folder.parent, folder.parent.parent, place.root, place.root.parent):
        assert str(parent) in stored


def test_old_leftovers_of_a_merge_are_swept(place: Any, say: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class PowerCut(BaseException):
        pass

    def cut(*_args: object, **_words: object) -> None:
        raise PowerCut

    for number in range(9):
        place.land(say.version(str(number)))
    with monkeypatch.context() as patch:
        patch.setattr(type(place.manifest), "commit_segments", cut)
        with pytest.raises(PowerCut):
            place.landing.compact()
    assert len(place.files()) == 10
    assert place.landing.sweep(now=datetime.now(UTC)) == 0
    listed = {segment.path for segment in place.manifest.segments()}
    for path in place.files():
        stamp = (datetime.now(UTC) - timedelta(days=2)).timestamp()
        os.utime(path, (stamp, stamp))
    assert place.landing.sweep(now=datetime.now(UTC)) == 1
    assert {path.relative_to(place.root).as_posix() for path in place.files()} == listed
