"""Credentials that stop working: told while there is still time to renew them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from connector.mapping.settings import Settings
from connector.ports.source import Source
from connector.ports.traits import Finding
from connector.ports.waits import Expiring

_CURE = "make a new one, put it in its place, and correct expires_on in handoff.yaml"


@dataclass(frozen=True, slots=True)
class Expiry:
    """One credential of one system and its last instant (UTC)."""

    system: str
    what: str
    at: datetime

    def words(self, now: datetime) -> str:
        """Say it in a sentence."""
        if self.at <= now:
            return f"{self.system}: its {self.what} expired on {self.at:%Y-%m-%d}"
        days = (self.at - now) // timedelta(days=1)
        left = "in less than a day" if not days else "in a day" if days == 1 else f"in {days:,} days"
        return f"{self.system}: its {self.what} expires on {self.at:%Y-%m-%d}, {left}"


def known_expiries(settings: Settings, told: Mapping[str, Mapping[str, datetime]]) -> list[Expiry]:
    """List what handoff.yaml declares and what credentials say of themselves, the first to expire first.

    Args:
        settings: a system's ``expires_on`` is a day in the install's time zone; the credential works until it begins.
        told: system → credential → last instant.
    """
    zone = ZoneInfo(settings.time_zone)
    declared = [
        Expiry(system.name, "credential", datetime.combine(system.expires_on, time(), zone).astimezone(UTC))
        for system in (*settings.sources, settings.crm)
        if system.expires_on is not None
    ]
    read = [Expiry(system, what, at) for system, found in told.items() for what, at in found.items()]
    return sorted([*declared, *read], key=lambda one: (one.at, one.system, one.what))


def read_expiries(adapters: Sequence[Source]) -> dict[str, dict[str, datetime]]:
    """Ask adapters until when their credentials work: system → credential → last instant. Sends nothing."""
    return {one.traits().system: one.expires() for one in adapters if isinstance(one, Expiring)}


def soon(expiries: Sequence[Expiry], *, now: datetime, ahead: timedelta) -> list[str]:
    """Say of each credential that has expired or will within ``ahead``, in a sentence."""
    return [one.words(now) for one in expiries if one.at <= now + ahead]


def expiry_findings(expiries: Sequence[Expiry], *, now: datetime, ahead: timedelta) -> Iterator[Finding]:
    """Give a line of the online check per credential; what is soon carries its cure, what has expired is bad."""
    for one in expiries:
        due = one.at <= now + ahead
        told = one.words(now).partition(": ")[2]
        yield Finding("expiry", one.at > now, f"{told}: {_CURE}" if due else told, _CURE if due else "", "", one.system)
