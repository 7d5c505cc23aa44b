from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

# tests are no package: what several files here share is found beside them, under names nobody else uses
sys.path.insert(0, str(Path(__file__).parent))

import pytest

from connector.mapping.lifecycle import LifecycleFile
from connector.mapping.load import load_mappings


@pytest.fixture(scope="session")
def sample() -> LifecycleFile:
    """The lifecycle that ops people start from."""
    return load_mappings(Path(str(files("mappings") / "default"))).lifecycle
