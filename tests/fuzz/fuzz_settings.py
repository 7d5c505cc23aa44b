"""How long each test of this folder looks: some seconds, or as many examples as ``HANDOFF_FUZZ`` says."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_EXAMPLES = int(os.environ.get("HANDOFF_FUZZ", "0"))


def fuzzed(examples: int = 100) -> settings:
    """Give the settings of a test that usually tries so many examples."""
    return settings(
        max_examples=_EXAMPLES or examples, print_blob=True, deadline=None, suppress_health_check=list(HealthCheck)
    )
