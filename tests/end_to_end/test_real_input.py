"""Real leads that nobody made up for us: every row is accounted for, everybody gets a disposition, nothing repeats."""

from __future__ import annotations

import csv
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks.survival.commands import Commands

SHARED = os.environ.get("HANDOFF_SHARED")
MAPPINGS = Path(__file__).with_name("mappings")

_CONFIG = """\
install: main
sources:
  - {source}
crm: {{adapter: files, name: crm, dir: crm}}
state: sqlite:///var/handoff.db
lake: var/lake
mappings: mappings
mode: live
cutover: {{waived_by: ops, reason: a file is no system, 'on': '2018-01-01'}}
"""


@dataclass(frozen=True, slots=True)
class Set:
    """One public set: its file, how its columns are called, and the clock of the cycle."""

    name: str
    file: str
    source: str
    id_column: str
    as_of: str
    #: columns that are filled in after the outcome is known, which no mapping may name
    leaks: tuple[str, ...]


SETS = {
    "olist_funnel": Set(
        "olist_funnel",
        "marketing_qualified_leads.csv",
        "{{name: olist, adapter: files, people: '{file}', columns: {{person_id: mql_id, lead_source: origin,"
        " created_at: first_contact_date}}, activity_from: [{{type: form_submit, occurred_at: first_contact_date,"
        " form: landing_page_id}}]}}",
        "mql_id",
        "2018-06-01T09:00:00Z",
        ("won_date", "seller_id", "sr_id", "business_segment", "lead_type", "lead_behaviour_profile"),
    ),
    "leads_x_education": Set(
        "leads_x_education",
        "leads.csv",
        "{{name: education, adapter: files, people: '{file}', null_values: [Select], columns: {{person_id: Prospect ID,"
        " lead_source: Lead Source, country: Country, city: City}}}}",
        "Prospect ID",
        "2026-11-17T09:00:00Z",
        ("Tags", "Lead Quality", "Lead Profile", "Asymmetrique", "Last Activity", "Last Notable Activity", "Converted"),
    ),
}


@dataclass(slots=True)
class Project:
    """A folder with handoff.yaml, mappings and a CRM of files that knows every tenth lead."""

    folder: Path
    commands: Commands
    asked: Set
    ids: list[str]

    def json(self, *words: str) -> dict[str, Any]:
        done = self.commands.start([*words, "--json"], folder=self.folder, env={}).wait()
        assert done.code == 0, (words, done)
        return done.json

    def cycle(self) -> dict[str, Any]:
        return self.json("run", "--once", "--as-of", self.asked.as_of)


def _write(path: Path, header: str, rows: list[str]) -> None:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


def _project(asked: Set, folder: Path, commands: Commands) -> Project:
    if SHARED is None:
        pytest.skip("HANDOFF_SHARED does not say where the public data sets are")
    file = Path(SHARED) / "data" / asked.name / asked.file
    with file.open(encoding="utf-8-sig", newline="") as lines:
        ids = [row[asked.id_column] for row in csv.DictReader(lines)]
    shutil.copytree(MAPPINGS / asked.name, folder / "mappings")
    (folder / "handoff.yaml").write_text(_CONFIG.format(source=asked.source.format(file=file)), encoding="utf-8")
    crm = folder / "crm"
    crm.mkdir()
    _write(
        crm / "users.csv",
        "Id,Username,Name,IsActive",
        ["u1,rep1@corp.example,One,true", "u2,rep2@corp.example,Two,true"],
    )
    _write(crm / "queues.csv", "Id,Name", ["q1,Unassigned"])
    rows = [f"L{number},Lead {number},Unknown,Open,u1,{id_}" for number, id_ in enumerate(ids) if number % 10 == 0]
    _write(crm / "leads.csv", "Id,LastName,Company,Status,OwnerId,Source_Id__c", rows)
    return Project(folder, commands, asked, ids)


@pytest.fixture(scope="module", params=SETS)
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, commands: Commands) -> Project:
    return _project(SETS[request.param], tmp_path_factory.mktemp(request.param), commands)


def test_the_whole_job_runs_on_real_leads(project):
    assert project.commands.start(["check"], folder=project.folder, env={}).wait().code == 0
    project.json("provision")
    document = project.cycle()
    rows = len(project.ids)
    assert rows > 5000
    assert document["pulled"]["people"] + document["pulled"]["refused"] == rows
    assert document["pulled"]["refused"] == 0
    assert document["pulled"]["crm_records"] >= rows // 10
    assert document["identity"]["persons"] == rows, "a lead that the CRM knows is the same person"
    assert sum(document["dispositions"].values()) == rows
    assert sum(document["stages"].values()) == rows
    assert document["scored"]["persons"] == rows
    used = [name for name, count in document["dispositions"].items() if count]
    assert len(used) >= 2, "a model that puts everybody into one heap says nothing"
    assert document["verdict"] == "green"
    assert document["created"] == {}, "the first load is the baseline"
    assert document["updated"]["lead"] == (rows + 9) // 10

    again = project.cycle()
    assert again["writes"]["planned"] == 0
    assert again["pulled"]["people"] == 0
    assert again["verdict"] == "green"


def _lines(project: Project, who: str) -> dict[str, float]:
    """Give the lines of one lead's fit by rule; they add up to the number shown, within the scale."""
    score = project.json("explain", who, "--as-of", project.asked.as_of)["score"]
    lines = {line["rule"]: line["points"] for line in score["lines"] if line["dimension"] == "fit"}
    assert round(sum(lines.values()), 1) == score["fit"]
    return lines


def test_a_drop_down_that_nobody_touched_is_empty(tmp_path, commands):
    project = _project(SETS["leads_x_education"], tmp_path, commands)
    project.cycle()
    file = Path(SHARED or "") / "data" / "leads_x_education" / "leads.csv"
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    untouched = next(row["Prospect ID"] for row in rows if row["Specialization"] == "Select")
    chosen = next(row["Prospect ID"] for row in rows if row["Specialization"] == "Finance Management")
    assert "chose-a-subject" not in _lines(project, untouched)
    assert "chose-a-subject" in _lines(project, chosen)


@pytest.mark.parametrize("name", SETS)
def test_no_mapping_looks_at_what_is_known_only_afterwards(name):
    for path in (MAPPINGS / name).glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        for column in SETS[name].leaks:
            assert column not in text, path


@pytest.mark.parametrize("name", SETS)
def test_every_mapping_folder_is_complete(name):
    assert {path.name for path in (MAPPINGS / name).iterdir()} == {
        f"{part}.yaml" for part in ("fields", "matching", "scoring", "lifecycle", "routing")
    }
