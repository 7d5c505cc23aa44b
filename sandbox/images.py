"""Finished orgs kept for the next start: copying one is quicker than drawing 200,000 people again.

An image is told apart by everything its content depends on: people, seed, clock, emptiness and the sandbox's own code.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

from sandbox.people.truth import FOLDER

#: Per vendor the file an org works on and the copy of its start beside it.
FILES: dict[str, tuple[str, str]] = {
    "salesforce": ("salesforce.db", "salesforce.seed"),
    "hubspot": ("hubspot.sqlite", "hubspot.seed"),
}


def image_of(images: Path, kept: dict[str, Any]) -> Path:
    """Return where the image of orgs with these settings stands, or would stand."""
    said = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        said.update(path.read_bytes())
    said.update(repr(sorted(kept.items())).encode())
    return images / f"{kept['people']}-{kept['seed']}-{said.hexdigest()[:24]}"


def take_from(image: Path, directory: Path) -> bool:
    """Put the orgs of an image into a fresh directory; return whether there was one."""
    if not image.is_dir():
        return False
    if (image / FOLDER).is_dir():
        shutil.copytree(image / FOLDER, directory / FOLDER, dirs_exist_ok=True)
    for vendor, (work, start) in FILES.items():
        if (image / start).exists():
            room = directory / vendor
            room.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(image / start, room / work)
            shutil.copyfile(image / start, room / start)
    return True


def keep_as(image: Path, directory: Path) -> None:
    """Keep the orgs of a directory as they were at their start; an image that stands stays."""
    if image.exists():
        return
    draft = image.with_name(f"{image.name}.{os.getpid()}")
    draft.mkdir(parents=True)
    if (directory / FOLDER).is_dir():
        shutil.copytree(directory / FOLDER, draft / FOLDER)
    for vendor, (_, start) in FILES.items():
        if (directory / vendor / start).exists():
            shutil.copyfile(directory / vendor / start, draft / start)
    try:
        draft.rename(image)
    except OSError:  # somebody else was faster
        shutil.rmtree(draft)
