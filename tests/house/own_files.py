"""Which files are ours: those under version control, or, where there is none, all that are not made by tools."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

#: the tree; the wheel's tests run from a copy below it that holds no packages
ROOT = next(folder for folder in Path(__file__).parents if (folder / "connector").is_dir())
#: the packages of the wheel
ROOMS = ("connector", "adapters", "state", "sandbox")
_MADE = {
    ".git",
    ".venv",
    "__pycache__",
    "build",
    "dist",
    "var",
    ".mypy_cache",
    ".ruff_cache",
    ".hypothesis",
    "node_modules",
}


@cache
def own_files() -> tuple[Path, ...]:
    """List our files, sorted."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
        if listed.returncode == 0 and listed.stdout:
            names = listed.stdout.decode().split("\0")
            return tuple(sorted(path for name in names if name and (path := ROOT / name).is_file()))
    found = (path for path in ROOT.rglob("*") if path.is_file())
    return tuple(sorted(path for path in found if not _MADE.intersection(path.relative_to(ROOT).parts)))


def python_files(*rooms: str) -> list[Path]:
    """List Python files, of some folders or of all."""
    files = [path for path in own_files() if path.suffix == ".py"]
    return [path for path in files if not rooms or path.relative_to(ROOT).parts[0] in rooms]


def name(path: Path) -> str:
    """Write a path as a reader of a failed test wants it."""
    return path.relative_to(ROOT).as_posix()
