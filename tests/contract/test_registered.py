"""Every adapter that is registered has the shape of its port and stands under the contract."""

from importlib.metadata import entry_points
from pathlib import Path

import pytest

from connector.errors import ConfigError
from connector.ports.crm import Crm, Provisioner
from connector.ports.source import Source
from connector.registry import load_crm

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


def test_who_names_a_source_as_the_crm_is_told_that_it_comes_later():
    with pytest.raises(ConfigError, match="comes later") as caught:
        load_crm("hubspot", {"token": "x"}, system="crm")
    assert caught.value.code == "adapter.source_only"
    assert "salesforce" in caught.value.cure


@pytest.mark.parametrize("entry", [*SOURCES, *CRMS], ids=lambda entry: f"{entry.group}-{entry.name}")
def test_a_registered_adapter_is_held_to_the_contract(entry):
    tests = Path(__file__).parents[1]
    room = entry.value.split(":")[0].split(".")[1]
    held = [*tests.glob(f"contract/test_{room}.py"), *tests.glob(f"adapters/{room}/test_*contract*.py")]
    assert any(SUITE in path.read_text() for path in held)
