"""What people do between two cycles, drawn by a seed: buyers ask and read, facts change, reps work, convert and merge.

The acts name people by e-mail, so that one list can be carried out in two orgs that hold the same.
"""

from __future__ import annotations

import random
import urllib.error
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from benchmarks.survival.buyers import submit
from benchmarks.survival.judge import Edited
from benchmarks.survival.place import AT, Place

_SF, _HS = "salesforce", "hubspot"
Act = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Round:
    """What happens before one cycle and beside it, and the cycle's clock."""

    at: datetime
    acts: list[Act]
    #: what a rep types beside the cycle into a field that we are about to fill; none where nobody is about to be filled
    typing: list[Act]
    edited: list[Edited]


@dataclass(slots=True)
class PeopleAtWork:
    """The people of one history; the twin's org says whom there is to choose from."""

    dice: random.Random
    at: datetime = AT
    rounds: int = 0
    _filled: set[str] = field(default_factory=set)

    def next_round(self, place: Place) -> Round:
        """Draw what happens next; some of it may turn out to be impossible."""
        self.rounds += 1
        self.at += timedelta(minutes=self.dice.choice((20, 45, 90, 240, 1440)))
        leads, contacts, marketed = self._present(place)
        draws: tuple[Callable[[], list[Act]], ...] = (
            lambda: self._asks(marketed),
            self._stranger,
            lambda: self._reads(marketed),
            lambda: self._works(leads),
            lambda: self._done(leads + contacts),
            lambda: self._converts(leads),
            lambda: self._merges(leads),
            lambda: self._one_person(marketed),
            lambda: self._goes(leads),
        )
        acts = [act for draw in self.dice.choices(draws, k=self.dice.randint(2, 4)) for act in draw()]
        busy = {name for _, act in acts for name in (act.get("email"), act.get("into")) if name}
        blank = [who for who in leads if who in marketed and who not in busy | self._filled]
        if not blank:
            return Round(self.at, acts, [], [])
        # Whom a rep types at has no other reason to change: what we then write does not depend on who came first.
        fills = self.dice.choice(blank)
        self._filled.add(fills)
        acts.append((_HS, {"do": "edit", "email": fills, "values": {"jobtitle": "Head of Purchasing"}}))
        typed = {"Title": f"As the rep has it ({self.rounds})"}
        typing = [(_SF, {"do": "edit", "object": "Lead", "email": fills, "values": typed})]
        return Round(self.at, acts, typing, [("Lead", fills, "Title")])

    def _present(self, place: Place) -> tuple[list[str], list[str], list[str]]:
        rows = place.query("SELECT Email, Title FROM Lead WHERE IsConverted = false AND Email != null ORDER BY Email")
        contacts = [row["Email"] for row in place.query("SELECT Email FROM Contact WHERE Email != null ORDER BY Email")]
        emails = [row["Email"] for row in rows]
        leads = [
            row["Email"]
            for row in rows
            if not row["Title"] and emails.count(row["Email"]) == 1 and row["Email"] not in contacts
        ]
        records = [record for record in place.snapshot(_HS)["records"] if record["object"] == "contacts"]
        known = {record["fields"].get("email") for record in records if not record["deleted"]}
        return leads, contacts, sorted(name for name in known if name)

    # -- buyers --------------------------------------------------------------------------------------

    def _asks(self, marketed: list[str]) -> list[Act]:
        who = self.dice.choice(marketed)
        return [(_HS, {"do": "visit", "email": who, "path": "/pricing"}), (_HS, submit(who))]

    def _stranger(self) -> list[Act]:
        who = f"new{self.rounds}.{self.dice.randint(0, 99)}@neucorp{self.dice.randint(1, 3)}-gmbh.de"
        return [(_HS, submit(who, firstname="Brand", lastname=f"New{self.rounds}", company="Neucorp"))]

    def _reads(self, marketed: list[str]) -> list[Act]:
        return [(_HS, {"do": "visit", "email": self.dice.choice(marketed), "path": "/pricing"}) for _ in range(3)]

    def _one_person(self, marketed: list[str]) -> list[Act]:
        loser, winner = self.dice.sample(marketed, 2)
        return [(_HS, {"do": "merge", "email": loser, "into": winner})]

    # -- reps ----------------------------------------------------------------------------------------

    def _works(self, leads: list[str]) -> list[Act]:
        values = {"Status": "Working - Contacted"}
        return [(_SF, {"do": "edit", "object": "Lead", "email": who, "values": values}) for who in self._one(leads)]

    def _done(self, people: list[str]) -> list[Act]:
        return [(_SF, {"do": "complete_task", "email": who}) for who in self._one(people)]

    def _converts(self, leads: list[str]) -> list[Act]:
        return [(_SF, {"do": "convert", "email": who}) for who in self._one(leads)]

    def _merges(self, leads: list[str]) -> list[Act]:
        if len(leads) < 2:
            return []
        loser, winner = self.dice.sample(leads, 2)
        return [(_SF, {"do": "merge", "email": loser, "into": winner})]

    def _goes(self, leads: list[str]) -> list[Act]:
        return [(_SF, {"do": "delete", "object": "Lead", "email": who}) for who in self._one(leads)]

    def _one(self, people: list[str]) -> list[str]:
        return [self.dice.choice(people)] if people else []


def at_set_times(acts: list[Act], begins: datetime) -> list[Act]:
    """Let them happen a second after one another: the orgs' clocks go on, and a busy machine would decide when."""
    return [
        (vendor, act | {"at": (begins + timedelta(seconds=number)).isoformat()})
        for number, (vendor, act) in enumerate(acts, 1)
    ]


def carry_out(place: Place, acts: list[Act]) -> list[Act]:
    """Let it happen; give what was possible."""
    done = []
    for vendor, act in acts:
        try:
            place.act(vendor, act)
        except urllib.error.HTTPError as error:
            error.close()  # nobody is there to do it with: somebody was merged, converted or deleted before
            continue
        done.append((vendor, act))
    return done
