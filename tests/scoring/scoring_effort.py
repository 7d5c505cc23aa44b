"""How many random worlds each test of this folder looks at: a few, or as many as ``HANDOFF_SCORING`` says."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_WORLDS = int(os.environ.get("HANDOFF_SCORING", "0"))


def worlds_for(usual: int) -> int:
    """Give the number of worlds of a test that usually looks at so many."""
    return _WORLDS or usual


def looking_at(usual: int) -> settings:
    """Give the settings of a test that usually looks at so many worlds."""
    return settings(
        max_examples=worlds_for(usual), print_blob=True, deadline=None, suppress_health_check=list(HealthCheck)
    )
