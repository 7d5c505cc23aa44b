from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from state import open_store

# tests are no package: what several files here share is found beside them, under names nobody else uses
sys.path.insert(0, str(Path(__file__).parent))

from machines_words import Mailbox


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[Mailbox]:
    store: Any = open_store(f"sqlite:///{tmp_path}/state.db")
    yield Mailbox(tmp_path / "lake", store)
    store.close()


@pytest.fixture(scope="module")
def mailboxes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Any number of empty ones, for properties."""
    opened = []

    def make() -> Mailbox:
        folder = tmp_path_factory.mktemp("lake")
        opened.append(open_store(f"sqlite:///{folder}/state.db"))
        return Mailbox(folder / "lake", opened[-1])

    yield make
    for store in opened:
        store.close()
