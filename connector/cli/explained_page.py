"""One explanation as one file for a browser: the waterfall with its table beside it, nothing from anywhere else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from connector.cli.explained_words import about, basis, changed, facts
from connector.cli.waterfall import Step, span_of, steps_of

_STYLE = """
:root { --ink: #1b1f24; --paper: #ffffff; --soft: #57606a; --line: #d0d7de; --up: #1a7f37; --down: #b42318;
  --total: #0b5cad; --band: #f6f8fa; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --paper: #0d1117; --soft: #9da7b3; --line: #30363d;
  --up: #3fb950; --down: #ff7b72; --total: #58a6ff; --band: #161b22; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 76rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0; } .soft { color: var(--soft); }
.number { font-size: 2.5rem; font-weight: 700; line-height: 1.1; margin: 1rem 0 0; }
.side { display: flex; flex-wrap: wrap; gap: 2rem; align-items: flex-start; }
.side > * { flex: 1 1 30rem; min-width: 0; }
.wide { overflow-x: auto; }
svg { width: 100%; height: auto; } svg text { fill: var(--ink); font: 13px system-ui, sans-serif; }
svg .up { fill: var(--up); } svg .total { fill: var(--total); }
svg .down { fill: none; stroke: var(--down); stroke-width: 2; stroke-dasharray: 4 2; }
svg .axis, svg .link { stroke: var(--line); stroke-width: 1; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
caption { text-align: left; color: var(--soft); padding-bottom: .25rem; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
td { white-space: nowrap; } td.why, td:first-child { white-space: normal; overflow-wrap: anywhere; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tr.sum { font-weight: 700; background: var(--band); }
"""
#: of the drawing, in its own units: a row's height, room for names and for numbers, the whole width
_ROW, _LEFT, _RIGHT, _WIDE = 26, 165, 60, 560
#: characters of a name that have room
_LONGEST = 22


def page(document: Mapping[str, Any]) -> str:
    """Give the page: text, a drawing with a description, and tables; no script, no address outside it."""
    steps = steps_of(document)
    score = document["score"] if document["kind"] == "account" else document["score"]["total"]
    lines = "".join(f"<p>{escape(line)}</p>" for line in facts(document))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="robots" content="noindex">\n'
        f"<title>Why this number</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f'<h1>{escape(about(document))}</h1>\n<p class="soft">{escape(basis(document))}</p>\n'
        f'<p class="number">{_number(score)}</p>\n{lines}\n'
        '<h2>How the number comes about</h2>\n<div class="side">\n'
        f'<figure class="wide" style="margin:0">{_drawing(steps)}</figure>\n'
        f'<div class="wide" tabindex="0">{_steps_table(steps)}</div>\n</div>\n'
        f"{_changes(document)}</main>\n</body>\n</html>\n"
    )


def _number(value: float | None) -> str:
    return "no number" if value is None else f"{value:.1f}"


def _drawing(steps: Sequence[Step]) -> str:
    """Draw the waterfall; whoever cannot see it hears its description, and has the table."""
    steps = [step for step in steps if step.kind != "sum"]
    low, high = span_of(steps)
    scale = (_WIDE - _LEFT - _RIGHT) / (high - low)

    def x(value: float) -> float:
        return round(_LEFT + (value - low) * scale, 1)

    height = _ROW * len(steps) + 8
    parts = [f'<line class="axis" x1="{x(0)}" y1="0" x2="{x(0)}" y2="{height}"/>']
    for place, step in enumerate(steps):
        top = _ROW * place + 4
        parts.append(_bar(step, x, top, last=place + 1 == len(steps)))
    spoken = "; ".join(f"{step.label} {_signed(step, step.change)}" for step in steps)
    return (
        f'<svg viewBox="0 0 {_WIDE} {height}" role="img" aria-labelledby="chart-title chart-text">'
        f'<title id="chart-title">Waterfall of the number</title><desc id="chart-text">{escape(spoken)}</desc>'
        f"{''.join(parts)}</svg>"
    )


def _bar(step: Step, x: Any, top: int, *, last: bool) -> str:
    left, right = sorted((x(step.start), x(step.end)))
    width = max(round(right - left, 1), 2)
    label = step.label if len(step.label) <= _LONGEST else step.label[: _LONGEST - 1] + "…"
    shape = f'<rect class="{step.kind}" x="{left}" y="{top}" width="{width}" height="{_ROW - 8}"/>'
    if step.kind == "none":
        shape = f'<line class="axis" x1="{left}" y1="{top}" x2="{left}" y2="{top + _ROW - 8}"/>'
    link = "" if last else f'<line class="link" x1="{x(step.end)}" y1="{top}" x2="{x(step.end)}" y2="{top + _ROW}"/>'
    return (
        f'{link}<text x="{_LEFT - 10}" y="{top + 14}" text-anchor="end">{escape(label)}</text>{shape}'
        f'<text x="{left + width + 6}" y="{top + 14}">{_signed(step, step.change)}</text>'
    )


def _signed(step: Step, value: float) -> str:
    return f"{value:.1f}" if step.kind in {"sum", "total"} else f"{value:+.1f}"


def _steps_table(steps: Sequence[Step]) -> str:
    scored = any(step.points is not None for step in steps)
    points: list[_Cell] = [("points",)] if scored else []
    head: list[_Cell] = ["line", *points, ("adds",), ("so far",), "how often, when" if scored else ""]
    rows: list[list[_Cell]] = []
    for step in steps:
        row: list[_Cell] = [step.label]
        if scored:
            row.append(("" if step.points is None else _signed(step, step.points),))
        rows.append([*row, (_signed(step, step.change),), (f"{step.end:.1f}",), step.detail])
    sums = {place for place, step in enumerate(steps) if step.kind in {"sum", "total"}}
    caption = "The same as a table: what the lines add comes to the number above."
    return _table(caption, head, rows, sums=sums)


def _changes(document: Mapping[str, Any]) -> str:
    told = changed(document)
    if told is None:
        return ""
    head, rows = told
    cells: list[list[_Cell]] = [[name, (before,), (after,), ("why", why)] for name, before, after, why in rows]
    table = _table(head, ("line", ("then",), ("now",), "why"), cells)
    return f'<h2>What changed</h2>\n<div class="wide">{table}</div>\n'


_Cell = str | tuple[str] | tuple[str, str]


def _table(caption: str, head: Iterable[_Cell], rows: Iterable[Iterable[_Cell]], *, sums: Iterable[int] = ()) -> str:
    """Write a table; a cell of one text in a tuple is a number, of two a class and a text."""
    marked = set(sums)
    heads = "".join(_cell("th", cell, ' scope="col"') for cell in head)
    body = ""
    for place, row in enumerate(rows):
        opening = '<tr class="sum">' if place in marked else "<tr>"
        body += f"{opening}{''.join(_cell('td', cell) for cell in row)}</tr>"
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _cell(tag: str, cell: _Cell, more: str = "") -> str:
    if isinstance(cell, tuple):
        class_ = "n" if len(cell) == 1 else cell[0]
        return f'<{tag} class="{class_}"{more}>{escape(cell[-1])}</{tag}>'
    return f"<{tag}{more}>{escape(cell)}</{tag}>"
