"""What a hit store says of itself, in one small file: which runs count, and which landed segments they hold."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connector.scoring.hits.files import NotWhole, write_text
from connector.scoring.hits.runs import Run
from connector.scoring.hits.seen import files_of

_NAME = "current.json"
_ENDINGS = (".hits", ".seen", ".heap")


@dataclass(frozen=True, slots=True)
class Covered:
    """What of one stream was matched: paths of segments, how many rows, and the last instant at which any landed."""

    paths: tuple[str, ...] = ()
    rows: int = 0
    landed_us: int = -(2**62)


@dataclass(frozen=True, slots=True)
class Current:
    """The state of a hit store.

    Attributes:
        rules: a digest of what was matched and how.
        order: names of what rules match by, in the order of their numbers.
        until_us: the instant up to which activities were turned into hits.
        streams: by system.
        runs: of hits, the newest last.
        seen: numbers of the activities that were matched.
        again: numbers of activities of which several versions landed.
        left_out: numbers of activities that are in quarantine.
        previous: files of the state before, kept for who is still reading them.
    """

    rules: str
    until_us: int
    order: tuple[str, ...]
    streams: dict[str, Covered] = field(default_factory=dict)
    runs: tuple[Run, ...] = ()
    seen: tuple[Run, ...] = ()
    again: tuple[Run, ...] = ()
    left_out: tuple[Run, ...] = ()
    previous: tuple[str, ...] = ()

    def files(self) -> list[str]:
        """List the files it consists of."""
        numbers = (*self.seen, *self.again, *self.left_out)
        return [name for run in self.runs for name in run.files()] + [n for run in numbers for n in files_of(run)]


def load(root: Path, rules: str) -> Current | None:
    """Read the state; None where there is none, or it is another version's, of other rules, or damaged."""
    try:
        told = json.loads((root / _NAME).read_text(encoding="utf-8"))
        if told["rules"] != rules:
            return None
        runs, seen, again, left_out = (
            tuple(Run(*run) for run in told[kind]) for kind in ("runs", "seen", "again", "left_out")
        )
        return Current(
            rules,
            int(told["until_us"]),
            tuple(told["order"]),
            {
                name: Covered(tuple(one["paths"]), one["rows"], one["landed_us"])
                for name, one in told["streams"].items()
            },
            runs,
            seen,
            again,
            left_out,
            tuple(told["previous"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def save(root: Path, current: Current) -> None:
    """Make a state count, then delete what neither it nor the one before it uses.

    Raises:
        LocalFault: the disk is full, read-only or broken; the state before counts.
    """
    told: dict[str, Any] = {
        "rules": current.rules,
        "until_us": current.until_us,
        "order": current.order,
        "streams": {
            name: {"paths": one.paths, "rows": one.rows, "landed_us": one.landed_us}
            for name, one in current.streams.items()
        },
        "previous": current.previous,
    }
    for kind in ("runs", "seen", "again", "left_out"):
        told[kind] = [[run.name, run.keys, run.bits] for run in getattr(current, kind)]
    write_text(root / _NAME, json.dumps(told))
    _sweep(root, {*current.files(), *current.previous})


def assure(root: Path, current: Current) -> None:
    """Look whether every file of a state is there.

    Raises:
        NotWhole: one is not.
    """
    there = {path.name for path in root.iterdir()}
    for name in current.files():
        if name not in there:
            raise NotWhole(name)


def _sweep(root: Path, kept: Collection[str]) -> None:
    for path in root.iterdir():
        if path.name not in kept and path.suffix in _ENDINGS:
            path.unlink(missing_ok=True)
