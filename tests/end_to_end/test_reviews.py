"""Questions only a person can answer: asked once, nothing written meanwhile, the answer used, kept and taken back."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.survival.buyers import submit
from benchmarks.survival.place import Place, later

PEOPLE = 40
#: one address on two contacts of the CRM: one woman entered twice, and two men of one family
TWIN, PAIR = "ann.twin@quillon-harbour.example", "pair@quillon-harbour.example"
#: an address that says nothing of a company, and a company's name that two accounts bear
TIED, COMPANY = "cy.tie@gmail.com", "Quillon Harbour Works"


class Story:
    """An org with three questions in it, beside those of the sample people."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.usual = {one["id"] for one in self._list()}
        place.env(LOGNAME="pat")
        place.clock(later(hours=1))
        company = {"do": "create", "object": "Account", "values": {"Name": COMPANY}}
        known = place.query("SELECT Id FROM Account ORDER BY Id")[0]["Id"]
        place.act("salesforce", company, company)
        entered = [
            {"Email": email, "FirstName": first, "LastName": last, "AccountId": known}
            for email, first, last in ((TWIN, "Ann", "Twin"), (TWIN, "A.", "Twin"), (PAIR, "Bo", "Pair"))
        ]
        entered.append(entered[-1] | {"FirstName": "Abe"})
        made = place.act("salesforce", *({"do": "create", "object": "Contact", "values": each} for each in entered))
        self.twins, self.pair = [one["id"] for one in made[:2]], [one["id"] for one in made[2:]]
        tied = {"email": TIED, "firstname": "Cy", "lastname": "Tie", "company": COMPANY}
        place.act("hubspot", submit(TWIN, firstname="Ann"), {"do": "create", "object": "contacts", "values": tied})

    def _list(self, *words: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.place.json("review", "list", *words)["reviews"]
        return found

    def asked(self, *words: str) -> dict[str, dict[str, Any]]:
        """Give the questions of this story by what they are about; of several about one thing the last."""
        about = dict.fromkeys(self.twins, "twin") | dict.fromkeys(self.pair, "pair")
        news = [one for one in self._list(*words) if one["id"] not in self.usual]
        return {about.get(one["candidates"][0]["candidate"].rsplit(":", 1)[-1], "tie"): one for one in news}

    def shown(self) -> dict[str, float | None]:
        """Give the score the CRM shows of everybody of these addresses, leads and contacts."""
        where = f"WHERE Email IN ('{TWIN}', '{PAIR}', '{TIED}')"
        return {
            row["Id"]: row["Handoff_Score__c"]
            for kind in ("Lead", "Contact")
            for row in self.place.query(f"SELECT Id, Handoff_Score__c FROM {kind} {where}")
        }

    def called(self) -> list[str]:
        """Give whom tasks are about."""
        return [task["WhoId"] for task in self.place.query("SELECT WhoId FROM Task WHERE Handoff_Key__c != null")]

    def refused(self, *words: str) -> tuple[int, str]:
        """Give exit code and error of an answer that is not taken."""
        done = self.place.handoff("review", *words, "--json")
        return done.code, done.json["error"]["code"]


@pytest.fixture
def story(place_of, loaded) -> Story:
    return Story(place_of(loaded(PEOPLE)))


def test_questions_wait_for_a_person_whose_answers_are_used_kept_and_taken_back(story):
    place = story.place
    open_before = len(story.usual)
    assert place.cycle(later(hours=1))["needs_person"] == open_before + 3
    asked = story.asked()
    _holds_what_is_asked(story, asked)
    _puts_who_waits_first(story, asked)

    _answer(story, asked)
    assert place.cycle(later(hours=2))["needs_person"] == open_before
    _uses_the_answers(story, asked)

    for what in ("twin", "tie"):
        assert place.json("review", "reopen", asked[what]["id"])["changed"] is True
    back = place.cycle(later(hours=3))
    assert (back["needs_person"], back["writes"]["planned"]) == (open_before + 2, 0)
    assert {what: one["id"] for what, one in story.asked().items()} == {
        what: asked[what]["id"] for what in ("twin", "tie")
    }, "the third keeps its answer and is not asked again"
    assert place.json("explain", TIED)["match"]["account"] == "review"
    assert story.called() == [story.twins[1]], "what was written stays; nothing comes on top"

    place.json("review", "reject", asked["tie"]["id"])
    assert place.cycle(later(hours=4))["needs_person"] == open_before + 1
    assert place.json("explain", TIED)["match"]["account_id"] is None


def _holds_what_is_asked(story: Story, asked: dict[str, dict[str, Any]]) -> None:
    assert set(asked) == {"twin", "pair", "tie"}
    twin = asked["twin"]["candidates"]
    assert [one["candidate"] for one in twin] == [f"salesforce:contact:{each}" for each in story.twins]
    assert all("email" in {told["key"] for told in one["evidence"]} for one in twin)
    tie = asked["tie"]["candidates"]
    assert (tie[0]["method"], tie[0]["confidence"]) == ("name", 0.8)
    assert "no rule decides" in tie[0]["evidence"]
    assert all(one["method"] == "name" and one["evidence"].startswith("same name") for one in tie)
    assert story.shown() == dict.fromkeys([*story.twins, *story.pair])
    assert story.called() == [], "she asked for a call, but nobody knows which of the two she is"


def _puts_who_waits_first(story: Story, asked: dict[str, dict[str, Any]]) -> None:
    """Once the org shows the form, which takes it a while."""
    assert story.place.cycle(later(hours=1, minutes=10))["writes"]["planned"] == 0
    first = story.place.json("review", "list", "--limit", "1")["reviews"]
    assert [one["id"] for one in first] == [asked["twin"]["id"]]
    assert first[0]["asked"]["rule"] == "contact-us"
    assert {what for what, one in story.asked().items() if one["asked"]} == {"twin"}
    assert "waits to be called (contact-us of" in story.place.handoff("review", "list").out


def _answer(story: Story, asked: dict[str, dict[str, Any]]) -> None:
    place, twin = story.place, asked["twin"]["id"]
    assert story.refused("accept", twin) == (2, "review.which")
    assert place.json("review", "accept", twin, story.twins[1])["by"] == "pat"
    assert place.json("review", "accept", twin, "2")["already"] is True
    assert story.refused("reject", twin) == (3, "review.answered")
    assert place.json("review", "reject", asked["pair"]["id"])["answer"] == ""
    other = asked["tie"]["candidates"][1]["candidate"]
    assert place.json("review", "accept", asked["tie"]["id"], "2")["answer"] == other


def _uses_the_answers(story: Story, asked: dict[str, dict[str, Any]]) -> None:
    shown = story.shown()
    assert set(shown) == {*story.twins, *story.pair}, "nobody is there once more"
    assert [shown[each] is None for each in story.twins] == [True, False]
    assert [shown[each] is None for each in story.pair] == [False, False]
    assert story.called() == [story.twins[1]]
    told = story.place.json("explain", TWIN)["identity"]
    assert told["crm_record"] == f"contact:{story.twins[1]}"
    assert {f"salesforce:contact:{each}" for each in story.twins} <= {one["record"] for one in told["records"]}
    assert [(one["answer"], one["by"]) for one in told["answers"]] == [("accepted", "pat")]
    told = story.place.json("explain", TIED)
    match, other = told["match"], asked["tie"]["candidates"][1]["candidate"]
    assert (match["account"], match["account_id"], match["method"]) == ("matched", other, "link")
    assert (match["confidence"], match["evidence"]) == (1.0, "said by a person")
    assert [move["cause"] for move in match["moves"]] == ["link: said by a person"]
    assert [(one["candidate"], one["by"]) for one in told["identity"]["answers"]] == [(other, "pat")]
