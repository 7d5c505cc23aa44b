"""What reps did: first calls after a hand-over, meetings and proposals of a deal, tasks and notes, in office hours."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sandbox.people.cast import ACTIVE_REPS
from sandbox.people.reps import REP_PLACE, REPS, RESPONSE_HOURS, RESPONSE_SPREAD
from sandbox.people.world import MarketingContact, Opportunity, SalesActivity

if TYPE_CHECKING:
    import random

    from sandbox.people.reps import Desk
    from sandbox.people.salesbook import Salesbook
    from sandbox.people.world import CrmRecord, SalesKind, System

SUBJECTS: dict[SalesKind, tuple[str, ...]] = {
    "task": ("Call back", "Send pricing", "Follow up after webinar", "Introduce to partner team"),
    "call": ("Discovery call", "Left voicemail", "Budget check"),
    "meeting": ("Product demo", "Workshop", "Kick-off", "QBR"),
    "note": ("Met at trade show, wants numbers", "Asked for references", "Will decide next quarter"),
    "email": ("Re: pricing", "Re: your question", "Next steps"),
}
#: The steps of a deal: what, its subject, and when, as a share of the deal's time.
DEAL_STEPS: tuple[tuple[SalesKind, str, float], ...] = (
    ("call", "Discovery call", 0.0), ("meeting", "Product demo", 0.3), ("task", "Send pricing", 0.55),
    ("call", "Budget check", 0.75), ("meeting", "Workshop", 0.85),
)  # fmt: skip
CRM_KINDS: tuple[SalesKind, ...] = ("task", "task", "call", "meeting")
MARKETING_KINDS: tuple[SalesKind, ...] = ("meeting", "call", "note", "email")
NOTE = 'Zażółć gęślą: notes with every kind of "quote" & sign\nand a line break'
MARKETING_SHARE = 0.07


class FollowUp:
    """Collects what reps did, in both systems."""

    def __init__(self, dice: random.Random, at: datetime, desk: Desk) -> None:
        """Begin with nothing done."""
        self.done: list[SalesActivity] = []
        self._dice, self._at = dice, at
        self._away = {(a.user, a.start.toordinal() + day): a.end for a in desk.absences for day in range(a.days)}

    def office(self, rep: str, when: datetime, earliest: datetime) -> datetime:
        """Move an instant into the rep's working days and hours (UTC), back where it would lie ahead of the world."""
        when = self._away.get((rep, when.toordinal()), when)
        if when.weekday() >= 5:
            when += timedelta(days=7 - when.weekday())
        if not 8 <= when.hour < 17:
            when = when.replace(hour=8 + (when.hour * 7 + when.minute) % 9)
        return (when if earliest <= when <= self._at else min(max(earliest, when), self._at)).replace(microsecond=0)

    def add(
        self,
        system: System,
        kind: SalesKind,
        about: str,
        account: str | None,
        owner: str,
        when: datetime,
        *,
        subject: str | None = None,
        open_for: int | None = None,
        body: str | None = None,
    ) -> None:
        """Note one activity; a task with ``open_for`` days to go is not done."""
        dice, is_open = self._dice, open_for is not None
        due = None
        if kind == "task":
            due = when if open_for is None else self._at + timedelta(days=open_for)
        self.done.append(
            SalesActivity(
                key=f"s{len(self.done):06d}",
                system=system,
                kind=kind,
                about=about,
                account=account,
                owner=owner,
                subject=subject or dice.choice(SUBJECTS[kind]),
                body=body,
                at=when,
                due=due,
                done_at=None if is_open else when,
                status="Not Started" if is_open else "Completed",
                minutes=dice.choice((5, 15, 30, 60)) if kind in {"call", "meeting"} else None,
                direction="in" if kind in {"call", "email"} and dice.random() < 0.3 else "out",
            )
        )


