"""The engine alone on files: people, activities and accounts in; scores, lines and accounts out as Parquet."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connector.errors import LocalFault
from connector.mapping.load import load_mappings
from connector.mapping.scoring import ScoringModel
from connector.scoring.engines.on_duckdb import EMBEDDED
from connector.scoring.engines.runner import Engine
from connector.scoring.further import score_further
from connector.scoring.people.company_domain import with_domain
from connector.scoring.people.declared import marked_declared
from connector.scoring.score import Scored, score
from connector.scoring.tables import read_accounts, read_activities, read_people

#: standard columns of people that hold numbers
_NUMBERS = ("employees", "revenue")
_A_NUMBER = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$"
#: what each file holds, in this order
FURTHER_COLUMNS = (
    *("person_id", "fit", "fit_low", "fit_high", "interest", "qualification", "total", "grade", "verdict"),
    "buying_stage",
)
SCORES_COLUMNS = (
    *FURTHER_COLUMNS,
    *("deciding_fact", "disqualified_because", "too_hot", "too_hot_since", "too_hot_count", "too_hot_rules"),
    *("early_alert", "early_alert_since", "early_alert_rules", "declared_differs"),
)
LINES_COLUMNS = ("person_id", "dimension", "rule", "points", "count", "first_on", "last_on")
ACCOUNTS_COLUMNS = (
    *("account_id", "fit", "score", "grade", "engaged_people", "roles"),
    *("fit_low", "fit_high", "deciding_fact", "disqualified_because", "ready", "news", "open_opportunity", "customer"),
    *("buying_stage", "too_hot", "too_hot_since", "early_alert", "early_alert_since"),
)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What of the files counts for nothing.

    Attributes:
        of_nobody: activities whose person is in no row of people.
        later: activities of somebody that occurred after the instant.
        no_numbers: column of people that holds numbers → values that are none, and so are unknown.
    """

    of_nobody: int
    later: int
    no_numbers: Mapping[str, int]


def score_files(
    mappings: Path,
    people: Path,
    activities: Path,
    accounts: Path | None = None,
    *,
    as_of: datetime,
    out: Path,
    time_zone: str = "UTC",
    engine: Engine = EMBEDDED,
    told: Callable[[LeftOut], None] = lambda _left_out: None,
) -> Scored:
    """Score files and write ``scores.parquet``, ``lines.parquet`` and ``accounts.parquet`` into ``out``.

    Each further model writes ``scores-NAME.parquet`` and ``lines-NAME.parquet`` beside them.

    The mail domain stands in for a missing ``domain`` column, and the CRM fields that the mappings name for the five
    questions for missing ``bants.*`` columns. ``told`` hears, before anything is scored, what of the files counts for
    nothing. Answers with everything that was scored.

    Raises:
        MappingError: the mapping files are wrong.
        ConfigError: an input file is missing or wrong; the message names file, row, column and cure.
        LocalFault: ``out`` cannot be written.
    """
    files = load_mappings(mappings)
    everybody = _with_answers(with_domain(read_people(people)), files.scoring)
    everybody = marked_declared(everybody, files.fields.person)
    deeds = read_activities(activities)
    companies = None if accounts is None else read_accounts(accounts)
    told(_left_out(everybody, deeds, as_of))
    scored = score(files.scoring, everybody, deeds, companies, as_of=as_of, time_zone=time_zone, engine=engine)
    further = score_further(files.further, everybody, deeds, companies, as_of=as_of, time_zone=time_zone, engine=engine)
    try:
        out.mkdir(parents=True, exist_ok=True)
        _write(scored.scores.select(list(SCORES_COLUMNS)), out / "scores.parquet")
        _write(scored.lines.select(list(LINES_COLUMNS)), out / "lines.parquet")
        _write(scored.accounts.select(list(ACCOUNTS_COLUMNS)), out / "accounts.parquet")
        for name, part in further.items():
            _write(part.scores.select(list(FURTHER_COLUMNS)), out / f"scores-{name}.parquet")
            _write(part.lines.select(list(LINES_COLUMNS)), out / f"lines-{name}.parquet")
    except OSError as error:
        raise LocalFault(
            "output.unwritable", f"cannot write: {error.strerror}", cure="check the folder and the disk", at=str(out)
        ) from error
    return scored


def _left_out(people: pa.Table, deeds: pa.Table, as_of: datetime) -> LeftOut:
    known = pc.is_in(deeds.column("person_id"), value_set=people.column("person_id").combine_chunks())
    later = pc.greater(deeds.column("occurred_at"), pa.scalar(as_of, deeds.schema.field("occurred_at").type))
    numbers = {}
    for name in _NUMBERS:
        if name in people.column_names and pa.types.is_string(people.schema.field(name).type):
            texts = pc.utf8_trim_whitespace(people.column(name))
            bad = pc.and_(pc.not_equal(texts, ""), pc.invert(pc.match_substring_regex(texts, _A_NUMBER)))
            numbers[name] = pc.sum(bad).as_py() or 0
    return LeftOut(
        of_nobody=deeds.num_rows - (pc.sum(known).as_py() or 0),
        later=pc.sum(pc.and_(known, later)).as_py() or 0,
        no_numbers={name: count for name, count in numbers.items() if count},
    )


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
