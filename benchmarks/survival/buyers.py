"""A day on which buyers come: one whom sales knows, one whom only marketing will know, one whom nobody needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from benchmarks.survival.place import Place, later


@dataclass(frozen=True, slots=True)
class Day:
    """Who came, and the clock of the cycle that should see them."""

    at: datetime
    lead: str
    lead_id: str
    stranger: str = "brand.new@neucorp-gmbh.de"


def open_lead(place: Place) -> dict[str, str]:
    """Choose a lead whom only one record means and nobody has worked on."""
    leads = place.query(
        "SELECT Id, Email FROM Lead WHERE IsConverted = false AND Email != null AND Status = 'Open - Not Contacted'"
    )
    contacts = {row["Email"] for row in place.query("SELECT Email FROM Contact WHERE Email != null")}
    known = [row["Email"] for row in leads]
    for row in leads:
        if known.count(row["Email"]) == 1 and row["Email"] not in contacts:
            return {"Id": row["Id"], "Email": row["Email"]}
    raise AssertionError("the sample people hold no open lead")


def submit(email: str, **values: str) -> dict[str, object]:
    """Say that somebody asks to talk to sales."""
    return {"do": "submit_form", "email": email, "form": "contact-us", "values": values}


def a_day_of_buyers(place: Place) -> Day:
    """Let a day pass, and buyers come at nine."""
    lead = open_lead(place)
    day = Day(later(days=1, minutes=2), lead["Email"], lead["Id"])
    place.clock(later(days=1))
    place.act(
        "hubspot",
        {"do": "visit", "email": day.lead, "path": "/pricing"},
        submit(day.lead),
        submit(day.stranger, firstname="Brand", lastname="New", company="Neucorp"),
    )
    place.clock(day.at)
    return day
