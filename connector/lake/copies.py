"""The lake's files beside a copy of the state, and back again: they never change, so a second name is a copy."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from connector.domain.durable import fsync
from connector.errors import LocalFault
from connector.lake.checking import state_of
from connector.ports.store import Segment

#: how the name of a file ends that is being brought
PART: Final = ".part"


def copy_segments(segments: Iterable[Segment], source: Path, target: Path) -> int:
    """Bring every segment from one folder into another and give how many were not there yet.

    On one disk a file gets a second name and takes no room; elsewhere it is copied. Each is compared with its checksum,
    so a file of that name that is something else is replaced.

    Raises:
        LocalFault: ``lake.missing_segment``: the source lacks a file, or holds something else under its name;
            ``lake.copy``: a file cannot be written.
    """
    brought = 0
    folders = set()
    for segment in segments:
        wanted = target / segment.path
        if state_of(target, segment) is None:
            continue
        harm = state_of(source, segment)
        if harm is not None:
            raise LocalFault(
                "lake.missing_segment",
                f"file {segment.path} of the lake is {harm}",
                cure="use a backup that is whole",
                at=str(source),
            )
        try:
            wanted.parent.mkdir(parents=True, exist_ok=True)
            _bring(source / segment.path, wanted)
        except OSError as error:
            words = error.strerror or "the disk does not take it"
            raise LocalFault("lake.copy", f"a file cannot be copied: {words}", cure="", at=str(target)) from error
        folders.add(wanted.parent)
        brought += 1
    for folder in sorted(folders):
        fsync(folder)
    return brought


def _bring(source: Path, target: Path) -> None:
    part = target.with_name(f"{target.name}{PART}")
    part.unlink(missing_ok=True)
    try:
        part.hardlink_to(source)
    except OSError:  # another disk, or one without second names
        shutil.copyfile(source, part)
        fsync(part)
    part.replace(target)
