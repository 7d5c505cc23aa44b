"""The waterfall for a terminal: bars of characters that differ in shape, so that nobody needs the colours."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from connector.cli.waterfall import Step, span_of

#: by kind of step: what bars are made of, where the screen shows it, and in plain ASCII
_BLOCKS = {"up": "█", "down": "░", "total": "▓", "none": "│", "sum": ""}
_ASCII = {"up": "#", "down": "-", "total": "=", "none": "|", "sum": ""}
_COLOURS = {"up": "green", "down": "red", "total": "blue", "none": "", "sum": ""}
_WIDEST, _NARROWEST = 48, 12
#: characters that indents, numbers and the gaps between columns take
_OTHERS = 28


def waterfall(screen: Console, steps: Sequence[Step]) -> Table:
    """Give the steps as a table with a bar beside each number.

    On a narrower screen fewer words stand beside the bars; on a very narrow one the bars are left out.
    """
    details = [step.detail for step in steps]
    width = _room(screen, steps, details)
    if not width:
        brief = [step.brief for step in steps]
        width = _room(screen, steps, brief)
        details = brief if width else details
    scored = any(step.points is not None for step in steps)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="")
    table.add_column("line", overflow="fold")
    if scored:
        table.add_column("points", justify="right", no_wrap=True)
    table.add_column("adds", justify="right", no_wrap=True)
    if width:
        table.add_column("", no_wrap=True)
    table.add_column("how often, when" if scored else "", overflow="fold")
    shapes = _BLOCKS if _shows_blocks(screen) else _ASCII
    for step, detail in zip(steps, details, strict=True):
        cells: list[str | Text] = [step.label]
        if scored:
            cells.append("" if step.points is None else _number(step, step.points))
        cells.append(_number(step, step.change))
        if width:
            cells.append(Text(_bar(step, span_of(steps), width, shapes), style=_COLOURS[step.kind]))
        table.add_row(*cells, detail, style="bold" if step.kind in {"sum", "total"} else "")
    return table


def _room(screen: Console, steps: Sequence[Step], details: Sequence[str]) -> int:
    """Say how many characters are left for bars; 0 where too few are."""
    taken = sum(max(len(text) for text in texts) for texts in ([step.label for step in steps], details))
    room = min(_WIDEST, screen.width - taken - _OTHERS)
    return room if room >= _NARROWEST else 0


def _number(step: Step, value: float) -> str:
    return f"{value:.1f}" if step.kind in {"sum", "total"} else f"{value:+.1f}"


def _bar(step: Step, span: tuple[float, float], width: int, shapes: dict[str, str]) -> str:
    """Draw one step; whatever adds anything has a cell at least."""
    if step.kind == "sum":
        return ""
    low, high = span
    scale = width / (high - low)
    first = int((min(step.start, step.end) - low) * scale)
    last = round((max(step.start, step.end) - low) * scale)
    first = min(first, width - 1)
    return " " * first + shapes[step.kind] * max(last - first, 1)


def _shows_blocks(screen: Console) -> bool:
    """Say whether the screen's encoding has the characters that bars are made of."""
    try:
        "".join(_BLOCKS.values()).encode(screen.encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
