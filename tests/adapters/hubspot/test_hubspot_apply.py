"""What becomes of writes: refusals by row and as a whole, what people hold, what is lost on the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.hubspot import HubSpotCrm
from connector.domain.writes import OutcomeKind, Write
from connector.errors import AccessError, RateLimited, TransientError

OURS = frozenset({"handoff_text", "handoff_score", "handoff_grade"})
WRITTEN, UNCHANGED, HUMAN_WON = OutcomeKind.WRITTEN, OutcomeKind.UNCHANGED, OutcomeKind.HUMAN_WON
REJECTED, RETRY, UNKNOWN = OutcomeKind.REJECTED, OutcomeKind.RETRY, OutcomeKind.UNKNOWN


def person(account, **properties):
    number = len(account.rows("contact"))
    return account.make("contact", {"email": f"person{number}@example.com", **properties})


def update(id_, fields, expected=None, *, word="contact", key="u"):
    return Write(f"{key}-{id_}", "update", word, id_, fields, expected or {}, OURS & set(fields))


def create(word, key, fields):
    return Write(key, "create", word, None, fields, ours=frozenset(fields))


def task(key, who):
    fields = {"hs_task_subject": key, "hs_timestamp": "2026-03-05T09:00:00Z", "associations.contact": who}
    return create("task", key, fields)


def apply(crm, account, *writes):
    return list(crm.apply(writes, now=account.clock.now()))


def kinds(outcomes):
    return [outcome.kind for outcome in outcomes]


def posts(account, end):
    calls = account.inside.calls.report()["calls"]
    return sum(call["count"] for call in calls if call["method"] == "POST" and call["endpoint"].endswith(end))


def test_own_properties_known_from_the_mirror_cost_one_call_per_hundred(account):
    people = [person(account) for _ in range(120)]
    crm = account.crm()
    writes = [update(id_, {"handoff_score": 70}, {"handoff_score": None}) for id_ in people]
    outcomes = apply(crm, account, *writes)
    assert set(kinds(outcomes)) == {WRITTEN}
    assert outcomes[0].before == {"handoff_score": None}
    assert crm.calls() == 2, "nothing was read"
    assert {row["handoff_score"] for row in account.rows("contact")} == {"70"}


def test_a_refused_input_is_told_apart_and_its_neighbours_are_written(account):
    good, bad, gone = person(account), person(account), person(account)
    account.act({"do": "delete", "id": gone})
    writes = [
        update(good, {"handoff_score": 1}, {"handoff_score": None}),
        update(bad, {"handoff_grade": "Z9"}, {"handoff_grade": None}),
        update(gone, {"handoff_score": 2}, {"handoff_score": None}),
        update("12x", {"handoff_score": 3}, {"handoff_score": None}),
    ]
    outcomes = apply(account.crm(), account, *writes)
    assert kinds(outcomes) == [WRITTEN, REJECTED, REJECTED, REJECTED]
    assert [(outcome.code, outcome.fixer) for outcome in outcomes[1:]] == [
        ("INVALID_OPTION", "ops"),
        ("OBJECT_NOT_FOUND", "nobody"),
        ("OBJECT_NOT_FOUND", "nobody"),
    ]
    assert posts(account, "batch/update") == 1


def test_a_merged_record_is_aimed_at_anew(account):
    first, second = person(account), person(account)
    account.act({"do": "merge", "id": first, "into": second})
    for write in (update(first, {"handoff_score": 1}, {"handoff_score": None}), update(first, {"handoff_score": 1})):
        [outcome] = apply(account.crm(), account, write)
        assert (outcome.kind, outcome.fixer) == (REJECTED, "nobody")


def test_the_dated_tree_takes_the_same_batches(account):
    crm = account.crm(api="2026-03")
    [made] = apply(crm, account, create("contact", "k", {"email": "new@example.com", "jobtitle": "CEO"}))
    [changed] = apply(crm, account, update(made.id, {"jobtitle": "CTO"}, {"jobtitle": "CEO"}))
    [about] = apply(crm, account, task("t", made.id))
    assert kinds([made, changed, about]) == [WRITTEN] * 3
    assert crm.find_applied([create("contact", "k", {})]) == {"k": made.id}


def test_an_administrators_rule_is_a_matter_for_the_administrator(account):
    id_ = person(account)
    account.act({"do": "require_property", "property": "city", "when": {"jobtitle": ["CTO"]}})
    write = update(id_, {"jobtitle": "CTO"}, {"jobtitle": None})
    [outcome] = apply(account.crm(api="2026-09"), account, write)
    assert (outcome.code, outcome.fixer) == ("MISSING_CONDITIONAL_REQUIRED_PROPERTY", "crm_admin")


def test_one_record_twice_in_a_batch_goes_in_two_calls_in_order(account):
    id_ = person(account)
    writes = [update(id_, {"handoff_text": text}, {"handoff_text": None}, key=text) for text in ("a", "b", "c")]
    assert kinds(apply(account.crm(), account, *writes)) == [WRITTEN] * 3
    assert account.row("contact", id_)["handoff_text"] == "c"
    assert posts(account, "batch/update") == 3


def test_values_are_compared_as_the_vendor_stores_them(account):
    id_ = person(account, handoff_score="70", jobtitle="CEO")
    task_ = account.make("task", {"hs_task_subject": "S", "hs_timestamp": "2026-03-05T09:00:00Z"})
    writes = [
        update(id_, {"handoff_score": 70.0, "handoff_text": "", "jobtitle": "CEO"}),
        update(task_, {"hs_timestamp": "2026-03-05T10:00:00+01:00"}, word="task"),
    ]
    assert kinds(apply(account.crm(), account, *writes)) == [UNCHANGED, UNCHANGED]
    assert posts(account, "batch/update") == 0


def test_a_persons_value_stays_and_the_rest_is_written(account):
    id_ = person(account, jobtitle="by hand", city="Ulm")
    write = update(id_, {"jobtitle": "CTO", "city": "Bonn", "handoff_score": 5}, {"jobtitle": "CEO", "city": "Ulm"})
    [outcome] = apply(account.crm(), account, write)
    assert outcome.kind is HUMAN_WON
    assert outcome.before == {"jobtitle": "by hand", "city": "Ulm", "handoff_score": None}
    row = account.row("contact", id_)
    assert (row["jobtitle"], row["city"], row["handoff_score"]) == ("by hand", "Bonn", "5")


def between(account, crm, *edits):
    """Let people edit right before the second, fourth … request: between a look and the write after it."""
    turns = iter([None, *(part for edit in edits for part in (edit, None))])

    def turn():
        edit = next(turns, None)
        if edit is not None:
            account.act({"do": "edit", **edit})

    crm.fence(turn)


def test_who_saves_between_the_look_and_the_write_gets_the_value_back(account):
    id_ = person(account, jobtitle="CEO")
    crm = account.crm()
    between(account, crm, {"id": id_, "values": {"jobtitle": "by hand"}})
    write = update(id_, {"jobtitle": "CTO", "handoff_score": 5}, {"jobtitle": "CEO", "handoff_score": None})
    [outcome] = apply(crm, account, write)
    assert (outcome.kind, outcome.before["jobtitle"]) == (HUMAN_WON, "by hand")
    row = account.row("contact", id_)
    assert (row["jobtitle"], row["handoff_score"]) == ("by hand", "5")


def test_who_saves_between_again_gets_the_newer_value_back(account):
    id_ = person(account, jobtitle="CEO")
    crm = account.crm()
    edits = [{"id": id_, "values": {"jobtitle": f"by hand {n}"}} for n in (1, 2)]
    between(account, crm, *edits)
    [outcome] = apply(crm, account, update(id_, {"jobtitle": "CTO"}, {"jobtitle": "CEO"}))
    assert (outcome.kind, outcome.before["jobtitle"]) == (HUMAN_WON, "by hand 2")
    assert account.row("contact", id_)["jobtitle"] == "by hand 2"


def test_who_saves_over_ours_afterwards_is_left_alone(account):
    id_ = person(account, jobtitle="CEO")
    crm = account.crm()
    edit = {"do": "edit", "id": id_}
    before_the_write, after_it = {"jobtitle": "first"}, {"jobtitle": "second"}
    turns = iter([None, before_the_write, after_it])

    def turn():
        values = next(turns, None)
        if values is not None:
            account.act({**edit, "values": values})

    crm.fence(turn)
    [outcome] = apply(crm, account, update(id_, {"jobtitle": "CTO"}, {"jobtitle": "CEO"}))
    assert outcome.kind is HUMAN_WON
    assert account.row("contact", id_)["jobtitle"] == "second"
    assert posts(account, "batch/update") == 1


def test_a_person_who_is_always_quicker_is_a_matter_for_people(account):
    id_ = person(account, jobtitle="CEO")
    crm = account.crm()
    between(account, crm, *({"id": id_, "values": {"jobtitle": f"by hand {n}"}} for n in range(9)))
    [outcome] = apply(crm, account, update(id_, {"jobtitle": "CTO"}, {"jobtitle": "CEO"}))
    assert (outcome.kind, outcome.code, outcome.fixer) == (REJECTED, "put_back_failed", "ops")


def test_the_lifecycle_stage_is_never_moved_back(account):
    id_ = person(account, lifecyclestage="opportunity")
    back = replace(
        update(id_, {"lifecyclestage": "lead"}, {"lifecyclestage": "opportunity"}), ours=frozenset({"lifecyclestage"})
    )
    forward = update(id_, {"lifecyclestage": "customer"}, {"lifecyclestage": "opportunity"}, key="forward")
    assert kinds(apply(account.crm(), account, back)) == [HUMAN_WON]
    assert posts(account, "batch/update") == 0
    assert kinds(apply(account.crm(), account, forward)) == [WRITTEN]
    assert account.row("contact", id_)["lifecyclestage"] == "customer"


def test_what_refers_to_a_creation_of_the_same_batch_goes_after_it(account):
    company = create("account", "k-account", {"name": "Acme"})
    contact = create("contact", "k-contact", {"email": "new@example.com"})
    contact = replace(contact, references={"associatedcompanyid": "k-account"})
    about = replace(task("k-task", None), references={"associations.contact": "k-contact"})
    outcomes = apply(account.crm(), account, about, contact, company)
    assert kinds(outcomes) == [RETRY, WRITTEN, WRITTEN], "the task's contact was itself waiting"
    crm = account.crm()
    [made] = apply(crm, account, about)
    assert made.kind is WRITTEN
    [page] = crm.pull("tasks", None, now=account.clock.now())
    assert page.records[0].links["who"] == outcomes[1].id


def test_a_creation_with_somebodys_address_is_refused_and_never_an_update(account):
    held = person(account, jobtitle="CEO")
    write = create("contact", "k", {"email": "person0@example.com", "jobtitle": "CTO"})
    [outcome] = apply(account.crm(), account, write)
    assert (outcome.kind, outcome.code, outcome.fixer) == (REJECTED, "CONFLICT", "nobody")
    assert account.row("contact", held)["jobtitle"] == "CEO"


def test_a_repeated_creation_leaves_what_people_did_since(account):
    write = create("contact", "k", {"email": "new@example.com", "jobtitle": "CTO"})
    [first] = apply(account.crm(), account, write)
    account.act({"do": "edit", "id": first.id, "values": {"jobtitle": "by hand"}})
    [again] = apply(account.crm(), account, write)
    assert (again.kind, again.id) == (UNCHANGED, first.id)
    assert account.row("contact", first.id)["jobtitle"] == "by hand"


def test_what_a_task_would_lose_without_a_word_is_not_sent(account):
    who = person(account)
    odd = task("k", who)
    odd = replace(odd, fields={**odd.fields, "handoff_nowhere": "x"})
    [outcome] = apply(account.crm(), account, odd)
    assert (outcome.kind, outcome.code) == (REJECTED, "PROPERTY_DOESNT_EXIST")
    assert account.rows("task") == []


def test_associations_are_a_tasks_matter(account):
    write = create("contact", "k", {"email": "new@example.com", "associations.company": "1"})
    [outcome] = apply(account.crm(), account, write)
    assert (outcome.kind, outcome.code) == (REJECTED, "PROPERTY_DOESNT_EXIST")
    [outcome] = apply(account.crm(), account, update(person(account), {"associations.company": "1"}))
    assert (outcome.kind, outcome.code) == (REJECTED, "PROPERTY_DOESNT_EXIST")


def test_without_a_place_for_the_key_nothing_is_created(open_account):
    account = open_account()
    who = person(account)
    outcomes = apply(account.crm(), account, task("k", who), create("contact", "c", {"email": "new@example.com"}))
    assert [(outcome.kind, outcome.fixer) for outcome in outcomes] == [(REJECTED, "crm_admin")] * 2
    assert account.rows("task") == []


def test_there_are_no_leads(account):
    [outcome] = apply(account.crm(), account, create("lead", "k", {"name": "x"}))
    assert (outcome.kind, outcome.code) == (REJECTED, "no_such_object")
    assert account.crm().find_applied([create("lead", "k", {})]) == {"k": None}


@pytest.mark.parametrize("what", ["drop_after_commit", "truncate", "html_502", "reset"])
def test_without_a_clear_answer_a_write_is_unknown_until_the_vendors_bound(account, what):
    id_ = person(account)
    crm = account.crm()
    account.faults({"match": "POST .*/batch/update$", "what": what, "count": 1})
    [outcome] = apply(crm, account, update(id_, {"handoff_score": 1}, {"handoff_score": None}))
    assert outcome.kind is UNKNOWN
    assert outcome.not_before is not None
    assert outcome.not_before - account.clock.now() > timedelta(seconds=90)
    assert crm.calls() == 1, "a write is not sent again before it has been looked up"
    expected = id_ if what in ("drop_after_commit", "truncate") else None
    assert crm.find_applied([update(id_, {"handoff_score": 1})]) == {f"u-{id_}": expected}


@pytest.mark.parametrize(("what", "error", "seconds"), [("429", RateLimited, 33.0), ("lock_row", RateLimited, 2.0)])
def test_a_first_batch_refused_for_the_rates_sake_was_not_attempted(account, what, error, seconds):
    people = [person(account) for _ in range(101)]
    writes = [update(id_, {"handoff_score": 1}, {"handoff_score": None}) for id_ in people]
    account.faults({"match": "batch/update", "what": what, "count": 1, "retry_after": 33})
    with pytest.raises(error) as caught:
        apply(account.crm(), account, *writes)
    assert caught.value.retry_after_seconds == seconds
    # The second batch's refusal is an outcome, for the first has been written.
    account.faults(
        {"match": "batch/update", "what": "delay", "count": 1, "after": "0s"}, {"match": "batch/update", "what": what}
    )
    assert kinds(apply(account.crm(), account, *writes)) == [WRITTEN] * 100 + [RETRY]


def test_a_token_that_expires_in_mid_batch_is_renewed_and_the_batch_written_once(account):
    id_ = person(account)
    known = account.inside.credentials
    crm = account.crm(
        token=None, client_id=known.client_id, client_secret=known.client_secret, refresh_token=known.refresh_token
    )
    account.faults({"match": "batch/update", "what": "expire_token", "count": 1})
    assert kinds(apply(crm, account, update(id_, {"handoff_score": 1}, {"handoff_score": None}))) == [WRITTEN]
    assert crm.calls() == 4, "a token, the refused batch, another token, the batch"


def test_batches_keep_the_pace_that_reads_keep(account):
    people = [person(account) for _ in range(201)]
    slept = []
    known = {"base_url": account.url, "token": account.inside.credentials.token, "calls_per_10s": 2}
    crm = HubSpotCrm(known, sleep=slept.append)
    account.opened.append(crm)
    writes = [update(id_, {"handoff_score": 1}, {"handoff_score": None}) for id_ in people]
    assert set(kinds(apply(crm, account, *writes))) == {WRITTEN}
    assert len(slept) == 1
    assert 5 < slept[0] <= 10.05


def test_the_check_asks_for_what_a_crm_is_read_for(account):
    found = account.crm().check()
    assert all(finding.ok for finding in found)
    assert "read tasks" in {finding.subject for finding in found}
    assert "read forms" not in {finding.subject for finding in found}


def test_a_task_that_cannot_be_read_is_named_and_the_rest_comes(account):
    who = person(account)
    made = apply(account.crm(), account, *(task(f"k{number}", who) for number in range(5)))
    account.faults({"match": "tasks/search", "what": "malformed_record", "count": 2})
    crm = account.crm()
    pages = list(crm.pull("tasks", None, now=account.clock.now()))
    refused = [row for page in pages for row in page.refused]
    records = [record for page in pages for record in page.records]
    assert [row.stream for row in refused] == ["tasks"]
    assert {record.ref.id for record in records} < {outcome.id for outcome in made}
    assert {record.links["who"] for record in records} == {who}


def test_a_scope_taken_away_stops_and_is_named(account):
    id_ = person(account)
    account.faults({"match": "batch/update", "what": "right_removed", "field": "crm.objects.contacts.write"})
    with pytest.raises(AccessError, match=r"crm\.objects\.contacts\.write"):
        apply(account.crm(), account, update(id_, {"handoff_score": 1}, {"handoff_score": None}))


def test_a_sender_that_may_not_send_any_more_sends_nothing(account):
    id_ = person(account)
    crm = account.crm()

    def refuse():
        raise TransientError("sender.lost", "no more")

    crm.fence(refuse)
    with pytest.raises(TransientError):
        apply(crm, account, update(id_, {"handoff_score": 1}, {"handoff_score": None}))
    assert crm.calls() == 0


def test_tasks_without_a_unique_key_are_found_by_walking_from_their_contact(open_account):
    account = open_account(unique_task_key=False)
    account.provision()
    who, write = person(account), task("k", "")
    write = replace(write, fields={**write.fields, "associations.contact": who})
    crm = account.crm()
    [made] = apply(crm, account, write)
    never = replace(write, key="never")
    assert crm.find_applied([write, never]) == {"k": made.id, "never": None}
    assert not crm.traits().creation_key_unique["task"]
    assert [sentence.split(":")[0] for sentence in crm.lacks()] == ["tasks"]
    assert posts(account, "search") == 0
