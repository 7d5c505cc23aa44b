"""What becomes of a marketing e-mail, played on demand: people open and click it, gateways follow its links."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.hubspot.activity.activity_log import SITE
from sandbox.hubspot.activity.mail_routes import FIRST_NUMBER

if TYPE_CHECKING:
    from sandbox.core.records import Record
    from sandbox.hubspot.activity.activity_log import ActivityLog
    from sandbox.hubspot.portal import Portal

_LINKS = ("/pricing", "/products/connector", "/blog/news")
#: from sending to delivery
_ON_ITS_WAY = timedelta(seconds=2)
_SECONDS = 3


class MailActs:
    """Log what happens to e-mails of one portal."""

    def __init__(self, portal: Portal, log: ActivityLog) -> None:
        """Act on a portal."""
        self._portal, self._log = portal, log

    def one(self, act: dict[str, Any], kind: str, contact: Record, at: datetime, noted: datetime) -> dict[str, Any]:
        """Log one OPEN or CLICK of ``mailing`` (by name; else the first there is), of ``path`` where it is a click.

        ``filtered``: the account's own filters leave it out of reports.
        """
        more: dict[str, Any] = {"url": f"{SITE}{act.get('path', '/')}", "linkId": 0} if kind == "CLICK" else {}
        if act.get("filtered"):
            more["filteredEvent"] = True
        row = self._event(act, kind, contact, at, noted, self._mailing(act), more)
        return {"event": row.id}

    def send(self, act: dict[str, Any], contact: Record, at: datetime, noted: datetime) -> dict[str, Any]:
        """Send ``mailing`` to a contact, so that it is delivered at ``at``; made anew where there is none."""
        mailing = self._mailing(act, make=True)
        sent = self._event(act, "SENT", contact, at - _ON_ITS_WAY, noted, mailing)
        self._event(act, "DELIVERED", contact, at, noted, mailing, sent=sent)
        assert mailing is not None
        return {"mailing": mailing.values["name"], "campaign": mailing.values["number"]}

    def scan(self, act: dict[str, Any], contact: Record, at: datetime, noted: datetime) -> dict[str, Any]:
        """Send ``mailing`` through a gateway that opens it and clicks all ``links`` at ``at``.

        That is ``seconds`` (3) after its delivery. No page is viewed: gateways run no scripts.
        """
        delivered = at - timedelta(seconds=float(act.get("seconds", _SECONDS)))
        done = self.send(act, contact, delivered, noted)
        mailing = self._mailing(act)
        self._event(act, "OPEN", contact, at, noted, mailing)
        clicks = [
            self._event(act, "CLICK", contact, at, noted, mailing, {"url": f"{SITE}{path}", "linkId": number})
            for number, path in enumerate(act.get("links") or _LINKS)
        ]
        return {**done, "clicks": [row.id for row in clicks]}

    def _mailing(self, act: dict[str, Any], *, make: bool = False) -> Record | None:
        rows = list(self._portal.records.rows("mailing"))
        name = act.get("mailing")
        found = [row for row in rows if name is None or row.values["name"] == str(name)]
        if found or not make:
            return found[0] if found else None
        text = str(name or "Mailing")
        values = {"name": text, "subject": text, "number": FIRST_NUMBER + len(rows)}
        return self._portal.insert("mailing", f"mailing:{len(rows)}", values)

    def _event(
        self,
        act: dict[str, Any],
        kind: str,
        contact: Record,
        at: datetime,
        noted: datetime,
        mailing: Record | None,
        more: dict[str, Any] | None = None,
        *,
        sent: Record | None = None,
    ) -> Record:
        recipient = str(act.get("email") or contact.get("email", "")).lower()
        return self._log.email_event(
            kind, recipient, at, contact_id=contact.id, campaign=mailing, sent=sent, more=more, noted=noted
        )
