from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.salesforce import SalesforceCrm, rows
from adapters.salesforce.connection import Connection
from adapters.salesforce.cursors import CROWD
from connector.domain.records import Page
from connector.domain.refs import Ref
from connector.errors import AccessError, RateLimited, TransientError

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
USER = "rep1@corp.example"
Cursors = dict[str, str | None]


def pull(crm: SalesforceCrm, stream: str, cursor: str | None = None) -> list[Page]:
    return list(crm.pull(stream, cursor, now=AT))


def records(pages: list[Page]) -> dict[str, Any]:
    return {record.ref.id: record for page in pages for record in page.records}


def cycle(crm: SalesforceCrm, cursors: Cursors) -> tuple[Cursors, dict[str, list[Page]]]:
    crm.begin_cycle(cursors, AT)
    pages = {stream.name: pull(crm, stream.name, cursors.get(stream.name)) for stream in crm.traits().streams}
    return {name: found[-1].cursor for name, found in pages.items()}, pages


def everything(crm: SalesforceCrm) -> Cursors:
    return {stream.name: None for stream in crm.traits().streams}


def leads(org, count: int) -> list[str]:
    made = [
        {"do": "create", "object": "Lead", "values": {"LastName": f"L{n}", "Company": "C", "Email": f"p{n}@c.example"}}
        for n in range(count)
    ]
    return [entry["id"] for entry in org.act(*made)]


def test_a_first_load_and_a_quiet_poll_share_calls(open_org):
    org = open_org(people=300)
    crm = org.crm()
    crm.check()
    org.mark()
    before = crm.calls()
    cursors, pages = cycle(crm, everything(crm))
    assert crm.calls() - before == 2
    for name, found in pages.items():
        assert found[-1].last, name
        assert sum(len(page.records) for page in found) > 0, name
    told = org.calls()
    assert told["used"] <= told["floor"]
    assert told["violations"] == 0
    org.mark()
    before = crm.calls()
    cycle(crm, cursors)
    assert crm.calls() - before == 2
    assert org.calls()["used"] == 2


def test_without_the_announcement_each_stream_asks_for_itself(org):
    crm = org.crm()
    crm.check()
    before = crm.calls()
    assert pull(crm, "users")[-1].last
    assert pull(crm, "leads")[-1].last
    assert crm.calls() - before == 2


def test_every_row_of_many_on_one_stamp_comes_over_pages_and_after_a_break(org):
    state = org.inside._state
    with org.inside.records.transaction():
        ids = {
            org.inside.records.insert(
                "Lead",
                state.next_id("Lead"),
                {"LastName": f"L{n}", "Company": "C", "Status": "Open - Not Contacted", "OwnerId": state.admin},
                at=AT - timedelta(days=1),
                by=state.admin,
            ).id
            for n in range(4100)
        }
    crm = org.crm()
    pages = pull(crm, "leads")
    assert [len(page.records) for page in pages] == [2000, 2000, 100]
    assert [page.last for page in pages] == [False, False, True]
    assert [page.counted for page in pages] == [None, None, (4100, 4100)]
    assert set(records(pages)) == ids
    for broken_at in (0, 1):
        again = records(pull(crm, "leads", pages[broken_at].cursor))
        assert set(records(pages[: broken_at + 1])) | set(again) == ids
    assert records(pull(crm, "leads", pages[-1].cursor)) == {}


def test_rows_that_the_org_announced_and_did_not_send_are_counted(org, monkeypatch):
    leads(org, 3)
    crm = org.crm()
    query = Connection.query

    def forgetful(self, soql, **words):
        answer = query(self, soql, **words)
        return {**answer, "records": answer["records"][1:]}

    monkeypatch.setattr(Connection, "query", forgetful)
    assert pull(crm, "leads")[-1].counted == (3, 2)


def test_standard_wished_and_own_fields_come_and_links(org):
    crm = org.provisioned()
    [lead] = leads(org, 1)
    org.act({"do": "edit", "object": "Lead", "id": lead, "values": {"Rating": "Hot", "Title": "VP"}})
    crm.want([("lead", "Rating"), ("lead", "Not_There__c")])
    version = records(pull(crm, "leads"))[lead]
    assert version.ref == Ref("salesforce", "lead", lead)
    assert version.fields["Rating"] == "Hot"
    assert version.fields["Handoff_Score__c"] is None
    assert "Not_There__c" not in version.fields
    assert version.links["owner"].startswith("005")
    assert version.created_at is not None
    people = crm.traits().people["lead"]
    assert version.fields[people["title"]] == "VP"
    assert all(native in version.fields for native in people.values())
    assert str(version.fields["CreatedDate"]).endswith("Z")


