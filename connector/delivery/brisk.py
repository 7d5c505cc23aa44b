"""Python's own clockwork while two threads hand batches to each other; it is the process's, so it is put back."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

#: A thread that waits for the interpreter asks for it after so long; an answer that has come must not wait for a
#: settlement. The usual 5 ms is a quarter of what the CRM takes for a batch, and each request waits several times.
_SWITCH_SECONDS: Final = 0.0005
#: A batch makes and forgets some thousands of objects, hardly any of them in a circle.
_NEW_OBJECTS: Final = 20_000

_lock = threading.Lock()
#: what stood there before the first of those who are at it now: one entry for each
_before: list[tuple[float, tuple[int, int, int]]] = []


@contextmanager
def brisk() -> Iterator[None]:
    """Let threads take turns quickly, and look for garbage among new objects only, for the length of the block.

    What is there at the beginning is left out of the search until the end; new objects are searched all the time, so
    circles among them do not pile up.
    """
    with _lock:
        if not _before:
            _before.append((sys.getswitchinterval(), gc.get_threshold()))
            sys.setswitchinterval(_SWITCH_SECONDS)
            gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])
            gc.freeze()
        else:
            _before.append(_before[0])
    try:
        yield
    finally:
        with _lock:
            interval, threshold = _before.pop()
            if not _before:
                sys.setswitchinterval(interval)
                gc.set_threshold(*threshold)
                gc.unfreeze()
