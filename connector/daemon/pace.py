"""How many people a wide look decides about at a time, so that forms and replies need not wait for its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: fewer are not worth a cycle; more hold too much up where the estimate is wrong
LEAST: Final = 200
MOST: Final = 5_000
#: how much the latest cycle counts among those before it
_SHARE: Final = 0.3


@dataclass(slots=True)
class Pace:
    """What a cycle that decides takes, as far as earlier ones tell.

    Attributes:
        fixed_seconds: whomever it works.
        each_seconds: for each person worked.
    """

    fixed_seconds: float = 1.5
    each_seconds: float = 0.004

    def fits(self, room_seconds: float) -> int | None:
        """Say about how many people can be decided within a span of time; None where it is not worth beginning."""
        people = int((room_seconds - self.fixed_seconds) / self.each_seconds)
        return None if people < LEAST else min(people, MOST)

    def took(self, people: int, seconds: float) -> None:
        """Learn from a cycle that has decided."""
        if people >= LEAST:
            each = max(seconds - self.fixed_seconds, 0.1 * seconds) / people
            self.each_seconds += _SHARE * (each - self.each_seconds)
        else:
            fixed = max(seconds - people * self.each_seconds, 0.1 * seconds)
            self.fixed_seconds += _SHARE * (fixed - self.fixed_seconds)
