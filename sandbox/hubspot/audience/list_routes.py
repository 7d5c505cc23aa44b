"""Lists, their folders and their members ("Lists" guide)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.core.http import Response
from sandbox.hubspot.answers import Refusal, invalid, iso, not_emulated, not_found
from sandbox.hubspot.audience.list_filters import check_branch
from sandbox.hubspot.audience.lists import EDITABLE, PROCESSING, ROOT_FOLDER, Lists
from sandbox.hubspot.body_members import body_of, whole_of, words_of
from sandbox.hubspot.objects import object_type
from sandbox.hubspot.records.record_answers import flag
from sandbox.hubspot.records.record_routes import kind_of

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.core.records import Record
    from sandbox.core.router import Router
    from sandbox.hubspot.portal import Portal

LISTS_PAGE = 500


class ListRoutes:
    """Answer the calls on lists and folders."""

    def __init__(self, portal: Portal, lists: Lists) -> None:
        """Serve a portal."""
        self._portal, self._lists = portal, lists

    def add_to(self, router: Router) -> None:
        """Add the routes; those with a word of their own come before those with an id."""
        base = "/crm/v3/lists"
        router.add("POST", f"{base}/search", self.search)
        router.add("GET", base, self.several)
        router.add("POST", base, self.create)
        router.add("GET", f"{base}/folders", self.folder)
        router.add("POST", f"{base}/folders", self.create_folder)
        router.add("PUT", f"{base}/folders/move-list", self.move_list)
        router.add("DELETE", f"{base}/folders/{{folder}}", self.drop_folder)
        router.add("PUT", f"{base}/folders/{{folder}}/move/{{parent}}", self.move_folder)
        router.add("PUT", f"{base}/folders/{{folder}}/rename", self.rename_folder)
        router.add("GET", f"{base}/object-type-id/{{type}}/name/{{name}}", self.by_name)
        router.add("GET", f"{base}/idmapping", _legacy)
        router.add("GET", f"{base}/{{list}}", self.read)
        router.add("DELETE", f"{base}/{{list}}", self.drop)
        router.add("PUT", f"{base}/{{list}}/restore", self.restore)
        router.add("PUT", f"{base}/{{list}}/update-list-name", self.rename)
        router.add("PUT", f"{base}/{{list}}/update-list-filters", self.refilter)

    # -- reading -------------------------------------------------------------------------------

    def _shown(self, row: Record, *, filters: bool = False) -> dict[str, Any]:
        """Return a list with its size."""
        shown = _list(row)
        shown["size"] = len(self._lists.members(row))
        if filters and row.values.get("filterBranch") is not None:
            shown["filterBranch"] = row.values["filterBranch"]
        return shown

    def _sought(self, row: Record, asked: list[str]) -> dict[str, Any]:
        """Return a list as a search shows it: its size is one of the additional properties."""
        more = {"hs_list_size": str(len(self._lists.members(row)))}
        if "hs_folder_id" in asked:
            more["hs_folder_id"] = row.get("folder", ROOT_FOLDER)
        return {**_list(row), "additionalProperties": more}

    def search(self, request: Request, params: dict[str, str]) -> Response:
        """Find lists by name, type or id."""
        del params
        self._portal.apart("describe")
        wish = body_of(request)
        word, kinds = str(wish.get("query") or "").casefold(), words_of(wish.get("processingTypes"), "processingTypes")
        ids = set(words_of(wish.get("listIds"), "listIds"))
        rows = [
            row
            for row in self._lists.living()
            if word in row.values["name"].casefold()
            and (not kinds or row.values["processingType"] in kinds)
            and (not ids or row.id in ids)
            and (not wish.get("objectTypeId") or wish["objectTypeId"] == row.values["objectTypeId"])
        ]
        start = max(0, whole_of(wish.get("offset"), "offset", 0))
        count = min(max(1, whole_of(wish.get("count"), "count", 20)), LISTS_PAGE)
        page, asked = rows[start : start + count], words_of(wish.get("additionalProperties"), "additionalProperties")
        body = {"lists": [self._sought(row, asked) for row in page], "hasMore": start + count < len(rows)}
        return Response(200, {**body, "offset": start + len(page), "total": len(rows)})

    def several(self, request: Request, params: dict[str, str]) -> Response:
        """Read lists by id."""
        del params
        self._portal.apart("describe")
        wanted, filters = set(request.args("listIds")), flag(request, "includeFilters")
        return Response(
            200, {"lists": [self._shown(row, filters=filters) for row in self._lists.living() if row.id in wanted]}
        )

    def read(self, request: Request, params: dict[str, str]) -> Response:
        """Read one list."""
        self._portal.apart("describe")
        row = self._lists.find(params["list"])
        return Response(200, {"list": self._shown(row, filters=flag(request, "includeFilters"))})

    def by_name(self, request: Request, params: dict[str, str]) -> Response:
        """Read one list by its name."""
        kind = kind_of(params)
        self._portal.apart("describe")
        for row in self._lists.living():
            if row.values["name"] == params["name"] and row.values["objectTypeId"] == kind.type_id:
                return Response(200, {"list": self._shown(row, filters=flag(request, "includeFilters"))})
        raise not_found()

    # -- writing -------------------------------------------------------------------------------

    def create(self, request: Request, params: dict[str, str]) -> Response:
        """Add a list; its filters, where it has some, choose its members."""
        del params
        wish = body_of(request)
        name, sort = str(wish.get("name") or "").strip(), str(wish.get("processingType") or "")
        kind = object_type(str(wish.get("objectTypeId") or ""))
        if not name or kind is None or sort not in PROCESSING:
            raise invalid("Invalid input JSON: name, objectTypeId and processingType are required")
        self._lists.check_name(name)
        self._portal.apart("provision")
        values: dict[str, Any] = {"name": name, "objectTypeId": kind.type_id, "processingType": sort}
        if wish.get("filterBranch") is not None:
            if sort == "MANUAL":
                raise invalid("A MANUAL list has no filters")
            values["filterBranch"] = check_branch(self._portal, kind, wish["filterBranch"])
        elif sort == "DYNAMIC":
            raise invalid("A DYNAMIC list needs filterBranch")
        if wish.get("listFolderId"):
            values["folder"] = self._folder_id(str(wish["listFolderId"]))
        row = self._portal.insert("list", self._portal.new_id(), values)
        self._lists.refresh(row, first=True)
        return Response(200, {"list": self._shown(row, filters=True)})

    def drop(self, request: Request, params: dict[str, str]) -> Response:
        """Delete a list; it can be brought back."""
        del request
        self._portal.apart("provision")
        self._portal.remove(self._lists.find(params["list"]))
        return Response(204)

    def restore(self, request: Request, params: dict[str, str]) -> Response:
        """Bring a deleted list back."""
        del request
        row = self._portal.records.get("list", params["list"])
        if row is None:
            raise not_found()
        self._portal.apart("provision")
        if row.deleted:
            self._portal.revive(row)
        return Response(204)

    def rename(self, request: Request, params: dict[str, str]) -> Response:
        """Give a list another name."""
        row, name = self._lists.find(params["list"]), (request.arg("listName") or "").strip()
        self._portal.apart("provision")
        if not name:
            raise invalid("listName is required")
        self._lists.check_name(name, row.id)
        after = self._portal.update(row, {"name": name})
        return Response(200, {"updatedList": self._shown(after, filters=flag(request, "includeFilters"))})

    def refilter(self, request: Request, params: dict[str, str]) -> Response:
        """Give a dynamic list other filters."""
        row, wish = self._lists.find(params["list"]), body_of(request)
        self._portal.apart("provision")
        if row.values["processingType"] != "DYNAMIC":
            raise invalid("Only the filters of DYNAMIC lists can be changed")
        branch = check_branch(self._portal, self._lists.kind(row), wish.get("filterBranch"))
        version = int(row.get("version", 1)) + 1
        after = self._portal.update(row, {"filterBranch": branch, "version": version})
        return Response(200, {"updatedList": self._shown(after, filters=True)})

    # -- folders -------------------------------------------------------------------------------

    def _folder_id(self, folder_id: str) -> str:
        return folder_id if folder_id == ROOT_FOLDER else self._lists.folder_row(folder_id).id

    def _folder(self, folder_id: str) -> Response:
        return Response(200, {"folder": self._lists.folder(folder_id)})

    def folder(self, request: Request, params: dict[str, str]) -> Response:
        """Read a folder, by default the root."""
        del params
        self._portal.apart("describe")
        return self._folder(request.arg("folderId") or ROOT_FOLDER)

    def create_folder(self, request: Request, params: dict[str, str]) -> Response:
        """Add a folder."""
        del params
        wish = body_of(request)
        self._portal.apart("provision")
        if not wish.get("name"):
            raise invalid("Invalid input JSON: name is required")
        parent = self._folder_id(str(wish.get("parentFolderId") or ROOT_FOLDER))
        row = self._portal.insert("list_folder", self._portal.new_id(), {"name": str(wish["name"]), "parent": parent})
        return self._folder(row.id)

    def rename_folder(self, request: Request, params: dict[str, str]) -> Response:
        """Give a folder another name."""
        row = self._lists.folder_row(params["folder"])
        self._portal.apart("provision")
        if not request.arg("newFolderName"):
            raise invalid("newFolderName is required")
        self._portal.update(row, {"name": request.arg("newFolderName")})
        return self._folder(row.id)

    def move_folder(self, request: Request, params: dict[str, str]) -> Response:
        """Put a folder into another."""
        del request
        row, parent = self._lists.folder_row(params["folder"]), self._folder_id(params["parent"])
        self._portal.apart("provision")
        above = parent
        while above != ROOT_FOLDER:
            if above == row.id:
                raise invalid("A folder cannot lie in itself")
            above = self._lists.folder_row(above).values["parent"]
        self._portal.update(row, {"parent": parent})
        return self._folder(row.id)

    def drop_folder(self, request: Request, params: dict[str, str]) -> Response:
        """Delete an empty folder."""
        del request
        row = self._lists.folder_row(params["folder"])
        self._portal.apart("provision")
        shown = self._lists.folder(row.id)
        if shown["childNodes"] or shown["childLists"]:
            raise invalid("Only an empty folder can be deleted")
        self._portal.remove(row)
        return Response(204)

    def move_list(self, request: Request, params: dict[str, str]) -> Response:
        """Put a list into a folder."""
        del params
        wish = body_of(request)
        self._portal.apart("provision")
        row, folder = self._lists.find(str(wish.get("listId"))), self._folder_id(str(wish.get("newFolderId")))
        self._portal.update(row, {"folder": folder})
        return Response(204)


def _legacy(request: Request, params: dict[str, str]) -> Response:
    """Refuse to map ids of legacy lists, of which this account has none."""
    del request, params
    raise not_emulated("ids of legacy lists")


def editable(row: Record) -> Record:
    """Return a list whose members a client may write.

    Raises:
        Refusal: 400 for a dynamic one.
    """
    if row.values["processingType"] not in EDITABLE:
        raise Refusal(400, "Members of a dynamic list cannot be written", "VALIDATION_ERROR")
    return row


def _list(row: Record) -> dict[str, Any]:
    return {
        "listId": row.id,
        "name": row.values["name"],
        "objectTypeId": row.values["objectTypeId"],
        "processingType": row.values["processingType"],
        "processingStatus": "COMPLETE",
        "listVersion": row.get("version", 1),
        "createdAt": iso(row.created_at),
        "updatedAt": iso(row.modified_at),
    }
