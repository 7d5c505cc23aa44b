"""What cycles of some keep one over the other is read as if the last had kept everybody."""

from __future__ import annotations

import json
import random
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from connector.errors import LocalFault
from connector.identity.keys import KEYS
from connector.pipeline.incremental import kept_tables
from connector.pipeline.incremental.kept import (
    ASKED,
    FOLDER,
    LINKS,
    PEOPLE,
    TIES,
    Head,
    Kept,
    find_kept,
    forget_kept,
)
from connector.pipeline.incremental.kept_writing import Keeping

_ROOMS = pa.schema([("person_id", pa.string()), ("account_id", pa.string())])
_TABLES = {"people": PEOPLE, "keys": KEYS, "ties": TIES, "asked": ASKED, "standings": _ROOMS, "matches": _ROOMS}
#: person → ids of what their records are linked to
Links = dict[str, list[str]]


def _keep(root: Path, run: str, links: Links, over: Kept | None, persons: list[str]) -> Kept:
    """Keep a cycle that worked these persons, of whom some have links."""
    keeping = Keeping(root, over)
    for name, schema in _TABLES.items():
        keeping.put(name, schema.empty_table())
    for person, each in links.items():
        told = {"system": ["hubspot"] * len(each), "id": each, "person_id": [person] * len(each)}
        keeping.put("links", pa.table(told, schema=LINKS))
    head = Head(run, datetime(2026, 1, 1, tzinfo=UTC), {}, [], {}, [], [], None, 120, {}, {}, {}, 0, 0)
    keeping.finish(head, None if over is None else pa.array(persons, pa.string()))
    return find_kept(root, run) or pytest.fail("what was kept is not found again")


def _pairs(rows: pa.Table) -> list[tuple[str, str]]:
    assert rows.column_names == LINKS.names
    return sorted(zip(rows.column("person_id").to_pylist(), rows.column("id").to_pylist(), strict=True))


def _expected(links: Links, *, of: set[str] | None = None, to: set[str] | None = None) -> list[tuple[str, str]]:
    each = ((person, link) for person, every in links.items() for link in every)
    return sorted((p, link) for p, link in each if (of is None or p in of) and (to is None or link in to))


@pytest.mark.parametrize("seed", range(3))
def test_layers_are_read_as_if_the_last_cycle_had_kept_everybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    dice = random.Random(seed)
    people = [f"p{number}" for number in range(60)]
    drawn = {person: [f"a{dice.randrange(20)}"] * dice.randrange(1, 3) for person in people}
    truth: Links = dict(drawn)
    kept = _keep(tmp_path, "r0", truth, None, [])
    worked: set[str] = set()
    deepest = folded = 0
    for turn in range(1, 33):
        some = dice.sample(people, dice.choice([1, 2, 3, 25]))
        now: Links = {person: [f"a{dice.randrange(20)}"] for person in some if dice.random() < 0.8}
        truth = {person: each for person, each in truth.items() if person not in some} | now
        whole = len(worked) + len(some) > 60
        worked = set() if whole else worked | set(some)
        folded += whole
        kept = _keep(tmp_path, f"r{turn}", now, kept, some)
        deepest = max(deepest, len(kept.head.layers))
        here = {path.name for path in (tmp_path / FOLDER).iterdir()}
        assert here == {folder.name for folder in kept.folders}, "and nothing else stays on the disk"
        assert kept.head.overlaid == len(worked)
        assert (kept.head.base == f"r{turn}") is whole, "half of all people, and everybody is in one folder again"
        asked = dice.sample(people, 10)
        accounts = [f"a{number}" for number in dice.sample(range(20), 4)]
        for most in (kept_tables.MOST_BYTES, 0):
            monkeypatch.setattr(kept_tables, "MOST_BYTES", most)
            assert kept_tables.holds(100) is (most > 0)
            ids, names = pa.array(asked, pa.string()), pa.array(accounts, pa.string())
            assert _pairs(kept.of("links", ids)) == _expected(truth, of=set(asked))
            assert _pairs(kept.beside("links", ids)) == _expected(truth, of=set(people) - set(asked))
            assert kept.beside("links", ids, ["id"]).column_names == ["id"]
            assert _pairs(kept.rows("links", "id", names)) == _expected(truth, to=set(accounts))
            assert _pairs(kept.ask("SELECT * FROM links")) == _expected(truth)
        monkeypatch.undo()
    assert 3 <= deepest <= 6, "small cycles do not rewrite what large ones kept"
    assert folded


def test_a_file_that_is_not_as_it_was_is_read_again_and_a_lost_folder_is_no_whole(tmp_path: Path) -> None:
    first = _keep(tmp_path, "r0", {f"p{number}": ["a"] for number in range(10)}, None, [])
    kept = _keep(tmp_path, "r1", {"p1": ["b"]}, first, ["p1"])
    one = pa.array(["p1"], pa.string())
    assert _pairs(kept.of("links", one)) == [("p1", "b")]
    (kept.folder / "links.kept").write_bytes(b"no Parquet")
    with pytest.raises(LocalFault, match=r"kept\.harmed|cannot be read"):
        kept.of("links", one)
    kept.folders[0].rename(tmp_path / "elsewhere")
    assert find_kept(tmp_path, "r1") is None


def test_nothing_of_what_was_taken_away_stays_in_memory(tmp_path: Path) -> None:
    def held() -> set[str]:
        return {path.parent.name for path in kept_tables._tables if tmp_path in path.parents}

    links: Links = {f"p{number}": ["a"] for number in range(10)}
    first = _keep(tmp_path, "r0", links, None, [])
    first.of("links", pa.array(["p1"], pa.string()))
    assert held() == {"r0"}
    # by another process, whose memory is its own
    shutil.rmtree(tmp_path / FOLDER)
    second = _keep(tmp_path, "r1", links, None, [])
    assert held() == set()
    second.of("links", pa.array(["p1"], pa.string()))
    assert held() == {"r1"}
    forget_kept(tmp_path)
    assert held() == set()


def test_what_an_earlier_program_kept_in_another_form_is_not_taken_for_its_own(tmp_path: Path) -> None:
    kept = _keep(tmp_path, "r0", {"p1": ["a"]}, None, [])
    head = kept.folder / "head.json"
    told = json.loads(head.read_text("utf-8"))
    assert told["format"] == 5
    del told["layers"]
    head.write_text(json.dumps(told | {"format": 1}), "utf-8")
    assert find_kept(tmp_path, "r0") is None