def test_deletion_merge_and_conversion_come_as_versions(org):
    crm = org.crm()
    gone, loser, winner, converted = leads(org, 4)
    cursor = pull(crm, "leads")[-1].cursor
    org.act(
        {"do": "delete", "id": gone},
        {"do": "merge", "id": loser, "into": winner},
        {"do": "convert", "id": converted, "convert_to": "opportunity"},
    )
    found = records(pull(crm, "leads", cursor))
    assert found[gone].deleted
    assert found[gone].merged_into is None
    assert found[loser].merged_into == Ref("salesforce", "lead", winner)
    contact = found[converted].merged_into
    assert contact is not None
    assert contact.object == "contact"
    assert found[converted].links["contact"] == contact.id
    assert not found[converted].deleted
    [role] = records(pull(crm, "contact_roles")).values()
    assert role.links["contact"] == contact.id
    assert role.links["account"] == found[converted].links["account"]
    kept = crm.fetch_people([Ref("salesforce", "lead", one) for one in (gone, loser, winner, converted)])
    assert [record.ref.id for record in kept] == [winner]


def test_only_what_has_been_done_is_an_activity(org):
    crm = org.provisioned()
    [lead] = leads(org, 1)
    open_task = org.act({"do": "create", "object": "Task", "values": {"WhoId": lead, "Subject": "to do"}})[0]["id"]
    first = pull(crm, "tasks")
    assert [activity for page in first for activity in page.activities] == []
    org.act({"do": "complete_task", "id": open_task, "user": USER}, {"do": "log_call", "id": lead, "user": USER})
    pages = pull(crm, "tasks", first[-1].cursor)
    done = {activity.ref.id: activity for page in pages for activity in page.activities}
    assert len(done) == 2
    assert done[open_task].person == Ref("salesforce", "lead", lead)
    assert done[open_task].modified_at is not None
    assert (done[open_task].by_user or "").startswith("005")
    assert {activity.type for activity in done.values()} == {"other", "call"}
    record = records(pages)[open_task]
    assert record.links["lead"] == lead
    assert record.fields["IsClosed"] is True


def test_a_row_that_commits_late_is_found_by_the_overlap(org):
    crm = org.crm()
    leads(org, 1)
    org.faults({"match": "GET .*/queryAll", "what": "late_record", "count": 1, "after": "2m"})
    cursor = pull(crm, "leads")[-1].cursor
    org.faults()
    late = records(pull(crm, "leads", cursor))
    assert any(str(record.fields["LastName"]).startswith("Late") for record in late.values())


def test_of_a_crowd_most_pulls_bring_what_is_new_and_a_late_row_comes_with_the_next_whole_look(org):
    crm = org.crm()
    one, *others = leads(org, CROWD + 1)
    cursor = pull(crm, "leads")[-1].cursor
    org.faults({"match": "GET .*/queryAll", "what": "late_record", "count": 1, "after": "1m"})
    brought = []
    for number in range(12):
        org.advance(seconds=21)
        org.act({"do": "edit", "object": "Lead", "id": one, "user": USER, "values": {"Title": f"T{number}"}})
        pages = pull(crm, "leads", cursor)
        cursor = pages[-1].cursor
        brought.append(records(pages))
    org.faults()
    whole = [number for number, rows in enumerate(brought) if set(others) <= set(rows)]
    assert 2 <= len(whole) <= 4
    assert all(one in rows for rows in brought)
    assert all(len(rows) <= 2 for number, rows in enumerate(brought) if number not in whole)
    assert any(str(row.fields["LastName"]).startswith("Late") for rows in brought for row in rows.values())


def test_a_broken_row_is_refused_and_the_rest_goes_on(org):
    crm = org.crm()
    ids = leads(org, 5)
    for what, code in (("malformed_record", "malformed"), ("huge_record", "too_large")):
        org.faults({"match": "GET .*/queryAll", "what": what, "count": 1})
        [page] = pull(crm, "leads")
        assert len(page.records) == len(ids) - 1
        assert [row.code for row in page.refused] == [code]
    org.faults({"match": "GET .*/queryAll", "what": "bad_text", "count": 1})
    [page] = pull(crm, "leads")
    for record in page.records:
        for value in record.fields.values():
            str(value).encode()


@pytest.mark.parametrize("what", ["html_502", "503", "reset", "truncate", "drop_after_commit", "expire_token"])
def test_a_read_survives_what_passes(org, what):
    crm = org.crm()
    ids = set(leads(org, 3))
    crm.fields("lead")
    org.faults({"match": "GET .*/queryAll", "what": what, "count": 1})
    assert set(records(pull(crm, "leads"))) == ids


