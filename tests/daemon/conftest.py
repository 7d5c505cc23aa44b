from __future__ import annotations

import sys
from pathlib import Path

# tests are no package: what several files here share is found beside them, and the small house beside the pipeline's
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "pipeline")]
