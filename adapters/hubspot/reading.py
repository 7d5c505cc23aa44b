"""From the bytes of an answer to rows: quickly when the answer is well formed, row by row when it is not.

msgspec reads a page of contacts straight into typed rows, several times faster than ``json`` and building dictionaries.
It takes a page or leaves it; one bad row, a control character or half a surrogate pair makes it leave the page, which
is then read slowly, and only the bad rows are given up.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

import msgspec

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
#: Escapes that stand for control characters and surrogates; msgspec would hand the former through.
_BAD_ESCAPE = re.compile(rb"\\u(?:00[01]|007[fF]|[dD][89a-fA-F])")
#: Neither a database nor a Parquet file takes all of these; tab and line ends stay.
_BAD_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

#: Bytes of a page above which its rows are looked at one by one.
LARGE_BODY = 4_000_000
#: Characters of a value; the longest the vendor takes are bodies of notes with 65,536 (hubspot.md section 8).
LONGEST_VALUE = 131_072

Row = TypeVar("Row")


class Record(msgspec.Struct, rename="camel"):
    """A CRM record. Values of properties are text or null (hubspot.md section 4)."""

    id: str
    properties: dict[str, str | None]
    created_at: datetime | None = None
    updated_at: datetime | None = None
    archived: bool = False
    archived_at: datetime | None = None


class _Next(msgspec.Struct):
    after: str | int | None = None


class _Paging(msgspec.Struct):
    next: _Next | None = None


class _Envelope(msgspec.Struct, Generic[Row], rename="camel"):
    """Any of the vendor's pages: ``results`` of the CRM, ``events`` of e-mail."""

    results: list[Row] = []
    events: list[Row] = []
    total: int | None = None
    paging: _Paging | None = None
    has_more: bool = False
    offset: str | int | None = None


class BadRow(msgspec.Struct):
    """A row that could not be read, with its id where that could."""

    id: str
    message: str
    code: str = "malformed"


class Rows(msgspec.Struct, Generic[Row]):
    """One page, read.

    Attributes:
        rows: the readable rows in the vendor's order.
        bad: the unreadable ones.
        total: rows that match the query, where the vendor says so.
        after: what to ask for next, or None on the last page.
    """

    rows: list[Row]
    bad: list[BadRow]
    total: int | None
    after: str | None

    @property
    def count(self) -> int:
        """Rows on the page, readable or not."""
        return len(self.rows) + len(self.bad)


class PageReader(Generic[Row]):
    """Reads pages of one type of row."""

    def __init__(self, row: type[Row]) -> None:
        """Prepare the decoder once; building it costs more than using it."""
        self._row = row
        self._decoder = msgspec.json.Decoder(_Envelope[row])  # type: ignore[valid-type]

    def __call__(self, body: bytes) -> Rows[Row]:
        """Read a page.

        Raises:
            ValueError: the body is no JSON or no page at all.
        """
        # A page of 200 usual contacts has a tenth of this: only then is the size of every value looked at.
        if len(body) <= LARGE_BODY and not (b"\\u" in body and _BAD_ESCAPE.search(body)):
            try:
                page = self._decoder.decode(body)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                pass
            else:
                return Rows(page.results or page.events, [], page.total, _after(page))
        return self._slowly(body)

    def _slowly(self, body: bytes) -> Rows[Row]:
        document = read_json(body)
        if not isinstance(document, dict):
            raise ValueError("not a page")
        raw = document.pop("results", None) or document.pop("events", None) or []
        try:
            page = msgspec.convert(document, _Envelope[Any])
        except msgspec.ValidationError:
            raise ValueError("not a page") from None
        if not isinstance(raw, list):
            raise ValueError("not a page")
        rows: list[Row] = []
        bad: list[BadRow] = []
        for item in raw:
            name = item.get("id") or item.get("conversionId") if isinstance(item, dict) else None
            if _too_large(item):
                bad.append(BadRow(str(name or ""), "a value is longer than any the vendor takes", "too_large"))
                continue
            try:
                rows.append(msgspec.convert(_ids_as_text(item), self._row))
            except msgspec.ValidationError:
                bad.append(BadRow(str(name or ""), "the row is not of the documented form"))
        return Rows(rows, bad, page.total, _after(page))


def read_json(body: bytes) -> Any:
    """Read any JSON document, forgiving control characters, half surrogates and bad UTF-8, which become U+FFFD.

    Raises:
        ValueError: no JSON.
    """
    if not body.strip():
        return None
    try:
        document = json.loads(body.decode("utf-8", "replace"), strict=False)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return _cleaned(document)


def _too_large(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) > LONGEST_VALUE
    if isinstance(value, dict):
        return any(map(_too_large, value.values()))
    return isinstance(value, list) and any(map(_too_large, value))


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return _BAD_TEXT.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    return value


def _ids_as_text(item: Any) -> Any:
    """Take numbers where text is promised: some of the vendor's own samples have them (hubspot.md section 4)."""
    if not isinstance(item, dict):
        return item
    fixed = dict(item)
    for key in ("id", "objectId"):
        if isinstance(fixed.get(key), int) and not isinstance(fixed[key], bool):
            fixed[key] = str(fixed[key])
    properties = fixed.get("properties")
    if isinstance(properties, dict):
        fixed["properties"] = {
            key: value if value is None or isinstance(value, str) else json.dumps(value)
            for key, value in properties.items()
        }
    return fixed


def _after(page: _Envelope[Any]) -> str | None:
    if page.paging is not None and page.paging.next is not None and page.paging.next.after is not None:
        return str(page.paging.next.after)
    return str(page.offset) if page.has_more and page.offset is not None else None


def instant(text: str | None) -> datetime | None:
    """Read one of the vendor's times, ISO 8601 or epoch milliseconds, as aware UTC; None when it is neither."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if not text.isdecimal() else from_ms(int(text))
    except (ValueError, OverflowError):
        return None


def from_ms(milliseconds: int) -> datetime:
    """Turn epoch milliseconds into an aware UTC datetime.

    Raises:
        OverflowError: outside the years 1 to 9999.
    """
    return EPOCH + milliseconds * _MILLISECOND


def to_ms(when: datetime) -> int:
    """Turn an aware datetime into whole epoch milliseconds, rounded down."""
    return (when - EPOCH) // _MILLISECOND
