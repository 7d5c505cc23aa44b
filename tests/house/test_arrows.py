"""Arrows between rooms point inward: the import contracts hold."""

from __future__ import annotations

import subprocess
import sys

import pytest
from own_files import ROOT


def test_import_contracts_hold() -> None:
    pytest.importorskip("importlinter", reason="import-linter comes with the checks")
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    checked = subprocess.run(
        [sys.executable, "-c", command, "--no-cache", "--config", "pyproject.toml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "KEPT" in checked.stdout
