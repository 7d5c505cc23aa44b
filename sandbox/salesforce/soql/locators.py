"""Query locators: what is left of an answer, kept for two days and over restarts."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.core.records import KEPT
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.ids import ALPHABET, make_id, to18

if TYPE_CHECKING:
    from sandbox.core.records import Record
    from sandbox.salesforce.state import OrgState

#: How long a locator can be followed (reference: query).
LIFE = timedelta(days=2)
#: Answers whose rows stay in memory as they were; those of others are read anew.
KEPT_WHOLE = 32
#: Locators beyond which the oldest is forgotten.
MOST_OPEN = 1000
ID_CHARS = 15


@dataclass(slots=True, frozen=True)
class Opened:
    """A locator's query: enough to show its rows again in another process."""

    text: str
    #: The place of a sub-select whose children are paged; None for the query itself.
    part: int | None
    version: str
    user: str
    size: int
    deleted: bool
    tooling: bool


class Locators:
    """The open locators of one org."""

    def __init__(self, state: OrgState) -> None:
        """Take the org's rows."""
        self._state = state
        self._whole: OrderedDict[int, Sequence[Record | None]] = OrderedDict()

    def open(self, opened: Opened, obj: str, rows: Sequence[Record]) -> str:
        """Keep an answer's rows and return the locator's first part."""
        records, now = self._state.records, self._state.clock.now()
        number = int(records.kept("locators", 0)) + 1
        records.keep("locators", number)
        entry = {name: getattr(opened, name) for name in Opened.__slots__}
        ids = "".join([row.id[:ID_CHARS] for row in rows])
        records.keep(_key(number), {**entry, "obj": obj, "until": (now + LIFE).isoformat(), "ids": ids})
        self._remember(number, rows)
        self._forget(number, now)
        return make_id("01g", number)

    def _remember(self, number: int, rows: Sequence[Record | None]) -> None:
        self._whole[number] = rows
        while len(self._whole) > KEPT_WHOLE:
            self._whole.popitem(last=False)

    def _forget(self, newest: int, now: datetime) -> None:
        """Drop locators from the oldest on, as long as they are past their time or too many."""
        records = self._state.records
        oldest = first = int(records.kept("oldest_locator", 1))
        while oldest < newest:
            entry = records.kept(_key(oldest))
            if entry is not None and newest - oldest < MOST_OPEN and datetime.fromisoformat(entry["until"]) > now:
                break
            if entry is not None:
                records.erase(KEPT, _key(oldest))
            self._whole.pop(oldest, None)
            oldest += 1
        if oldest != first:
            records.keep("oldest_locator", oldest)

    def find(self, locator: str) -> tuple[Opened, str, Sequence[Record | None], int]:
        """Return a locator's query, object, all its rows and the place of the next one.

        Raises: ApiError INVALID_QUERY_LOCATOR.
        """
        key, _, place = locator.rpartition("-")
        number = _number(key)
        entry: dict[str, Any] | None = None if number is None else self._state.records.kept(_key(number))
        dead = entry is None or datetime.fromisoformat(entry["until"]) < self._state.clock.now()
        if number is None or entry is None or dead or not place.isdecimal():
            raise ApiError("INVALID_QUERY_LOCATOR", "invalid query locator", status=404)
        rows = self._whole.get(number)
        if rows is None:
            ids, obj = entry["ids"], entry["obj"]
            found = (
                self._state.records.get(obj, to18(ids[start : start + ID_CHARS]))
                for start in range(0, len(ids), ID_CHARS)
            )
            # A row that was purged meanwhile leaves a gap: the places of the others do not move.
            rows = list(found)
            self._remember(number, rows)
        if int(place) > len(rows):
            raise ApiError("INVALID_QUERY_LOCATOR", "invalid query locator", status=404)
        return Opened(**{name: entry[name] for name in Opened.__slots__}), entry["obj"], rows, int(place)


def _key(number: int) -> str:
    return f"locator:{number}"


def _number(key: str) -> int | None:
    """Return which locator an id names."""
    if not key.startswith("01g") or len(key) != 18 or not key[6:15].isalnum():
        return None
    number = 0
    for char in key[6:15]:
        place = ALPHABET.find(char)
        if place < 0:
            return None
        number = number * 62 + place
    return number if make_id("01g", number) == key else None
