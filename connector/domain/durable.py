"""Files and names that outlive a power cut: whoever writes beside and renames needs all three."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def write_durably(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    """Write a file of some parts, one behind the other; its content is durable, its name not yet.

    Raises:
        OSError: the disk is full, read-only or broken; a part of the file may be there.
    """
    with path.open("wb", buffering=0) as file:
        for part in parts:
            left = memoryview(part)
            while left:
                left = left[file.write(left) :]
        os.fsync(file.fileno())


def make_folder(folder: Path) -> None:
    """Make a folder and its parents durable: a file that outlives a power cut in a folder that does not is lost.

    Raises:
        OSError: as ``write_durably``.
    """
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    fsync(folder.parent)


def fsync(path: Path) -> None:
    """Make the names in a folder durable, or the content of a file that somebody else wrote.

    Raises:
        OSError: as ``write_durably``.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
