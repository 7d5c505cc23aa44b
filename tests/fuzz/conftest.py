"""Where the files of this folder find what they share."""

from __future__ import annotations

import sys
from pathlib import Path

# tests are no package: what several files here share is found beside them, under names nobody else uses
sys.path.insert(0, str(Path(__file__).parent))
