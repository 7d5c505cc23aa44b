"""Rows on their way, in one line for all of a batch: SQLite need not change two hundred rows to say that they are.

SQLite has one writer at a time. What its sender takes is written down as one line of ids in ``outbox_taken``; in the
list itself those rows still stand as todo. Whoever else writes to the state, whatever it is, has the lines laid open
before (``unfold``): then the rows say themselves that they are doing, by whom and since when, and all is as it is on
PostgreSQL, where nothing is folded. Who looks at what stands in the list has that done for the look (``reading``). Only
the turns of the sender, as long as nobody writes between them, go on from the lines. Line and rows are always of one
commit, so a kill leaves either.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Connection

from connector.errors import HandoffError
from state import bulk
from state.database import Database

_ANY: Final = "SELECT 1 FROM outbox_taken LIMIT 1"
_LINES: Final = "SELECT first, owner, sent_at, lease_until, ids FROM outbox_taken ORDER BY first"
_OPEN: Final = """
    UPDATE outbox SET state = 'doing', attempts = attempts + 1, sent_at = :at, lease_owner = :owner,
        lease_until = :until
    WHERE id IN (SELECT value FROM json_each(:ids))
"""
_WRITE: Final = """
    INSERT INTO outbox_taken (first, owner, sent_at, lease_until, ids) VALUES (:first, :owner, :at, :until, :ids)
"""
#: reads a list of ids in JSON
ids_in = msgspec.json.Decoder(list[int]).decode


class Line(NamedTuple):
    """What was taken at once.

    Attributes:
        text: the ids of the rows, as they were taken, as a list in JSON.
    """

    first: int
    owner: str
    sent_at: int
    lease_until: int
    text: str

    @property
    def ids(self) -> list[int]:
        """Read the ids."""
        return ids_in(self.text)


def unfold(database: Database, connection: Connection) -> None:
    """Have the rows say themselves that they are on their way; inside a transaction that writes.

    Raises:
        HandoffError: ``outbox.no_such_row``: our bug.
    """
    if database.make != "sqlite" or not bulk.fetch(database, connection, _ANY, {}):
        return
    for line in lines(database, connection):
        values = {"at": line.sent_at, "owner": line.owner, "until": line.lease_until, "ids": line.text}
        if bulk.change(database, connection, _OPEN, values) != len(line.ids):
            raise HandoffError("outbox.no_such_row", "rows that are on their way do not exist")
    bulk.change(database, connection, "DELETE FROM outbox_taken", {})


@contextmanager
def reading(database: Database) -> Iterator[Connection]:
    """Open a transaction in which every row says itself whether it is on its way; it changes nothing.

    Where there are lines they are laid open for this look alone, so one needs no room on the disk.

    Raises:
        LocalFault: as ``Database.read``, and where there are lines to lay open, as ``Database.write``.
    """
    with database.read() as connection:
        if database.make != "sqlite" or not bulk.fetch(database, connection, _ANY, {}):
            yield connection
            return
    with database.write() as connection:
        yield connection
        transaction = connection.get_transaction()
        assert transaction is not None
        transaction.rollback()


def lines(database: Database, connection: Connection) -> list[Line]:
    """List what is folded."""
    if database.make != "sqlite":
        return []
    return list(map(Line._make, bulk.fetch(database, connection, _LINES, {})))


def flying(database: Database, connection: Connection) -> str:
    """List in JSON the ids of rows that are on their way and do not say so; an empty text where there are none."""
    texts = [line.text[1:-1] for line in lines(database, connection)]
    return f"[{','.join(texts)}]" if texts else ""


def fold(
    database: Database, connection: Connection, ids: Sequence[int], *, owner: str, at_us: int, until_us: int
) -> None:
    """Write down that todo rows are taken."""
    _write(database, connection, Line(ids[0], owner, at_us, until_us, packed(ids)))


def parted(ids: Sequence[int], found: Sequence[Line]) -> Iterator[tuple[Line | None, Sequence[int]]]:
    """Part rows by the lines they stand in, last those that stand in none; mostly they are the beginning of one."""
    text = packed(ids)
    for line in found:
        if line.first == ids[0] and (line.text == text or line.text.startswith(f"{text[:-1]},")):
            yield line, ids
            return
    for line in found:
        among = set(line.ids)
        if some := [id_ for id_ in ids if id_ in among]:
            yield line, some
            ids = [id_ for id_ in ids if id_ not in among]
    if ids:
        yield None, ids


def take_out(database: Database, connection: Connection, line: Line, done: Collection[int]) -> None:
    """Take rows out of a line."""
    bulk.change(database, connection, "DELETE FROM outbox_taken WHERE first = :first", {"first": line.first})
    if left := [id_ for id_ in line.ids if id_ not in done]:
        _write(database, connection, line._replace(first=left[0], text=packed(left)))


def _write(database: Database, connection: Connection, line: Line) -> None:
    values = {"first": line.first, "owner": line.owner, "at": line.sent_at, "until": line.lease_until}
    bulk.change(database, connection, _WRITE, {**values, "ids": line.text})


def packed(ids: Sequence[int]) -> str:
    """Write a list of ids in JSON, as lines hold it."""
    return msgspec.json.encode(ids).decode()
