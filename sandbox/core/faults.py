"""The planted faults of one org: which requests they hit, and how often, decided by a seed alone."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sandbox.core.clock import parse_span

#: Faults of the wire and of time: the same for every vendor.
WIRE_FAULTS = frozenset(
    {"drop_after_commit", "commit_late", "duplicate", "reset", "truncate", "html_502", "delay", "slow_body"}
)
#: Faults that speak the vendor's language or change its org; an org names those it can play.
VENDOR_FAULTS = frozenset(
    {
        "429",
        "503",
        "expire_token",
        "lock_row",
        "search_lag",
        "late_record",
        "right_removed",
        "field_deleted",
        "field_retyped",
        "malformed_record",
        "huge_record",
        "bad_text",
    }
)
#: How long the faults that take time last unless ``after`` says otherwise.
DEFAULT_AFTER = {
    "commit_late": timedelta(minutes=5),
    "delay": timedelta(seconds=2),
    "slow_body": timedelta(seconds=2),
    "search_lag": timedelta(seconds=30),
    "late_record": timedelta(minutes=2),
}
KEYS = frozenset({"match", "what", "rate", "seed", "count", "after", "object", "field", "retry_after", "limit"})


class BadFault(ValueError):
    """The fault list cannot be used; the message says which entry and why."""


@dataclass(slots=True)
class Fault:
    """One entry of the list, with what is left of its count."""

    match: re.Pattern[str]
    what: str
    #: Share of the matching requests that are hit, 0 to 1.
    rate: float
    #: Hits left; None is without end.
    left: int | None
    #: Span of the fault: on the org's clock for commit_late, search_lag and late_record, else of real time.
    after: timedelta
    #: The entry as posted, for details only one vendor knows (``object``, ``field``, ``retry_after``, ``limit``).
    details: dict[str, Any]
    dice: random.Random
    #: How often the fault has struck.
    hits: int = 0

    def strikes(self, subject: str) -> bool:
        """Decide whether this request is hit; one draw per matching request, so a seed gives one pattern."""
        if self.left == 0 or self.match.search(subject) is None:
            return False
        if self.rate < 1 and self.dice.random() >= self.rate:
            return False
        if self.left is not None:
            self.left -= 1
        self.hits += 1
        return True


def _number(entry: dict[str, Any], key: str, default: float, where: str) -> float:
    value = entry.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        message = f"{where}: {key} must be a number"
        raise BadFault(message)
    return value


def parse_faults(document: object, known: frozenset[str]) -> list[Fault]:
    """Read a posted fault list; ``known`` are the faults this org can play.

    Raises: BadFault.
    """
    if not isinstance(document, list):
        message = "a list of faults is needed"
        raise BadFault(message)
    faults = []
    for number, entry in enumerate(document):
        where = f"fault {number}"
        if not isinstance(entry, dict) or not isinstance(entry.get("what"), str):
            message = f"{where}: an object with match and what is needed"
            raise BadFault(message)
        if unknown := sorted(set(entry) - KEYS):
            message = f"{where}: unknown keys {unknown}; known are {sorted(KEYS)}"
            raise BadFault(message)
        what = entry["what"]
        if what not in known:
            message = f"{where}: {what!r} is not played here; known are {sorted(known)}"
            raise BadFault(message)
        match = entry.get("match", "")
        if not isinstance(match, str) or isinstance(entry.get("seed", 0), (dict, list)):
            message = f"{where}: match is a regular expression, seed a number or a word"
            raise BadFault(message)
        try:
            pattern = re.compile(match)
            after = parse_span(entry["after"]) if "after" in entry else DEFAULT_AFTER.get(what, timedelta())
        except (re.error, ValueError) as error:
            message = f"{where}: {error}"
            raise BadFault(message) from error
        if after < timedelta():
            message = f"{where}: after lies ahead"
            raise BadFault(message)
        rate = _number(entry, "rate", 1.0, where)
        if not 0 <= rate <= 1:
            message = f"{where}: rate lies between 0 and 1"
            raise BadFault(message)
        count = entry.get("count")
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 0):
            message = f"{where}: count is a whole number, 0 or more"
            raise BadFault(message)
        dice = random.Random(f"{entry.get('seed', 0)}:{number}")
        faults.append(Fault(pattern, what, float(rate), count, after, entry, dice))
    return faults


class FaultList:
    """The faults now in force."""

    def __init__(self, known: frozenset[str] = WIRE_FAULTS | VENDOR_FAULTS) -> None:
        """Start without faults."""
        self.known = known
        self._faults: list[Fault] = []

    def replace(self, document: object) -> int:
        """Put the posted list in place of the present one and return its length.

        Raises: BadFault, and the present list stays.
        """
        self._faults = parse_faults(document, self.known)
        return len(self._faults)

    def told(self) -> list[dict[str, object]]:
        """Say of each fault in force what it is, how often it has struck and may still strike (None: for ever)."""
        return [{"what": fault.what, "hits": fault.hits, "left": fault.left} for fault in self._faults]

    def clear(self) -> None:
        """Take all faults away."""
        self._faults = []

    def strike(self, method: str, path: str) -> Fault | None:
        """Return the first fault that hits a request, or None; later entries do not draw then."""
        for fault in self._faults:
            if fault.strikes(f"{method} {path}"):
                return fault
        return None
