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
#: how Python's reader says that a quotation mark is not closed
_ENDLESS = ("unexpected end", "larger than field limit")
_TRUE = pa.array(["true", "yes", "1"])


class MatchedFiles(NamedTuple):
    """What matching two files came to."""

    #: link, domain, name (accepted ones), review, none
    counts: dict[str, int]
    #: domains that many unrelated accounts carry, or whose people belong to many, most shared first; by them alone
    #: nobody is matched
    suspect_domains: list[str]
    #: what was seen of each
    because: list[str]


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
    linked = _linked(persons)
    with matcher(books, matching=matching or AccountMatching(), decided=ANSWERS.empty_table(), linked=linked) as one:
        found = one.match(persons)
        suspects = one.suspect_domains()
    place = pc.index_in(persons.column("person_id"), value_set=found.column("person_id").combine_chunks())
    answer = found.take(place).select(list(COLUMNS))
    _write(out, answer)
    return MatchedFiles(_counts(answer), suspects.column("domain").to_pylist(), suspects.column("because").to_pylist())


def _linked(persons: pa.Table) -> pa.Table | None:
    """Give the people whose account is known already."""
    if not {"link_account_id", "email"} <= set(persons.column_names):
        return None
    known = persons.filter(pc.not_equal(persons.column("link_account_id"), ""))
    return pa.table({"account_id": known.column("link_account_id"), "email": known.column("email")})


def _read(path: Path, key: str) -> pa.Table:
    """Read all columns as text; empty fields are empty text."""
    try:
        header = _header(path, key)
        table = arrow_csv.read_csv(
            path,
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False
            ),
        )
        if path.read_bytes().count(b'"') % 2:
            _closed(path)
    except OSError as problem:
        why = "is not there" if isinstance(problem, FileNotFoundError) else type(problem).__name__
        raise ConfigError("match.file", f"{path} cannot be read: {why}", cure="give a CSV file that is there") from None
    except (UnicodeDecodeError, pa.ArrowInvalid, csv.Error):
        raise _unreadable(path) from None
    empty = pc.index(pc.equal(pc.utf8_trim_whitespace(table.column(key)), ""), value=True).as_py()
    if empty >= 0:
        raise ConfigError(
            "match.row", f"{path.name}: record {empty + 1} has no {key}", cure=f"give every record a {key}"
        )
    _each_once(path, key, table.column(key))
    return table


def _header(path: Path, key: str) -> list[str]:
    """Give the names of the columns.

    Raises:
        ConfigError: there are none, one stands twice, or the one that names the rows is missing.
        UnicodeDecodeError: it is no UTF-8.
        OSError: it cannot be read.
    """
    with path.open(encoding="utf-8-sig", newline="") as lines:
        header = next(csv.reader(lines), [])
    if not header:
        raise ConfigError("match.file", f"{path.name} is empty", cure=f"its first line names the columns, {key} first")
    twice = [name for name, times in Counter(header).items() if times > 1]
    if twice:
        raise ConfigError(
            "match.columns", f"{path.name} has two columns {twice[0]}", cure="rename or remove one of them"
        )
    if key not in header:
        cure = f"add the column {key}"
        if alike := [name for name in header if name.strip().casefold().replace(" ", "_") == key]:
            cure = f"rename the column {alike[0]!r} to {key}"
        elif len(header) == 1 and (other := next((each for each in ";\t|" if each in header[0]), "")):
            cure = f"its fields are parted by {other!r}: save it with commas"
        raise ConfigError("match.column", f"{path.name} has no column {key}", cure=cure)
    return header


def _closed(path: Path) -> None:
    """Refuse a quotation mark that is never closed: all lines behind it would be read as one field.

    Raises:
        csv.Error: there is one.
    """
    with path.open(encoding="utf-8-sig", newline="") as lines:
        try:
            for _ in csv.reader(lines, strict=True):
                continue
        except csv.Error as problem:
            # one inside a field is read as it stands; a field without an end grows beyond what a reader takes
            if any(words in str(problem) for words in _ENDLESS):
                raise


def _each_once(path: Path, key: str, ids: pa.ChunkedArray) -> None:
    if pc.count_distinct(ids).as_py() == len(ids):
        return
    seen: dict[str, int] = {}
    for record, each in enumerate(ids.to_pylist(), 1):
        if each in seen:
            raise ConfigError(
                "match.row",
                f"{path.name}: records {seen[each]} and {record} have one {key}",
                cure=f"give each {key} one row",
            )
        seen[each] = record


def _unreadable(path: Path) -> ConfigError:
    """Say which line of a file is not what it should be; what stands in it may be about a person and is not told."""
    line, width = 0, 0
    with path.open("rb") as lines:
        try:
            for line, text in enumerate(lines, 1):  # noqa: B007 - told below
                text.decode("utf-8")
        except UnicodeDecodeError:
            return ConfigError(
                "match.file", f"{path.name}: line {line} is not UTF-8", cure="save the file as CSV in UTF-8"
            )
    with path.open(encoding="utf-8-sig", newline="") as text_lines:
        reader = csv.reader(text_lines, strict=True)
        try:
            for fields in reader:
                line, width = reader.line_num, width or len(fields)
                if fields and len(fields) != width:
                    return ConfigError(
                        "match.file",
                        f"{path.name}: line {line} has {len(fields)} fields and the first line {width}",
                        cure="put a field that holds a comma in quotation marks",
                    )
        except csv.Error as problem:
            why = "no CSV"
            if any(words in str(problem) for words in _ENDLESS):
                why = "a quotation mark is not closed"
            return ConfigError(
                "match.file",
                f"{path.name}: the record after line {line}: {why}",
                cure="close it, and double a quotation mark that belongs to a field",
            )
    return ConfigError("match.file", f"{path.name} cannot be read", cure="give a CSV file in UTF-8")


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
