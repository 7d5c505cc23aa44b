"""A walk through everything but records and their associations, with bodies as they are described."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from tour_steps import OLD, STAMP, TREES, Steps


class Rooms(Steps):
    """Walk through definitions, audiences, behaviour and the account."""

    # -- definitions ---------------------------------------------------------------------------

    def properties(self) -> None:
        base, name, group = f"{self.path('properties')}/contacts", self.name("prop"), self.name("group")
        self.call("POST", f"{base}/groups", {"name": group, "label": group, "displayOrder": 1}, status=201)
        self.call("PATCH", f"{base}/groups/{group}", {"label": f"{group}!"})
        self.call("GET", f"{base}/groups/{group}")
        self.call("GET", f"{base}/groups")
        wish = {"name": name, "label": name, "type": "enumeration", "fieldType": "select", "groupName": group,
                "options": [{"label": "A", "value": "a", "displayOrder": 0, "hidden": False}]}  # fmt: skip
        self.call("POST", base, wish, status=201)
        self.call("GET", base, archived="false")
        self.call("GET", f"{base}/{name}", archived="false")
        self.call("PATCH", f"{base}/{name}", {"label": f"{name}!"})
        many = [{**wish, "name": f"{name}{n}"} for n in "xy"]
        self.call("POST", f"{base}/batch/create", {"inputs": many}, status=201)
        assert self.call("POST", f"{base}/batch/create", {"inputs": many}, status=207)["numErrors"] == 2
        names = [{"name": entry["name"]} for entry in many]
        self.call("POST", f"{base}/batch/read", {"inputs": names, "archived": False})
        unknown = {"inputs": [*names, {"name": "nobody_has_this"}], "archived": False}
        assert self.call("POST", f"{base}/batch/read", unknown, status=207)["numErrors"] == 1
        self.call("POST", f"{base}/batch/archive", {"inputs": names}, status=204)
        self.call("DELETE", f"{base}/{name}", status=204)
        self.call("GET", f"{base}/{name}", archived="true")
        self.call("DELETE", f"{base}/groups/{group}", status=204)

    def owners(self) -> None:
        base = self.path("owners")
        found = self.call("GET", base, limit=2, archived="false")
        owner = found["results"][0]
        self.call("GET", base, email=owner["email"], after=found["paging"]["next"]["after"])
        self.call("GET", f"{base}/{owner['id']}", idProperty="id", archived="false")
        assert self.call("GET", f"{base}/{owner['userId']}", idProperty="userId")["id"] == owner["id"]
        gone = self.call("GET", base, archived="true")["results"]
        assert all("userId" not in entry and entry["userIdIncludingInactive"] for entry in gone)

    def pipelines(self, kind: str) -> None:
        base = f"{self.path('pipelines')}/{kind}"
        meta = {"probability": "0.5"} if kind == "deals" else {"ticketState": "OPEN"}
        stage = {"label": "First", "displayOrder": 0, "metadata": meta}
        wish = {"label": self.name("Pipe"), "displayOrder": 1, "stages": [stage]}
        pipe = self.call("POST", base, wish, status=201)["id"]
        self.call("GET", base)
        self.call("GET", f"{base}/{pipe}")
        self.call("PATCH", f"{base}/{pipe}", {"displayOrder": 2})
        self.call("PUT", f"{base}/{pipe}", {**wish, "stages": [stage, {**stage, "label": "Second"}]})
        stages = f"{base}/{pipe}/stages"
        last = self.call("POST", stages, {**stage, "label": "Third"}, status=201)["id"]
        assert [entry["label"] for entry in self.call("GET", stages)["results"]].count("Third") == 1
        self.call("GET", f"{stages}/{last}")
        self.call("PATCH", f"{stages}/{last}", {"label": "Last", "metadata": meta})
        self.call("PUT", f"{stages}/{last}", {**stage, "label": "Very last"})
        assert len(self.call("GET", f"{stages}/{last}/audit")["results"]) == 3
        self.call("DELETE", f"{stages}/{last}", status=204)
        assert self.call("GET", f"{base}/{pipe}/audit")["results"]
        references = {"validateReferencesBeforeDelete": "true", "validateDealStageUsagesBeforeDelete": "true"}
        self.call("DELETE", f"{base}/{pipe}", status=204, **references)

    # -- audiences -----------------------------------------------------------------------------

    def lists(self) -> None:
        base = self.path("lists")
        branch = {"filterBranchType": "OR", "filterBranchOperator": "OR", "filters": [], "filterBranches": [
            {"filterBranchType": "AND", "filterBranchOperator": "AND", "filterBranches": [], "filters": [
                {"filterType": "PROPERTY", "property": "firstname", "operation": {
                    "operationType": "MULTISTRING", "operator": "IS_EQUAL_TO", "values": ["Ana"],
                    "includeObjectsWithNoValueSet": False}}]}]}  # fmt: skip
        wish = {"name": self.name("List"), "objectTypeId": "0-1", "processingType": "DYNAMIC", "filterBranch": branch}
        made = self.call("POST", f"{base}/" if self.tree == "v3" else base, wish)["list"]
        number, name = made["listId"], made["name"]
        self.call("GET", base, listIds=number, includeFilters="true")
        self.call("GET", f"{base}/{number}", includeFilters="true")
        self.call("GET", f"{base}/object-type-id/0-1/name/{quote(name)}", includeFilters="false")
        found = self.call("POST", f"{base}/search", {"query": name, "processingTypes": ["DYNAMIC"], "listIds": [],
                                                     "offset": 0, "count": 5, "additionalProperties": []})  # fmt: skip
        assert [entry["listId"] for entry in found["lists"]] == [number]
        self.call("PUT", f"{base}/{number}/update-list-name", listName=f"{name}!", includeFilters="false")
        self.call("PUT", f"{base}/{number}/update-list-filters", {"filterBranch": branch})
        folder = self.call("POST", f"{base}/folders", {"name": self.name("Folder")})["folder"]["id"]
        inner = self.call("POST", f"{base}/folders", {"name": self.name("Folder")})["folder"]["id"]
        self.call("PUT", f"{base}/folders/{inner}/move/{folder}")
        self.call("PUT", f"{base}/folders/{inner}/rename", newFolderName="inner")
        self.call("PUT", f"{base}/folders/move-list", {"listId": number, "newFolderId": str(inner)}, status=204)
        shown = self.call("GET", f"{base}/folders", folderId=str(folder))["folder"]
        assert shown["childNodes"][0]["childLists"] == [int(number)]
        self.call("PUT", f"{base}/folders/move-list", {"listId": number, "newFolderId": "0"}, status=204)
        self.call("DELETE", f"{base}/folders/{inner}", status=204)
        self.call("DELETE", f"{base}/{number}", status=204)
        self.call("PUT", f"{base}/{number}/restore", status=204)
        self.call("DELETE", f"{base}/{number}", status=204)

    def members(self) -> None:
        base, ids = self.path("lists"), sorted(self.made("contacts") for _ in range(3))
        lists = []
        for kind in ("MANUAL", "SNAPSHOT"):
            wish = {"name": self.name("List"), "objectTypeId": "0-1", "processingType": kind}
            lists.append(self.call("POST", base, wish)["list"]["listId"])
        one, other = (f"{base}/{number}/memberships" for number in lists)
        assert self.call("PUT", f"{one}/add", [*ids, "1"])["recordIdsMissing"] == ["1"]
        assert self.call("GET", one, limit=2)["paging"]["next"]["after"] == ids[1]
        assert len(self.call("GET", one, limit=2, after=ids[1])["results"]) == 1
        self.call("GET", f"{one}/join-order", limit=2)
        self.call("GET", one, before=ids[2])
        self.call("PUT", f"{one}/remove", ids[:1])
        self.call("PUT", f"{one}/add-and-remove", {"recordIdsToAdd": ids[:1], "recordIdsToRemove": ids[1:2]})
        self.call("PUT", f"{other}/add-from/{lists[0]}", status=204)
        assert self.call("GET", other)["total"] == 2
        assert self.call("GET", f"{base}/records/0-1/{ids[0]}/memberships")["total"] == 2
        if self.tree != "v3":
            many = {"inputs": [{"objectTypeId": "0-1", "recordId": ids[0]}]}
            self.call("POST", f"{base}/records/memberships/batch/read", many)
        self.call("DELETE", other, status=204)
        assert self.call("GET", other)["total"] == 0

    # -- behaviour -----------------------------------------------------------------------------

    def events(self) -> None:
        base, send = self.path("occurrences"), self.path("send")
        contact = self.made("contacts")
        name = next(n for n in self.call("GET", f"{base}/event-types")["eventTypes"] if n.endswith("asset_download"))
        event = {"eventName": name, "objectId": contact, "properties": {"asset": "guide"}, "occurredAt": STAMP}
        self.call("POST", send, {**event, "uuid": self.name("uuid")}, status=204)
        self.call("POST", f"{send}/batch", {"inputs": [event, {**event, "occurredAt": "2026-11-21T09:00:00Z"}]},
                  status=204)  # fmt: skip
        page = self.call("GET", f"{base}/" if self.tree == "v3" else base, objectType="contact", objectId=contact,
                         eventType=name, limit=2, sort="-occurredAt", occurredAfter="2026-01-01T00:00:00Z")  # fmt: skip
        assert len(page["results"]) == 2
        rest = self.call("GET", base, objectId=contact, limit=2, after=page["paging"]["next"]["after"])
        assert [entry["properties"] for entry in rest["results"]] == [{"asset": "guide"}]

    def definitions(self) -> None:
        base, name = self.path("definitions"), self.name("happening")
        wish = {"label": name, "name": name, "includeDefaultProperties": True, "propertyDefinitions": [
            {"name": "size", "label": "Size", "type": "number"}]}  # fmt: skip
        full = self.call("POST", base, wish, status=201)["fullyQualifiedName"]
        self.call("GET", base, limit=1, searchString=name)
        self.call("GET", f"{base}/{full}")
        self.call("PATCH", f"{base}/{full}", {"label": f"{name}!"})
        self.call("POST", f"{base}/{full}/property", {"name": "colour", "label": "Colour", "type": "string"},
                  status=201)  # fmt: skip
        self.call("PATCH", f"{base}/{full}/property/colour", {"label": "Color"})
        event = {"eventName": full, "email": "visitor@tour.example", "properties": {"colour": "red", "size": "4"}}
        self.call("POST", self.path("send"), event, status=204)
        self.call("DELETE", f"{base}/{full}/property/colour", status=204)
        self.call("DELETE", f"{base}/{full}", status=204)
        self.call("POST", self.path("send"), event, status=400)

    def forms(self) -> None:
        base = "/marketing/v3/forms"
        field = {"objectTypeId": "0-1", "name": "email", "label": "E-mail", "required": True, "hidden": False,
                 "dependentFields": [], "fieldType": "email",
                 "validation": {"blockedEmailDomains": [], "useDefaultBlockList": False}}  # fmt: skip
        group = {"groupType": "default_group", "richTextType": "text", "fields": [field]}
        known = self.call("GET", f"{base}/", limit=1, formTypes="hubspot", archived="false")["results"][0]
        parts = {name: known[name] for name in ("configuration", "displayOptions", "legalConsentOptions")}
        wish = {"formType": "hubspot", "name": self.name("Form"), "fieldGroups": [group], "archived": False,
                "createdAt": STAMP, "updatedAt": STAMP, **parts}  # fmt: skip
        form = self.call("POST", f"{base}/", wish, status=201)["id"]
        self.call("GET", f"{base}/{form}", archived="false")
        self.call("PATCH", f"{base}/{form}", {"name": f"{wish['name']}!"})
        self.call("PUT", f"{base}/{form}", {**wish, "id": form})
        sent = {"fields": [{"objectTypeId": "0-1", "name": "email", "value": "sent@tour.example"}]}
        portal = self.call("GET", f"{OLD['account']}/details")["portalId"]
        self.call("POST", f"/submissions/v3/integration/secure/submit/{portal}/{form}", sent)
        self.call("POST", f"/submissions/v3/integration/submit/{portal}/{form}", sent)
        assert len(self.call("GET", f"/form-integrations/v1/submissions/forms/{form}", limit=5)["results"]) == 2
        self.call("DELETE", f"{base}/{form}", status=204)
        self.call("GET", f"{base}/{form}", archived="true")

    def mails(self) -> None:
        base = self.path("mails")
        made = self.call("POST", f"{base}/" if self.tree == "v3" else base,
                         {"name": self.name("Mail"), "subject": "Hi"}, status=201)["id"]  # fmt: skip
        self.call("GET", base, limit=1, includeStats="true", isPublished="true", archived="false")
        if self.tree == "v3":
            self.call("GET", f"{base}/{made}", includeStats="true", archived="false")
        self.call("PATCH", f"{base}/{made}", {"subject": "Hello"}, archived="false")
        span = {"startTimestamp": "2026-11-01T00:00:00Z", "endTimestamp": "2026-11-08T00:00:00Z"}
        self.call("GET", f"{base}/statistics/list", emailIds=made, **span)
        assert self.call("GET", f"{base}/statistics/histogram", interval="DAY", **span)["total"] == 7
        self.call("DELETE", f"{base}/{made}", archived="false", status=204)

    def older(self) -> None:
        """Walk through what has no description and no dated twin: e-mail events v1 and the v3 form of associations."""
        self.call("GET", "/email/public/v1/events", limit=1, eventType="OPEN")
        self.call("GET", "/email/public/v1/campaigns", limit=1)
        self.call("GET", "/email/public/v1/subscriptions/timeline", limit=1)
        contact, task = self.made("contacts"), self.made("tasks")
        one = f"/crm/v3/objects/tasks/{task}/associations/contacts"
        self.call("PUT", f"{one}/{contact}/204")
        assert self.call("GET", one)["results"][0]["id"] == contact
        self.call("DELETE", f"{one}/{contact}/task_to_contact", status=204)
        v3, email = "/communication-preferences/v3", "sub@tour.example"
        self.call("GET", f"{v3}/definitions")
        self.call("POST", f"{v3}/subscribe", {"emailAddress": email, "subscriptionId": "1001",
                                              "legalBasis": "CONSENT_WITH_NOTICE"})  # fmt: skip
        self.call("POST", f"{v3}/unsubscribe", {"emailAddress": email, "subscriptionId": "1001"})
        states = self.call("GET", f"{v3}/status/email/{email}")["subscriptionStatuses"]
        assert states[0]["status"] == "NOT_SUBSCRIBED"

    # -- account -------------------------------------------------------------------------------

    def account(self) -> None:
        base = self.path("account")
        assert self.call("GET", f"{base}/details")["portalId"]
        usage = self.call("GET", f"{base}/api-usage/daily/private-apps")["results"][0]
        assert 0 < usage["currentUsage"] < usage["usageLimit"]

    def consent(self) -> None:
        base, email = self.path("consent"), f"{self.name('c')}@tour.example"
        number = int(self.call("GET", f"{base}/definitions")["results"][0]["id"])
        one = f"{base}/statuses/{quote(email)}"
        assert self.call("GET", one, channel="EMAIL")["results"][0]["status"] == "NOT_SPECIFIED"
        wish = {"channel": "EMAIL", "statusState": "SUBSCRIBED", "subscriptionId": number, "legalBasis": "NON_GDPR"}
        self.call("POST", one, wish)
        many = {"inputs": [{**wish, "subscriberIdString": email}]}
        self.call("POST", f"{base}/statuses/batch/write", many)
        assert self.call("GET", one, channel="EMAIL")["results"][0]["status"] == "SUBSCRIBED"
        self.call("POST", f"{base}/statuses/batch/read", {"inputs": [email]}, channel="EMAIL")
        self.call("POST", f"{one}/unsubscribe-all", channel="EMAIL", verbose="true")
        assert self.call("GET", f"{one}/unsubscribe-all", channel="EMAIL")["results"][0]["status"] == "UNSUBSCRIBED"
        self.call("POST", f"{base}/statuses/batch/unsubscribe-all", {"inputs": [email]}, channel="EMAIL")
        self.call("POST", f"{base}/statuses/batch/unsubscribe-all/read", {"inputs": [email]}, channel="EMAIL")

    def webhooks(self) -> None:
        base = f"{self.path('webhooks')}/{1160452 + TREES.index(self.tree)}"
        settings = {"targetUrl": "http://127.0.0.1:9/hook", "throttling": {"maxConcurrentRequests": 10}}
        self.call("GET", f"{base}/settings", status=404)
        self.call("PUT", f"{base}/settings", settings)
        assert self.call("GET", f"{base}/settings")["targetUrl"] == settings["targetUrl"]
        self.call("DELETE", f"{base}/settings", status=204)
        wish = {"eventType": "contact.propertyChange", "propertyName": "city", "active": False}
        number = self.call("POST", f"{base}/subscriptions", wish, status=201)["id"]
        self.call("POST", f"{base}/subscriptions", wish, status=409)
        assert [entry["id"] for entry in self.call("GET", f"{base}/subscriptions")["results"]] == [number]
        self.call("GET", f"{base}/subscriptions/{number}")
        self.call("PATCH", f"{base}/subscriptions/{number}", {"active": True})
        states = [{"id": int(number), "active": False}]
        self.call("POST", f"{base}/subscriptions/batch/update", {"inputs": states})
        unknown = {"inputs": [*states, {"id": 1, "active": True}]}
        assert self.call("POST", f"{base}/subscriptions/batch/update", unknown, status=207)["numErrors"] == 1
        self.call("DELETE", f"{base}/subscriptions/{number}", status=204)

    def oauth(self) -> None:
        known = self.api.org.credentials
        app = {"client_id": known.client_id, "client_secret": known.client_secret}
        asked = {"grant_type": "refresh_token", "refresh_token": known.refresh_token, **app}
        path = self.path("token")
        token = self.api.session.post(self.api.url + path, data=asked, timeout=20).json()
        if self.tree == "v3":
            assert self.call("GET", f"/oauth/v1/access-tokens/{token['access_token']}")["token_type"] == "access"
            assert self.call("GET", f"/oauth/v1/refresh-tokens/{known.refresh_token}")["token_type"] == "refresh"
            self.api.session.delete(f"{self.api.url}/oauth/v1/refresh-tokens/{self.code(app)['refresh_token']}")
            return
        seen = self.api.session.post(f"{self.api.url}{path}/introspect", data={"token": token["access_token"], **app})
        assert seen.json()["active"]
        gone = self.api.session.post(f"{self.api.url}{path}/revoke", data={"token": token["access_token"], **app})
        assert gone.status_code == 200
        self.api.call("GET", f"{self.path('account')}/details", token=token["access_token"]).status_code = 401

    def code(self, app: dict[str, str]) -> dict[str, Any]:
        """Let the user agree, and exchange the code."""
        target = "http://127.0.0.1:9/back"
        asked = {"client_id": app["client_id"], "redirect_uri": target, "scope": "oauth crm.objects.contacts.read"}
        agreed = self.api.session.get(f"{self.api.url}/oauth/authorize", params=asked, allow_redirects=False)
        code = agreed.headers["Location"].partition("code=")[2]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": target, **app}
        return dict(self.api.session.post(self.api.url + self.path("token"), data=form, timeout=20).json())

    def exports(self) -> None:
        base = f"{self.path('exports')}/export/async"
        wish = {"exportType": "VIEW", "exportName": "all", "format": "CSV", "language": "EN", "objectType": "CONTACT",
                "objectProperties": ["email"], "associatedObjectType": "COMPANY", "exportInternalValuesOptions": [],
                "overrideAssociatedObjectsPerDefinitionPerRowLimit": False}  # fmt: skip
        number = self.call("POST", base, wish, status=202)["id"]
        assert self.call("GET", f"{base}/tasks/{number}/status")["status"] == "PROCESSING"
        self.api.advance("20s")
        done = self.call("GET", f"{base}/tasks/{number}/status")
        assert done["status"] == "COMPLETE"
        assert self.api.session.get(done["result"], timeout=20).text.startswith("Record ID,Email\r\n")
        self.api.advance("6m")
        assert self.api.session.get(done["result"], timeout=20).status_code == 403
