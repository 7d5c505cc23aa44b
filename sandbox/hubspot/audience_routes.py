"""Lists with their members, and consent ("Lists" and "Subscription preferences" guides)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.core.http import Response
from sandbox.hubspot.answers import Refusal, invalid, iso, not_found
from sandbox.hubspot.body_members import body_of, whole_of, words_of
from sandbox.hubspot.objects import TYPES
from sandbox.hubspot.portal import version
from sandbox.hubspot.record_answers import bounded, start_at
from sandbox.hubspot.record_routes import kind_of
from sandbox.hubspot.streams import MEMBERSHIP_PAGE, log_stream

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.core.records import Record
    from sandbox.core.router import Router
    from sandbox.hubspot.portal import Portal

LISTS_PAGE = 500
MEMBERS_WRITTEN = 100_000
SUBSCRIPTION_ID = 1001
SUBSCRIPTION = "Marketing Information"
EDITABLE = frozenset({"MANUAL", "SNAPSHOT"})


class AudienceRoutes:
    """Answer the calls on lists and consent."""

    def __init__(self, portal: Portal) -> None:
        """Serve a portal."""
        self._portal = portal

    def add_to(self, router: Router) -> None:
        """Add the routes."""
        base = "/crm/v3/lists"
        router.add("POST", f"{base}/search", self.search)
        router.add("GET", base, self.several)
        router.add("POST", base, self.create)
        router.add("GET", f"{base}/object-type-id/{{type}}/name/{{name}}", self.by_name)
        router.add("GET", f"{base}/records/{{type}}/{{id}}/memberships", self.lists_of)
        router.add("GET", f"{base}/{{list}}", self.read)
        router.add("DELETE", f"{base}/{{list}}", self.drop)
        router.add("GET", f"{base}/{{list}}/memberships", self.members)
        router.add("GET", f"{base}/{{list}}/memberships/join-order", self.members)
        router.add("PUT", f"{base}/{{list}}/memberships/add", self.add)
        router.add("PUT", f"{base}/{{list}}/memberships/remove", self.remove)
        router.add("PUT", f"{base}/{{list}}/memberships/add-and-remove", self.add_and_remove)
        v3, v4 = "/communication-preferences/v3", "/communication-preferences/v4"
        router.add("GET", f"{v3}/definitions", self.definitions)
        router.add("GET", f"{v4}/definitions", self.definitions)
        router.add("GET", f"{v3}/status/email/{{email}}", self.status_v3)
        router.add("POST", f"{v3}/subscribe", self.subscribe)
        router.add("POST", f"{v3}/unsubscribe", self.unsubscribe)
        router.add("POST", f"{v4}/statuses/batch/read", self.statuses)
        router.add("GET", f"{v4}/statuses/{{email}}", self.status)
        router.add("GET", f"{v4}/statuses/{{email}}/unsubscribe-all", self.unsubscribed)
        router.add("POST", f"{v4}/statuses/{{email}}/unsubscribe-all", self.unsubscribe_all)

    # -- lists ---------------------------------------------------------------------------------

    def _rows(self) -> list[Record]:
        return [row for row in self._portal.records.rows("list") if not row.deleted]

    def _list(self, list_id: str) -> Record:
        row = self._portal.records.get("list", list_id)
        if row is None or row.deleted:
            raise not_found()
        return row

    def _shown(self, row: Record) -> dict[str, Any]:
        size = len(self._portal.records.find("membership", "list", row.id))
        return {
            "listId": row.id,
            "name": row.values["name"],
            "objectTypeId": row.values["objectTypeId"],
            "processingType": row.values["processingType"],
            "processingStatus": "COMPLETE",
            "listVersion": 1,
            "createdAt": iso(row.created_at),
            "updatedAt": iso(row.modified_at),
            "size": size,
            "additionalProperties": {"hs_list_size": str(size)},
        }

    def search(self, request: Request, params: dict[str, str]) -> Response:
        """Find lists by name, type or id."""
        del params
        self._portal.apart("describe")
        wish = body_of(request)
        word, kinds = str(wish.get("query") or "").casefold(), words_of(wish.get("processingTypes"), "processingTypes")
        ids = set(words_of(wish.get("listIds"), "listIds"))
        rows = [
            row
            for row in self._rows()
            if word in row.values["name"].casefold()
            and (not kinds or row.values["processingType"] in kinds)
            and (not ids or row.id in ids)
            and (not wish.get("objectTypeId") or wish["objectTypeId"] == row.values["objectTypeId"])
        ]
        start = max(0, whole_of(wish.get("offset"), "offset", 0))
        count = min(max(1, whole_of(wish.get("count"), "count", 20)), LISTS_PAGE)
        page = rows[start : start + count]
        body = {"lists": [self._shown(row) for row in page], "hasMore": start + count < len(rows)}
        return Response(200, {**body, "offset": start + len(page), "total": len(rows)})

    def several(self, request: Request, params: dict[str, str]) -> Response:
        """Read lists by id."""
        del params
        self._portal.apart("describe")
        wanted = set(request.args("listIds"))
        return Response(200, {"lists": [self._shown(row) for row in self._rows() if row.id in wanted]})

    def read(self, request: Request, params: dict[str, str]) -> Response:
        """Read one list."""
        del request
        self._portal.apart("describe")
        return Response(200, {"list": self._shown(self._list(params["list"]))})

    def by_name(self, request: Request, params: dict[str, str]) -> Response:
        """Read one list by its name."""
        del request
        kind = kind_of(params)
        self._portal.apart("describe")
        for row in self._rows():
            if row.values["name"] == params["name"] and row.values["objectTypeId"] == kind.type_id:
                return Response(200, {"list": self._shown(row)})
        raise not_found()

    def create(self, request: Request, params: dict[str, str]) -> Response:
        """Create an empty list."""
        del params
        wish = body_of(request)
        name = str(wish.get("name") or "")
        if not name or not wish.get("objectTypeId") or not wish.get("processingType"):
            raise invalid("Invalid input JSON: name, objectTypeId and processingType are required")
        if any(row.values["name"] == name for row in self._rows()):
            raise invalid("A list with this name exists", subCategory="ILS.DUPLICATE_LIST_NAMES")
        self._portal.apart("provision")
        values = {"name": name, "objectTypeId": str(wish["objectTypeId"])}
        values["processingType"] = str(wish["processingType"])
        row = self._portal.insert("list", self._portal.new_id(), values)
        return Response(200, {"list": self._shown(row)})

    def drop(self, request: Request, params: dict[str, str]) -> Response:
        """Delete a list."""
        del request
        self._portal.remove(self._list(params["list"]))
        return Response(204)

    # -- members -------------------------------------------------------------------------------

    def members(self, request: Request, params: dict[str, str]) -> Response:
        """Page through a list's members by ascending record id."""
        row = self._list(params["list"])
        limit = bounded(request, "limit", 100, MEMBERSHIP_PAGE)
        found = self._portal.records.find("membership", "list", row.id)
        found.sort(key=lambda member: int(member.values["contact"]))
        after = start_at(request)
        rest = [member for member in found if int(member.values["contact"]) > after]
        page = rest[:limit]
        name, where = f"members {row.values['name']}", ("list", row.id)
        stream = log_stream(self._portal, name, "membership", MEMBERSHIP_PAGE, where=where)
        self._portal.read(stream, [version(member) for member in page], page=limit)
        results = [
            {"recordId": member.values["contact"], "membershipTimestamp": iso(member.created_at)} for member in page
        ]
        body: dict[str, Any] = {"results": results, "total": len(found)}
        if len(rest) > limit:
            body["paging"] = {"next": {"after": results[-1]["recordId"], "link": request.path}}
        return Response(200, body)

    def lists_of(self, request: Request, params: dict[str, str]) -> Response:
        """Name the lists a record is in."""
        del request
        self._portal.apart("look_up")
        record = self._portal.find(kind_of(params), params["id"])
        if record is None:
            raise not_found()
        found = self._portal.records.find("membership", "contact", record.id)
        results = [
            {"listId": member.values["list"], "listVersion": 1, "isPublicList": False,
             "firstAddedTimestamp": iso(member.created_at), "lastAddedTimestamp": iso(member.created_at)}
            for member in found
        ]  # fmt: skip
        return Response(200, {"results": results, "total": len(results)})

    def add(self, request: Request, params: dict[str, str]) -> Response:
        """Add records to a list."""
        return self._change(params["list"], _ids(request.json()), [])

    def remove(self, request: Request, params: dict[str, str]) -> Response:
        """Take records from a list."""
        return self._change(params["list"], [], _ids(request.json()))

    def add_and_remove(self, request: Request, params: dict[str, str]) -> Response:
        """Add some records to a list and take others from it."""
        wish = body_of(request)
        added, removed = _ids(wish.get("recordIdsToAdd", [])), _ids(wish.get("recordIdsToRemove", []))
        return self._change(params["list"], added, removed)

    def _change(self, list_id: str, added: list[str], removed: list[str]) -> Response:
        row = self._list(list_id)
        if row.values["processingType"] not in EDITABLE:
            raise Refusal(400, "Members of a dynamic list cannot be written", "VALIDATION_ERROR")
        if len(added) + len(removed) > MEMBERS_WRITTEN:
            self._portal.call.violation = True
            raise invalid(f"At most {MEMBERS_WRITTEN} members may be written at once")
        done: list[str] = []
        missing: list[str] = []
        for record_id in added:
            record = self._portal.find(TYPES["contacts"], record_id)
            if record is None:
                missing.append(record_id)
            elif self.join(row, record.id):
                done.append(record_id)
        gone = [record_id for record_id in removed if self._leave(row, record_id)]
        self._portal.wrote("list members", "create", len(done), MEMBERS_WRITTEN)
        self._portal.wrote("list members", "delete", len(gone), MEMBERS_WRITTEN)
        body = {"recordsIdsAdded": done, "recordIdsRemoved": gone, "recordIdsMissing": missing}
        return Response(200, body)

    def join(self, row: Record, contact_id: str) -> bool:
        """Add a contact to a list; return whether it was not in it."""
        member_id = f"member:{row.id}:{contact_id}"
        known = self._portal.records.get("membership", member_id)
        if known is not None and not known.deleted:
            return False
        if known is None:
            self._portal.insert("membership", member_id, {"list": row.id, "contact": contact_id})
            return True
        now, author = self._portal.now(), self._portal.author
        self._portal.records.remove("membership", member_id, at=now, by=author, deleted=False)
        return True

    def _leave(self, row: Record, contact_id: str) -> bool:
        for member in self._portal.records.find("membership", "contact", contact_id):
            if member.values["list"] == row.id:
                self._portal.remove(member)
                return True
        return False

    # -- consent -------------------------------------------------------------------------------

    def definitions(self, request: Request, params: dict[str, str]) -> Response:
        """List the subscription types."""
        del params
        self._portal.apart("describe")
        stamp = iso(next(iter(self._portal.records.rows("property"))).created_at)
        entry = {"id": str(SUBSCRIPTION_ID), "name": SUBSCRIPTION, "description": "", "purpose": "Marketing",
                 "communicationMethod": "Email", "isActive": True, "isDefault": True, "isInternal": False,
                 "createdAt": stamp, "updatedAt": stamp}  # fmt: skip
        if "/v3/" in request.path:
            return Response(200, {"subscriptionDefinitions": [entry]})
        return Response(200, {"status": "COMPLETE", "results": [entry], "startedAt": stamp, "completedAt": stamp})

    def _opted_out(self, email: str) -> tuple[bool, str]:
        contact = self._portal.by_property(TYPES["contacts"], "email", email)
        if contact is None:
            return False, iso(self._portal.now())
        return contact.get("hs_email_optout") == "true", iso(contact.modified_at)

    def _state(self, email: str) -> dict[str, Any]:
        out, stamp = self._opted_out(email)
        return {
            "channel": "EMAIL",
            "subscriptionId": SUBSCRIPTION_ID,
            "subscriptionName": SUBSCRIPTION,
            "subscriberIdString": email,
            "status": "UNSUBSCRIBED" if out else "SUBSCRIBED",
            "source": "Marketing email" if out else "Form submission",
            "timestamp": stamp,
        }

    def status(self, request: Request, params: dict[str, str]) -> Response:
        """Tell what one address takes."""
        if (request.arg("channel") or "EMAIL") != "EMAIL":
            raise invalid("channel must be EMAIL")
        self._portal.apart("look_up")
        return Response(200, {"status": "COMPLETE", "results": [self._state(params["email"].lower())]})

    def status_v3(self, request: Request, params: dict[str, str]) -> Response:
        """Tell what one address takes, in the older form."""
        del request
        self._portal.apart("look_up")
        state = self._state(params["email"].lower())
        word = "NOT_SUBSCRIBED" if state["status"] == "UNSUBSCRIBED" else "SUBSCRIBED"
        entry = {"id": str(SUBSCRIPTION_ID), "name": SUBSCRIPTION, "description": "", "status": word,
                 "sourceOfStatus": "PORTAL_WIDE_STATUS"}  # fmt: skip
        return Response(200, {"recipient": params["email"], "subscriptionStatuses": [entry]})

    def statuses(self, request: Request, params: dict[str, str]) -> Response:
        """Tell what up to 100 addresses take."""
        del params
        inputs = words_of(body_of(request).get("inputs"), "inputs")
        if len(inputs) > 100:
            self._portal.call.violation = True
            raise invalid("At most 100 addresses may be read at once")
        self._portal.apart("look_up")
        results = [{"subscriberIdString": email, "statuses": [self._state(email.lower())]} for email in inputs]
        return Response(200, {"status": "COMPLETE", "results": results})

    def unsubscribed(self, request: Request, params: dict[str, str]) -> Response:
        """Tell whether an address opted out of everything."""
        del request
        self._portal.apart("look_up")
        out, stamp = self._opted_out(params["email"].lower())
        entry = {"subscriberIdString": params["email"], "channel": "EMAIL", "status": "OPT_OUT" if out else "OPT_IN"}
        return Response(200, {"status": "COMPLETE", "results": [{**entry, "timestamp": stamp}]})

    def unsubscribe_all(self, request: Request, params: dict[str, str]) -> Response:
        """Opt an address out of everything."""
        del request
        return self._set(params["email"], out=True)

    def subscribe(self, request: Request, params: dict[str, str]) -> Response:
        """Opt an address in."""
        del params
        return self._set(str(body_of(request).get("emailAddress")), out=False)

    def unsubscribe(self, request: Request, params: dict[str, str]) -> Response:
        """Opt an address out."""
        del params
        return self._set(str(body_of(request).get("emailAddress")), out=True)

    def _set(self, email: str, *, out: bool) -> Response:
        contact = self._portal.by_property(TYPES["contacts"], "email", email.lower())
        if contact is None:
            raise not_found()
        after = self._portal.update(contact, {"hs_email_optout": "true" if out else "false"})
        self._portal.wrote("subscriptions", "update", int(after is not contact), 1)
        return Response(200, {"status": "COMPLETE", "results": [self._state(email.lower())]})


def _ids(given: Any) -> list[str]:
    return words_of(given, "record ids")
