"""Whether a process works on a handful of people at the moment: then other means are quicker than for everybody.

Nothing that is found out depends on it, only what it costs: waking a second thread for a few rows takes longer than
going through them, and so does giving back memory that the next small cycle asks for again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

#: people of a small cycle at most
FEW: Final = 2_000
_few: ContextVar[bool] = ContextVar("few_at_work", default=False)


@contextmanager
def few_at_work(people: int | None) -> Iterator[None]:
    """Say for the length of the block, and this thread, how many people are worked on; None: everybody."""
    token = _few.set(people is not None and people <= FEW)
    try:
        yield
    finally:
        _few.reset(token)


def works_few() -> bool:
    """Whether a handful of people is worked on."""
    return _few.get()
