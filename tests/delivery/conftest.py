from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# tests are no package: what several files here share is found beside them, under names nobody else uses
sys.path.insert(0, str(Path(__file__).parent))

from drain_bench import Bench


@pytest.fixture
def bench(state_url: str) -> Iterator[Bench]:
    """An outbox and a CRM, once on each database."""
    made = Bench(state_url)
    yield made
    made.store.close()


@pytest.fixture
def plain_bench(state_url: str) -> Iterator[Bench]:
    """A CRM that keeps no unique keys."""
    made = Bench(state_url, unique=False)
    yield made
    made.store.close()
