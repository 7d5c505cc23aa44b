from __future__ import annotations

from pathlib import Path

import pytest

from connector.mapping.bundle import Mappings
from connector.mapping.load import load_mappings


@pytest.fixture(scope="session")
def starter() -> Mappings:
    """What ops people start from."""
    return load_mappings(Path(__file__).parents[2] / "mappings" / "default")
