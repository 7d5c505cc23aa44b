"""What must be true before anything is written: a signed definition, and a passed comparison or a named waiver."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from connector.errors import Refused
from connector.mapping.lifecycle import Definition


def unsigned(definition: Definition, today: date) -> str:
    """Say in a sentence why the definition does not count today, or nothing when it does."""
    approvers = definition.approved_by
    missing = [side for side, name in (("marketing", approvers.marketing), ("sales", approvers.sales)) if not name]
    if missing:
        return f"the definition of a qualified lead is not signed by {' and '.join(missing)}"
    if definition.approved_on is None:
        return "the definition of a qualified lead has no date of approval"
    if definition.approved_on > today:
        return f"the definition of a qualified lead is signed only from {definition.approved_on}"
    if definition.review_by is not None and today > definition.review_by:
        return f"the definition of a qualified lead was to be reviewed by {definition.review_by}"
    return ""


def refuse_unless_provisioned(*, mode: str, missing: Sequence[str]) -> None:
    """Refuse to write where the fields are missing that keep a creation from happening twice.

    Raises:
        Refused: naming the fields; other modes write nothing and need none.
    """
    if mode == "live" and missing:
        raise Refused(
            "provision.missing",
            f"the CRM does not show our user {', '.join(missing)}, on which exactly-once rests",
            cure="run `handoff provision`",
        )


def refuse_unless_ready(
    *, mode: str, definition: Definition, waived_by: str | None, waiver_reason: str | None, compared: bool, today: date
) -> None:
    """Refuse to go live without agreement and proof; other modes write nothing and need neither.

    Raises:
        Refused: unsigned or stale definition, or neither a passed comparison nor a named waiver.
    """
    if mode != "live":
        return
    why = unsigned(definition, today)
    if why:
        raise Refused(
            "definition.unsigned",
            why,
            cure="marketing and sales sign lifecycle.yaml: definition.approved_by, approved_on, review_by",
            at="lifecycle.yaml",
        )
    if not compared and not (waived_by and waiver_reason):
        raise Refused(
            "cutover.locked",
            "live mode needs a passed comparison or a named waiver",
            cure="name who waives it and why: handoff.yaml cutover.waived_by, reason, on",
            at="handoff.yaml",
        )
