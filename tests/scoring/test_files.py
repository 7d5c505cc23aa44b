from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connector.errors import ConfigError, LocalFault
from connector.scoring import files
from connector.scoring.people.company_domain import with_domain
from connector.scoring.tables import read_activities, read_people

AS_OF = datetime(2026, 3, 1, 12, tzinfo=UTC)
MAPPINGS = Path(files.__file__).parents[2] / "mappings" / "default"
PEOPLE = (
    "person_id,account_id,email,title,employees\n"
    "p1,a1,one@sales.firm.example,VP Sales,500\n"
    'p2,,"two@rival.example","Clerk, junior",\n'
)
ACTIVITIES = (
    "activity_id,person_id,type,occurred_at,path,asset\n"
    "e1,p1,page_view,2026-03-01T09:00:00Z,/pricing,\n"
    "e1,p1,page_view,2026-03-01T09:00:00Z,/pricing,\n"
    "e2,p1,page_view,2026-02-28 10:00,/pricing/eu,\n"
    "e3,p9,page_view,2026-02-28,/pricing,\n"
)
ACCOUNTS = "account_id,name,employees\na1,Firm,500\na2,Silent,\n"


@pytest.fixture
def inputs(tmp_path):
    for name, text in (("people", PEOPLE), ("activities", ACTIVITIES), ("accounts", ACCOUNTS)):
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    return [tmp_path / f"{name}.csv" for name in ("people", "activities", "accounts")]


def test_three_files_come_out_with_the_promised_columns(inputs, tmp_path):
    out = tmp_path / "deep" / "out"

    files.score_files(MAPPINGS, *inputs, as_of=AS_OF, out=out)

    scores, lines, accounts = (pq.read_table(out / f"{name}.parquet") for name in ("scores", "lines", "accounts"))
    assert tuple(scores.column_names) == files.SCORES_COLUMNS
    assert tuple(lines.column_names) == files.LINES_COLUMNS
    assert tuple(accounts.column_names) == files.ACCOUNTS_COLUMNS
    assert scores.column("person_id").to_pylist() == ["p1", "p2"]
    assert accounts.column("account_id").to_pylist() == ["a1", "a2"]
    assert sorted(path.name for path in out.iterdir()) == ["accounts.parquet", "lines.parquet", "scores.parquet"]


def test_what_counts_for_nothing_is_told(inputs, tmp_path):
    people, activities, _ = inputs
    people.write_text('person_id,employees,revenue\np1, 1200 ,1e6\np2,"1,200",200+\np3,lots,\n', encoding="utf-8")
    rows = "e1,p1,page_view,2026-03-01T13:00:00Z,/pricing,\ne2,p8,page_view,2026-03-02T13:00:00Z,/pricing,\n"
    activities.write_text(ACTIVITIES + rows.replace("e1", "e4").replace("e2", "e5"), encoding="utf-8")
    told = []
    files.score_files(MAPPINGS, people, activities, as_of=AS_OF, out=tmp_path / "out", told=told.append)
    assert told == [files.LeftOut(of_nobody=2, later=1, no_numbers={"employees": 2, "revenue": 1})]


def test_parquet_in_gives_what_csv_in_gives(inputs, tmp_path):
    csv = files.score_files(MAPPINGS, *inputs, as_of=AS_OF, out=tmp_path / "a")
    people = pa.table(
        {
            "person_id": ["p2", "p1"],
            "account_id": [None, "a1"],
            "email": ["two@rival.example", "one@sales.firm.example"],
            "title": ["Clerk, junior", "VP Sales"],
            "employees": pa.array([None, 500], pa.int32()),
        }
    )
    pq.write_table(people, tmp_path / "people.parquet")
    pq.write_table(read_activities(inputs[1]), tmp_path / "activities.parquet")

    parquet = files.score_files(
        MAPPINGS,
        tmp_path / "people.parquet",
        tmp_path / "activities.parquet",
        inputs[2],
        as_of=AS_OF,
        out=tmp_path / "b",
    )

    assert parquet == csv


def test_instants_in_many_spellings_are_read_and_repeats_counted_once(tmp_path):
    path = tmp_path / "activities.csv"
    spelled = [
        "2026-03-01T09:00:00Z",
        "2026-03-01 10:00:00.1234567+01:00",
        "2026-03-01T09:00",
        "2026-03-01",
        "2026-03-01T11:00+0200",
    ]
    rows = "".join(f"e{n},p,chat,{text}\n" for n, text in enumerate(spelled))
    path.write_text("\ufeffactivity_id,person_id,type,occurred_at\n" + rows + rows, encoding="utf-8")

    table = read_activities(path)

    nine = datetime(2026, 3, 1, 9, tzinfo=UTC)
    assert sorted(zip(table["activity_id"].to_pylist(), table["occurred_at"].to_pylist(), strict=True)) == [
        ("e0", nine),
        ("e1", nine.replace(microsecond=123456)),
        ("e2", nine),
        ("e3", nine.replace(hour=0)),
        ("e4", nine),
    ]


