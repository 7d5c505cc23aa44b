"""Exports of others become people and activities, with a line of mapping each."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

import adapters.files.source
from adapters.files import FilesSource
from connector.domain.refs import Ref
from connector.errors import ConfigError

NOW = datetime(2026, 5, 1, tzinfo=UTC)
SHARED = os.environ.get("HANDOFF_SHARED")
with_shared = pytest.mark.skipif(not SHARED, reason="HANDOFF_SHARED does not say where the sample data is")


def pull(source, stream="people", cursor=None):
    return list(source.pull(stream, cursor, now=NOW))


def records(pages):
    return [record for page in pages for record in page.records]


def test_patterns_that_no_file_matches_are_named(tmp_path):
    (tmp_path / "people-1.csv").write_text("person_id,email\n1,jo@acme.example\n", encoding="utf-8")
    here, gone = str(tmp_path / "people*.csv"), str(tmp_path / "poeple*.csv")
    source = FilesSource({"people": [here, gone], "activities": str(tmp_path / "clicks.csv")})
    assert (source.unmatched("people"), source.unmatched("activities")) == ([gone], [str(tmp_path / "clicks.csv")])


@with_shared
def test_the_olist_funnel_loads_with_a_mapping():
    source = FilesSource(
        {
            "people": str(Path(SHARED) / "data/olist_funnel/marketing_qualified_leads.csv"),
            "columns": {"person_id": "mql_id", "created_at": "first_contact_date", "lead_source": "origin"},
            "activity_from": [{"type": "form_submit", "occurred_at": "first_contact_date", "form": "landing_page_id"}],
        },
        system="olist",
    )
    pages = pull(source)
    people, activities = records(pages), [a for page in pages for a in page.activities]
    assert (len(people), len(activities), sum(len(page.refused) for page in pages)) == (5637, 5637, 0)
    first = people[0]
    assert first.ref == Ref("olist", "contact", "dac32acd4db4c29c230538b72f8dd87d")
    assert (first.created_at, first.fields["lead_source"]) == (datetime(2018, 2, 1, tzinfo=UTC), "social")
    assert activities[0].form == "88740e65d5d6b056e0cda098e1ea6313"
    assert activities[0].person == first.ref


@with_shared
def test_the_education_leads_load_and_select_means_nothing():
    source = FilesSource(
        {
            "people": str(Path(SHARED) / "data/leads_x_education/leads.csv"),
            "columns": {
                "person_id": "Prospect ID",
                "lead_source": "Lead Source",
                "country": "Country",
                "city": "City",
                "title": "What is your current occupation",
            },
            "null_values": ["Select"],
        }
    )
    pages = pull(source)
    people = records(pages)
    assert (len(people), sum(len(page.refused) for page in pages)) == (6375, 0)
    assert people[0].fields["city"] is None
    assert people[0].fields["lead_source"] == "Olark Chat"
    assert not any(value == "Select" for person in people for value in person.fields.values())


def test_a_changed_file_is_read_again_and_an_unchanged_one_is_not(tmp_path):
    (tmp_path / "people1.csv").write_text("person_id,email\n1,a@x.example\n")
    (tmp_path / "people2.csv").write_text("person_id,email\n2,b@x.example\n")
    source = FilesSource({"people": str(tmp_path / "people*.csv")})
    cursor = pull(source)[-1].cursor
    assert records(pull(source, cursor=cursor)) == []
    (tmp_path / "people2.csv").write_text("person_id,email\n2,b@x.example\n3,c@x.example\n")
    assert [record.ref.id for record in records(pull(source, cursor=cursor))] == ["2", "3"]


def test_a_file_that_changes_while_it_is_read_is_read_again_from_its_start(tmp_path, monkeypatch):
    monkeypatch.setattr(adapters.files.source, "PAGE", 2)
    path = tmp_path / "people.csv"
    path.write_text("person_id\n" + "".join(f"{n}\n" for n in range(6)))
    source = FilesSource({"people": str(path)})
    half = source.pull("people", None, now=NOW)
    cursor = next(half).cursor
    path.write_text("person_id\n" + "".join(f"{n}\n" for n in range(9)))
    assert [record.ref.id for record in records(pull(source, cursor=cursor))] == [str(n) for n in range(9)]


def test_bad_rows_are_named_by_file_and_line(tmp_path):
    path = tmp_path / "activities.csv"
    path.write_text(
        "person_id,type,occurred_at,url\n"
        "1,page_view,2026-04-01,https://x.example/pricing?a=b\n"
        "1,dancing,2026-04-01,\n"
        "1,page_view,soon,\n"
        ",page_view,2026-04-01,\n"
        "1,page_view\n"
    )
    source = FilesSource({"activities": str(path)})
    (page,) = pull(source, "activities")
    assert [(row.row, row.code) for row in page.refused] == [
        ("activities.csv:3", "type"),
        ("activities.csv:4", "time"),
        ("activities.csv:5", "no_person"),
        ("activities.csv:6", "columns"),
    ]
    (visit,) = page.activities
    assert (visit.path, visit.occurred_at) == ("/pricing", datetime(2026, 4, 1, tzinfo=UTC))


def test_words_and_times_of_others_are_mapped(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("who,what,when\nana@x.example,Visited,01/04/2026 10:30\n")
    columns = {"email": "who", "type": "what", "occurred_at": "when"}
    source = FilesSource(
        {
            "activities": str(path),
            "activity_columns": columns,
            "types": {"Visited": "page_view"},
            "time_format": "%d/%m/%Y %H:%M",
        }
    )
    (activity,) = pull(source, "activities")[0].activities
    assert activity.person == Ref("files", "email", "ana@x.example")
    assert activity.occurred_at == datetime(2026, 4, 1, 10, 30, tzinfo=UTC)


def test_rows_without_an_id_are_known_by_their_cells(tmp_path):
    path = tmp_path / "a.csv"
    row = "1,page_view,2026-04-01T10:00:00+02:00\n"
    path.write_text("person_id,type,occurred_at\n" + row + row + "1,page_view,2026-04-02\n")
    activities = pull(FilesSource({"activities": str(path)}), "activities")[0].activities
    assert len({activity.ref for activity in activities}) == 2
    assert activities[0].occurred_at == datetime(2026, 4, 1, 8, tzinfo=UTC)


def test_marks_of_a_row_are_links_and_states_not_facts(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text(
        "person_id,account_id,deleted,merged_into,shoe size,updated_at\n"
        "1,acme,no,,44,2026-04-01\n2,,yes,,,2026-04-01\n3,,,1,,2026-04-01\n"
    )
    one, two, three = records(pull(FilesSource({"people": str(path)})))
    assert (one.links, one.fields) == ({"account": "acme"}, {"shoe size": "44", "updated_at": "2026-04-01"})
    assert (one.deleted, two.deleted, three.merged_into) == (False, True, one.ref)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"people": 7},
        {"people": "x.csv", "column": {}},
        {"people": "x.csv", "columns": ["a"]},
        {"people": "x.csv", "activity_from": [{"type": "note"}]},
        {"people": "x.csv", "time_format": 3},
    ],
)
def test_bad_options_are_refused(options):
    with pytest.raises(ConfigError):
        FilesSource(options)


def test_headers_without_a_person_are_refused_with_the_cure(tmp_path):
    (tmp_path / "p.csv").write_text("name\nx\n")
    source = FilesSource({"people": str(tmp_path / "p.csv"), "activities": str(tmp_path / "*.csv")})
    for stream in ("people", "activities"):
        with pytest.raises(ConfigError, match=r"p\.csv"):
            pull(source, stream)
    assert [finding.ok for finding in source.check()] == [False, False]
