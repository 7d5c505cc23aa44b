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


def as_large_as_their_account(place: Path) -> Path:
    """Let the CRM's people have as many employees as the account they are linked to; give the same place."""
    path = place / "fields.yaml"
    path.write_text(path.read_text("utf-8").replace("person:\n", "person:\n  employees: {crm: account.employees}\n", 1))
    return place
