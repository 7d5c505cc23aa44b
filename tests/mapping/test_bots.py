"""``bots`` of scoring.yaml: sensible without a word, each pattern can be switched off, faults have their line."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.mapping.bots import Bots
from connector.mapping.load import FILES, check_texts
from connector.mapping.starter import starter_mapping

STARTER = {word: starter_mapping(word) for word in FILES}
_LINES = STARTER["scoring"].decode().splitlines()
_FIRST = _LINES.index("bots:")


def problems_of(*lines: str):
    """Give the problems of the starter with another ``bots``, and their lines counted from ``bots:``."""
    end = next(n for n in range(_FIRST + 1, len(_LINES)) if not _LINES[n].startswith(" "))
    text = "\n".join([*_LINES[:_FIRST], "bots:", *(f"  {line}" for line in lines), *_LINES[end:]])
    found = check_texts({**STARTER, "scoring": text.encode()})
    return [(one.line - _FIRST - 1, one.key, one.message) for one in found]


def test_without_a_word_the_patterns_are_on():
    bots = Bots()
    assert (bots.fast, bots.visit, bots.signs) == (timedelta(seconds=10), timedelta(minutes=30), 2)
    assert not bots.off


@pytest.mark.parametrize("name", ["fast", "links", "visit", "marked", "pages"])
def test_none_switches_a_pattern_off(name):
    assert problems_of(f"{name}: none") == []
    assert getattr(Bots.model_validate({name: "none"}), name) is None


def test_everything_can_be_off():
    names = ("fast", "links", "visit", "marked", "pages")
    assert problems_of(*(f"{name}: none" for name in names)) == []
    assert Bots.model_validate(dict.fromkeys(names, "none")).off


@pytest.mark.parametrize(
    ("lines", "line", "key", "words"),
    [
        (["fast: soon"], 1, "bots.fast", "no duration"),
        (["visit: 30m", "fast: null"], 2, "bots.fast", "write none"),
        (["fast: 2h"], 1, "bots", "at most 1h"),
        (["visit: 30d"], 1, "bots", "at most 24h"),
        (["links: {count: 1, within: 5s}"], 1, "bots.links.count", "2"),
        (["links: {count: 3, during: 5s}"], 1, "bots.links.during", "unknown key"),
        (["signs: 1"], 1, "bots.signs", "none of"),
        (["signs: 3", "fast: none"], 1, "bots", "3 signs are needed"),
        (["fast: none", "links: none"], 1, "bots", "only visit is on"),
        (["speed: 10s"], 1, "bots.speed", "unknown key"),
        (["pages: {count: 2}"], 1, "bots.pages.count", "5"),
    ],
)
def test_faults_are_refused_at_their_line(lines, line, key, words):
    ((found, path, message),) = problems_of(*lines)
    assert path.removeprefix("scoring.") in (key, f"{key}.0")
    assert words in message
    assert found in (line, 0) if key == "bots" else found == line


def test_nothing_of_it_is_needed():
    end = next(n for n in range(_FIRST + 1, len(_LINES)) if not _LINES[n].startswith(" "))
    text = "\n".join([*_LINES[:_FIRST], *_LINES[end:]])
    assert check_texts({**STARTER, "scoring": text.encode()}) == []
