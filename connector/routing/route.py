"""Owners of records and tasks, and the words of a task."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa

from connector.mapping.evaluate import evaluate, holds
from connector.mapping.hours import check_hours
from connector.mapping.routing import Assignment, RoutingFile, TaskTemplate
from connector.routing.hours import working_due
from connector.routing.pools import Desk, Owner

ACCOUNT_OWNER = "account_owner"
DEAL_OWNER = "deal_owner"


@dataclass(frozen=True, slots=True)
class Due:
    """When a task is due: the instant, and the day on the owner's calendar."""

    at: datetime
    day: str


def assignments(routing: RoutingFile, facts: pa.Table, *, now: datetime) -> list[str]:
    """Give, per row of ``facts``, the pool (or account_owner, deal_owner) of the first assignment that holds."""
    chosen = [""] * facts.num_rows
    for line in routing.assign:
        mask = holds(evaluate(line.when, facts, now=now)).to_pylist()
        chosen = [before or (line.to if here else "") for before, here in zip(chosen, mask, strict=True)]
    return chosen


def fallback_assignment(routing: RoutingFile) -> str:
    """Give the pool of the last line without a condition, or the first pool."""
    closing: list[Assignment] = [line for line in routing.assign if line.to not in (ACCOUNT_OWNER, DEAL_OWNER)]
    return closing[-1].to if closing else next(iter(routing.pools), "")


def choose_owner(
    desk: Desk,
    to: str,
    *,
    record_owner: str | None,
    account_owner: str | None,
    otherwise: str,
    deal_owner: str | None = None,
) -> Owner:
    """Choose the owner for ``to``; an inactive one is passed over with a note.

    Instead of whom the deal belongs to the account's owner is taken, instead of that one ``otherwise`` decides.
    """
    note = ""
    for kind, words, id_ in ((DEAL_OWNER, "deal", deal_owner), (ACCOUNT_OWNER, "account", account_owner)):
        if to == kind:
            user = desk.user(id_)
            if user is not None and user.active:
                return Owner(user.id, "user", user.username, f"{note}owns the {words}", user.time_zone)
            note += f"{words} owner is inactive; " if user is not None else f"{words} has no owner; "
            to = ACCOUNT_OWNER if kind == DEAL_OWNER else otherwise
    owner = desk.take(to, prefer=record_owner)
    return Owner(owner.id, owner.kind, owner.name, note + owner.reason, owner.time_zone)


def due(desk: Desk, to: str, span: timedelta, *, start: datetime, owner: Owner) -> Due:
    """Say when work for ``to`` is due that began at ``start``: the clock runs in the pool's hours."""
    pool = desk.pools.get(to)
    at = start + span if pool is None or pool.hours is None else working_due(check_hours(pool.hours), start, span)
    return Due(at, at.astimezone(ZoneInfo(owner.time_zone or "UTC")).date().isoformat())


#: a word in braces, or a doubled brace that stands for itself
_BRACES = re.compile(r"\{\{|\}\}|\{(\w*)[^{}]*\}")


def subject(template: TaskTemplate, words: Mapping[str, str | None], *, limit: int = 255) -> str:
    """Fill a subject's words; a missing name reads as the company or ``this lead``; cut to ``limit`` characters.

    Words are put in as they are: nothing in a template reaches beyond them, and nothing in a word is a template.
    """
    known = {key: value for key, value in words.items() if value}
    known.setdefault("first_name", known.get("last_name") or known.get("company") or "this lead")

    def fill(match: re.Match[str]) -> str:
        return match[0][0] if match[0] in {"{{", "}}"} else known.get(match[1], "")

    text = " ".join(_BRACES.sub(fill, template.subject).split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
