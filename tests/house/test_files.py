"""Files are named for their job, short enough to read, and say nothing of the place they were written in."""

from __future__ import annotations

import ast
import re

import pytest
from own_files import ROOMS, ROOT, name, own_files, python_files

_LONGEST_FILE = 400
_LONGEST_FUNCTION = 60
_VAGUE = re.compile(r"(^|_)(utils?|helpers?|common|misc|base|managers?)(_|\.|$)")
#: the last part is written apart, so that this file does not name what it looks for
_FORBIDDEN = [
    "/wor" + "k/",
    "/ho" + "me/",
    "/Use" + "rs/",
    *(
        first + rest
        for first, rest in (("cla", "ude"), ("anth", "ropic"), ("chat", "gpt"), ("open", "ai"), ("copi", "lot"))
    ),
    "language" + " model",
    "sub" + "agent",
]


def test_there_are_files_to_look_at() -> None:
    assert len(own_files()) > 300
    assert {path.relative_to(ROOT).parts[0] for path in python_files()} >= {*ROOMS, "tests"}


def test_no_file_is_longer_than_it_can_be_read() -> None:
    lengths = {name(path): len(path.read_text("utf-8").splitlines()) for path in python_files()}
    assert {file: length for file, length in lengths.items() if length > _LONGEST_FILE} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    long = {}
    for path in python_files(*ROOMS):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > _LONGEST_FUNCTION:
                    long[f"{name(path)}:{node.name}"] = lines
    assert long == {}


def test_no_file_is_a_drawer() -> None:
    assert [name(path) for path in python_files() if _VAGUE.search(path.stem)] == []


def test_tests_are_no_package_and_have_names_of_their_own() -> None:
    tests = python_files("tests")
    assert [name(path) for path in tests if path.name == "__init__.py"] == []
    rooms = [path for path in python_files(*ROOMS) if path.name == "__init__.py"]
    assert {path.relative_to(ROOT).parts[0] for path in rooms} == set(ROOMS)


def test_every_room_is_a_package() -> None:
    bare = {path.parent for path in python_files(*ROOMS)} - {
        path.parent for path in python_files(*ROOMS) if path.name == "__init__.py"
    }
    assert sorted(map(name, bare)) == []


@pytest.mark.parametrize("word", _FORBIDDEN)
def test_nothing_names_the_place_or_the_tools_it_was_written_with(word: str) -> None:
    pattern = re.compile(re.escape(word), re.IGNORECASE)
    found = []
    for path in own_files():
        text = path.read_bytes().decode("utf-8", "ignore")
        found += [f"{name(path)}:{text.count(chr(10), 0, match.start()) + 1}" for match in pattern.finditer(text)]
    assert found == []


def test_nothing_prints_outside_the_doors() -> None:
    printing = []
    for path in python_files("connector", "adapters", "state"):
        if path.relative_to(ROOT).parts[:2] == ("connector", "cli"):
            continue
        calls = (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))
        names = ((node.func.id, node.lineno) for node in calls if isinstance(node.func, ast.Name))
        printing += [f"{name(path)}:{line}" for word, line in names if word == "print"]
    assert printing == []
