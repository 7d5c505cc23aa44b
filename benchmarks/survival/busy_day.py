"""A day with everything in it: buyers who ask, facts that change, a merge, a conversion, reps who work and type."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from benchmarks.survival.buyers import submit
from benchmarks.survival.judge import Edited
from benchmarks.survival.place import Place, later


@dataclass(frozen=True, slots=True)
class BusyDay:
    """Who is in it, and the clock of the cycle that should see it."""

    at: datetime
    #: leads whose blank title we will want to fill; the first is the one a rep types into meanwhile
    filled: tuple[str, ...]
    #: title that the rep types
    typed: str = "As the rep has it"

    def types(self, place: Place) -> tuple[Edited, ...]:
        """Let a rep type into a field that we are about to fill, whatever stands there; say which it was."""
        who = self.filled[0]
        place.act("salesforce", {"do": "edit", "object": "Lead", "email": who, "values": {"Title": self.typed}})
        return (("Lead", who, "Title"),)


def known_leads(place: Place) -> list[str]:
    """Give, by e-mail, the open leads that one record and one marketing contact mean, and nobody has worked on."""
    rows = place.query("SELECT Email, Status FROM Lead WHERE IsConverted = false AND Email != null ORDER BY Id")
    contacts = {row["Email"] for row in place.query("SELECT Email FROM Contact WHERE Email != null")}
    emails = [row["Email"] for row in rows]
    marketed = {
        record["fields"].get("email") for record in place.snapshot("hubspot")["records"] if not record["deleted"]
    }
    return [
        row["Email"]
        for row in rows
        if emails.count(row["Email"]) == 1
        and row["Email"] not in contacts
        and row["Email"] in marketed
        and row["Status"] == "Open - Not Contacted"
    ]


def a_busy_day(place: Place) -> BusyDay:
    """Let a day pass, and everything happen at nine."""
    asks, fills, other, works, turns, merges = known_leads(place)[:6]
    day = BusyDay(later(days=1, minutes=2), (fills, other))
    place.clock(later(days=1))
    place.act(
        "hubspot",
        {"do": "visit", "email": asks, "path": "/pricing"},
        submit(asks),
        submit("brand.new@neucorp-gmbh.de", firstname="Brand", lastname="New", company="Neucorp"),
        *[_titled(who) for who in (fills, other, works)],
        {"do": "submit_form", "email": "second.address@neucorp-gmbh.de", "form": "newsletter", "values": {}},
        {"do": "merge", "email": "second.address@neucorp-gmbh.de", "into": merges},
    )
    place.act(
        "salesforce",
        {
            "do": "edit",
            "object": "Lead",
            "email": works,
            "values": {"Title": "Typed before", "Status": "Working - Contacted"},
        },
        {"do": "convert", "email": turns},
    )
    place.clock(day.at)
    return day


def _titled(who: str) -> dict[str, Any]:
    return {"do": "edit", "email": who, "values": {"jobtitle": "Head of Purchasing"}}
