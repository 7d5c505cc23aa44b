"""From the bytes of an answer to rows: quickly when the answer is well formed, row by row when it is not.

msgspec reads a page of contacts straight into typed rows, several times faster than ``json`` and building dictionaries.
It takes a page or leaves it; one bad row, a control character or half a surrogate pair makes it leave the page, which
is then read slowly, and only the bad rows are given up.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Generic, TypeVar

import msgspec

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
#: Escapes that stand for control characters and surrogates; msgspec would hand the former through.
_BAD_ESCAPE = re.compile(rb"\\u(?:00[01]|007[fF]|[dD][89a-fA-F])")
#: Neither a database nor a Parquet file takes all of these; tab and line ends stay.
_BAD_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

#: What the vendor's ids look like: numbers, and longer ones of events.
_ID = re.compile(r"(?=.*[0-9])[A-Za-z0-9:._-]{1,100}")
#: Bytes of a page above which its rows are looked at one by one.
LARGE_BODY = 4_000_000
#: Characters of a value; the longest the vendor takes are bodies of notes with 65,536 (hubspot.md section 8).
LONGEST_VALUE = 131_072

Row = TypeVar("Row")
#: A time with its zone; one without could be any of two dozen.
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
#: Epoch milliseconds up to the end of the year 9999.
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999)]


class Record(msgspec.Struct, rename="camel"):
    """A CRM record. Values of properties are text or null (hubspot.md section 4)."""

    id: str
    properties: dict[str, str | None]
    created_at: Moment | None = None
    updated_at: Moment | None = None
    archived: bool = False
    archived_at: Moment | None = None


class _Next(msgspec.Struct):
    after: str | int


class _Paging(msgspec.Struct):
    next: _Next | None = None


class _Envelope(msgspec.Struct, Generic[Row], rename="camel"):
    """Any of the vendor's pages: ``results`` of the CRM, ``events`` of e-mail."""

    results: list[Row] | None = None
    events: list[Row] | None = None
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
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                pass
            else:
                rows = page.results if page.events is None else page.events if page.results is None else None
                if rows is not None and all(map(_named, rows)):
                    return Rows(rows, [], page.total, _after(page))
        return self._slowly(body)

    def _slowly(self, body: bytes) -> Rows[Row]:
        document = read_json(body)
        if not isinstance(document, dict):
            raise ValueError("not a page")
        lists = [document.pop(name) for name in ("results", "events") if name in document]
        try:
            page = msgspec.convert(document, _Envelope[Any])
        except msgspec.ValidationError:
            raise ValueError("not a page") from None
        if len(lists) != 1 or not isinstance(lists[0], list):
            # Whatever says neither is no page: taken for an empty one, it would end a stream that has not ended.
            raise ValueError("not a page")
        rows: list[Row] = []
        bad: list[BadRow] = []
        for item in lists[0]:
            name = item.get("id") or item.get("conversionId") if isinstance(item, dict) else None
            if _too_large(item):
                bad.append(BadRow(_shown(name), "a value is longer than any the vendor takes", "too_large"))
                continue
            try:
                row = msgspec.convert(_ids_as_text(item), self._row)
            except (msgspec.ValidationError, RecursionError):
                row = None
            if row is not None and _named(row):
                rows.append(row)
            else:
                bad.append(BadRow(_shown(name), "the row is not of the documented form"))
        return Rows(rows, bad, page.total, _after(page))


def read_json(body: bytes) -> Any:
    """Read any JSON document, forgiving control characters, half surrogates and bad UTF-8, which become U+FFFD.

    Raises:
        ValueError: no JSON.
    """
    if not body.strip():
        return None
    try:
        return _cleaned(json.loads(body.decode("utf-8", "replace"), strict=False))
    except RecursionError:
        raise ValueError("nested too deeply") from None


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


def _named(row: object) -> bool:
    """Say whether a row of a kind that has ids, its own and its contact's, has them."""
    return getattr(row, "id", None) != "" and getattr(row, "object_id", None) != ""


def _shown(name: object) -> str:
    """Give what names a row in a report; only what looks like an id can be nobody's data."""
    text = str(name) if isinstance(name, (str, int)) and not isinstance(name, bool) else ""
    return text if _ID.fullmatch(text) else ""


def _after(page: _Envelope[Any]) -> str | None:
    if page.paging is not None and page.paging.next is not None:
        return str(page.paging.next.after)
    if page.has_more and page.offset is None:
        raise ValueError("not a page: it says that there is more, and not where")
    return str(page.offset) if page.has_more else None


def instant(text: str | None) -> datetime | None:
    """Read one of the vendor's times, ISO 8601 or epoch milliseconds, as aware UTC; None when it is neither."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if not text.isdecimal() else from_ms(int(text))
    except (ValueError, OverflowError):
        return None


def in_utc(when: datetime) -> datetime:
    """Give an aware time in UTC; one within hours of the end of all years is that end."""
    try:
        return when.astimezone(UTC)
    except OverflowError:
        return when.replace(tzinfo=UTC)


def from_ms(milliseconds: int) -> datetime:
    """Turn epoch milliseconds into an aware UTC datetime.

    Raises:
        OverflowError: outside the years 1 to 9999.
    """
    return EPOCH + milliseconds * _MILLISECOND


def to_ms(when: datetime) -> int:
    """Turn an aware datetime into whole epoch milliseconds, rounded down."""
    return (when - EPOCH) // _MILLISECOND
