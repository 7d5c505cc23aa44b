"""What is set aside comes back as it was, and is gone at the end, whoever ended it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from connector.errors import LocalFault
from connector.pipeline.scratch import FOLDER, open_scratch

TABLE = pa.table({"a": [1, 2, 3], "b": ["x", None, "z"]})


def test_tables_come_back_by_name_and_number_and_leave_nothing_behind(tmp_path: Path) -> None:
    with open_scratch(tmp_path) as scratch:
        scratch.put("people", 1, TABLE)
        scratch.put("people", 0, TABLE.slice(0, 1))
        assert scratch.take("people", 1).equals(TABLE)
        spilled = scratch.all("people", TABLE.schema)
        assert (spilled.num_rows, [part.num_rows for part in spilled], [part.num_rows for part in spilled]) == (
            4,
            [1, 3],
            [1, 3],
        )
        assert list(scratch.all("nobody", TABLE.schema)) == []
        assert scratch.spread("nothing", 0) is None
    assert not (tmp_path / FOLDER).exists()


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail() -> None:
        with open_scratch(tmp_path) as scratch:
            scratch.put("people", 0, TABLE)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not (tmp_path / FOLDER).exists()


def test_the_folder_of_the_dead_goes_and_that_of_the_living_stays(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from connector.pipeline.scratch import open_scratch\n"
        "with open_scratch(Path(sys.argv[1])) as scratch:\n"
        "    scratch.folder('x').mkdir(); os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=Path.cwd(), check=False)
    assert killed.returncode == -9
    (dead,) = (tmp_path / FOLDER).iterdir()
    with open_scratch(tmp_path) as mine:
        assert not dead.exists()
        mine.put("people", 0, TABLE)
        with open_scratch(tmp_path) as other:
            other.put("people", 0, TABLE)
        assert mine.take("people", 0).equals(TABLE)


def test_a_disk_that_takes_nothing_is_named(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("a file where the folder should be")
    with pytest.raises(LocalFault) as fault, open_scratch(tmp_path):
        pytest.fail("nothing can be set aside here")
    assert fault.value.code == "scratch.unwritable"
