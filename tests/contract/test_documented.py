"""The page on adapters names things that exist."""

import importlib
import re
from dataclasses import fields
from pathlib import Path

import pytest

from adapters.files.settings import FilesSettings
from adapters.hubspot.settings import HubSpotSettings
from connector import errors

ROOT = next(folder for folder in Path(__file__).parents if (folder / "connector").is_dir())
PAGE = (ROOT / "docs" / "adapters.md").read_text()


@pytest.mark.parametrize("settings", [FilesSettings, HubSpotSettings])
def test_every_option_is_documented(settings):
    for option in fields(settings):
        assert f"`{option.name}`" in PAGE, option.name


def test_every_file_named_exists():
    named = set(re.findall(r"`((?:adapters|connector|tests)/[\w/]+\.py)`", PAGE))
    assert len(named) >= 6
    assert [path for path in sorted(named) if not (ROOT / path).is_file()] == []


def test_every_error_class_of_a_port_is_documented_and_exists():
    named = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) & set(vars(errors))
    assert {"ConfigError", "AccessError", "RateLimited", "TransientError", "OutcomeUnknown", "AdapterFault"} <= named


def test_the_imports_shown_work():
    for module, names in re.findall(r"^from (adapters[\w.]+) import (.+)$", PAGE, re.MULTILINE):
        for name in names.split(", "):
            assert hasattr(importlib.import_module(module), name)
