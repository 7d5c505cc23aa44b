"""Tables as Bulk API 2.0 reads and writes them: delimiters, line ends, quotes (reference: Bulk API 2.0)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

DELIMITERS = {"COMMA": ",", "TAB": "\t", "PIPE": "|", "SEMICOLON": ";", "CARET": "^", "BACKQUOTE": "`"}
LINE_ENDS = {"LF": "\n", "CRLF": "\r\n"}
#: The cell that sets a field to null; an empty one leaves it as it is.
NULL = "#N/A"


class BadTable(ValueError):
    """The text is no table of the promised form; the message is the vendor's."""


#: What stands between quotes, where line ends are part of the value.
QUOTED = re.compile(r'"(?:[^"]|"")*"')
BARE_LF = re.compile(r"(?<!\r)\n")


def rows_of(text: str, delimiter: str, line_end: str) -> Iterator[list[str]]:
    """Yield the rows of a table; quoted cells hold delimiters, line ends and doubled quotes.

    Empty lines are passed over.

    Raises: BadTable when a line ends otherwise than promised, a quote stays open or a cell is too long.
    """
    outside = QUOTED.sub("", text)
    if ("\r" in outside) if line_end == "\n" else (BARE_LF.search(outside) is not None):
        name = next(key for key, value in LINE_ENDS.items() if value == line_end)
        raise BadTable(f"ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is {name}")
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            if row:
                yield row
    except csv.Error as error:
        raise BadTable(f"ClientInputError : Failed to parse CSV content: {error}") from error


def table_of(rows: Iterable[Sequence[Any]], delimiter: str, line_end: str) -> str:
    """Write rows as the vendor does: every cell quoted, null an empty one, true and false in small letters."""
    lines = (delimiter.join([_cell(value) for value in row]) for row in rows)
    return "".join(f"{line}{line_end}" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return '""'
    if isinstance(value, bool):
        return '"true"' if value else '"false"'
    text = value if isinstance(value, str) else f"{value:.15g}" if isinstance(value, float) else str(value)
    return '"' + text.replace('"', '""') + '"'
