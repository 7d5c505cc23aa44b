"""Python's own search for garbage is put back, whoever of several ends first."""

from __future__ import annotations

import gc
import weakref

import pytest

from connector.delivery.brisk import brisk


class _Circle:
    def __init__(self) -> None:
        self.own = self


@pytest.fixture(autouse=True)
def _nothing_frozen() -> None:
    """Let go of what a command line that was imported has frozen: it would go with the first block."""
    gc.unfreeze()


def _settings() -> tuple[tuple[int, int, int], int]:
    return gc.get_threshold(), gc.get_freeze_count()


def test_it_is_put_back_once_the_last_has_ended() -> None:
    before = _settings()
    first, second = brisk(), brisk()
    with first:
        changed = _settings()
        assert changed[0][0] > before[0][0]
        assert changed[1] > before[1]
        second.__enter__()
    assert _settings()[0] == changed[0], "one is still at it"
    second.__exit__(None, None, None)
    assert _settings() == before


def test_it_is_put_back_after_an_error() -> None:
    before = _settings()
    with pytest.raises(KeyError), brisk():
        raise KeyError
    assert _settings() == before


def test_new_circles_are_found_meanwhile() -> None:
    with brisk():
        assert gc.isenabled()
        gone = weakref.ref(_Circle())
        for _ in range(gc.get_threshold()[0] + 1):
            _Circle()
        assert gone() is None
