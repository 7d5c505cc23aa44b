from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.errors import MappingError, Problem
from connector.mapping.load import FILES, check_texts
from connector.mapping.places import Found
from connector.mapping.settings import load_settings
from connector.mapping.starter import starter_mapping
from connector.mapping.yaml_reader import MOST_VALUES, read_yaml

STARTER = {word: starter_mapping(word) for word in FILES}


def read(text: str | bytes):
    found = Found("f.yaml")
    root = read_yaml(text.encode() if isinstance(text, str) else text, found)
    return (None if root is None else root.plain()), found.problems


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("no", "no"),
        ("yes", "yes"),
        ("Off", "Off"),
        ("true", True),
        ("False", False),
        ("'true'", "true"),
        ("", None),
        ("~", None),
        ("null", None),
        ("012", 12),
        ("0o17", 15),
        ("0x1F", 31),
        ("-5", -5),
        ("0.1", Decimal("0.1")),
        ("1e3", Decimal("1e3")),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("2026-01-31", "2026-01-31"),
        ("!", None),
        (r'"\u00e9"', "é"),
        ("{on: no}", {"on": "no"}),
        ("[1, a]", [1, "a"]),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text, value):
    plain, problems = read(f"key: {text}\n")
    assert problems == []
    assert plain["key"] == value
    assert type(plain["key"]) is type(value)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", (3, 1), "twice, first in line 1"),
        ("a: {b: 1, b: 2}", (1, 11), "twice"),
        ("a: !!str 5", (1, 4), "tags"),
        ("a: !x [1]", (1, 4), "tags"),
        ("a: .inf", (1, 4), "not finite"),
        ("a: 1e999", (1, 4), "too long"),
        ("a: " + "9" * 5000, (1, 4), "too long"),
        ('a: "\\ud800"', (1, 4), "U+D800"),
        ('a: "\\0"', (1, 4), "U+0000"),
        ('a: "\\UFFFFFFFF"', (1, 5), "out of range"),
        ("a: 1\n\tb: 2", (2, 1), "not YAML"),
        ("a: [1, ", (1, 8), "not YAML"),
        ("? [a]\n: b", (1, 3), "key must be text"),
        ("true: 1", (1, 1), "put it in quotes"),
        ("null: 1", (1, 1), "put it in quotes"),
        ("a: 1\n---\nb: 2", (2, 1), "several documents"),
        ("%YAML 1.1\n---\na: 1", (2, 1), "YAML 1.2"),
        ("a: *nothing", (1, 4), "names no anchor"),
        ("a: &x [*x]", (1, 8), "names no anchor"),
        ("[1, 2]", (1, 1), "must be a mapping"),
        ("just text", (1, 1), "must be a mapping"),
        ("", (1, 1), "empty"),
        ("# only a comment", (1, 1), "empty"),
        ("a: \x07", (1, 4), "U+0007"),
        (b"a: b\nc: \xff", (2, 4), "UTF-8"),
        ("a: " + "[" * 100 + "]" * 100, (1, 43), "levels deep"),
        ("x" * 2_000_000, (1, 1), "bytes"),
    ],
)
def test_refused_with_its_place(text, place, message):
    _, problems = read(text)
    assert [(problem.line, problem.column) for problem in problems] == [place]
    assert message in problems[0].message


def test_a_byte_order_mark_is_no_content():
    assert read(b"\xef\xbb\xbfa: 1") == ({"a": 1}, [])


def test_anchors_repeat_values_with_the_places_where_they_are_written():
    found = Found("f.yaml")
    root = read_yaml(b"a: &x {b: 1}\nc: *x\n", found)
    assert root is not None
    assert root.plain() == {"a": {"b": 1}, "c": {"b": 1}}
    nodes, lost = root.deepest(("c", "b"))
    assert (nodes[-1].at.line, nodes[-1].path, lost) == (1, ("c", "b"), [])


def test_aliases_cannot_blow_up():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    _, problems = read("\n".join(lines))
    assert f"more than {MOST_VALUES} values" in problems[0].message


anything = (
    st.text(max_size=200)
    | st.text(alphabet="abc:-[]{},&*!|>'\"%#?@ \n\t0123.e\\uUx~\ufeff\u2028", max_size=200)
    | st.binary(max_size=200)
    | st.sampled_from(["[", "{a: ", "- ", "? ", "&a ", "!t "]).map(lambda piece: piece * 3000)
)


def as_bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")


@settings(max_examples=300, deadline=None)
@given(anything)
def test_no_bytes_raise(data):
    plain, problems = read(as_bytes(data))
    assert plain is not None or problems
    assert all(problem.line >= 1 and problem.column >= 1 for problem in problems)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(FILES)), st.data())
def test_no_damage_to_a_mapping_file_raises(word, data):
    original = STARTER[word]
    start = data.draw(st.integers(0, len(original)))
    end = data.draw(st.integers(start, min(start + 40, len(original))))
    damaged = original[:start] + as_bytes(data.draw(anything)) + original[end:]
    problems = check_texts({**STARTER, word: damaged})
    assert all(isinstance(problem, Problem) for problem in problems)
    assert problems == sorted(problems)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("x" * 300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def test_a_key_with_a_line_break_is_told_in_one_line():
    tree = read(STARTER["fields"])[0]
    tree["person"] = {"\n": None}
    problems = check_texts({**STARTER, "fields": as_bytes(json.dumps(tree))})
    assert any("person.\\n: must be a mapping" in str(problem) for problem in problems)
    assert all("\n" not in str(problem) for problem in problems)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(FILES)), st.data())
def test_no_value_in_the_wrong_place_raises(word, data):
    tree = read(STARTER[word])[0]
    parent, steps = tree, []
    while isinstance(parent, (dict, list)) and parent:
        keys = list(parent) if isinstance(parent, dict) else list(range(len(parent)))
        step = data.draw(st.sampled_from(keys))
        steps.append(step)
        if data.draw(st.booleans()) or not isinstance(parent[step], (dict, list)):
            parent[step] = data.draw(values)
            break
        parent = parent[step]
    text = json.dumps(tree, ensure_ascii=False, default=float)
    problems = check_texts({**STARTER, word: as_bytes(text)})
    assert all(problem.message and "\n" not in str(problem) for problem in problems)


@settings(max_examples=150, deadline=None)
@given(anything)
def test_no_bytes_in_the_settings_raise(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "handoff.yaml"
    path.write_bytes(as_bytes(data))
    with pytest.raises(MappingError) as caught:
        load_settings(path, {})
    assert caught.value.problems
