from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# tests are no package: what several files here share is found beside them, under names nobody else uses
sys.path.insert(0, str(Path(__file__).parent))

from house_at_rest import brought_to_rest, copy_of
from test_incremental import Watched


@pytest.fixture(scope="session")
def at_rest(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    """Give a house in which people have come to rest; nobody lives in it."""
    return brought_to_rest(tmp_path_factory.mktemp("rest"))


@pytest.fixture
def rested(at_rest: Watched, tmp_path: Path) -> Iterator[Watched]:
    """Give a copy of that house to live in."""
    made = copy_of(at_rest, tmp_path)
    yield made
    made.close()
