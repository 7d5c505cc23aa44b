"""Requests and responses as every org sees them."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class Headers(Mapping[str, str]):
    """Map header names to values, whatever the case of the name; a repeated header is joined by commas."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        """Take the pairs in the order they were received."""
        self._values: dict[str, str] = {}
        for name, value in pairs:
            known = self._values.get(name.lower())
            self._values[name.lower()] = value if known is None else f"{known}, {value}"

    def __getitem__(self, name: str) -> str:
        """Return the value of the header."""
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names in lower case."""
        return iter(self._values)

    def __len__(self) -> int:
        """Count the different names."""
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        """Tell whether the header was sent, whatever its case."""
        return isinstance(name, str) and name.lower() in self._values


class BadBody(ValueError):
    """The body is not what its content type promises."""


@dataclass(slots=True)
class Request:
    """One request as received."""

    #: Upper case.
    method: str
    #: As sent, still percent-encoded, without the query: an encoded slash is not a separator.
    path: str
    #: Decoded pairs in the order sent.
    query: list[tuple[str, str]] = field(default_factory=list)
    headers: Headers = field(default_factory=Headers)
    #: Without any content encoding.
    body: bytes = b""
    #: Path and query exactly as sent; its length is what a vendor's limit on the address counts.
    target: str = ""
    #: Received over TLS.
    secure: bool = False

    @classmethod
    def make(
        cls,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes | str | dict[str, Any] | list[Any] = b"",
    ) -> Request:
        """Build a request from an address such as ``/a/b?c=1``; a dict or list body becomes JSON."""
        path, _, query = target.partition("?")
        raw = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        pairs = parse_qsl(query, keep_blank_values=True)
        return cls(method.upper(), path, pairs, Headers(headers), raw, target)

    def json(self) -> Any:
        """Return the body as JSON; an empty body is an empty object, half a surrogate pair a question mark.

        Raises: BadBody when it is not JSON.
        """
        if not self.body.strip():
            return {}
        try:
            found = json.loads(self.body)
        except ValueError as error:
            raise BadBody(str(error)) from error
        if _SURROGATE.search(self.body):
            found = json.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
        return found

    def form(self) -> dict[str, str]:
        """Return the body as form fields; of a repeated field the last one counts."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def arg(self, name: str, default: str | None = None) -> str | None:
        """Return the last value of a query parameter, or the default."""
        found = default
        for key, value in self.query:
            if key == name:
                found = value
        return found

    def args(self, name: str) -> list[str]:
        """Return all values of a query parameter, whether it was repeated or joined by commas."""
        return [part for key, value in self.query if key == name for part in value.split(",") if part]


@dataclass(slots=True, frozen=True)
class Wire:
    """How the answer is put on the socket when it is not simply sent."""

    #: ``reset`` and ``drop`` send nothing, ``truncate`` half of the body, ``slow`` the body in small pieces.
    kind: str
    #: Seconds of real time over which ``slow`` spreads the body.
    seconds: float = 0.0


@dataclass(slots=True)
class Response:
    """One answer; a dict or list becomes JSON, a string HTML-free text, None an empty body."""

    status: int = 200
    body: bytes | str | dict[str, Any] | list[Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    wire: Wire | None = None

    def payload(self) -> bytes:
        """Return the body's bytes and set the content type where the body decides it."""
        if self.body is None:
            return b""
        if isinstance(self.body, bytes):
            return self.body
        if isinstance(self.body, str):
            self.headers.setdefault("Content-Type", "text/plain;charset=UTF-8")
            return self.body.encode()
        self.headers.setdefault("Content-Type", "application/json;charset=UTF-8")
        return json.dumps(self.body, ensure_ascii=False, separators=(",", ":")).encode()


def plain_body(raw: bytes, encoding: str) -> bytes:
    """Undo the content encoding of a request body.

    Raises: BadBody when it says gzip and is not.
    """
    if encoding.strip().lower() != "gzip" or not raw:
        return raw
    try:
        return gzip.decompress(raw)
    except (OSError, EOFError) as error:
        raise BadBody(str(error)) from error
