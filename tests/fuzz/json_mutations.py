"""JSON documents with something wrong in them, and the bytes they travel as."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st


def _deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


#: values of kinds no schema promises, and of the promised kind beyond every measure
_NASTY: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(None, True, False, 0, -1, 17, 1.5, 10**30, -(10**30), 2**63, 1e308, float("nan"), float("inf")),
        *(
            "",
            " ",
            "0",
            "-1",
            "x",
            "null",
            "\x00",
            "\ud83d",
            "a\udc00b",
            "\u202e\ufffe\x1b[31m",
            "e\u0301",
            "x" * 200_000,
        ),
        *("9999-12-31T23:59:59.999Z", "0001-01-01T00:00:00Z", "2026-11-31T00:00:00Z", "2026-11-17", "1e999", "9" * 400),
        *([], {}, [[]], [None], {"": ""}, {"id": None}, [{"id": "1"}], _deep(60), _deep(300)),
    ]
) | st.text(max_size=6)
#: each time a value of its own: what is drawn is changed in place
NASTY = _NASTY.map(lambda value: json.loads(json.dumps(value)))


def _places(document: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [here]
    if isinstance(document, dict):
        for key, value in document.items():
            found += _places(value, (*here, key))
    if isinstance(document, list):
        for number, value in enumerate(document):
            found += _places(value, (*here, number))
    return found


@st.composite
def mutated(draw: Any, document: Any) -> Any:
    """Change one to four places: drop, retype, double, rename, or put beside them what nobody expects."""
    changed = json.loads(json.dumps(document))
    for _ in range(draw(st.integers(1, 4))):
        places = [place for place in _places(changed) if place and len(place) < 12]
        if not places:
            return draw(NASTY)
        *way, last = draw(st.sampled_from(places))
        holder = changed
        for step in way:
            holder = holder[step]
        kind = draw(st.sampled_from(["drop", "retype", "retype", "double", "rename", "add"]))
        if kind == "drop":
            del holder[last]
        elif kind == "retype":
            holder[last] = draw(NASTY)
        elif kind == "double" and isinstance(holder, list):
            holder.insert(last, json.loads(json.dumps(holder[last])))
        elif kind == "rename" and isinstance(holder, dict):
            holder[draw(st.sampled_from(["", "id", "results", "events", "Id", "\ud800", "properties"]))] = holder.pop(
                last
            )
        elif isinstance(holder, dict):
            holder[draw(st.text(max_size=4))] = draw(NASTY)
    return changed


@st.composite
def as_bytes(draw: Any, document: Any) -> bytes:
    """Write a document as JSON; now and then cut, or with bytes that are no UTF-8 and control characters left plain."""
    text = json.dumps(document)
    if draw(st.integers(0, 9)) == 0:
        raw = json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")
        return raw.replace(b"\\u0000", b"\x00").replace(b"\\u001b", b"\x1b")
    if draw(st.integers(0, 19)) == 0:
        return text.encode()[: draw(st.integers(0, len(text)))]
    return text.encode()


def read_again(body: bytes) -> Any:
    """Give what a body says as a forgiving reader takes it; None when it says nothing."""
    try:
        return json.loads(body.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):
        return None
