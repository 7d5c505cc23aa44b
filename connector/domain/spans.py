"""How long something took or is late, as people say it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

#: seconds, and how it is written
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
#: below so many seconds a span is told to so many: seconds matter to minutes, but not to hours
_TOLD_TO: Final = ((600, 1), (86_400, 60))
_ELSE_TO: Final = 3_600


def span_in_words(span: timedelta) -> str:
    """Say a span in its two largest units: ``42 s``, ``4 min 10 s``, ``2 h``, ``3 d 4 h``; ``0 s`` for next to nothing.

    Below ten minutes it is told to the second, below a day to the minute, else to the hour.
    """
    seconds = abs(span).total_seconds()
    exact = next((unit for below, unit in _TOLD_TO if seconds < below), _ELSE_TO)
    left = round(seconds / exact) * exact
    parts = []
    for size, word in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count:,} {word}")
    told = " ".join(parts) or "0 s"
    return f"-{told}" if span < timedelta(0) and parts else told
