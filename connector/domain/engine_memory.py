"""How much memory a process may take, where it goes with the rest, and how it gives back what it has done with."""

from __future__ import annotations

import ctypes
import gc
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from connector.domain.few_at_work import works_few

_MIB = 1 << 20
#: of every engine; beyond it sorting and joining go through the disk
_ENGINE_MIB = 512
#: people worked on in one go on a machine that has the memory for it
_PEOPLE = 20_000
#: what one of them takes at most while worked on: some hundred columns, held about twice
_BYTES_EACH = 8_000
#: growth beyond which memory is given back between steps, beyond which that is done while few people are worked on, and
#: beyond which everything alive is looked through for it
_WORTH_MIB, _WORTH_OF_FEW_MIB, _WORTH_LOOKING_MIB = 32, 96, 128
_left_mib = _looked_mib = 0.0
#: where a container says how much it may have (cgroup v2, v1)
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@cache
def machine_bytes() -> int:
    """Give the memory of the machine, or of the container where that is less."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for name in _LIMITS:
        try:
            text = Path(name).read_text(encoding="utf-8").strip()
        except OSError:
            continue
        if text.isdigit():
            found.append(int(text))
    return min(found)


def engine_memory() -> dict[str, Any]:
    """Give the settings of one engine of this process; it spills below the system's folder for temporary files.

    Never into the working directory, which may be anybody's and read-only. What an engine once took it gives back
    late, so it may take an eighth of a small machine and no more than half a gibibyte of a large one.
    """
    spill = Path(tempfile.gettempdir()) / f"handoff-{os.getpid()}.spill"
    limit = max(128, min(_ENGINE_MIB, machine_bytes() // _MIB // 8))
    return {"memory_limit": f"{limit}MiB", "temp_directory": str(spill)}


def people_at_once() -> int:
    """Say how many people to work on in one go: this bounds memory, not the result."""
    return max(1_000, min(_PEOPLE, machine_bytes() // 8 // _BYTES_EACH))


def give_back() -> None:
    """Return freed memory to the system: after a step that took much, so that the next does not come on top.

    What lies in free lists goes back where the process has grown by ``_WORTH_MIB`` since the last time, and while few
    people are worked on by ``_WORTH_OF_FEW_MIB``: what a small cycle gives back the next one asks for again. Looking
    through everything alive costs a tenth of a second and more, which small cycles would do again and again for
    nothing: it is done where the process is still larger by ``_WORTH_LOOKING_MIB`` than after the last look, and
    wherever that cannot be told.
    """
    global _left_mib, _looked_mib  # noqa: PLW0603 - of the process
    if 0 < _resident_mib() < _left_mib + (_WORTH_OF_FEW_MIB if works_few() else _WORTH_MIB):
        return
    _empty_free_lists()
    _left_mib = _resident_mib()
    if not 0 < _left_mib < _looked_mib + _WORTH_LOOKING_MIB:
        gc.collect()
        _empty_free_lists()
        _left_mib = _looked_mib = _resident_mib()


def _empty_free_lists() -> None:
    pa.default_memory_pool().release_unused()
    trim = getattr(_libc(), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _resident_mib() -> float:
    """Give the memory this process has from the system; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / _MIB


@cache
def _libc() -> ctypes.CDLL:
    """Open the C library; other ones than glibc have no ``malloc_trim`` and need none."""
    return ctypes.CDLL(None)
