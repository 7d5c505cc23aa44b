"""Many updates of our own fields, as one thing: nearly all that is ever sent, and none of it has to be looked at.

A batch of them comes out of the database as text and goes out as text. To make two hundred objects of it on the way,
look at each and forget them again costs more than the request. Whoever has to look, because one of them did not go
well or a CRM wants them so, finds a sequence like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import overload

from connector.domain.writes import OutcomeKind, Write, WriteOutcome


class OwnUpdates(Sequence[Write]):
    """Updates of records of one kind, each of nothing but fields of ours, of all of which the mirror shows what stands.

    They refer to nothing and fill no blanks, and none depends on what another one of them brings about.

    Attributes:
        object: our word for what they are about.
        ids: the CRM's ids of the records.
        fields: the wanted values of each, in the same order: an object in JSON, in ASCII, with one member at least.
    """

    __slots__ = ("_read", "fields", "ids", "object")

    def __init__(
        self,
        object: str,  # noqa: A002 - our word
        ids: Sequence[str],
        fields: Sequence[str],
        read: Callable[[], Sequence[Write]],
    ) -> None:
        """Prepare; ``read`` gives them one by one, in order, once somebody looks."""
        self.object = object
        self.ids = ids
        self.fields = fields
        self._read = read

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, place: int) -> Write: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Write]: ...
    def __getitem__(self, place: int | slice) -> Write | Sequence[Write]:
        return self._read()[place]

    def __iter__(self) -> Iterator[Write]:
        return iter(self._read())


class AsAsked(Sequence[WriteOutcome]):
    """The outcomes of ``updates`` that all came true, where nothing else is to be told of any of them.

    What stood there before is what each update says was expected.
    """

    __slots__ = ("updates",)

    def __init__(self, updates: OwnUpdates) -> None:
        """Say so."""
        self.updates = updates

    def __len__(self) -> int:
        return len(self.updates)

    @overload
    def __getitem__(self, place: int) -> WriteOutcome: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[WriteOutcome]: ...
    def __getitem__(self, place: int | slice) -> WriteOutcome | Sequence[WriteOutcome]:
        return (
            [_written(write) for write in self.updates[place]]
            if isinstance(place, slice)
            else _written(self.updates[place])
        )

    def __iter__(self) -> Iterator[WriteOutcome]:
        return map(_written, self.updates)


def _written(write: Write) -> WriteOutcome:
    return WriteOutcome(write.key, OutcomeKind.WRITTEN, write.id, write.expected)