def build_sales(
    dice: random.Random,
    at: datetime,
    book: Salesbook,
    deals: tuple[Opportunity, ...],
    contacts: list[MarketingContact],
) -> tuple[SalesActivity, ...]:
    """Log the deals' steps, the first calls to leads, other work on every fifth record, and marketing's own log."""
    work = FollowUp(dice, at, book.desk)
    in_deals = _deals(work, dice, at, book, deals)
    for number, record in enumerate(book.records):
        if record.deleted_at is not None or record.key in in_deals:
            continue
        if record.past_statuses and record.kind == "lead":
            _first_calls(work, dice, at, record)
        if number % 5 == 0:
            _other(work, dice, at, record)
    for contact in contacts:
        if dice.random() < MARKETING_SHARE and contact.email:
            kind = dice.choice(MARKETING_KINDS)
            owner = contact.owner or dice.choice(ACTIVE_REPS)
            raw = contact.created_at + dice.random() * (at - contact.created_at)
            when = work.office(owner, raw, contact.created_at)
            work.add(
                "marketing", kind, contact.key, contact.company, owner, when, body=NOTE if kind == "note" else None
            )
    return tuple(work.done)


def _deals(
    work: FollowUp, dice: random.Random, at: datetime, book: Salesbook, deals: tuple[Opportunity, ...]
) -> set[str]:
    """Walk through the steps of each deal, with one of its people at a time; an open deal has a next step."""
    touched: set[str] = set()
    for deal in deals:
        staff = [key for key, _, _ in deal.roles]
        if not staff:
            continue
        touched.update(staff)
        span = deal.close_on - deal.created_at
        for turn, (kind, subject, share) in enumerate(DEAL_STEPS):
            when = deal.created_at + share * span
            record = book.records[int(staff[turn % len(staff)][1:])]
            if when > at or (turn and dice.random() < 0.25):
                continue
            moment = work.office(deal.owner, when, max(deal.created_at, record.created_at))
            work.add(
                "crm", kind, record.key, deal.account, deal.owner, moment, subject=subject, body=_heard(kind, record)
            )
        if not deal.is_closed:
            first = book.records[int(staff[0][1:])]
            made = work.office(deal.owner, at - timedelta(days=dice.randrange(1, 6)), first.created_at)
            work.add(
                "crm",
                "task",
                first.key,
                deal.account,
                deal.owner,
                made,
                subject="Next step",
                open_for=dice.randrange(1, 14),
            )
    return touched


def _heard(kind: SalesKind, record: CrmRecord) -> str | None:
    """Say in a call's notes what it brought out."""
    if kind != "call" or not record.bants:
        return None
    return ", ".join(f"{name.replace('_', ' ')}: {answer.lower()}" for name, answer in record.bants)


def _first_calls(work: FollowUp, dice: random.Random, at: datetime, record: CrmRecord) -> None:
    """Call a lead that is being worked, one to three times, the first after as long as its rep takes."""
    rep = record.owner if record.owner in REP_PLACE else dice.choice(ACTIVE_REPS)
    hours = RESPONSE_HOURS[REPS.index(rep)] * dice.lognormvariate(0.0, RESPONSE_SPREAD)
    end = record.converted_at or at
    for turn in range(1 + dice.randrange(2)):
        when = record.created_at + timedelta(hours=hours + 50 * turn)
        if when >= end:
            return
        moment = min(work.office(rep, when, record.created_at), end)
        work.add("crm", "call", record.key, record.account, rep, moment, body=_heard("call", record))


def _other(work: FollowUp, dice: random.Random, at: datetime, record: CrmRecord) -> None:
    rep = record.owner if record.owner.startswith("u_") else dice.choice(ACTIVE_REPS)
    kind, end = dice.choice(CRM_KINDS), record.converted_at or at
    when = min(work.office(rep, record.created_at + dice.random() * (end - record.created_at), record.created_at), end)
    is_open = kind == "task" and record.converted_to is None and dice.random() < 0.4
    work.add("crm", kind, record.key, record.account, rep, when, open_for=dice.randrange(1, 14) if is_open else None)
