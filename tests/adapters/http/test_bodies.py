"""Quick JSON and patient JSON say the same."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from adapters.http import body_of, json_of

_PLAIN = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
_ANY = st.recursive(_PLAIN | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


def _answer(content: bytes) -> requests.Response:
    response = requests.Response()
    response._content = content
    response.status_code = 200
    return response


@given(_ANY)
def test_what_is_written_is_read_by_any_reader(body: Any) -> None:
    assert json.loads(json_of(body)) == body
    assert body_of(_answer(json.dumps(body).encode() or b" ")) == body


def test_what_only_the_patient_one_takes() -> None:
    assert json.loads(json_of({"a": "\ud83d"})) == {"a": "\ud83d"}
    assert body_of(_answer(b'{"a": "\\ud83d"}')) == {"a": "\ud83d"}
    assert math.isnan(body_of(_answer(b'{"a": NaN}'))["a"])
    assert body_of(_answer(b"  ")) is None


@pytest.mark.parametrize("content", [b"{", b"<html>", b'{"a": "secret'])
def test_what_is_cut_tells_nothing(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^not JSON$"):
        body_of(_answer(content))
