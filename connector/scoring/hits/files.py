"""Columns of numbers in one file: made durable before they count, checked once, then read where they lie.

A file is a line of JSON (names, types, places, checksum of the rest) and the columns behind it, each on a boundary of
64 bytes, so that they can be mapped: whoever asks for a few rows reads a few pages.
"""

from __future__ import annotations

import json
import mmap
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from connector.domain.durable import fsync, write_durably
from connector.errors import LocalFault

Column = npt.NDArray[Any]
_BOUNDARY = 64
#: files of this process's life that had their checksum → (size, time of change)
_whole: dict[str, tuple[int, int]] = {}


class NotWhole(Exception):
    """A file is missing, cut short or changed: what it held is built again."""


def write_columns(path: Path, columns: Mapping[str, Column]) -> None:
    """Write columns beside and rename; the file is durable, its name only once the folder was made so (``fsync``).

    Raises:
        LocalFault: the disk is full, read-only or broken.
    """
    places, parts, at, crc = {}, [], 0, 0
    for name, column in columns.items():
        data = np.ascontiguousarray(column)
        places[name] = [data.dtype.str, at, len(data)]
        body = data.view(np.uint8).data if len(data) else memoryview(b"")
        for part in (body, memoryview(bytes(-data.nbytes % _BOUNDARY))):
            parts.append(part)
            crc = zlib.crc32(part, crc)
            at += part.nbytes
    head = json.dumps({"columns": places, "crc": crc, "size": at}).encode("ascii") + b"\n"
    head = head[:-1] + b" " * (-len(head) % _BOUNDARY) + b"\n"
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        try:
            write_durably(draft, [head, *parts])
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_keep(path.parent, error) from error


def read_columns(path: Path) -> dict[str, Column]:
    """Map the columns of a file; they stay readable when its name goes.

    Raises:
        NotWhole: the file is not what was written.
    """
    try:
        with path.open("rb") as file:
            head = file.readline()
            about = os.fstat(file.fileno())
            told = json.loads(head)
            if about.st_size != len(head) + told["size"]:
                raise NotWhole(path.name)
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotWhole(path.name) from error
    state = (about.st_size, about.st_mtime_ns)
    if _whole.get(str(path)) != state:
        with memoryview(data) as whole, whole[len(head) :] as body:
            if zlib.crc32(body) != told["crc"]:
                raise NotWhole(path.name)
        _whole[str(path)] = state
    return {
        name: np.frombuffer(data, np.dtype(kind), count, len(head) + at)
        for name, (kind, at, count) in told["columns"].items()
    }


def write_text(path: Path, text: str) -> None:
    """Replace a small file, durably, name and all.

    Raises:
        LocalFault: the disk is full, read-only or broken.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        try:
            write_durably(draft, [text.encode()])
            fsync(path.parent)
            draft.replace(path)
            fsync(path.parent)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_keep(path.parent, error) from error


def cannot_keep(folder: Path, error: OSError) -> LocalFault:
    """Say that hits cannot be kept."""
    return LocalFault(
        "hits.unwritable",
        f"hits cannot be kept: {error.strerror or 'the disk does not take them'}",
        cure="free space or rights for the folder, then run again; it may also be deleted: it is built again",
        at=str(folder),
    )
