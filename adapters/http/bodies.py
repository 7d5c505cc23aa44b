"""JSON over the wire, read and written once and quickly."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import requests


class JsonText(str):
    """A body that is JSON already."""

    __slots__ = ()


def body_of(response: requests.Response) -> Any:
    """Parse an answer's JSON body, once however often it is asked; None for an empty body.

    Raises:
        ValueError: the body is cut or is no JSON. The message holds none of it.
    """
    known = vars(response)
    if "parsed_body" not in known:
        try:
            known["parsed_body"] = _parsed(response.content) if response.content.strip() else None
        except ValueError:
            raise ValueError("not JSON") from None
    return known["parsed_body"]


def json_of(body: Any) -> bytes:
    """Write a request's body; half a surrogate pair, which is no UTF-8, is escaped."""
    if isinstance(body, JsonText):
        return body.encode()
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:
        return json.dumps(body).encode()


def _parsed(content: bytes) -> Any:
    """Read JSON quickly, and what only the patient reader takes (NaN, half a surrogate pair) by that one."""
    try:
        return msgspec.json.decode(content)
    except msgspec.DecodeError:
        return json.loads(content)
