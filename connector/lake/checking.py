"""Whether the lake's files are still what was written: quickly by size and footer, or wholly by checksum."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from connector.ports.store import Manifest, Segment

Kind = Literal["missing", "short", "corrupt", "unreadable"]

CURE = (
    "restore the file from a backup, the manifest keeps its checksum; without one move state and lake aside and run "
    "again: everything is pulled anew and nothing is created twice"
)
RIGHTS_CURE = "give the program the right to read the lake's folder and its files, or look after the disk"
#: Parquet files end with the footer's length in four bytes and this
_MAGIC = b"PAR1"


@dataclass(frozen=True, slots=True)
class SegmentProblem:
    """A file of the lake that is not what was written."""

    #: relative to the lake
    path: str
    stream: str
    rows: int
    #: ``unreadable``: it is there, but neither right nor disk let us read it; the rest says itself
    kind: Kind

    @property
    def cure(self) -> str:
        """What the reader can do about it."""
        return RIGHTS_CURE if self.kind == "unreadable" else CURE

    def __str__(self) -> str:
        """Read as one line: which file, what, cure."""
        return f"segment {self.path} ({self.rows} rows of {self.stream}) is {self.kind} ({self.cure})"


def check_segments(root: Path, manifest: Manifest, *, deep: bool = True) -> list[SegmentProblem]:
    """Look at every live segment; give those that are not what was written, in order of landing.

    ``deep`` reads every byte and compares checksums; otherwise size, footer and count of rows are looked at, a
    tenth of a millisecond per file, and a bit that turned among the values goes unseen.
    """
    look = state_of if deep else outline_of
    problems = _harmed(root, manifest, look)
    if problems:
        # A segment that a writer has compacted away since, and swept, is no loss.
        live = {segment.path for segment in manifest.segments()}
        problems = [problem for problem in problems if problem.path in live]
    return problems


def _harmed(root: Path, manifest: Manifest, look: Callable[[Path, Segment], Kind | None]) -> list[SegmentProblem]:
    found = ((segment, look(root, segment)) for segment in manifest.segments())
    return [SegmentProblem(one.path, one.stream, one.rows, kind) for one, kind in found if kind is not None]


def state_of(root: Path, segment: Segment) -> Kind | None:
    """Compare one segment with its size and checksum; None when it is what was written."""
    try:
        with (root / segment.path).open("rb") as file:
            if os.fstat(file.fileno()).st_size < segment.size_bytes:
                return "short"
            same = hashlib.file_digest(file, "sha256").hexdigest() == segment.sha256
    except FileNotFoundError:
        return "missing"
    except OSError:
        return "unreadable"
    return None if same else "corrupt"


def outline_of(root: Path, segment: Segment) -> Kind | None:
    """Compare one segment's size, footer and count of rows with the manifest; None when they agree."""
    try:
        with (root / segment.path).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < segment.size_bytes:
                return "short"
            if size > segment.size_bytes:
                return "corrupt"
            file.seek(-len(_MAGIC), os.SEEK_END)
            if file.read() != _MAGIC:
                return "corrupt"
            file.seek(0)
            rows = pq.read_metadata(file).num_rows
    except FileNotFoundError:
        return "missing"
    except pa.ArrowException:
        return "corrupt"
    except OSError as error:
        # Arrow says OSError too where a footer cannot be understood; the system's own have a number.
        return "corrupt" if error.errno is None else "unreadable"
    return None if rows == segment.rows else "corrupt"
