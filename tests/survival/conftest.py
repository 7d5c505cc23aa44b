"""The short forms of ``benchmarks/survival`` stand on the places and commands of the end-to-end tests."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "end_to_end"))

from e2e_fixtures import commands, loaded, place_of, prepared

__all__ = ["commands", "loaded", "place_of", "prepared"]
