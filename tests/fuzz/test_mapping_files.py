"""Whatever stands in the files people write: they are taken, or every problem has a line that exists and words."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
from fuzz_settings import fuzzed
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import MappingError, Problem
from connector.mapping.load import FILES, check_texts
from connector.mapping.settings import load_settings
from connector.mapping.starter import starter_mapping

STARTER = {word: starter_mapping(word) for word in FILES}
SETTINGS = b"""\
install: main
sources:
  - {name: hubspot, adapter: hubspot, base_url: 'https://api.hubapi.com', token: '${TOKEN}'}
  - {name: exports, adapter: files, people: 'exports/people*.csv'}
crm: {adapter: salesforce, instance_url: 'https://c.my.salesforce.com', auth: {flow: token, access_token: '${TOKEN}'}}
state: sqlite:///var/handoff.db
lake: var/lake
engine: duckdb
mappings: mappings/default
mode: paused
cutover: {waived_by: null, reason: null, on: null}
time_zone: Europe/Berlin
schedule: {source: 60s, crm: 5m, fast_lane: 15s, deliver: 5s, full_rescore: '02:00'}
limits: {tasks_per_day: 200, share_per_day: 0.1, api_calls_per_day: {salesforce: 15000}}
alarms: {dead_share: 0.01, silence: 3d}
console: {host: 127.0.0.1, port: 8880}
"""
SECRET = "sesame-open"
#: what ends a line in YAML, old editors' endings included
_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")

#: what breaks readers of YAML, of numbers, of times, and of text
_NASTY = st.sampled_from(
    [
        *("null", "~", "''", "[]", "{}", "[[[]]]", "{a: {b: {c: 1}}}", "true", "no", "0", "-1", "1e99", ".inf", ".nan"),
        *("9" * 50, "1e999", "-0", "0x10", "0o17", "1_000", "2026-02-30", "'24:00'", "'99:99'", "5m", "-5m", "1y"),
        *("999999999999d", "${TOKEN}", "${}", "${file:/etc/passwd/x}", "${MISSING}", "*a", "&a x", "!!python/name:os"),
        *("|\n  text", ">-\n  text", '"\\ud800"', '"\\U0010FFFF"', '"\\x00"', "\u202e", "é" * 70, "x" * 5000, "? x"),
        *("'(unclosed'", "'(a+)+$'", "'['", "'\\b('", "any", "{any: []}", "{not: {}}", "{in: []}", "{between: [1]}"),
        *("{gte: x}", "{matches: '('}", "sqlite:///", "postgresql://:@/", "http://10.0.0.1", "https://u:p@h/?q#f"),
        *("'{first_name'", "'{__class__}'", "'%s'", "'\\t'", "\t", "- a\n- b", "a: b: c", "@", "`", "%YAML 9.9\n---"),
    ]
)


def _mutated(text: bytes, draw: Any) -> bytes:
    """Change a few places of a file in a way that leaves most of its shape alone."""
    lines = text.decode().split("\n")
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        line = lines[at]
        kind = draw(st.sampled_from(["value", "word", "drop", "twice", "indent", "swap", "cut", "insert"]))
        if kind == "value" and ":" in line:
            lines[at] = line[: line.index(":") + 1] + " " + draw(_NASTY)
        elif kind == "word":
            words = line.split(" ")
            words[draw(st.integers(0, len(words) - 1))] = draw(_NASTY)
            lines[at] = " ".join(words)
        elif kind == "drop":
            del lines[at]
            lines = lines or [""]
        elif kind == "twice":
            lines.insert(at, line)
        elif kind == "indent":
            lines[at] = " " * draw(st.integers(0, 6)) + line.lstrip()
        elif kind == "swap":
            other = draw(st.integers(0, len(lines) - 1))
            lines[at], lines[other] = lines[other], line
        elif kind == "cut":
            lines[at] = line[: draw(st.integers(0, len(line)))]
        else:
            place = draw(st.integers(0, len(line)))
            lines[at] = line[:place] + draw(_NASTY | st.text(max_size=8)) + line[place:]
    return "\n".join(lines).encode("utf-8", "surrogatepass")


@st.composite
def mutated_mappings(draw: Any) -> dict[str, bytes]:
    word = draw(st.sampled_from(sorted(STARTER)))
    return STARTER | {word: _mutated(STARTER[word], draw)}


@st.composite
def mutated_settings(draw: Any) -> bytes:
    return _mutated(SETTINGS, draw)


def _hold(problems: list[Problem], texts: dict[str, bytes]) -> None:
    for problem in problems:
        lines = len(_LINE_END.split(texts[Path(problem.file).name].decode("utf-8", "replace")))
        assert 1 <= problem.line <= lines, problem
        assert problem.column >= 1, problem
        assert problem.key, problem
        assert problem.message.strip(), problem
        assert "\n" not in problem.message, problem
        assert SECRET not in str(problem)


@fuzzed()
@given(mutated_mappings())
def test_changed_starter_files_are_taken_or_told_with_their_line(texts):
    _hold(check_texts(texts), {f"{word}.yaml": text for word, text in texts.items()})


@fuzzed()
@given(st.sampled_from(sorted(FILES)), st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_in_place_of_a_mapping_file_are_told_with_their_line(word, text):
    texts = STARTER | {word: text}
    problems = check_texts(texts)
    _hold(problems, {f"{name}.yaml": body for name, body in texts.items()})
    assert problems, "no file can be left out"


def _load(text: bytes) -> list[Problem]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "handoff.yaml"
        path.write_bytes(text)
        try:
            load_settings(path, {"TOKEN": SECRET})
        except MappingError as error:
            return error.problems
        return []


@fuzzed()
@given(mutated_settings())
def test_a_changed_handoff_yaml_is_taken_or_told_with_its_line(text):
    _hold(_load(text), {"handoff.yaml": text})


@fuzzed()
@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_in_place_of_handoff_yaml_are_told_with_their_line(text):
    problems = _load(text)
    _hold(problems, {"handoff.yaml": text})
    assert problems


@pytest.mark.parametrize("value", ["sesame-open", "'sesame-open'", "[sesame-open]", "{a: sesame-open}", "5"])
def test_the_untouched_files_are_taken_and_a_literal_secret_never(value):
    assert check_texts(STARTER) == []
    assert _load(SETTINGS) == []
    changed = SETTINGS.replace(b", token: '${TOKEN}'", f", token: {value}".encode())
    problems = _load(changed)
    assert [problem.key for problem in problems] == ["sources.0.token"]
    assert "${" in problems[0].message
