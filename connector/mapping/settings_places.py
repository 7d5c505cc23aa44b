"""Where in handoff.yaml something stands, for problems that show only once the systems it names are put together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from connector.errors import Problem
from connector.mapping.places import Found, Place
from connector.mapping.places import at as place_at
from connector.mapping.secrets import shielded
from connector.mapping.yaml_reader import read_yaml


def problem_in(config: Path, steps: Sequence[str | int], message: str) -> Problem:
    """Make a problem with the place of a path of handoff.yaml, or of the nearest thing above it that was written."""
    found = Found(str(config))
    try:
        root = read_yaml(shielded(config.read_bytes()), Found(str(config)))
    except OSError:
        root = None
    found.add(Place(1, 1) if root is None else place_at(root, steps), steps, message)
    return found.problems[0]
