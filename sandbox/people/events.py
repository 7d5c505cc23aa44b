"""What happened, kept as columns: two million events stay small and are turned into objects one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from sandbox.people.world import Event

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Kinds of events by their code.
KINDS = (
    "page_view", "form_submit", "email_sent", "email_delivered", "email_open", "email_click", "email_bounce",
    "email_unsubscribe", "asset_download", "webinar_attended", "spam_report",
)  # fmt: skip
CODE: dict[str, int] = {kind: code for code, kind in enumerate(KINDS)}
NOBODY = -1


@dataclass(slots=True)
class Words:
    """Distinct values of a column, each with its code; values are anything that can be a dictionary's key."""

    values: list[Any] = field(default_factory=list)
    codes: dict[Any, int] = field(default_factory=dict)

    def code(self, value: Any) -> int:
        """Return the code of a value, a new one where it is new."""
        known = self.codes.get(value)
        if known is None:
            known = self.codes[value] = len(self.values)
            self.values.append(value)
        return known

    def all(self, values: Sequence[Any]) -> NDArray[np.int64]:
        """Return the codes of several values."""
        return np.array([self.code(value) for value in values], dtype=np.int64)


@dataclass(slots=True)
class EventTable:
    """Columns of one length; a code of -1 stands for nothing. ``late`` is how many seconds later a system learnt."""

    at: NDArray[np.int64]
    contact: NDArray[np.int64]
    kind: NDArray[np.int64]
    path: NDArray[np.int64]
    form: NDArray[np.int64]
    mailing: NDArray[np.int64]
    asset: NDArray[np.int64]
    #: Codes of tuples of (name, value) pairs: what was typed into a form.
    values: NDArray[np.int64]
    by_bot: NDArray[np.bool_]
    late: NDArray[np.int64]


@dataclass(slots=True)
class Diary:
    """Collects columns of events part by part; ``table`` puts them in order of time."""

    paths: Words = field(default_factory=Words)
    forms: Words = field(default_factory=Words)
    assets: Words = field(default_factory=Words)
    typed: Words = field(default_factory=Words)
    _parts: list[dict[str, Any]] = field(default_factory=list)

    def add(self, kind: str, at: NDArray[Any], contact: NDArray[Any], **columns: Any) -> None:
        """Note events of one kind; a column is an array or one value for all."""
        if len(at):
            self._parts.append({"kind": CODE[kind], "at": at, "contact": contact, **columns})

    def table(self) -> EventTable:
        """Return everything by (time, contact), equal ones in the order in which they were noted."""
        made: dict[str, Any] = {}
        for name in EventTable.__slots__:
            otherwise = 0 if name in {"late", "by_bot"} else NOBODY
            columns = [
                np.broadcast_to(np.asarray(part.get(name, otherwise), dtype=np.int64), len(part["at"]))
                for part in self._parts
            ]
            made[name] = np.concatenate(columns) if columns else np.zeros(0, dtype=np.int64)
        order = np.lexsort((made["contact"], made["at"]))
        table = EventTable(**{name: column[order] for name, column in made.items()})
        table.by_bot = table.by_bot.astype(np.bool_)
        return table


class Events(Sequence[Event]):
    """The events of a world by time; reads like a tuple of ``Event``."""

    def __init__(
        self, table: EventTable, diary: Diary, contacts: Sequence[str] = (), mailings: Sequence[str] = ()
    ) -> None:
        """Take the columns, the words their codes stand for, and the keys of contacts and mailings by position."""
        self.table, self.paths, self.forms = table, diary.paths.values, diary.forms.values
        self.assets, self.typed = diary.assets.values, diary.typed.values
        self.contacts, self.mailings = contacts, mailings

    def __len__(self) -> int:
        """Count the events."""
        return len(self.table.at)

    @overload
    def __getitem__(self, place: int) -> Event: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Event]: ...
    def __getitem__(self, place: int | slice) -> Event | Sequence[Event]:
        """Return one event, or several as a list."""
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        number = range(len(self))[place]
        table = self.table

        def word(codes: NDArray[np.int64], words: Sequence[Any]) -> Any:
            code = int(codes[number])
            return None if code < 0 else words[code]

        typed = word(table.values, self.typed)
        return Event(
            key=f"e{number:07d}",
            contact=self.contacts[int(table.contact[number])],
            kind=KINDS[int(table.kind[number])],
            at=datetime.fromtimestamp(int(table.at[number]), UTC),
            path=word(table.path, self.paths),
            form=word(table.form, self.forms),
            mailing=word(table.mailing, self.mailings),
            asset=word(table.asset, self.assets),
            values=None if typed is None else dict(typed),
            by_bot=bool(table.by_bot[number]),
        )

    def __iter__(self) -> Iterator[Event]:
        """Yield every event."""
        return (self[number] for number in range(len(self)))

    def __eq__(self, other: object) -> bool:
        """Compare what happened, whatever the codes."""
        return (
            isinstance(other, Events)
            and len(self) == len(other)
            and all(a == b for a, b in zip(self, other, strict=True))
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Show every event."""
        return f"Events({list(self)!r})"


def no_events() -> Events:
    """Return the events of a world where nothing happened."""
    diary = Diary()
    return Events(diary.table(), diary)
