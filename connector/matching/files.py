"""Matching on CSV files: the engine alone, without systems or state."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from connector.errors import ConfigError, LocalFault
from connector.mapping.fields import AccountMatching
from connector.matching.match import matcher
from connector.matching.tables import ANSWERS

#: columns of the answer, in order
COLUMNS = ("person_id", "account_id", "method", "confidence", "runner_up", "review")
_TRUE = pa.array(["true", "yes", "1"])


class MatchedFiles(NamedTuple):
    """What matching two files came to."""

    #: link, domain, name (accepted ones), review, none
    counts: dict[str, int]
    #: domains that many unrelated accounts carry, most shared first; by them alone nobody is matched
    suspect_domains: list[str]


def match_files(people: Path, accounts: Path, out: Path, *, matching: AccountMatching | None = None) -> MatchedFiles:
    """Match the people of one CSV file to the accounts of another, write ``out`` and count the answers.

    People need ``person_id`` and have ``company``, ``email``, ``website``, ``account_id`` (an existing link), places
    and ``phone`` where known; accounts need ``account_id`` and have ``name``, ``website``, places, ``parent_id``,
    ``domains``, ``owner_active`` and ``open_opportunity`` where known. Every person gets one row, in the order of the
    file. Without ``matching`` the defaults apply.

    Raises:
        ConfigError: a file is missing, is no CSV in UTF-8, or lacks an id.
        LocalFault: ``out`` cannot be written.
    """
    persons = _read(people, "person_id")
    if "account_id" in persons.column_names:
        kept = [name for name in persons.column_names if name != "link_account_id"]
        persons = persons.select(kept).rename_columns(
            ["link_account_id" if name == "account_id" else name for name in kept]
        )
    books = _read(accounts, "account_id")
    books = books.select([name for name in books.column_names if name != "latest_activity"])
    for flag in ("owner_active", "open_opportunity"):
        if flag in books.column_names:
            told = pc.is_in(pc.utf8_lower(pc.utf8_trim_whitespace(books.column(flag))), value_set=_TRUE)
            books = books.set_column(books.column_names.index(flag), flag, told)
    with matcher(books, matching=matching or AccountMatching(), decided=ANSWERS.empty_table()) as one:
        found = one.match(persons)
        suspects = one.suspect_domains().column("domain").to_pylist()
    place = pc.index_in(persons.column("person_id"), value_set=found.column("person_id").combine_chunks())
    answer = found.take(place).select(list(COLUMNS))
    _write(out, answer)
    return MatchedFiles(_counts(answer), suspects)


def _read(path: Path, key: str) -> pa.Table:
    """Read all columns as text; empty fields are empty text."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            header = next(csv.reader(lines), [])
        if len(set(header)) != len(header):
            raise ConfigError("match.columns", f"{path.name} has two columns of one name", at=str(path))
        table = arrow_csv.read_csv(
            path,
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False
            ),
        )
    except (OSError, UnicodeDecodeError, pa.ArrowInvalid) as problem:
        # the library quotes the offending row, which may be about a person: only the kind of the problem is passed on
        raise ConfigError(
            "match.file", f"{path.name} cannot be read ({type(problem).__name__})", cure="give a CSV file in UTF-8"
        ) from None
    if key not in table.column_names:
        raise ConfigError("match.column", f"{path.name} has no column {key}", cure=f"add the column {key}")
    empty = pc.index(pc.equal(pc.utf8_trim_whitespace(table.column(key)), ""), value=True).as_py()
    if empty >= 0:
        raise ConfigError("match.row", f"{path.name}: record {empty + 1} has no {key}", at=str(path))
    return table


def _write(out: Path, answer: pa.Table) -> None:
    part = out.with_name(out.name + ".part")
    try:
        arrow_csv.write_csv(answer, part, arrow_csv.WriteOptions(quoting_style="needed"))
        part.replace(out)
    except OSError as problem:
        raise LocalFault("match.out", f"{out.name} cannot be written ({type(problem).__name__})", at=str(out)) from None


def _counts(answer: pa.Table) -> dict[str, int]:
    kinds = Counter(
        "review" if review else method
        for method, review in zip(answer.column("method").to_pylist(), answer.column("review").to_pylist(), strict=True)
    )
    return {kind: kinds[kind] for kind in ("link", "domain", "name", "review", "none")}
