"""Accounts laid out for matching, kept by the process for the next time: where one person asks, they cost the most.

What is kept is used again only where the accounts' words and the rules are, value for value, those it was laid out of;
what breaks ties and what people answered is laid anew where it is another. So a match is the same with and without it.
One layout is kept at most, of so many accounts at most (``MOST_ACCOUNTS``); no words of a person stay in it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from connector.mapping.fields import AccountMatching
from connector.matching.crowds import lay_crowds
from connector.matching.ledger import Domains, lay_answers, lay_ties, open_ledger
from connector.matching.match import Matcher
from connector.matching.tables import ACCOUNTS_IN, ANSWERS, shaped

#: more accounts are laid out each time: some two kibibytes are kept of each
MOST_ACCOUNTS = 50_000
#: tables of more people leave the engine more than laying accounts out anew takes
MOST_PEOPLE = 5_000
#: each question leaves a few kilobytes behind in the engine, so a layout is made anew after so many
_MOST_USES = 256
#: what is laid anew by itself
_TIES = ("owner_active", "open_opportunity", "latest_activity")


@dataclass
class _Layout:
    """Accounts that are laid out, and of what."""

    con: duckdb.DuckDBPyConnection
    one: Matcher
    books: pa.Table
    told: pa.Table
    matching: AccountMatching
    uses: int = 0

    def fits(self, books: pa.Table, matching: AccountMatching) -> bool:
        """Say whether it serves for other accounts: those whose words are the same."""
        words = [name for name in ACCOUNTS_IN.names if name not in _TIES]
        return self.matching == matching and self.books.select(words).equals(books.select(words))

    def bring_up(self, books: pa.Table, told: pa.Table) -> None:
        """Lay anew what is another than before."""
        if not self.books.equals(books):
            lay_ties(self.con, books)
            self.books = books
        if not self.told.equals(told):
            lay_answers(self.con, told)
            self.told = told


_lock = threading.Lock()
#: who may use it takes it away, and brings it back; beside the process it belongs to, as no engine survives a fork
_kept: tuple[int, _Layout] | None = None


@contextmanager
def kept_matcher(accounts: pa.Table, *, matching: AccountMatching, decided: pa.Table) -> Iterator[Matcher]:
    """Open a matcher as ``matcher`` does, by what is kept of the last one where that serves.

    Raises:
        ConfigError: ``account_id`` is missing, or names one twice.
    """
    books = shaped(accounts, ACCOUNTS_IN, "accounts")
    told = shaped(decided, ANSWERS, "answers", unique=False)
    layout = _taken()
    if layout is not None and not layout.fits(books, matching):
        layout.con.close()
        layout = None
    if layout is None:
        layout = _laid_out(books, told, matching)
    with ExitStack() as unless_done:
        unless_done.callback(layout.con.close)
        layout.bring_up(books, told)
        yield layout.one
        unless_done.pop_all()
    _give_back(layout)


def _laid_out(books: pa.Table, told: pa.Table, matching: AccountMatching) -> _Layout:
    domains = Domains(matching)
    con = open_ledger(books, told, domains)
    with ExitStack() as unless_done:
        unless_done.callback(con.close)
        lay_crowds(con, None, domains)
        layout = _Layout(con, Matcher(con, matching), books, told, matching)
        unless_done.pop_all()
    return layout


def _taken() -> _Layout | None:
    global _kept
    with _lock:
        kept, _kept = _kept, None
    return kept[1] if kept is not None and kept[0] == os.getpid() else None


def _give_back(layout: _Layout) -> None:
    """Keep it for the next, unless many were matched by it."""
    global _kept
    layout.uses += 1
    worn = layout.one.most_at_once > MOST_PEOPLE or layout.uses >= _MOST_USES
    if worn or layout.books.num_rows > MOST_ACCOUNTS:
        layout.con.close()
        return
    layout.one.forget()
    with _lock:
        other, _kept = _kept, (os.getpid(), layout)
    if other is not None and other[0] == os.getpid():
        other[1].con.close()
