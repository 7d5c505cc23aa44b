"""Real people through the real command: better bands convert better, and every line adds up (the script holds that)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = next(folder for folder in Path(__file__).parents if (folder / "connector").is_dir())


def out_of_order(bands):
    """Bands whose interval lies above that of the better band before them."""
    return [worse["name"] for better, worse in pairwise(bands) if worse["low"] > better["high"]]


def told(*words):
    script = ROOT / "benchmarks" / "real_events.py"
    done = subprocess.run(
        [sys.executable, str(script), "--json", *words], capture_output=True, text=True, check=False, timeout=280
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif("HANDOFF_SHARED" not in os.environ, reason="HANDOFF_SHARED names no folder with data/web_log")
def test_better_bands_convert_better():
    found = told()
    assert len(found) == 4
    for data_set in found:
        bands = data_set["bands"]
        assert out_of_order(bands) == [], data_set["name"]
        first, last = bands[0], bands[-1]
        assert first["low"] > last["high"], data_set["name"]
        assert sum(band["people"] for band in bands) >= 800


def test_a_band_out_of_order_is_told():
    bands = [{"name": "A", "low": 0.1, "high": 0.2}, {"name": "B", "low": 0.3, "high": 0.4}]
    assert out_of_order(bands) == ["B"]
