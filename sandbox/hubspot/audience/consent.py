"""Who takes which mailings: what was said for each address, and the opt-out from everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.hubspot.answers import invalid, iso
from sandbox.hubspot.objects import TYPES

if TYPE_CHECKING:
    from sandbox.core.records import Record
    from sandbox.hubspot.portal import Portal

CONTACTS = TYPES["contacts"]
CHANNEL = "EMAIL"
LEGAL_BASES = frozenset(
    {"LEGITIMATE_INTEREST_PQL", "LEGITIMATE_INTEREST_CLIENT", "PERFORMANCE_OF_CONTRACT", "CONSENT_WITH_NOTICE",
     "NON_GDPR", "PROCESS_AND_STORE", "LEGITIMATE_INTEREST_OTHER"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Subscription:
    """A kind of mailing."""

    id: int
    name: str
    purpose: str


SUBSCRIPTIONS = (
    Subscription(1001, "Marketing Information", "Marketing"),
    Subscription(1002, "One to One", "Sales"),
)


def subscription(given: Any) -> Subscription:
    """Return the kind of mailing with an id.

    Raises:
        Refusal: 400 when there is none.
    """
    found = next((entry for entry in SUBSCRIPTIONS if str(entry.id) == str(given)), None)
    if found is None:
        raise invalid(f"Subscription {str(given)[:40]} does not exist")
    return found


class Consent:
    """Keep what addresses take."""

    def __init__(self, portal: Portal) -> None:
        """Keep it in the portal's store."""
        self._portal = portal

    def reckoners(self) -> dict[tuple[str, str], Any]:
        """Return what works out a contact's properties of consent, one per kind of mailing."""

        def out_of(kind: Subscription) -> Any:
            def read(record: Record) -> str | None:
                email = record.values.get("email")
                row = None if email is None else self._row(str(email), kind.id)
                if row is None:
                    return None
                return str(row.values["status"] == "UNSUBSCRIBED").lower()

            return read

        return {("contacts", f"hs_email_optout_{kind.id}"): out_of(kind) for kind in SUBSCRIPTIONS}

    def opted_out(self, email: str) -> bool:
        """Tell whether an address opted out of everything."""
        contact, row = self.contact(email), self._row(email, "all")
        if contact is not None and "hs_email_optout" in contact.values:
            return bool(contact.values["hs_email_optout"] == "true")
        return row is not None and bool(row.values["status"] == "UNSUBSCRIBED")

    def contact(self, email: str) -> Record | None:
        """Return whose address it is."""
        return self._portal.by_property(CONTACTS, "email", email)

    def _row(self, email: str, what: object) -> Record | None:
        return self._portal.records.get("consent", f"{email}:{what}")

    def status(self, email: str, kind: Subscription) -> dict[str, Any]:
        """Return what is known of an address and a kind of mailing, as v4 shows it."""
        row, contact = self._row(email, kind.id), self.contact(email)
        moment = row.modified_at if row is not None else contact.modified_at if contact is not None else None
        shown: dict[str, Any] = {
            "channel": CHANNEL,
            "subscriptionId": kind.id,
            "subscriptionName": kind.name,
            "subscriberIdString": email,
            "status": "NOT_SPECIFIED" if contact is None else "SUBSCRIBED",
            "source": "No source" if contact is None else "Form submission",
            "timestamp": iso(moment or self._portal.now()),
        }
        if row is not None:
            names = ("status", "source", "legalBasis", "legalBasisExplanation")
            shown |= {name: row.values[name] for name in names if name in row.values}
        if self.opted_out(email):
            shown |= {"status": "UNSUBSCRIBED", "source": "Unsubscribed from all"}
        return shown

    def wide(self, email: str) -> dict[str, Any]:
        """Return whether an address opted out of everything, as v4 shows it."""
        row, contact = self._row(email, "all"), self.contact(email)
        moment = row.modified_at if row is not None else contact.modified_at if contact is not None else None
        return {
            "channel": CHANNEL,
            "subscriberIdString": email,
            "status": "UNSUBSCRIBED" if self.opted_out(email) else "SUBSCRIBED",
            "wideStatusType": "PORTAL_WIDE",
            "timestamp": iso(moment or self._portal.now()),
        }

    def set(self, email: str, kind: Subscription, status: str, wish: dict[str, Any]) -> bool:
        """Note what an address wants; return whether that is news.

        Raises:
            Refusal: 400 for a legal basis there is not.
        """
        values = {"email": email, "subscription": kind.id, "status": status, "source": "API"}
        basis = wish.get("legalBasis")
        if basis is not None and basis not in LEGAL_BASES:
            raise invalid(f"{str(basis)[:40]} is not a legal basis")
        values |= {name: str(wish[name]) for name in ("legalBasis", "legalBasisExplanation") if wish.get(name)}
        news = self._store(f"{email}:{kind.id}", values)
        if status == "SUBSCRIBED" and self.opted_out(email):
            news |= self.opt_out(email, out=False)
        return news

    def opt_out(self, email: str, *, out: bool = True) -> bool:
        """Opt an address out of everything, or end that; return whether that is news."""
        contact = self.contact(email)
        was = self.opted_out(email)
        if contact is not None:
            self._portal.update(contact, {"hs_email_optout": "true" if out else "false"})
        self._store(f"{email}:all", {"email": email, "status": "UNSUBSCRIBED" if out else "SUBSCRIBED"})
        return was is not out

    def _store(self, row_id: str, values: dict[str, Any]) -> bool:
        known = self._portal.records.get("consent", row_id)
        if known is None:
            self._portal.insert("consent", row_id, values)
            return True
        return self._portal.update(known, values) is not known