def test_domain_is_what_can_be_registered_of_mail_or_website():
    people = pa.table(
        {
            "person_id": list("abcdef"),
            "email": ["x@Mail.Firm.co.uk", "y@eu.rival.example", None, "broken", None, "z@gmail.com"],
            "website": [None, "other.test", "https://www.shop.firm.de/path", "firm.com:8080", None, "firm.fr"],
        }
    )
    assert with_domain(people).column("domain").to_pylist() == [
        "firm.co.uk",
        "rival.example",
        "firm.de",
        "firm.com",
        None,
        "firm.fr",
    ]
    given = people.append_column("domain", pa.array(["kept"] * 6))
    assert with_domain(given).column("domain").to_pylist() == ["kept"] * 6


def test_crm_answers_stand_in_for_bants_columns(inputs, tmp_path):
    inputs[0].write_text("person_id,Need__c\np1,Yes\np2,No\np3,\n", encoding="utf-8")
    scored = files.score_files(MAPPINGS, *inputs, as_of=AS_OF, out=tmp_path / "out")
    assert scored.scores.column("qualification").to_pylist() == [20.0, 0.0, 0.0]


def test_lines_carry_dates_and_counts(inputs, tmp_path):
    scored = files.score_files(MAPPINGS, *inputs, as_of=AS_OF, out=tmp_path / "out")
    line = next(row for row in scored.lines.to_pylist() if row["rule"] == "pricing-page")
    assert (line["person_id"], line["count"], line["first_on"], line["last_on"]) == (
        "p1",
        2,
        date(2026, 2, 28),
        date(2026, 3, 1),
    )


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("people.csv", "id,email\n1,x\n", "column person_id is missing"),
        ("people.csv", "person_id,email\np1,x\n,y\n", "row 2, column person_id: is empty"),
        ("people.csv", "person_id,email\np1,x\np2,x\np1,y\n", "row 3, column person_id: stands in an earlier row too"),
        ("people.csv", "person_id,email\np1,x\np2,x,y\n", "row 2 has 3 columns where the header has 2"),
        ("people.csv", 'person_id,email\np1,x\np2,"x\np3,y\n', "row 2 opens a double quote that is never closed"),
        ("people.csv", "person_id,email,email\np1,x,y\n", "column email appears twice"),
        ("people.csv", "", "cannot be understood as CSV"),
        ("people.txt", "person_id\np1\n", "neither CSV nor Parquet"),
        ("people.parquet", "person_id\np1\n", "cannot be understood as Parquet"),
    ],
)
def test_people_that_cannot_be_read_name_file_place_and_cure(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message) as refused:
        read_people(path)
    assert str(path) in str(refused.value)
    assert refused.value.cure
    assert "x" not in refused.value.message.split(":")[-1].split()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("e2,,chat,2026-01-01", "row 2, column person_id: is empty"),
        ("e2,p,tweet,2026-01-01", "row 2, column type: is no activity type"),
        ("e2,p,chat,yesterday", "row 2, column occurred_at: is no instant"),
        ("e2,p,chat,2026-13-01", "row 2, column occurred_at: is no instant"),
        ("e2,p,chat,", "row 2, column occurred_at: is empty"),
        ("e1,p,chat,2026-01-02", "row 2, column activity_id: stands in an earlier row too"),
    ],
)
def test_activities_that_cannot_be_read_name_the_row(tmp_path, row, message):
    path = tmp_path / "activities.csv"
    path.write_text(
        f"activity_id,person_id,type,occurred_at\ne1,p,chat,2026-01-01\n{row}\ne3,p,chat,2026-01-01\n", encoding="utf-8"
    )
    with pytest.raises(ConfigError, match=message):
        read_activities(path)


def test_a_missing_file_and_an_unwritable_folder_are_told_apart(inputs, tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        read_people(tmp_path / "nobody.csv")
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(LocalFault, match="cannot write"):
        files.score_files(MAPPINGS, *inputs, as_of=AS_OF, out=blocked / "out")


def test_each_further_model_writes_files_of_its_own_with_the_people_it_speaks_of(inputs, tmp_path):
    folder = tmp_path / "mappings"
    folder.mkdir()
    for path in MAPPINGS.glob("*.yaml"):
        (folder / path.name).write_bytes(path.read_bytes())
    text = (folder / "scoring.yaml").read_text(encoding="utf-8")
    own = {"account": "accounts", "too_hot": "", "early_alert": "", "examples": ""}
    blocks = [block for block in re.split(r"^(?=\S)", text, flags=re.MULTILINE) if block.split(":")[0] not in own]
    further = "".join(blocks).replace("name: default", "name: vips\nfor: {title: {contains: vp}}", 1)
    further = re.sub(r"^    bants: .*$", "    weight: 1", further, flags=re.MULTILINE)
    (folder / "scoring-vips.yaml").write_text(further, encoding="utf-8")
    scored = files.score_files(folder, *inputs, as_of=AS_OF, out=tmp_path / "out").scores.to_pylist()
    vips = pq.read_table(tmp_path / "out" / "scores-vips.parquet")
    assert tuple(vips.column_names) == files.FURTHER_COLUMNS
    assert vips.to_pylist() == [{name: scored[0][name] for name in files.FURTHER_COLUMNS}]
    lines = pq.read_table(tmp_path / "out" / "lines-vips.parquet")
    assert set(lines.column("person_id").to_pylist()) == {"p1"}
