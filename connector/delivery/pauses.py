"""How long a drain waits before it tries again."""

from __future__ import annotations

import random

#: the longest waits between tries inside one cycle, in real seconds
LONGEST_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)


def pause_seconds(tries: int, told_seconds: float) -> float:
    """Give anywhere between nothing and the longest wait after so many tries, but all of what the vendor told.

    Full jitter: several senders do not come back together.
    """
    longest = LONGEST_SECONDS[min(tries, len(LONGEST_SECONDS) - 1)]
    return max(random.uniform(0.0, longest), told_seconds)  # noqa: S311 - nothing secret hangs on it
