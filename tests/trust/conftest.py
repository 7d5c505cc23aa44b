from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from connector.mapping.bundle import Mappings
from connector.mapping.load import load_mappings


@pytest.fixture(scope="session")
def starter() -> Mappings:
    """What ops people start from."""
    return load_mappings(Path(str(files("mappings") / "default")))
