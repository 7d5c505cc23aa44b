"""Who answered a question and when; whose deal is open at an account, and whether one was won."""

from __future__ import annotations

from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from holdings_by_hand import CRM, T0, holdings, records

from connector.lake.engine import querying
from connector.lake.layout import FIELD
from connector.mapping.load import load_mappings
from connector.pipeline.people.answers import read_answers, with_evidence
from connector.pipeline.people.deals import deals, with_deals

MAPPINGS = load_mappings(Path(str(files("mappings") / "default")))
NEED = FIELD + "Need__c"


def at(hours: int) -> Any:
    return T0 + timedelta(hours=hours)


def version(hours: int, need: str | None, by: str | None, **more: Any) -> dict[str, Any]:
    row = {"id": "1", "modified_at": at(hours), "landed_at": at(hours), "serial": hours, "deleted": False}
    return row | {NEED: need, FIELD + "changed_by": by} | more


def answered(*rows: dict[str, Any], without: tuple[str, ...] = ()) -> dict[str, tuple[Any, Any]]:
    table = pa.Table.from_pylist(list(rows)).drop_columns(list(without))
    with querying() as connection:
        connection.register("lead_versions", table)
        found = read_answers(connection, {"lead": table}, CRM, MAPPINGS).to_pylist()
    return {row["record"]: (row["bants.need.on"], row["bants.need.by"]) for row in found}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([version(0, None, "a"), version(1, "Yes", "rep")], (at(1), "rep")),
        # later edits of other fields do not count
        ([version(0, None, "a"), version(1, "Yes", "rep"), version(2, "Yes", "boss")], (at(1), "rep")),
        ([version(0, "No", "a"), version(1, "Yes", "rep"), version(2, "No", "boss")], (at(2), "boss")),
        # there when first seen: nobody is named
        ([version(0, "Yes", "a"), version(3, "Yes", "b")], (at(0), None)),
        # the same version read again with a further field is nobody's edit
        ([version(0, None, "a"), version(0, "Yes", "a", serial=1)], (at(0), None)),
        ([version(0, None, "a"), version(1, "Yes", "rep"), version(2, None, "rep")], None),
        ([version(0, None, "a"), version(1, "Yes", "rep"), version(2, None, None, deleted=True)], (at(1), "rep")),
    ],
)
def test_an_answer_is_of_whom_gave_the_field_its_value(rows: Any, expected: Any) -> None:
    assert answered(*rows) == ({} if expected is None else {"lead:1": expected})


def test_a_crm_without_an_author_names_nobody() -> None:
    rows = [version(0, None, None), version(1, "Yes", None)]
    assert answered(*rows, without=(FIELD + "changed_by",)) == {"lead:1": (at(1), None)}
    assert answered(*rows, without=(NEED,)) == {}


def test_the_evidence_is_that_of_the_persons_record() -> None:
    people = pa.table({"person_id": ["p", "q"], "record": ["lead:1", None]})
    answers = pa.table({"record": ["lead:1", "lead:2"], "bants.need.by": ["rep", "other"]})
    assert with_evidence(people, answers).column("bants.need.by").to_pylist() == ["rep", None]
    assert with_evidence(people, answers.select(["record"])) == people


def found_of(*rows: dict[str, Any]) -> dict[str, tuple[Any, Any, Any]]:
    table = records(*({"l_account": "A1", "f_won": "false", "f_closed": "false"} | row for row in rows))
    return {
        row["account_id"]: (row["open"], row["won"], row["deal_owner_id"])
        for row in deals(holdings(crm_opportunity=table), CRM).to_pylist()
    }


def test_the_deal_that_changed_last_says_whose_it_is() -> None:
    assert found_of(
        {"id": "O1", "l_owner": "u1", "modified_at": at(1)},
        {"id": "O2", "l_owner": "u2", "modified_at": at(2)},
        {"id": "O3", "l_owner": "u3", "modified_at": at(3), "f_closed": "true"},
        {"id": "O4", "l_owner": "u4", "modified_at": at(4), "deleted": True},
        {"id": "O5", "l_owner": "u5", "l_account": "A2", "f_won": "true", "f_closed": "true"},
        {"id": "O6", "l_owner": "u6", "l_account": None},
    ) == {"A1": (True, False, "u2"), "A2": (False, True, None)}


def test_a_crm_without_deals_knows_of_none() -> None:
    assert deals(holdings(crm_opportunity=records({"id": "O1"})), CRM).num_rows == 0
    accounts = pa.table({"account_id": ["A1"]})
    assert with_deals(accounts, deals(holdings(crm_opportunity=records()), CRM)).to_pylist() == [
        {"account_id": "A1", "open_opportunity": False, "customer": False, "deal_owner_id": None}
    ]


def test_a_line_of_fields_may_say_who_is_a_customer() -> None:
    accounts = pa.table({"account_id": ["A1", "A2", "A3"], "customer": ["true", "false", None]})
    of_deals = deals(holdings(crm_opportunity=records({"id": "O1"})), CRM)
    assert with_deals(accounts, of_deals).column("customer").to_pylist() == [True, False, False]
