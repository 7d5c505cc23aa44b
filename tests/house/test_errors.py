"""Every error code can be searched for: one word of the room, a point, one word of the case."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator

from own_files import name, python_files

from connector import errors

_FORM = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+")
_CLASSES = {
    word
    for word, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.HandoffError) and kind is not errors.MappingError
}


def _codes() -> Iterator[tuple[str, str]]:
    """Give every code that stands as text where an error is made, with its place; what is put in reads as ``x``."""
    for path in python_files("connector", "adapters", "state"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CLASSES):
                continue
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield f"{name(path)}:{node.lineno}", first.value
            elif isinstance(first, ast.JoinedStr):
                parts = [str(p.value) if isinstance(p, ast.Constant) else "x" for p in first.values]
                yield f"{name(path)}:{node.lineno}", "".join(parts)


def test_every_code_has_the_form_word_point_word() -> None:
    codes = dict(_codes())
    assert len(codes) > 30
    assert {place: code for place, code in codes.items() if not _FORM.fullmatch(code)} == {}


def test_every_class_has_an_exit_code_that_is_documented() -> None:
    known = {0, 1, 2, 3, 4, 5, 70}
    for word in _CLASSES:
        kind = getattr(errors, word)
        assert kind.exit_code in known
        assert kind.__doc__
        assert kind("room.case", "words").cure, (
            "whoever meets it is told what to do, also where the raiser knew nothing"
        )
