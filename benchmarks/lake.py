"""What the lake costs: making pages durable, knowing repeats, bytes at rest, merging small files.

Run: ``python -m benchmarks.lake [PEOPLE] [PAGES]``. People and what they did come from the local HubSpot (whose pace is
real: about four seconds for a thousand people). A page has 3,000 activities. Beside our figures stands, in the same run
and in turn with them, a plain ``pyarrow.parquet.write_table`` and fsync of the same table.
"""

from __future__ import annotations

import gc
import os
import random
import statistics
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from adapters.hubspot import HubSpotSource
from connector.domain.records import Activity, Page
from connector.lake import landing as landing_module
from connector.lake import segments as segments_module
from connector.lake.landing import Landing
from connector.lake.layout import activity_table
from connector.lake.reading import Lake
from connector.lake.repeats import KnownKeys
from connector.ports.store import Manifest
from sandbox.serve import Sandbox
from state.manifest import SqlManifest
from state.store import open_store

AT = datetime(2026, 11, 17, 9, tzinfo=UTC)
ROWS = 3_000
STREAM = "activities/hubspot"
dice = random.Random(7)


def sample(people: int) -> list[Activity]:
    """Read everything that people of a local HubSpot did, in order of time."""
    with tempfile.TemporaryDirectory() as folder, Sandbox(Path(folder) / "orgs", people=people, seed=1, at=AT) as orgs:
        org = orgs.ready()["hubspot"]
        source = HubSpotSource({"token": org["token"], "base_url": org["url"]}, system="hubspot")
        streams = [stream.name for stream in source.traits().streams]
        found = [row for name in streams for page in source.pull(name, None, now=AT) for row in page.activities]
    return sorted(found, key=lambda row: row.occurred_at)


def more(rows: Sequence[Activity], count: int) -> list[Activity]:
    """Give ``count`` activities like these, each with an id of its own, in order of time."""
    drawn = (dice.choice(rows) for _ in range(count))
    new = [r._replace(ref=r.ref._replace(id=str(uuid.UUID(int=dice.getrandbits(128))))) for r in drawn]
    return sorted(new, key=lambda row: row.occurred_at)


def pages_of(rows: Sequence[Activity]) -> Iterator[Page]:
    """Cut rows into full pages."""
    for start in range(0, len(rows) - ROWS + 1, ROWS):
        yield Page([], list(rows[start : start + ROWS]), cursor=str(start))


class Watch:
    """Times named steps of a landing from outside, in milliseconds: (wall, CPU) per call.

    On a machine that others use too the wall's median measures them; the best and the CPU's median do not.
    """

    def __init__(self) -> None:
        self.steps: dict[str, list[tuple[float, float]]] = defaultdict(list)

    @contextmanager
    def timing(self, name: str) -> Iterator[None]:
        """Time a block."""
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self.steps[name].append(((time.perf_counter() - wall) * 1e3, (time.process_time() - cpu) * 1e3))

    def around(self, owner: Any, attribute: str, name: str) -> None:
        """Put a stopwatch around a function."""
        inner: Callable[..., Any] = getattr(owner, attribute)

        def timed(*args: Any, **words: Any) -> Any:
            with self.timing(name):
                return inner(*args, **words)

        setattr(owner, attribute, timed)

    def line(self, name: str) -> str:
        """Give best and median of both."""
        wall, cpu = zip(*self.steps[name], strict=True)
        return (
            f"{name:46} wall best {min(wall):6.2f} median {statistics.median(wall):6.2f}"
            f"   CPU best {min(cpu):6.2f} median {statistics.median(cpu):6.2f} ms"
        )


@contextmanager
def opened(folder: Path) -> Iterator[tuple[Landing, Manifest]]:
    """Open an empty lake and state."""
    store = open_store(f"sqlite:///{folder}/state.db")
    try:
        yield Landing(folder / "lake", store.manifest), store.manifest
    finally:
        store.close()


COLUMNS, WHOLE, FROM_COLUMNS = "rows to columns", "landing in all", "= durable: from columns to committed"
PLAIN, RAW_FILE, RAW_APPEND = (
    "reference: plain write_table + fsync",
    "reference: fsync of a new file of that size",
    "reference: fsync of 8 KiB more in a file",
)


def durable(rows: Sequence[Activity]) -> None:
    """Land pages in order of time and say where the time goes.

    ``FROM_COLUMNS`` is the whole call less ``COLUMNS``: what is known already, packing, the file's way to its place,
    manifest and cursor, and all that lies between them.
    """
    watch = Watch()
    patched = [
        (landing_module, "activity_table", COLUMNS),
        (KnownKeys, "fresh", "known already?"),
        (SqlManifest, "segments", "which files are there?"),
        (segments_module, "pack", "columns to Parquet, sorted, packed"),
        (segments_module, "write_durably", "write + fsync (disk)"),
        (Path, "replace", "rename (disk)"),
        (segments_module, "fsync", "fsync of the folder (disk)"),
        (SqlManifest, "commit_segments", "manifest and cursor, one transaction (disk)"),
        (KnownKeys, "landed", "keep the keys"),
    ]
    before = [(owner, attribute, getattr(owner, attribute)) for owner, attribute, _ in patched]
    # A cycle holds a page and not the forty of this benchmark: they are not to be looked at by the collector.
    pages = list(pages_of(rows))
    gc.collect()
    gc.freeze()
    with tempfile.TemporaryDirectory() as name, opened(Path(name)) as (landing, _):
        for owner, attribute, label in patched:
            watch.around(owner, attribute, label)
        for page in pages:
            with watch.timing(WHOLE):
                landing.land("hubspot", "x", [page], shapes={}, landed_at=AT)
            landing.compact()
            _references(Path(name), page, watch)
    for owner, attribute, original in before:
        setattr(owner, attribute, original)
    both = zip(watch.steps[WHOLE], watch.steps[COLUMNS], strict=True)
    watch.steps[FROM_COLUMNS] = [(wall - less, cpu - fewer) for (wall, cpu), (less, fewer) in both]
    print(f"durable landing of {ROWS} activities, {len(pages)} pages in order of time, merged between them")
    for step in (*(label for *_, label in patched), FROM_COLUMNS, WHOLE, PLAIN, RAW_FILE, RAW_APPEND):
        print("  " + watch.line(step))


