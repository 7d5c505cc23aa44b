"""Who is in a list, and in which lists somebody is ("Lists" guide)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.core.http import Response
from sandbox.hubspot.answers import invalid, iso, ms, not_found
from sandbox.hubspot.audience.list_routes import editable
from sandbox.hubspot.body_members import body_of, json_of, words_of
from sandbox.hubspot.portal import version
from sandbox.hubspot.records.record_answers import bounded, start_at
from sandbox.hubspot.records.record_routes import kind_of
from sandbox.hubspot.streams import MEMBERSHIP_PAGE, log_stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.core.http import Request
    from sandbox.core.records import Record
    from sandbox.core.router import Router
    from sandbox.hubspot.audience.lists import Lists
    from sandbox.hubspot.portal import Portal
    from sandbox.hubspot.records.batch_routes import BatchRoutes

MEMBERS_WRITTEN = 100_000


class MembershipRoutes:
    """Answer the calls on members of lists."""

    def __init__(self, portal: Portal, lists: Lists, batches: BatchRoutes) -> None:
        """Serve a portal."""
        self._portal, self._lists, self._batches = portal, lists, batches

    def add_to(self, router: Router) -> None:
        """Add the routes."""
        base = "/crm/v3/lists"
        router.add("POST", f"{base}/records/memberships/batch/read", self.lists_of_many)
        router.add("GET", f"{base}/records/{{type}}/{{id}}/memberships", self.lists_of)
        members = f"{base}/{{list}}/memberships"
        router.add("GET", members, self.members)
        router.add("DELETE", members, self.clear)
        router.add("GET", f"{members}/join-order", self.joined)
        router.add("PUT", f"{members}/add", self.add)
        router.add("PUT", f"{members}/remove", self.remove)
        router.add("PUT", f"{members}/add-and-remove", self.add_and_remove)
        router.add("PUT", f"{members}/add-from/{{source}}", self.add_from)

    # -- reading -------------------------------------------------------------------------------

    def members(self, request: Request, params: dict[str, str]) -> Response:
        """Page through a list's members by ascending record id."""
        return self._page(request, params, lambda member: (int(member.values["contact"]), 0))

    def joined(self, request: Request, params: dict[str, str]) -> Response:
        """Page through a list's members in the order in which they joined."""
        return self._page(request, params, lambda member: (ms(member.modified_at), int(member.values["contact"])))

    def _page(self, request: Request, params: dict[str, str], order: Callable[[Record], tuple[int, int]]) -> Response:
        row = self._lists.find(params["list"])
        limit = bounded(request, "limit", 100, MEMBERSHIP_PAGE)
        found = sorted(self._lists.members(row), key=order)
        keys = [member.values["contact"] for member in found]
        before = request.arg("before")
        if before is not None:
            stop = keys.index(before) if before in keys else 0
            page = found[max(0, stop - limit) : stop]
        else:
            after = str(start_at(request)) if request.arg("after") else None
            start = keys.index(after) + 1 if after in keys else sum(int(key) <= int(after or -1) for key in keys)
            page = found[start : start + limit]
        name, where = f"members {row.values['name']}", ("list", row.id)
        stream = log_stream(self._portal, name, "membership", MEMBERSHIP_PAGE, where=where)
        self._portal.read(stream, [version(member) for member in page], page=limit)
        results = [
            {"recordId": member.values["contact"], "membershipTimestamp": iso(member.modified_at)} for member in page
        ]
        body: dict[str, Any] = {"results": results, "total": len(found)}
        if page and keys[-1] != page[-1].values["contact"]:
            after = page[-1].values["contact"]
            body["paging"] = {"next": {"after": after, "link": f"{request.path}?after={after}&limit={limit}"}}
        return Response(200, body)

    def lists_of(self, request: Request, params: dict[str, str]) -> Response:
        """Name the lists a record is in."""
        del request
        self._portal.apart("look_up")
        record = self._portal.find(kind_of(params), params["id"])
        if record is None:
            raise not_found()
        results = self._lists_of(record)
        return Response(200, {"results": results, "total": len(results)})

    def _lists_of(self, record: Record) -> list[dict[str, Any]]:
        for row in self._lists.living():
            self._lists.refresh(row)
        alive = {row.id: row for row in self._lists.living() if self._lists.kind(row).name == record.obj}
        return [
            {
                "listId": member.values["list"],
                "listVersion": alive[member.values["list"]].get("version", 1),
                "isPublicList": False,
                "firstAddedTimestamp": iso(member.created_at),
                "lastAddedTimestamp": iso(member.modified_at),
            }
            for member in self._portal.records.find("membership", "contact", record.id)
            if member.values["list"] in alive
        ]

    def lists_of_many(self, request: Request, params: dict[str, str]) -> Response:
        """Name the lists of up to 100 records (dated tree only)."""
        del params
        started = self._portal.now()
        self._portal.apart("look_up")
        results: list[dict[str, Any]] = []
        missing: list[str] = []
        for entry in self._batches.inputs(request):
            kind = kind_of({"type": str(entry.get("objectTypeId"))})
            record = self._portal.find(kind, str(entry.get("recordId")))
            if record is None:
                missing.append(str(entry.get("recordId")))
                continue
            shown = {"objectTypeId": kind.type_id, "recordId": record.id}
            results.append({**shown, "recordListMemberships": self._lists_of(record)})
        error = {"status": "error", "category": "OBJECT_NOT_FOUND", "message": "No such record"}
        errors = [{**error, "context": {"ids": missing}}] if missing else []
        return self._batches.answer(200, results, errors, started)

    # -- writing -------------------------------------------------------------------------------

    def add(self, request: Request, params: dict[str, str]) -> Response:
        """Add records to a list."""
        return self._change(params["list"], _ids(json_of(request)), [])

    def remove(self, request: Request, params: dict[str, str]) -> Response:
        """Take records from a list."""
        return self._change(params["list"], [], _ids(json_of(request)))

    def add_and_remove(self, request: Request, params: dict[str, str]) -> Response:
        """Add some records to a list and take others from it."""
        wish = body_of(request)
        added, removed = _ids(wish.get("recordIdsToAdd", [])), _ids(wish.get("recordIdsToRemove", []))
        return self._change(params["list"], added, removed)

    def _change(self, list_id: str, added: list[str], removed: list[str]) -> Response:
        row = editable(self._lists.find(list_id))
        if len(added) + len(removed) > MEMBERS_WRITTEN:
            self._portal.call.violation = True
            raise invalid(f"At most {MEMBERS_WRITTEN} members may be written at once")
        done: list[str] = []
        missing: list[str] = []
        for record_id in added:
            record = self._portal.find(self._lists.kind(row), record_id)
            if record is None:
                missing.append(record_id)
            elif self._lists.join(row, record.id):
                done.append(record_id)
        gone = [record_id for record_id in removed if self._lists.leave(row, record_id)]
        self._portal.wrote("list members", "create", len(done), MEMBERS_WRITTEN)
        self._portal.wrote("list members", "delete", len(gone), MEMBERS_WRITTEN)
        # "recordsIdsAdded" is HubSpot's own spelling.
        body = {"recordsIdsAdded": done, "recordIdsRemoved": gone, "recordIdsMissing": missing}
        return Response(200, body)

    def add_from(self, request: Request, params: dict[str, str]) -> Response:
        """Add the members of another list of the same type."""
        del request
        row, source = editable(self._lists.find(params["list"])), self._lists.find(params["source"])
        if row.values["objectTypeId"] != source.values["objectTypeId"]:
            raise invalid("Both lists must be of the same object type")
        done = sum(self._lists.join(row, member.values["contact"]) for member in self._lists.members(source))
        self._portal.wrote("list members", "create", done, MEMBERS_WRITTEN)
        return Response(204)

    def clear(self, request: Request, params: dict[str, str]) -> Response:
        """Take everybody from a list."""
        del request
        row = editable(self._lists.find(params["list"]))
        members = self._lists.members(row)
        for member in members:
            self._portal.remove(member)
        self._portal.wrote("list members", "delete", len(members), MEMBERS_WRITTEN)
        return Response(204)


def _ids(given: Any) -> list[str]:
    return words_of(given, "record ids")
