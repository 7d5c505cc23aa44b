"""A session or a right that ends in the middle of a batch: renewed where it can be, and only what needs it stops."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.salesforce import SalesforceCrm
from connector.domain.writes import OutcomeKind, Write, WriteOutcome
from connector.ports.crm import INACTIVE_OWNER

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
SCORE, STAGE = "Handoff_Score__c", "Handoff_Stage__c"


def _lead(org: Any) -> str:
    values = {"LastName": "L", "Company": "C", "Email": "p@c.example"}
    return str(org.act({"do": "create", "object": "Lead", "values": values})[0]["id"])


def _batch(leads: list[str]) -> list[Write]:
    """Every way of writing in one batch: creations, one that waits for another, own fields, contested ones."""
    who = {"LastName": "New", "Company": "C"}
    return [
        Write("k-lead", "create", "lead", None, who),
        Write("k-task", "create", "task", None, {"Subject": "Call"}, references={"WhoId": "k-lead"}),
        Write("u1", "update", "lead", leads[0], {SCORE: 40}, ours=frozenset({SCORE})),
        Write("u2", "update", "lead", leads[1], {"Title": "CTO"}, expected={"Title": None}),
    ]


def _signed_in(org: Any) -> SalesforceCrm:
    own = org.inside.credentials
    org.provisioned()
    auth = {"flow": "client_credentials", "client_id": own.client_id, "client_secret": own.client_secret}
    crm: SalesforceCrm = org.crm(auth=auth)
    return crm


def _apply(crm: SalesforceCrm, writes: list[Write]) -> dict[str, WriteOutcome]:
    return {outcome.key: outcome for outcome in crm.apply(writes, now=AT)}


@pytest.mark.parametrize("call", range(6))
def test_a_session_that_ends_before_any_call_of_a_batch_costs_no_row(
    org: Any, call: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    crm = _signed_in(org)
    leads = [_lead(org), _lead(org)]
    send, left = crm._connection.session.send, [call]

    def ended(request: Any, **words: Any) -> Any:
        left[0] -= "oauth2" not in (request.url or "")
        if left[0] == -1 and "oauth2" not in (request.url or ""):
            org.faults({"match": ".*/services/data/.*", "what": "expire_token", "count": 1})
        return send(request, **words)

    monkeypatch.setattr(crm._connection.session, "send", ended)
    outcomes = _apply(crm, _batch(leads))
    assert {outcome.kind for outcome in outcomes.values()} == {OutcomeKind.WRITTEN}, outcomes
    assert left[0] < 0 or call > 4, "the batch has more calls than that"
    [task] = org.rows("Task")
    assert task["WhoId"] == outcomes["k-lead"].id
    assert len(org.rows("Lead")) == 3


def test_a_right_to_one_object_that_goes_stops_only_what_needs_it(org: Any) -> None:
    crm = _signed_in(org)
    leads = [_lead(org), _lead(org)]
    _apply(crm, [Write("warm", "update", "lead", leads[0], {SCORE: 1}, ours=frozenset({SCORE}))])
    org.act({"do": "remove_right", "object": "Task", "right": "create"})
    outcomes = _apply(crm, _batch(leads))
    task = outcomes.pop("k-task")
    assert (task.kind, task.fixer) == (OutcomeKind.REJECTED, "crm_admin"), task
    assert {outcome.kind for outcome in outcomes.values()} == {OutcomeKind.WRITTEN}


def test_a_right_to_one_field_that_goes_stops_only_what_needs_it(org: Any) -> None:
    crm = _signed_in(org)
    leads = [_lead(org), _lead(org)]
    _apply(crm, [Write("warm", "update", "lead", leads[0], {SCORE: 1}, ours=frozenset({SCORE}))])
    org.faults({"match": "POST .*/composite.*", "what": "right_removed", "count": 1, "object": "Lead", "field": SCORE})
    writes = _batch(leads)
    writes.append(Write("u3", "update", "lead", leads[1], {STAGE: "mql"}, ours=frozenset({STAGE})))
    first = _apply(crm, writes)
    again = _apply(crm, [write for write in writes if first[write.key].kind is OutcomeKind.RETRY])
    outcomes = first | again
    scored = outcomes.pop("u1")
    assert (scored.kind, scored.fixer) == (OutcomeKind.REJECTED, "crm_admin"), scored
    assert {outcome.kind for outcome in outcomes.values()} == {OutcomeKind.WRITTEN}, outcomes


def test_an_owner_who_was_deactivated_since_is_refused_by_our_own_name_for_that(org):
    crm, mine = org.provisioned(), _lead(org)
    [rep] = [row["Id"] for row in org.rows("User") if row["Username"] == "rep2@corp.example"]
    org.act({"do": "deactivate_user", "user": "rep2"})
    writes = [
        Write("k-task", "create", "task", None, {"Subject": "Call", "OwnerId": rep, "WhoId": mine}),
        Write("u1", "update", "lead", mine, {"OwnerId": rep}),
        Write("u2", "update", "lead", _lead(org), {SCORE: 40}, ours=frozenset({SCORE})),
    ]
    outcomes = _apply(crm, writes)
    for key in ("k-task", "u1"):
        assert (outcomes[key].kind, outcomes[key].code) == (OutcomeKind.REJECTED, INACTIVE_OWNER)
    assert outcomes["u2"].kind is OutcomeKind.WRITTEN
