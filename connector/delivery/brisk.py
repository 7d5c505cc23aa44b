"""Python's search for garbage while batches go out; it is the process's, so it is put back."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

#: A batch makes and forgets some thousands of objects, hardly any of them in a circle.
_NEW_OBJECTS: Final = 20_000

_lock = threading.Lock()
#: what stood there before the first of those who are at it now: one entry for each
_before: list[tuple[int, int, int]] = []


@contextmanager
def brisk() -> Iterator[None]:
    """Look for garbage among new objects only, for the length of the block.

    What is there at the beginning is left out of the search until the end; new objects are searched all the time, so
    circles among them do not pile up.
    """
    with _lock:
        if not _before:
            _before.append(gc.get_threshold())
            gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])
            gc.freeze()
        else:
            _before.append(_before[0])
    try:
        yield
    finally:
        with _lock:
            threshold = _before.pop()
            if not _before:
                gc.set_threshold(*threshold)
                gc.unfreeze()
