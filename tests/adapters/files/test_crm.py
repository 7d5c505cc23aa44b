"""A folder as a CRM: durable, atomic, and never in the way of people's own files."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.files import FilesCrm
from adapters.files.journal import Journal
from connector.domain.refs import Ref
from connector.domain.writes import OutcomeKind, Write
from connector.errors import ConfigError, LocalFault
from connector.ports.crm import FieldSpec

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "leads.csv").write_text(
        "Id,LastName,Status,NumberOfEmployees,LastModifiedDate\n1,Ruiz,Open,50,2026-04-01\n"
    )
    return tmp_path


def crm(folder):
    return FilesCrm({"dir": str(folder)})


def update(key, value, *, name="Status", **more):
    return Write(key, "update", "lead", "1", {name: value}, **{"ours": frozenset({name}), **more})


def create(key, object_="lead", **fields):
    return Write(key, "create", object_, None, fields)


def apply(folder, *writes):
    return crm(folder).apply(writes, now=NOW)


def pulled(adapter, stream="leads", cursor=None):
    pages = list(adapter.pull(stream, cursor, now=NOW))
    return [record for page in pages for record in page.records], pages[-1].cursor


def test_peoples_files_are_never_touched(folder):
    before = (folder / "leads.csv").read_bytes()
    apply(folder, update("k1", "Working"), create("k2", LastName="Neu"))
    assert (folder / "leads.csv").read_bytes() == before
    assert {record.fields["LastName"]: record.fields.get("Status") for record in pulled(crm(folder))[0]} == {
        "Ruiz": "Working",
        "Neu": None,
    }


def test_what_people_change_afterwards_wins_and_our_next_write_is_laid_over_it(folder):
    apply(folder, update("k1", "Working"))
    text = (folder / "leads.csv").read_text()
    (folder / "leads.csv").write_text(text.replace("Open", "Rejected"))
    assert crm(folder).read_fields("lead", ["1"], ["Status"]) == {"1": {"Status": "Rejected"}}
    apply(folder, update("k2", "Recycled"))
    assert crm(folder).read_fields("lead", ["1"], ["Status"]) == {"1": {"Status": "Recycled"}}


@settings(deadline=None, max_examples=60)
@given(steps=st.lists(st.tuples(st.sampled_from(["ours", "people"]), st.sampled_from("ABCD")), max_size=8))
def test_the_last_word_counts_whoever_had_it(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("crm")
    path = folder / "leads.csv"
    path.write_text("Id,Status\n1,A\n")
    shown = "A"
    for number, (who, value) in enumerate(steps):
        if who == "ours":
            apply(folder, update(f"k{number}", value))
            shown = value
        else:
            was = path.read_text()
            path.write_text(f"Id,Status\n1,{value}\n")
            # A file saved as it was says nothing new.
            shown = value if path.read_text() != was else shown
        read = crm(folder).read_fields("lead", ["1"], ["Status"])["1"]["Status"]
        assert read == shown or (who, read) == ("people", _ours(folder))


def _ours(folder):
    entries = list(Journal(folder / "handoff-journal.ndjson").news())
    return entries[-1].set["Status"] if entries else None


def test_numbers_of_an_export_are_what_they_say(folder):
    outcome = apply(folder, update("k1", 50, name="NumberOfEmployees"))[0]
    assert outcome.kind is OutcomeKind.UNCHANGED


def test_a_line_cut_by_a_crash_counts_for_nothing_and_is_removed(folder):
    apply(folder, update("k1", "Working"))
    journal = folder / "handoff-journal.ndjson"
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"kind":"update","object":"lead","id":"1","set":{"Status":"Torn"')
    assert crm(folder).read_fields("lead", ["1"], ["Status"]) == {"1": {"Status": "Working"}}
    apply(folder, update("k2", "Later"))
    lines = journal.read_bytes().splitlines()
    assert [json.loads(line)["set"] for line in lines] == [{"Status": "Working"}, {"Status": "Later"}]


def test_a_damaged_journal_is_a_local_fault(folder):
    (folder / "handoff-journal.ndjson").write_text("no entry\n")
    with pytest.raises(LocalFault):
        crm(folder).find_applied([update("k", "x")])


def test_two_processes_share_a_folder(folder):
    first, second = crm(folder), crm(folder)
    assert first.apply([create("k", LastName="Neu")], now=NOW)[0].kind is OutcomeKind.WRITTEN
    assert second.apply([create("k", LastName="Neu")], now=NOW)[0].kind is OutcomeKind.UNCHANGED
    second.apply([update("u", "Working")], now=NOW)
    assert first.read_fields("lead", ["1"], ["Status"]) == {"1": {"Status": "Working"}}


def test_an_append_that_fails_is_unknown_only_for_what_was_sent(folder, monkeypatch):
    monkeypatch.setattr(Journal, "append", lambda _self, _entries: False)
    outcomes = apply(folder, update("k1", "Working"), update("k2", "Working"))
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.UNKNOWN, OutcomeKind.UNCHANGED]


def test_a_task_points_at_a_lead_of_the_same_batch(folder):
    task = Write("t", "create", "task", None, {"Subject": "Call"}, references={"WhoId": "l"})
    lead, made = apply(folder, create("l", LastName="Neu"), task)
    (record,), _ = pulled(crm(folder), "tasks")
    assert record.ref == Ref("files", "task", made.id)
    assert record.links == {"who": lead.id, "lead": lead.id}


@pytest.mark.parametrize(
    ("columns", "type_"),
    [
        ({"Status": "Completed", "TaskSubtype": "Call"}, "call"),
        ({"IsClosed": "true", "Type": "Meeting"}, "meeting"),
        ({"Status": "Completed"}, "other"),
        ({"Status": "Open", "TaskSubtype": "Call"}, None),
    ],
)
def test_a_finished_task_is_something_a_person_of_ours_did(folder, columns, type_):
    row = {"Id": "t", "WhoId": "1", "LastModifiedById": "rep1", "CompletedDateTime": "2026-04-02T10:00:00", **columns}
    (folder / "tasks.ndjson").write_text(json.dumps(row) + "\n")
    (page,) = crm(folder).pull("tasks", None, now=NOW)
    found = [(a.type, a.person.object, a.by_user, a.occurred_at.isoformat()) for a in page.activities]
    assert found == ([(type_, "lead", "rep1", "2026-04-02T10:00:00+00:00")] if type_ else [])


def test_words_of_an_export_become_truths_and_users_are_active_unless_they_are_not(folder):
    (folder / "users.csv").write_text("Id,Username,IsActive\n1,a,TRUE\n2,b,0\n3,c,\n")
    (folder / "queues.csv").write_text("Id,Name\n9,Unassigned\n")
    assert [user.fields["IsActive"] for user in pulled(crm(folder), "users")[0]] == [True, False, None]
    (folder / "users.csv").write_text("Id,Username\n1,a\n")
    assert [user.fields["IsActive"] for user in pulled(crm(folder), "users")[0]] == [True]


def test_a_task_that_we_close_is_closed(folder):
    (made,) = apply(folder, create("t", "task", Subject="Call", Status="Not Started"))
    close = Write("c", "update", "task", made.id, {"Status": "Completed"}, ours=frozenset({"Status"}))
    assert not pulled(crm(folder), "tasks")[0][0].fields["IsClosed"]
    apply(folder, close)
    assert pulled(crm(folder), "tasks")[0][0].fields["IsClosed"]


def test_a_quiet_pull_brings_nothing_and_a_write_of_ours_only_itself(folder):
    adapter = crm(folder)
    _, cursor = pulled(adapter)
    assert pulled(adapter, cursor=cursor)[0] == []
    adapter.apply([update("k1", "Working")], now=NOW)
    (record,), _ = pulled(adapter, cursor=cursor)
    assert (record.fields["Status"], record.fields["LastModifiedById"], record.modified_at) == (
        "Working",
        "handoff",
        NOW,
    )


def test_fields_are_provisioned_once_and_then_known(folder):
    spec = FieldSpec("lead", "Handoff_Score__c", "Score", "number")
    assert [step.state for step in crm(folder).provision([spec], [], dry_run=True)] == ["would"]
    assert [step.state for step in crm(folder).provision([spec], [], dry_run=False)] == ["done"]
    assert [step.state for step in crm(folder).provision([spec], [], dry_run=False)] == ["present"]
    assert {"Handoff_Score__c", "Status", "Email"} <= {field.name for field in crm(folder).fields("lead")}


@pytest.mark.parametrize("options", [{}, {"dir": ""}, {"dir": "x", "more": 1}])
def test_bad_options_are_refused(options):
    with pytest.raises(ConfigError):
        FilesCrm(options)


def test_a_missing_folder_is_found_by_the_check(tmp_path):
    assert [finding.ok for finding in crm(tmp_path / "gone").check()] == [False]
