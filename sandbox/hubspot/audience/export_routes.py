"""Exports: asked for, worked at on the account's clock, fetched as CSV ("Exports" guide)."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sandbox.core.http import Response
from sandbox.hubspot.answers import Refusal, invalid, iso, not_emulated, not_found, parse_time
from sandbox.hubspot.body_members import body_of, entries_of, entry_of, words_of
from sandbox.hubspot.objects import object_type

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.core.records import Record
    from sandbox.core.router import Router
    from sandbox.hubspot.audience.lists import Lists
    from sandbox.hubspot.objects import ObjectType
    from sandbox.hubspot.portal import Portal
    from sandbox.hubspot.records.search import Search

#: An export is at work this long after those before it are done.
WORK = timedelta(seconds=5)
LINK_LIFE = timedelta(minutes=5)
WINDOW = timedelta(hours=24)
MOST = 30
FORMATS = frozenset({"CSV", "XLS", "XLSX"})


class ExportRoutes:
    """Answer the calls on exports."""

    def __init__(self, portal: Portal, search: Search, lists: Lists) -> None:
        """Serve a portal."""
        self._portal, self._search, self._lists = portal, search, lists

    def add_to(self, router: Router) -> None:
        """Add the routes."""
        router.add("POST", "/crm/v3/exports/export/async", self.start)
        router.add("GET", "/crm/v3/exports/export/async/tasks/{id}/status", self.status)
        # HubSpot's link leads to a file store; here it leads to this port, and needs no token either.
        router.add("GET", "/exports/files/{id}", self.file)

    def start(self, request: Request, params: dict[str, str]) -> Response:
        """Take an export in; one is at work at a time, at most 30 in 24 hours."""
        del params
        wish, now = body_of(request), self._portal.now()
        kind = object_type(str(wish.get("objectType") or ""))
        if kind is None or wish.get("exportType") not in {"VIEW", "LIST"} or wish.get("format") not in FORMATS:
            raise invalid("Invalid input JSON: exportType, format and objectType are required")
        if wish["format"] != "CSV":
            raise not_emulated(f"exports in format {wish['format']}")
        rows = list(self._portal.records.rows("export"))
        if sum(row.created_at > now - WINDOW for row in rows) >= MOST:
            raise Refusal(429, f"You have reached the limit of {MOST} exports in 24 hours.", "RATE_LIMITS")
        names = words_of(wish.get("objectProperties"), "objectProperties")
        records = self._chosen(kind, wish)
        busy = max([now, *(parse_time(row.values["done_at"]) or now for row in rows)])
        values = {"done_at": iso(busy + WORK), "csv": self._csv(kind, records, names), "url": _base(request)}
        row = self._portal.insert("export", self._portal.new_id(), values)
        self._portal.apart("export")
        links = {"status": f"{values['url']}/crm/v3/exports/export/async/tasks/{row.id}/status"}
        return Response(202, {"id": row.id, "links": links})

    def _chosen(self, kind: ObjectType, wish: dict[str, Any]) -> list[Record]:
        if wish["exportType"] == "LIST":
            row = self._lists.find(str(wish.get("listId")))
            found = (self._portal.find(kind, member.values["contact"]) for member in self._lists.members(row))
            return [record for record in found if record is not None]
        search = entry_of(wish.get("publicCrmSearchRequest"), "publicCrmSearchRequest")
        filters = entries_of(search.get("filters"), "filters")
        asked = {"query": search.get("query"), "sorts": search.get("sorts") or []}
        return self._search.everything(kind, {**asked, "filterGroups": [{"filters": filters}] if filters else []})

    def _csv(self, kind: ObjectType, records: list[Record], names: list[str]) -> str:
        definitions = [self._portal.property(kind, name) for name in names]
        shown = [found["label"] for found in definitions if found is not None]
        known = [found["name"] for found in definitions if found is not None]
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(["Record ID", *shown])
        for record in records:
            writer.writerow([record.id, *(self._portal.value(kind, record, name) or "" for name in known)])
        return text.getvalue()

    def status(self, request: Request, params: dict[str, str]) -> Response:
        """Tell how far an export is; a link made by this call is good for five minutes."""
        del request
        row = self._portal.records.get("export", params["id"])
        if row is None:
            raise not_found()
        self._portal.apart("export")
        now, done = self._portal.now(), parse_time(row.values["done_at"])
        assert done is not None
        shown: dict[str, Any] = {"startedAt": iso(row.created_at), "requestedAt": iso(row.created_at)}
        if now < done:
            waiting = done - now > WORK
            shown |= {"status": "PENDING" if waiting else "PROCESSING", "completedAt": iso(now)}
            return Response(200, shown)
        self._portal.update(row, {"link_until": iso(now + LINK_LIFE)})
        result = f"{row.values['url']}/exports/files/{row.id}"
        return Response(200, {**shown, "status": "COMPLETE", "completedAt": iso(done), "result": result})

    def file(self, request: Request, params: dict[str, str]) -> Response:
        """Hand the file out while the link is good."""
        del request
        row = self._portal.records.get("export", params["id"])
        until = None if row is None else parse_time(str(row.get("link_until", "")))
        if row is None or until is None or until <= self._portal.now():
            raise Refusal(403, "The link has expired", None)
        self._portal.apart("export")
        return Response(200, row.values["csv"].encode(), {"Content-Type": "text/csv;charset=UTF-8"})


def _base(request: Request) -> str:
    return f"http://{request.headers.get('host', '127.0.0.1')}"
