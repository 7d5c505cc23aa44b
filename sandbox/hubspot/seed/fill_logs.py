"""Carry what the sample people did over into the account's logs: as columns, millions of rows at once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.core.block import Block
from sandbox.core.columns import Documents, Nested, Numbers, Picks, Uuids
from sandbox.hubspot.activity.activity_log import ASSET_DOWNLOAD, PAGE_VIEW, SITE, SPREAD, WEBINAR_ATTENDED
from sandbox.people.events import CODE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from sandbox.core.columns import Column
    from sandbox.core.records import Record
    from sandbox.hubspot.portal import Portal
    from sandbox.people.events import Events
    from sandbox.people.world import MarketingContact, World

WEB = {"page_view": PAGE_VIEW, "asset_download": ASSET_DOWNLOAD, "webinar_attended": WEBINAR_ATTENDED}
MAIL = {
    "email_sent": "SENT", "email_delivered": "DELIVERED", "email_open": "OPEN", "email_click": "CLICK",
    "email_bounce": "BOUNCE", "email_unsubscribe": "STATUSCHANGE", "spam_report": "SPAMREPORT",
}  # fmt: skip
#: What only some types of e-mail events say.
ONLY: dict[str, tuple[str, Any]] = {
    "linkId": ("CLICK", 0),
    "category": ("BOUNCE", "MAILBOX_FULL"),
    "status": ("BOUNCE", "5.2.2"),
    "response": ("BOUNCE", "552 mailbox full"),
    "portalSubscriptionStatus": ("STATUSCHANGE", "UNSUBSCRIBED"),
    "source": ("STATUSCHANGE", "SOURCE_RECIPIENT"),
}


class LogSeed:
    """Make the three logs of one portal from one world."""

    def __init__(self, portal: Portal, world: World, contacts: Mapping[str, str], author: str) -> None:
        """Take where to, what, the ids of contacts by their keys (those of deleted ones included), and who wrote."""
        self._portal, self._world, self._author = portal, world, author
        self._events: Events = world.events  # type: ignore[assignment]
        self._ids = [contacts.get(contact.key) for contact in world.contacts]
        gone = np.array([contact.deleted_at is not None for contact in world.contacts], dtype=np.bool_)
        table = self._events.table
        self._kept = np.flatnonzero(~gone[table.contact])
        self._numbers = np.zeros(len(table.at), dtype=np.int64)
        self._numbers[self._kept] = [int(portal.new_id()) for _ in range(len(self._kept))]

    def fill(self, forms: Mapping[str, Record], mailings: Sequence[Record]) -> None:
        """Write the logs."""
        for block in (self._web(), self._mail(mailings), self._submissions(forms)):
            if len(block):
                self._portal.records.add_block(block)

    def _rows(self, codes: list[int]) -> NDArray[np.int64]:
        return self._kept[np.isin(self._events.table.kind[self._kept], codes)]

    def _block(self, obj: str, rows: NDArray[np.int64], fields: dict[str, Column]) -> Block:
        table = self._events.table
        every: dict[str, Column] = {
            "contact": Picks(table.contact[rows], self._ids),
            "ms": Numbers(table.at[rows] * 1000),
            **fields,
        }
        ids = Uuids(self._numbers[rows], SPREAD)
        return Block(obj, ids, every, table.at[rows] + table.late[rows], self._author)

    # -- page views and other events -----------------------------------------------------------

    def _web(self) -> Block:
        events, table = self._events, self._events.table
        rows = self._rows([CODE[kind] for kind in WEB])
        names = list(WEB.values())
        kind = np.full(max(CODE.values()) + 1, -1)
        for place, word in enumerate(WEB):
            kind[CODE[word]] = place
        pages = [_page(path) for path in events.paths]
        downloads = [{"asset": asset, "hs_url": f"{SITE}/downloads/{asset}.pdf"} for asset in events.assets]
        webinars = [{"webinar": asset} for asset in events.assets]
        code = np.where(
            table.kind[rows] == CODE["page_view"],
            table.path[rows],
            len(pages) + table.asset[rows] + np.where(table.kind[rows] == CODE["asset_download"], 0, len(downloads)),
        )
        fields: dict[str, Column] = {
            "type": Picks(kind[table.kind[rows]], names),
            "properties": Picks(code, [*pages, *downloads, *webinars]),
        }
        return self._block("web_event", rows, fields)

    # -- marketing e-mail ----------------------------------------------------------------------

    def _mail(self, mailings: Sequence[Record]) -> Block:
        events, table = self._events, self._events.table
        rows = self._rows([CODE[kind] for kind in MAIL])
        names = list(MAIL.values())
        of_kind = np.full(max(CODE.values()) + 1, -1)
        for place, word in enumerate(MAIL):
            of_kind[CODE[word]] = place
        kind, mailing = of_kind[table.kind[rows]], table.mailing[rows]
        subject = np.where(kind <= names.index("DELIVERED"), mailing, -1)
        urls = np.where(kind == names.index("CLICK"), table.path[rows], -1)
        fields: dict[str, Column] = {
            "type": Picks(kind, names),
            "recipient": Picks(table.contact[rows], [contact.email or "" for contact in self._world.contacts]),
            "emailCampaignId": Picks(mailing, [row.values["number"] for row in mailings]),
            "subject": Picks(subject, [row.values["subject"] for row in mailings]),
            "sentBy": self._sent_by(rows, mailing),
            "url": Picks(urls, [f"{SITE}{path}" for path in events.paths]),
        }
        for name, (which, value) in ONLY.items():
            fields[name] = Picks(np.where(kind == names.index(which), 0, -1), [value])
        return self._block("email_event", rows, fields)

    def _sent_by(self, rows: NDArray[np.int64], mailing: NDArray[np.int64]) -> Nested:
        """Point from each event of a message to the one that says it was sent."""
        table = self._events.table
        key = table.contact[rows] * (len(self._world.mailings) + 1) + mailing
        sent = np.flatnonzero(table.kind[rows] == CODE["email_sent"])
        sent = sent[np.argsort(key[sent], kind="stable")]
        place = np.searchsorted(key[sent], key).clip(max=max(len(sent) - 1, 0))
        there = (table.kind[rows] != CODE["email_sent"]) & (mailing >= 0)
        origin = rows[sent[place]] if len(sent) else rows
        there &= key[sent[place]] == key if len(sent) else False
        return Nested(
            {"id": Uuids(self._numbers[origin], SPREAD), "created": Numbers(table.at[origin] * 1000)},
            there.astype(np.bool_),
        )

    # -- forms ---------------------------------------------------------------------------------

    def _submissions(self, forms: Mapping[str, Record]) -> Block:
        events, table = self._events, self._events.table
        rows = self._rows([CODE["form_submit"]])
        texts, codes = self._typed(rows, forms)
        ids = [forms[name].id for name in events.forms]
        fields: dict[str, Column] = {
            "form": Picks(table.form[rows], ids),
            "values": Documents(codes, texts),
            "pageUrl": Picks(table.path[rows], [f"{SITE}{path}" for path in events.paths]),
        }
        return self._block("submission", rows, fields)

    def _typed(self, rows: NDArray[np.int64], forms: Mapping[str, Record]) -> tuple[list[str], NDArray[np.int64]]:
        """Return what was typed into each form as JSON: what is known of the person, then what the form asks."""
        events, table, contacts = self._events, self._events.table, self._world.contacts
        texts: list[str] = []
        codes = np.zeros(len(rows), dtype=np.int64)
        seen: dict[tuple[int, int, int], int] = {}
        columns = (table.contact[rows].tolist(), table.form[rows].tolist(), table.values[rows].tolist())
        for number, key in enumerate(zip(*columns, strict=True)):
            code = seen.get(key)
            if code is None:
                contact, form, typed = key
                wanted = forms[events.forms[form]].values["fields"]
                values = {**_known(contacts[contact], wanted), **dict(events.typed[typed] if typed >= 0 else ())}
                shown = [{"name": name, "value": value, "objectTypeId": "0-1"} for name, value in values.items()]
                code = seen[key] = len(texts)
                texts.append(json.dumps(shown, ensure_ascii=False))
            codes[number] = code
        return texts, codes


def _page(path: str) -> dict[str, str]:
    title = path.split("?", 1)[0].strip("/").replace("/", " - ").replace("-", " ").title() or "Home"
    return {"hs_url": f"{SITE}{path}", "hs_title": title}


def _known(contact: MarketingContact, wanted: Sequence[str]) -> dict[str, str]:
    known = {
        "email": contact.email,
        "firstname": contact.first_name,
        "lastname": contact.last_name,
        "company": contact.company_name,
        "jobtitle": contact.title,
        "phone": contact.phone,
        "country": contact.country,
    }
    return {name: value for name, value in known.items() if name in wanted and value}
