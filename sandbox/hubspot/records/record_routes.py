"""Single records: list, read, create, change, archive, search, merge, GDPR delete ("CRM objects" guides)."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from sandbox.core.http import Response
from sandbox.hubspot.answers import Refusal, invalid, not_emulated, not_found
from sandbox.hubspot.body_members import body_of, entries_of, entry_of, whole_of, words_of
from sandbox.hubspot.links import HUBSPOT_DEFINED
from sandbox.hubspot.objects import ABSENT_TYPES, TYPES, ObjectType, object_type
from sandbox.hubspot.portal import version
from sandbox.hubspot.records.record_answers import bounded, flag, wanted_properties
from sandbox.hubspot.records.search import LONGEST_BODY
from sandbox.hubspot.streams import LIST_PAGE, archived_stream, record_stream

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.core.records import Record
    from sandbox.core.router import Router
    from sandbox.hubspot.portal import Portal
    from sandbox.hubspot.records.association_book import AssociationBook
    from sandbox.hubspot.records.record_answers import RecordAnswers
    from sandbox.hubspot.records.search import Search
    from sandbox.hubspot.records.writing import Writing

HISTORY_PAGE = 50
#: Type ids and names of an account's own objects.
CUSTOM = re.compile(r"2-\d+|p\d*_\w+")


def kind_of(params: dict[str, str], name: str = "type") -> ObjectType:
    """Return the object type a path names.

    Raises:
        Refusal: 400 for a type nobody has, 501 for one of HubSpot's that is not emulated.
    """
    kind = object_type(params[name])
    asked = params[name].lower()
    if kind is None and ({asked, f"{asked}s"} & ABSENT_TYPES or CUSTOM.fullmatch(params[name])):
        raise not_emulated(f"records of type {params[name]}")
    if kind is None:
        raise invalid(f"Unable to infer object type from: {params[name][:60]}")
    return kind


class RecordRoutes:
    """Answer the calls on records."""

    def __init__(
        self,
        portal: Portal,
        writing: Writing,
        answers: RecordAnswers,
        search: Search,
        associations: AssociationBook,
    ) -> None:
        """Serve a portal."""
        self._portal, self._writing, self._answers = portal, writing, answers
        self._search, self._associations = search, associations

    def add_to(self, router: Router) -> None:
        """Add the routes."""
        base = "/crm/v3/objects/{type}"
        router.add("POST", f"{base}/search", self.search)
        router.add("POST", f"{base}/merge", self.merge)
        router.add("POST", f"{base}/gdpr-delete", self.gdpr_delete)
        router.add("GET", base, self.page)
        router.add("POST", base, self.create)
        router.add("GET", f"{base}/{{id}}", self.read)
        router.add("PATCH", f"{base}/{{id}}", self.change)
        router.add("DELETE", f"{base}/{{id}}", self.archive)

    # -- reading -------------------------------------------------------------------------------

    def page(self, request: Request, params: dict[str, str]) -> Response:
        """Page through a type by ascending id."""
        kind, archived = kind_of(params), flag(request, "archived")
        wanted, history = wanted_properties(request)
        limit = bounded(request, "limit", 10, HISTORY_PAGE if history else LIST_PAGE)
        records, following = self._page(kind, request.arg("after"), limit, archived=archived)
        associations = request.args("associations")
        results = []
        for record in records:
            shown = self._answers.show(kind, record, wanted, history=history)
            if associations and (linked := self._answers.associates(kind, record, associations)):
                shown["associations"] = linked
            results.append(shown)
        stream = archived_stream(self._portal, kind) if archived else record_stream(self._portal, kind)
        self._portal.read(stream, [version(record) for record in records], page=limit)
        body: dict[str, Any] = {"results": results}
        if following is not None:
            query = f"limit={limit}&after={following}"
            body["paging"] = {"next": {"after": following, "link": f"https://api.hubapi.com{request.path}?{query}"}}
        return Response(200, body)

    def _page(
        self, kind: ObjectType, after: str | None, limit: int, *, archived: bool
    ) -> tuple[list[Record], str | None]:
        """Return up to ``limit`` records behind an id, and the id to go on from; None at the end."""
        if after and not after.isdigit():
            raise invalid("Cursor was invalid for this endpoint")
        index = self._portal.index(kind)
        ids = index.archived() if archived else index.living()
        horizon = self._portal.read_horizon
        found: list[Record] = []
        for place in range(bisect_right(ids, int(after)) if after else 0, len(ids)):
            record = self._portal.records.get(kind.name, str(ids[place]))
            assert record is not None
            if horizon is not None and record.modified_at > horizon:
                continue
            if len(found) == limit:
                return found, found[-1].id
            found.append(record)
        return found, None

    def read(self, request: Request, params: dict[str, str]) -> Response:
        """Read one record by id or by a unique property."""
        kind = kind_of(params)
        wanted, history = wanted_properties(request)
        self._portal.apart("look_up")
        if flag(request, "archived"):
            found = self._portal.archived(kind, params["id"])
            if found is None:
                raise not_found()
        else:
            found = self._record(kind, params["id"], request.arg("idProperty"))
        shown = self._answers.show(kind, found, wanted, history=history)
        linked = self._answers.associates(kind, found, request.args("associations"))
        if linked:
            shown["associations"] = linked
        return Response(200, shown)

    def _record(self, kind: ObjectType, row_id: str, id_property: str | None) -> Record:
        found = (
            self._portal.by_property(kind, self.unique_name(kind, id_property), row_id)
            if id_property
            else self._portal.find(kind, row_id)
        )
        if found is None:
            raise not_found()
        return found

    def unique_name(self, kind: ObjectType, name: str) -> str:
        """Return the name of a property that identifies records.

        Raises:
            Refusal: 400 when it does not.
        """
        definition = self._portal.property(kind, name) if isinstance(name, str) else None
        known = name == "hs_object_id" or (kind.name, name) == ("contacts", "email")
        if not known and not (definition and definition["hasUniqueValue"]):
            # A body may hold anything here, not only a text.
            raise invalid(f"{str(name)[:60]} is not a unique property of {kind.name}")
        return name

    def search(self, request: Request, params: dict[str, str]) -> Response:
        """Search; see ``Search``."""
        kind, body = kind_of(params), body_of(request)
        if len(request.body) > LONGEST_BODY:
            self._portal.call.violation = True
            raise invalid(f"The request body is longer than {LONGEST_BODY} characters")
        total, offset, records = self._search.run(kind, body)
        wanted = words_of(body.get("properties"), "properties")
        stream = self._search.stream(kind, body)
        if stream is not None:
            limit = whole_of(body.get("limit"), "limit", 10)
            self._portal.read(stream, [version(record) for record in records], page=limit)
        else:
            self._portal.apart("look_up")
        answer: dict[str, Any] = {
            "total": total,
            "results": [self._answers.show(kind, record, wanted) for record in records],
        }
        if offset + len(records) < total:
            answer["paging"] = {"next": {"after": str(offset + len(records))}}
        return Response(200, answer)

    # -- writing -------------------------------------------------------------------------------

    def create(self, request: Request, params: dict[str, str]) -> Response:
        """Create one record, with its associations."""
        kind = kind_of(params)
        record = self.create_one(kind, body_of(request))
        self._portal.wrote(kind.name, "create", 1)
        return Response(201, self._answers.show(kind, record, list(record.values)))

    def create_one(self, kind: ObjectType, wish: dict[str, Any]) -> Record:
        """Create a record as one input of a create call describes it.

        Raises:
            Refusal: for bad values or associations; then nothing is created.
        """
        links = self._links(kind, wish.get("associations"))
        record = self._writing.create(kind, wish.get("properties"))
        for to, other, labels in links:
            self._associations.add(kind.name, record.id, to.name, other.id, labels)
        return record

    def _links(self, kind: ObjectType, wished: Any) -> list[tuple[ObjectType, Record, list[tuple[str, int]]]]:
        links = []
        for entry in (entry_of(value, "associations") for value in entries_of(wished, "associations")):
            labels = label_list(entry.get("types"))
            to = self._far_end(kind, labels)
            other = self._portal.find(to, str(entry_of(entry.get("to"), "to").get("id")))
            if other is None:
                raise invalid(f"One or more associations are not valid: no {to.singular} with that id")
            links.append((to, other, labels))
        return links

    def _far_end(self, kind: ObjectType, labels: list[tuple[str, int]]) -> ObjectType:
        """Return the type that labels of this type lead to."""
        for to_name in TYPES:
            known = {(entry["category"], entry["typeId"]) for entry in self._associations.labels(kind.name, to_name)}
            if labels and all(label in known for label in labels):
                to = object_type(to_name)
                assert to is not None
                return to
        raise invalid(f"invalid association type ids {[number for _, number in labels]} from {kind.name}")

    def change(self, request: Request, params: dict[str, str]) -> Response:
        """Change one record."""
        kind = kind_of(params)
        record = self._record(kind, params["id"], request.arg("idProperty"))
        wish = body_of(request)
        after = self._writing.change(kind, record, wish.get("properties"))
        self._portal.wrote(kind.name, "update", int(after is not record))
        shown = self._answers.show(kind, after, list(wish["properties"]))
        return Response(200, shown)

    def archive(self, request: Request, params: dict[str, str]) -> Response:
        """Archive one record; an unknown id is answered alike."""
        del request
        kind = kind_of(params)
        self._portal.wrote(kind.name, "delete", int(self._writing.archive(kind, params["id"])))
        return Response(204)

    def merge(self, request: Request, params: dict[str, str]) -> Response:
        """Merge two records into a new one."""
        kind, wish = kind_of(params), body_of(request)
        merged = self._writing.merge(kind, str(wish.get("primaryObjectId")), str(wish.get("objectIdToMerge")))
        self._portal.wrote(kind.name, "merge", 1, 1)
        return Response(200, self._answers.show(kind, merged))

    def gdpr_delete(self, request: Request, params: dict[str, str]) -> Response:
        """Delete a contact for good."""
        kind, wish = kind_of(params), body_of(request)
        if kind.name != "contacts":
            raise Refusal(404, "resource not found")
        record = self._record(kind, str(wish.get("objectId")), wish.get("idProperty"))
        self._writing.erase(kind, record.id)
        self._portal.wrote(kind.name, "delete", 1, 1)
        return Response(204)


def label_list(given: Any) -> list[tuple[str, int]]:
    """Read association types ``[{associationCategory, associationTypeId}]``.

    Raises:
        Refusal: 400 when they are malformed.
    """
    try:
        return [
            (str(entry.get("associationCategory", HUBSPOT_DEFINED)), int(entry["associationTypeId"]))
            for entry in entries_of(given, "types")
        ]
    except (TypeError, KeyError, ValueError, AttributeError):
        raise invalid("Invalid input JSON: association types are malformed") from None