def _references(folder: Path, page: Page, watch: Watch) -> None:
    table = activity_table(page.activities, landed_at=AT)
    plain = folder / "plain.parquet"
    with watch.timing(PLAIN), plain.open("wb") as file:
        pq.write_table(table, file)
        file.flush()
        os.fsync(file.fileno())
    plain.unlink()
    size = 25 * ROWS
    with plain.open("wb", buffering=0) as file, watch.timing(RAW_FILE):
        file.write(b"x" * size)
        os.fsync(file.fileno())
    with plain.open("ab", buffering=0) as file, watch.timing(RAW_APPEND):
        file.write(b"x" * 8192)
        os.fsync(file.fileno())
    plain.unlink()


def growth(rows: Sequence[Activity]) -> None:
    """Land pages that all touch each other's time: does a page cost more the more there is?"""
    mixed = list(rows)
    dice.shuffle(mixed)
    landings, merges = [], []
    with tempfile.TemporaryDirectory() as name, opened(Path(name)) as (landing, manifest):
        for page in pages_of(mixed):
            start = time.process_time()
            landing.land("hubspot", "x", [page], shapes={}, landed_at=AT)
            middle = time.process_time()
            landing.compact()
            landings.append((middle - start) * 1e3)
            merges.append((time.process_time() - middle) * 1e3)
        tenth = max(len(landings) // 10, 1)
        count = len(landings) * ROWS
        first, last = statistics.median(landings[:tenth]), statistics.median(landings[-tenth:])
        print(f"{count} activities in {len(landings)} pages of mixed times, merged on the way (CPU time)")
        print(f"  a page among the first tenth {first:6.2f} ms, among the last tenth {last:6.2f} ms")
        print(f"  merging {sum(merges) / count * 1e3:5.2f} µs per activity, longest {max(merges):6.0f} ms")
        print(f"  live files {len(manifest.segments())}")
        start = time.perf_counter()
        held = Lake(Path(name) / "lake", manifest).activities(["hubspot"], as_of=AT).num_rows
        print(f"  reading {held} of them back, each once, in order: {time.perf_counter() - start:5.2f} s")
        start = time.process_time()
        again = Landing(Path(name) / "lake", manifest).land(
            "hubspot", "x", [next(pages_of(mixed))], shapes={}, landed_at=AT
        )
        took = (time.process_time() - start) * 1e3
        print(f"  the same page again in a new process: {again.repeated} repeated, {took:6.2f} ms")


def at_rest(rows: Sequence[Activity]) -> None:
    """Say how many bytes an activity takes, before merging and after."""
    with tempfile.TemporaryDirectory() as name, opened(Path(name)) as (landing, manifest):
        print(f"bytes at rest per activity, {len(rows) // ROWS * ROWS} of the local HubSpot's")
        for page in pages_of(rows):
            landing.land("hubspot", "x", [page], shapes={}, landed_at=AT)
        _weigh("in pages of 3,000", Path(name) / "lake", manifest)
        landing._grown.add(STREAM)  # noqa: SLF001 - as after one more page
        while landing.compact():
            landing._grown.add(STREAM)  # noqa: SLF001
        _weigh("merged", Path(name) / "lake", manifest)


def _weigh(label: str, root: Path, manifest: Manifest) -> None:
    sizes: dict[str, int] = defaultdict(int)
    count = total = 0
    for segment in manifest.segments(STREAM):
        metadata = pq.ParquetFile(root / segment.path).metadata
        count, total = count + segment.rows, total + segment.size_bytes
        for group in range(metadata.num_row_groups):
            for place in range(metadata.num_columns):
                column = metadata.row_group(group).column(place)
                sizes[column.path_in_schema] += column.total_compressed_size
    beside = total - sizes["id"] - sizes["person_id"]
    most = sorted(((size, name) for name, size in sizes.items() if name not in {"id", "person_id"}), reverse=True)[:4]
    print(
        f"  {label:18} {total / count:6.2f}: event ids {sizes['id'] / count:5.2f}, person ids "
        f"{sizes['person_id'] / count:5.2f}, all else {beside / count:5.2f} "
        f"({', '.join(f'{name} {size / count:.2f}' for size, name in most)}); {len(manifest.segments(STREAM))} files"
    )


def main() -> None:
    """Print all figures."""
    people = int(sys.argv[1]) if len(sys.argv) > 1 else 8_000
    pages = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    rows = sample(people)
    durable(more(rows, 40 * ROWS))
    at_rest(rows)
    if pages:
        growth(more(rows, pages * ROWS))


if __name__ == "__main__":
    main()
