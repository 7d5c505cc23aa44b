"""The whole job against local orgs: commands as people type them, orgs that are looked at from behind."""

from __future__ import annotations

import sys
from pathlib import Path

# tests are no package: what several files here share is found beside them, under names nobody else uses
sys.path.insert(0, str(Path(__file__).parent))

from e2e_fixtures import commands, loaded, place_of, prepared

__all__ = ["commands", "loaded", "place_of", "prepared"]
