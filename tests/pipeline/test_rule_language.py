"""The whole rule language through a cycle: what scoring says reaches fields, stages, tasks and owners."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from small_house import House

from connector.domain.records import RecordVersion
from connector.domain.refs import Ref
from connector.mapping.load import FILES
from connector.mapping.starter import starter_mapping

FURTHER = """\
name: premium
for: {company: Acme}
win: opportunity_won
dimensions:
  fit: {rules: [{id: boss, when: {title: CEO}, points: 30}]}
  interest: {rules: [{id: talk, on: chat, points: 20}]}
  qualification: {}
grades: {fit: {A: 75, B: 50, C: 25, D: 0}, interest: {1: 75, 2: 50, 3: 25, 4: 0}}
matrix:
  A: [sales, sales, review, nurture]
  B: [sales, review, review, nurture]
  C: [review, nurture, nurture, nurture]
  D: [nurture, nurture, nurture, nurture]
"""
SHOWN = """\
    Premium__c: {from: score.premium.total}
    Hot__c: {from: too_hot}
    Hot_Rules__c: {from: too_hot_rules}
    Differs__c: {from: declared_differs}
    Stage_Seen__c: {from: buying_stage}
  account:
    News__c: {from: account.news}
    Seen__c: {from: account.buying_stage}
    Account_Hot__c: {from: account.too_hot}
"""
PERSONAS = """\
personas:
  - id: looks-at-prices
    when: {count.pricing-page: {gte: 3}, points.pricing-page: {gt: 0}}
    to: sdr
    task: {subject: 'Prices: {company}', due: 4h}
  - id: premium-one
    when: {score.premium.interest: {gte: 20}}
    to: sdr
    task: {subject: 'Premium: {company}', due: 4h}
"""


@pytest.fixture
def house(tmp_path: Path, sqlite_url: str) -> Iterator[House]:
    folder = tmp_path / "mappings"
    folder.mkdir()
    for word in FILES:
        text = starter_mapping(word).decode()
        if word == "fields":
            text = text.replace("  account:\n", SHOWN, 1)
            line = "  employees: {type: integer, declared: {hubspot: said_size}}\n"
            text = text.replace("person:\n", f"person:\n{line}", 1)
        if word == "routing":
            text = text.replace("personas:\n", PERSONAS, 1)
        (folder / f"{word}.yaml").write_text(text, encoding="utf-8")
    (folder / "scoring-premium.yaml").write_text(FURTHER, encoding="utf-8")
    made = House(tmp_path, sqlite_url, mappings=folder)
    made.account()
    made.contact("1", title="CEO", employees=12, said_size="500")
    made.lead("L1", "1")
    made.contact("2", title="clerk", employees=12, company="Other")
    made.lead("L2", "2")
    made.run()
    yield made
    made.close()


def lead(house: House, id_: str = "L1") -> dict[str, Any]:
    return dict(house.crm.records("lead")[id_].fields)


def looks_at_prices(house: House, times: int = 3) -> None:
    for number in range(times):
        house.did(
            f"v{number}{house.now:%d%H}", "page_view", "1", path="/pricing", at=house.now - timedelta(minutes=number)
        )


def deal(house: House, id_: str, account: str, **fields: Any) -> None:
    values = {"closed": "false", "won": "false", **fields}
    links = {"account": account, "owner": "005rep3"}
    house.crm.add(RecordVersion(Ref("crm", "opportunity", id_), house.now, house.now, values, links))


def subjects(house: House) -> list[tuple[str, str]]:
    return sorted((str(task["subject"]), str(task["owner_id"])) for task in house.tasks())


def test_flags_single_rules_and_declared_answers_reach_the_record_and_the_rep(house: House) -> None:
    assert (lead(house).get("Hot__c"), lead(house)["Differs__c"]) == ("false", "employees")
    looks_at_prices(house)
    house.run()
    shown = lead(house)
    assert (shown["Hot__c"], shown["Hot_Rules__c"], shown["Stage_Seen__c"]) == ("true", "pricing-page 3x", "decision")
    assert "Too hot, perhaps only a benchmark: pricing page 3x" in shown["Handoff_Reasons__c"]
    assert "Said otherwise than found: employees" in shown["Handoff_Reasons__c"]
    assert [subject for subject, _ in subjects(house)] == ["Prices: Acme"]
    account = house.crm.records("account")["A1"].fields
    assert (account["Account_Hot__c"], account["News__c"]) == ("true", "false")
    # two people must have come so far until the account has
    assert account["Seen__c"] == "consideration"


def test_a_further_model_speaks_of_its_own_people_only(house: House) -> None:
    assert (lead(house)["Premium__c"], lead(house, "L2").get("Premium__c")) == ("10", None)
    house.did("c1", "chat", "1")
    house.did("c2", "chat", "2")
    house.run()
    assert lead(house)["Premium__c"] == "16.7"
    assert [subject for subject, _ in subjects(house)] == ["Premium: Acme"]


def test_what_happens_at_an_open_deal_is_news_for_its_owner_and_no_new_lead(house: House) -> None:
    deal(house, "O1", "A1")
    house.did("r1", "email_reply", "1")
    looks_at_prices(house)
    house.run()
    assert lead(house)["Handoff_Stage__c"] == "nurture"
    assert house.crm.records("account")["A1"].fields["News__c"] == "true"
    assert ("News for your deal: Jo, pricing page 3x, last 2026-03-02", "005rep3") in subjects(house)


def test_a_customer_is_no_new_lead_either_and_a_lost_deal_is(house: House) -> None:
    deal(house, "O1", "A1", closed="true", won="true")
    house.did("r1", "email_reply", "1")
    looks_at_prices(house)
    house.run()
    assert (lead(house)["Handoff_Stage__c"], house.crm.records("account")["A1"].fields["News__c"]) == (
        "nurture",
        "true",
    )
    house.now += timedelta(days=1)
    deal(house, "O1", "A1", closed="true", won="false")
    house.did("r2", "email_reply", "1")
    house.run()
    assert (lead(house)["Handoff_Stage__c"], house.crm.records("account")["A1"].fields["News__c"]) == ("mql", "false")
