"""Every adapter that is registered has the shape of its port and stands under the contract."""

from importlib.metadata import entry_points
from pathlib import Path

import pytest

from connector.ports.crm import Crm, Provisioner
from connector.ports.source import Source

SOURCES = sorted(entry_points(group="connector.sources"), key=lambda entry: entry.name)
CRMS = sorted(entry_points(group="connector.crms"), key=lambda entry: entry.name)
SUITE = "adapters.conformance"


@pytest.mark.parametrize("entry", SOURCES, ids=lambda entry: entry.name)
def test_a_registered_source_is_a_source(entry):
    assert issubclass(entry.load(), Source)


@pytest.mark.parametrize("entry", CRMS, ids=lambda entry: entry.name)
def test_a_registered_crm_is_a_crm_in_which_fields_can_be_made(entry):
    assert issubclass(entry.load(), Crm)
    assert issubclass(entry.load(), Provisioner)


@pytest.mark.parametrize("entry", [*SOURCES, *CRMS], ids=lambda entry: f"{entry.group}-{entry.name}")
def test_a_registered_adapter_is_held_to_the_contract(entry):
    tests = Path(__file__).parents[1]
    room = entry.value.split(":")[0].split(".")[1]
    held = [*tests.glob(f"contract/test_{room}.py"), *tests.glob(f"adapters/{room}/test_*contract*.py")]
    assert any(SUITE in path.read_text() for path in held)
