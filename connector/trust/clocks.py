"""Whether this machine's clock is right: said by the vendors' own, and by that of cycles that are over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from connector.ports.traits import Finding

#: what a cycle takes to begin; less is no difference
_SAME = timedelta(minutes=2)
_CURE = "set this machine's clock, and let it be kept right (NTP)"


def wrong_clock(ahead: Mapping[str, timedelta], *, last: datetime | None, now: datetime) -> list[str]:
    """Say in a sentence each how this machine's clock is wrong, and what follows from it.

    Args:
        ahead: system → how far our clock is ahead of its own; negative: behind.
        last: the clock of the last cycle, None before the first.
        now: this machine's clock.
    """
    told = [_difference(system, by) for system, by in sorted(ahead.items())]
    if last is not None and last - now > _SAME:
        told.append(
            f"the last cycle lived at {last:%Y-%m-%d %H:%M} UTC, {_span(last - now)} ahead of this machine's clock"
            " (which was wrong, or `--as-of` was given): cycles never go back, so until then no day begins,"
            " nothing ages, and what limits have counted stays counted"
        )
    return told


def clock_findings(ahead: Mapping[str, timedelta]) -> list[Finding]:
    """Say the same of systems that have just been asked, as findings of ``check --online``; none is bad by itself."""
    return [
        Finding("this machine's clock", True, _difference(system, by), _CURE, system=system)
        for system, by in sorted(ahead.items())
    ]


def _difference(system: str, by: timedelta) -> str:
    if by < timedelta(0):
        follows = "what people do is acted on only when ours gets there"
        return f"this machine's clock is {_span(-by)} behind that of {system}: {follows}; {_CURE}"
    return f"this machine's clock is {_span(by)} ahead of that of {system}: {_CURE}, before cycles live in that time"


def _span(by: timedelta) -> str:
    days, minutes = by.days, by // timedelta(minutes=1)
    return f"{days} days" if days > 1 else f"{minutes // 60} hours" if minutes > 119 else f"{minutes} minutes"
