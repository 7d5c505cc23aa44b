from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from connector.domain.records import Activity, Page, RecordVersion
from connector.domain.refs import Ref
from connector.lake.landing import Landing
from connector.lake.reading import Lake
from state import open_store

T0 = datetime(2026, 3, 1, tzinfo=UTC)
FAR = datetime.max.replace(tzinfo=UTC)


def version(id_: str, modified_at: datetime = T0, **changes: Any) -> RecordVersion:
    """A version of a contact."""
    values: dict[str, Any] = {"created_at": None, "fields": {}, "links": {}, **changes}
    return RecordVersion(Ref("crm", "contact", id_), modified_at, **values)


def activity(id_: str, occurred_at: datetime = T0, *, kind: str = "visit", **changes: Any) -> Activity:
    """Something that contact 1 did."""
    return Activity(Ref("crm", kind, id_), "page_view", Ref("crm", "contact", "1"), occurred_at, **changes)


class Place:
    """A lake of its own, and the few words tests speak to it with."""

    def __init__(self, root: Path, store: Any) -> None:
        self.root = root
        self.store = store
        self.manifest = store.manifest
        self.landing = Landing(root, store.manifest)
        self.lake = Lake(root, store.manifest)

    def restart(self, **words: Any) -> None:
        """Forget what only the process knew."""
        self.landing = Landing(self.root, self.manifest, **words)

    def land(self, *items: RecordVersion | Activity, cursor: str = "c", shape: str = "", at: datetime = T0) -> Any:
        records = [item for item in items if isinstance(item, RecordVersion)]
        activities = [item for item in items if isinstance(item, Activity)]
        page = Page(records, activities, cursor=cursor, last=True)
        return self.landing.land("crm", "stream", [page], shapes={"contact": shape}, landed_at=at)

    def current(self, *, as_of: datetime = FAR) -> dict[str, dict[str, Any]]:
        return {row["id"]: row for row in self.lake.current("crm", "contact", as_of=as_of).to_pylist()}

    def files(self) -> list[Path]:
        return sorted(path for path in self.root.rglob("*") if path.is_file())


@pytest.fixture
def place(tmp_path: Path, store: Any) -> Place:
    return Place(tmp_path / "lake", store)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Any number of empty lakes, for properties."""
    opened = []

    def make() -> Place:
        folder = tmp_path_factory.mktemp("lake")
        opened.append(open_store(f"sqlite:///{folder}/state.db"))
        return Place(folder / "lake", opened[-1])

    yield make
    for store in opened:
        store.close()


@pytest.fixture(scope="session")
def say() -> Any:
    return SimpleNamespace(version=version, activity=activity, T0=T0, Place=Place)
