"""The starter's mappings with a clock for the first touch of mql."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path

CLOCK = "\nsla: {mql: {first_touch: 4h, then: [reassign, notify_manager]}}\n"


def with_a_clock(folder: Path) -> Path:
    """Write the files below ``folder`` and give where."""
    place = folder / "mappings"
    shutil.copytree(Path(str(files("mappings") / "default")), place)
    with (place / "routing.yaml").open("a", encoding="utf-8") as file:
        file.write(CLOCK)
    return place
