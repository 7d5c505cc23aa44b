"""Everything that the sandbox can play between us and the vendors, and what an administrator then puts right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmarks.survival.place import Place

_SF, _HS = "salesforce", "hubspot"
#: creations in sets, updates of fields that are ours in sets, and what asks, or reads and patches, in one call
CREATIONS = r"^POST /services/data/v[0-9.]+/composite/sobjects"
UPDATES = r"^PATCH /services/data/v[0-9.]+/composite/sobjects"
COMPOSITES = r"^POST /services/data/v[0-9.]+/composite$"
_SEARCH = "/search"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One planted fault."""

    vendor: str
    what: str
    match: str
    count: int = 1
    #: further words of the fault, for example its span
    more: tuple[tuple[str, Any], ...] = ()
    #: it changes the org, so that the end is another one, and provisioning puts it right
    changes: bool = False
    #: how far the orgs' clock has to go on before it is over
    over_after: str = ""

    @property
    def name(self) -> str:
        """Say it in a word: vendor, fault, and which request."""
        names = {CREATIONS: "creations", UPDATES: "updates", COMPOSITES: "composites", _SEARCH: "searches", "": "any"}
        where = names.get(self.match, "some") + (f" {self.count} times" if self.count > 1 else "")
        more = "".join(f" {value}" for name, value in self.more if name in ("limit", "object"))
        return f"{self.vendor} {self.what} {where}{more}"

    def plant(self, place: Place) -> None:
        """Let it strike when its time comes."""
        place.faults(self.vendor, {"match": self.match, "what": self.what, "count": self.count, **dict(self.more)})

    def end(self, place: Place) -> None:
        """Take away what has not struck yet, and let pass or put right what has."""
        place.faults(self.vendor)
        if self.over_after:
            place.ask(self.vendor, "clock", {"advance": self.over_after})
        if self.changes and self.vendor == _SF:
            if self.what == "field_retyped":
                # whoever gave the field another type takes it away again; provisioning never deletes anything
                place.faults(self.vendor, {"match": "", "what": "field_deleted", "count": 1, **dict(self.more)})
                place.query("SELECT Id FROM User")
            if self.what == "right_removed":
                place.act(self.vendor, {"do": "give_right", **dict(self.more)})
            done = place.handoff("provision", "--json")
            assert done.code == 0, done


def _moment(text: str) -> tuple[tuple[str, Any], ...]:
    return (("after", text),)


#: refusals and broken wires that need no further word
_PLAIN = (
    "drop_after_commit",
    "duplicate",
    "reset",
    "truncate",
    "html_502",
    "429",
    "503",
    "lock_row",
    "expire_token",
)

TROUBLES: tuple[Trouble, ...] = (
    *(Trouble(_SF, what, match) for match in (CREATIONS, UPDATES, COMPOSITES) for what in _PLAIN),
    *(Trouble(_SF, "commit_late", match, more=_moment("2m"), over_after="11m") for match in (CREATIONS, UPDATES)),
    # the first ones ask what is new; the last ones read and patch what people write too
    *(Trouble(_SF, what, COMPOSITES, 12) for what in ("duplicate", "lock_row")),
    Trouble(_SF, "429", CREATIONS, more=(("limit", "concurrent"),)),
    *(Trouble(_SF, what, "^POST", more=_moment("0.3s")) for what in ("delay", "slow_body")),
    Trouble(_SF, "search_lag", "", 4, over_after="1m"),
    *(Trouble(_SF, what, COMPOSITES) for what in ("malformed_record", "huge_record", "bad_text")),
    Trouble(_SF, "late_record", COMPOSITES, changes=True),
    Trouble(_SF, "right_removed", CREATIONS, more=(("object", "Task"),), changes=True),
    Trouble(_SF, "right_removed", COMPOSITES, more=(("object", "Lead"),), changes=True),
    Trouble(_SF, "field_deleted", CREATIONS, more=(("object", "Lead"), ("field", "Handoff_Reasons__c")), changes=True),
    Trouble(_SF, "field_retyped", CREATIONS, more=(("object", "Lead"), ("field", "Handoff_Grade__c")), changes=True),
    *(
        Trouble(
            _HS,
            what,
            _SEARCH if what != "truncate" else "",
            more=(("retry_after", 1),) if what in ("429", "503") else (),
        )
        for what in _PLAIN
    ),
    *(Trouble(_HS, what, "", more=_moment("0.3s")) for what in ("delay", "slow_body")),
    *(Trouble(_HS, what, "", 4, over_after="3m") for what in ("search_lag", "late_record")),
    *(Trouble(_HS, what, _SEARCH) for what in ("malformed_record", "huge_record", "bad_text")),
    Trouble(_HS, "right_removed", _SEARCH),
)
