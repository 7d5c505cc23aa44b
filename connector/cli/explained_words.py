"""An explanation in sentences, for a terminal and for a page alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_KNOWN = {
    "today": "with what is known today",
    "then": "with what was known then",
    "now": "in hindsight: with what is known now of what had happened by then",
}
_WHY = {
    "new": "new",
    "gone": "no longer there",
    "again": "happened again",
    "fewer": "counts fewer",
    "aged": "older",
    "other": "facts, points or age changed",
}


def about(document: Mapping[str, Any]) -> str:
    """Say whom this is about."""
    if document["kind"] == "account":
        return f"{document['name'] or 'account'} (account {document['account_id']})"
    identity = document["identity"]
    name = identity["name"] or identity["email"] or document["person_id"]
    return ", ".join(part for part in (name, identity["title"], identity["company"]) if part)


def basis(document: Mapping[str, Any]) -> str:
    """Say as of when, with whose knowledge and by which model the numbers are."""
    model = document["model"]
    number = "" if model["number"] is None else f" version {model['number']}"
    words = ": ".join(word for word in (model["by"], model["because"]) if word)
    why = f" ({words})" if words else ""
    files = "; its files are not those of a cycle" if model["number"] is None else ""
    moment = f"as of {_minute(document['as_of'])} UTC, {_KNOWN[document['known']]}"
    return f"{moment}; model {model['name']}{number}{why}{files}"


def facts(document: Mapping[str, Any]) -> list[str]:
    """Say what the number means, what is missing, what to say, and how long it will last."""
    told = _of_account(document) if document["kind"] == "account" else _of_person(document)
    return [*told, *_lost(document)]


def _lost(document: Mapping[str, Any]) -> Iterator[str]:
    """Say what no system tells any more, which rules asked for it, and what that means here."""
    for one in document.get("lost", ()):
        yield f"unknown: {one['words']}"
    if document.get("score") and document["kind"] == "person" and document["score"].get("unsure"):
        yield "the number could be another one: while that is unknown the CRM goes on showing what it showed last"


def _of_person(document: Mapping[str, Any]) -> Iterator[str]:
    score = document["score"]
    parts = " + ".join(f"{value} for {name} {score[name]:.1f}" for name, value in score["parts"].items())
    yield f"score {score['total']} = {parts}; grade {score['grade']}, verdict {score['verdict']}"
    if score["disqualified_because"]:
        yield f"disqualified: {score['disqualified_because']}"
    if score["buying_stage"]:
        yield f"place in the buying process: {score['buying_stage']}"
    shown = score["shown"]
    if document["identity"]["crm_record"] and shown is not None:
        yield _shown(shown, score)
    yield from _flags(score["flags"])
    for name, numbers in score["models"].items():
        said = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in numbers.items() if value is not None)
        yield f"model {name}: {said or 'does not speak of them'}"
    yield from _said(score)
    yield from _missing(score)
    if score["opening"]:
        yield f"opening: {score['opening']}"
    yield from _cold(score["goes_cold"])


def _shown(shown: Mapping[str, Any], score: Mapping[str, Any]) -> str:
    """Say what stands in the CRM, or what keeps from it what should."""
    number, waits = f"{shown['total']} {shown['grade']}", score.get("undelivered")
    if waits and waits["state"] == "dead":
        fixer = f"; for {waits['fixer'].replace('_', ' ')} to mend" if waits["fixer"] not in {"", "nobody"} else ""
        return f"the CRM does not show {number} yet: it refused that ({waits['code']}{fixer})"
    if waits:
        held = f", held by {waits['held_by']}" if waits["held_by"] else ""
        return f"the CRM does not show {number} yet: the write waits{held}"
    same = shown["total"] == score["total"] and shown["grade"] == score["grade"]
    return f"the CRM shows {number} ({'the same' if same else 'written when it changes in a way that matters'})"


def _flags(flags: Mapping[str, Any]) -> Iterator[str]:
    words = {
        "too_hot": "too hot: a burst of late signals with no early history, perhaps only a comparison",
        "early_alert": "early alert: ideal fit and a first early signal",
    }
    for name, text in words.items():
        if flags.get(name):
            since = f", since {flags[name + '_since']}" if flags.get(name + "_since") else ""
            rules = f" ({flags[name + '_rules']})" if flags.get(name + "_rules") else ""
            yield f"{text}{since}{rules}"


def _said(score: Mapping[str, Any]) -> Iterator[str]:
    """Say who confirmed what, and what somebody said of themself beside what was found."""
    for answer in score.get("answers", ()):
        by = f"by {answer['by']}" if answer["by"] else answer["evidence"]
        yield f"{answer['question'].replace('_', ' ')}: {answer['answer']}, {by}, {(answer['on'] or 'undated')[:10]}"
    for fact in score.get("declared", ()):
        other = f"; found elsewhere: {fact['found']}, which does not count" if fact["differs"] else ""
        yield f"they say of themselves: {fact['fact']} {fact['said']}{other}"


def _missing(score: Mapping[str, Any]) -> Iterator[str]:
    missing = score["missing"]
    low, high = missing["fit_range"]
    if missing["deciding_fact"]:
        until = f"until then fit lies between {low} and {high}" if low != high else "it may disqualify"
        yield f"missing: {missing['deciding_fact']} would decide; {until}"
    elif low != high:
        yield f"fit lies between {low} and {high} while facts are missing; none of them alone would change the verdict"
    if missing["unanswered"]:
        asked = ", ".join(question.replace("_", " ") for question in missing["unanswered"])
        yield f"nobody has confirmed or denied: {asked}"


def _cold(cold: Mapping[str, Any] | None) -> Iterator[str]:
    if cold is None:
        return
    verdict, interest = cold["verdict"], cold["interest"]
    if verdict is not None:
        way = f"{verdict['from']} becomes {verdict['to']}"
        yield f"goes cold on {verdict['on']}, estimated: {way} if nothing new happens"
    if interest is not None and (verdict is None or interest["on"] != verdict["on"]):
        way = f"interest {interest['from']} becomes {interest['to']}"
        yield f"{way} on {interest['on']}, estimated, if nothing new happens"


def _of_account(document: Mapping[str, Any]) -> Iterator[str]:
    ready = "ready" if document["ready"] else "not ready"
    yield f"score {document['score']}, fit {document['fit']}, grade {document['grade']}, {ready}"
    if document["roles"]:
        yield "roles: " + ", ".join(f"{role} {state}" for role, state in document["roles"].items())
    engaged = document["engaged_people"]
    yield f"{engaged} engaged {'person' if engaged == 1 else 'people'} of {len(document['people'])} who count"
    if document["subsidiaries"]:
        yield f"takes in the people of {', '.join(document['subsidiaries'])}"
    if document.get("buying_stage"):
        yield f"place in the buying process: {document['buying_stage']}"
    if document.get("news"):
        yield "a deal is open or was won: what happens here is news for whoever has it, and no new lead"
    yield from _flags(document)


def changed(document: Mapping[str, Any]) -> tuple[str, list[tuple[str, str, str, str]]] | None:
    """Give a caption and rows (what, then, now, why) of what changed; None where nothing did."""
    if document["kind"] == "account":
        return _changed_account(document["changes"])
    changes = document["score"]["changes"]
    if changes is None:
        return None
    total = changes["total"]
    caption = f"since {_minute(changes['since'])} UTC: {_points(total['then'])} → {_points(total['now'])}"
    for name in ("grade", "verdict"):
        if changes[name]["then"] != changes[name]["now"]:
            caption += f", {name} {changes[name]['then']} → {changes[name]['now']}"
    if not changes["same_model"]:
        caption += ", by another model"
    rows = []
    for line in changes["lines"]:
        day = f", last {line['last_on']}" if line["last_on"] else ""
        rows.append((line["rule"], f"{line['then']:.1f}", f"{line['now']:.1f}", f"{_WHY[line['why']]}{day}"))
    return caption, rows


def _changed_account(changes: Mapping[str, Any]) -> tuple[str, list[tuple[str, str, str, str]]] | None:
    rows = []
    for one in changes["people"]:
        since = f"interest since {_minute(one['since'])} UTC"
        rows.append((one["name"] or one["person_id"], f"{one['then']:.1f}", f"{one['now']:.1f}", since))
    rows += [
        (move["person_id"], "", "", f"{move['way']} {_minute(move['at'])} UTC: {move['cause']}")
        for move in changes["moves"]
    ]
    return ("people whose interest is another than last written, and who came or left", rows) if rows else None


def _points(value: float | None) -> str:
    return "none" if value is None else f"{value:.1f}"


def _minute(text: str) -> str:
    return text[:16].replace("T", " ")
