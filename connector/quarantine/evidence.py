"""A listed event with what speaks against it and what people said of it, for readers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.mapping.bots import Bots
from connector.mapping.schema import duration_text
from connector.ports.quarantine import QuarantineAnswer

_WORD = {"release": "released", "restore": "restored"}


def name_of_event(row: Mapping[str, Any]) -> str:
    """Name an event as answers do: ``system:kind:id``."""
    return f"{row['system']}:{row['kind']}:{row['id']}"


def reference_of(row: Mapping[str, Any]) -> str:
    """Name the reference under which it was done: ``system:object:id``."""
    return f"{row['ref_system']}:{row['ref_object']}:{row['ref_id']}"


def document_of(row: Mapping[str, Any], answers: Sequence[QuarantineAnswer], bots: Bots) -> dict[str, Any]:
    """Give one row of the list (``QUARANTINE``) as JSON: event, whose, evidence in figures and words, last answer."""
    answer = _latest(row, answers)
    after = row["after_ms"]
    return {
        "event": name_of_event(row),
        "type": row["type"],
        "occurred_at": row["occurred_at"],
        "person": reference_of(row),
        "campaign": row["campaign"],
        "state": row["state"],
        "since": row["since"],
        "evidence": {
            "patterns": row["patterns"].split(),
            "seconds": None if after is None else after / 1000,
            "after": row["after"],
            "at_once": row["at_once"],
            "words": "; ".join(_words(row, bots)),
        },
        "answer": None
        if answer is None
        else {
            "answer": _WORD[answer.answer],
            "by": answer.who,
            "at": answer.at,
            "spoke_of": answer.scope,
            "taken_up": answer.known_at is not None,
        },
    }


def _latest(row: Mapping[str, Any], answers: Sequence[QuarantineAnswer]) -> QuarantineAnswer | None:
    names = {
        "event": name_of_event(row),
        "person": reference_of(row),
        "campaign": f"{row['system']}:{row['campaign'] or ''}",
    }
    return next((one for one in reversed(answers) if one.name == names[one.scope]), None)


def _words(row: Mapping[str, Any], bots: Bots) -> list[str]:
    seconds = None if row["after_ms"] is None else row["after_ms"] / 1000
    links = "" if bots.links is None else f" within {duration_text(bots.links.within)}"
    pages = "" if bots.pages is None else f" within {duration_text(bots.pages.within)}"
    visit = "" if bots.visit is None else f" for {duration_text(bots.visit)}"
    words = {
        "marked": "the system itself says that no person did it",
        "fast": ""
        if seconds is None
        else f"{seconds:g} s after {row['after']}"
        if seconds >= 0
        else f"{-seconds:g} s before its delivery",
        "links": f"{row['at_once']} different links{links}",
        "no_visit": f"no page view by the person{visit}",
        "with_clicks": "opened beside clicks of a machine",
        "pages": f"{row['at_once']} pages{pages}",
    }
    return [words[name] for name in row["patterns"].split() if words.get(name)]
