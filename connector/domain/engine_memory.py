"""How much memory an embedded engine may take, and where it goes with the rest."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

#: of every engine, whatever the machine has: what an engine once took it gives back late; beyond it sorting and joining
#: go through the disk
MEMORY_LIMIT = "1GB"


def engine_memory() -> dict[str, Any]:
    """Give the settings of one engine of this process; it spills below the system's folder for temporary files.

    Never into the working directory, which may be anybody's and read-only.
    """
    spill = Path(tempfile.gettempdir()) / f"handoff-{os.getpid()}.spill"
    return {"memory_limit": MEMORY_LIMIT, "temp_directory": str(spill)}