def test_what_does_not_pass_ends_in_the_class_that_says_what_to_do(org):
    crm = org.crm()
    crm.fields("lead")
    org.faults({"match": "GET .*/queryAll", "what": "html_502"})
    with pytest.raises(TransientError):
        pull(crm, "leads")
    org.faults({"match": "GET .*/queryAll", "what": "expire_token"})
    with pytest.raises(AccessError):
        pull(crm, "leads")
    org.faults({"match": "GET .*/queryAll", "what": "429"})
    before = crm.calls()
    with pytest.raises(RateLimited) as caught:
        pull(crm, "leads")
    assert caught.value.daily
    assert crm.calls() - before == 1


def test_a_field_that_disappears_is_left_out(org):
    crm = org.provisioned()
    crm.want([("lead", "Handoff_Stage__c")])
    [lead] = leads(org, 1)
    assert "Handoff_Stage__c" in records(pull(crm, "leads"))[lead].fields
    org.faults(
        {"match": "GET .*/queryAll", "what": "field_deleted", "object": "Lead", "field": "Handoff_Stage__c", "count": 1}
    )
    pull(crm, "leads")
    assert "Handoff_Stage__c" not in records(pull(crm, "leads"))[lead].fields
    assert any(not finding.ok and "Handoff_Stage__c" in finding.subject for finding in crm.check())


def test_a_moved_clock_moves_the_jwt(org):
    own = org.inside.credentials
    auth = {"flow": "jwt", "client_id": own.client_id, "username": own.username, "key_file": str(own.jwt_key_file)}
    org.advance(days=30)
    assert org.crm(auth=auth).check()[0].ok


@pytest.mark.parametrize("flow", ["client_credentials", "jwt", "password"])
def test_a_session_that_ends_is_renewed_once(org, flow):
    own = org.inside.credentials
    keys = {
        "client_credentials": {"client_id": own.client_id, "client_secret": own.client_secret},
        "jwt": {"client_id": own.client_id, "username": own.username, "key_file": str(own.jwt_key_file)},
        "password": {
            "client_id": own.client_id,
            "client_secret": own.client_secret,
            "username": own.username,
            "password": own.password,
        },
    }
    crm = org.crm(auth={"flow": flow, **keys[flow]})
    ids = set(leads(org, 2))
    assert set(records(pull(crm, "leads"))) == ids
    org.advance(hours=3)
    before = crm.calls()
    assert set(records(pull(crm, "leads"))) == ids
    assert crm.calls() - before == 3


def test_a_wrong_secret_is_told_without_the_secret(org):
    own = org.inside.credentials
    crm = org.crm(auth={"flow": "client_credentials", "client_id": own.client_id, "client_secret": "wrong-secret"})
    [finding] = crm.check()
    assert not finding.ok
    with pytest.raises(AccessError) as caught:
        pull(crm, "leads")
    assert "wrong-secret" not in str(caught.value)
    assert own.client_id not in str(caught.value)


def test_usage_and_clock_are_the_orgs_own(org):
    crm = org.crm()
    assert crm.usage() is None
    assert crm.clock() is None
    pull(crm, "users")
    usage = crm.usage()
    assert usage is not None
    assert 0 < usage.used < usage.limit
    assert crm.traits().daily_calls == usage.limit
    assert crm.clock() is not None


def test_a_row_is_known_again_to_the_letter_by_the_same_kinds_and_not_for_ever(monkeypatch):
    monkeypatch.setattr(rows, "MOST_BEFORE", 2)
    reads: list[str] = []

    def read(row: Any) -> Any:
        reads.append(f"{row['Id']}{row['Name']}")
        return len(reads)

    before = rows.RowsBefore().of([("Name", "text")])
    told = [before.read({"Id": id_, "Name": name}, read) for id_, name in ("1a", "1a", "1b", "2a", "1b", "3a", "2a")]
    assert reads == ["1a", "1b", "2a", "3a", "2a"]
    assert told == [1, 1, 2, 3, 2, 4, 5]
    before.of([("Name", "text")]).read({"Id": "2", "Name": "a"}, read)
    before.of([("Name", "boolean")]).read({"Id": "2", "Name": "a"}, read)
    assert reads[5:] == ["2a"]


def test_a_row_that_reads_do_not_bring_any_more_leaves_the_memory():
    kinds, before = [("Name", "text")], rows.RowsBefore()
    told = {"Id": "1", "Name": "a"}
    reads: list[str] = []

    def read(row: Any) -> Any:
        reads.append(row["Id"])
        return object()

    for brought in (True, True, True, False, True, True):
        before.of(kinds)
        if brought:
            before.read(told, read)
    assert reads == ["1", "1"], "known as long as each read brings it"
