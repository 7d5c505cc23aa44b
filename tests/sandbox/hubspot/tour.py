"""A walk through every operation the account answers, in any of its path trees, with bodies as they are described."""

from __future__ import annotations

from tour_rooms import Rooms
from tour_steps import RECORDS, TREES, TYPE_IDS

__all__ = ["RECORDS", "TREES", "TYPE_IDS", "Tour"]


class Tour(Rooms):
    """Walk through one tree."""

    def everything(self) -> None:
        for kind in RECORDS:
            self.records(kind, kind)
        for kind, type_id in TYPE_IDS.items():
            self.records(kind, type_id)
        self.contacts_only()
        self.links()
        self.labels()
        self.properties()
        self.owners()
        self.pipelines("deals")
        self.pipelines("tickets")
        self.lists()
        self.members()
        self.events()
        self.definitions()
        self.mails()
        self.account()
        self.consent()
        self.webhooks()
        self.oauth()
        self.exports()
        if self.tree == "v3":
            self.forms()
            self.older()

    # -- records -------------------------------------------------------------------------------

    def records(self, kind: str, spelled: str) -> None:
        base, first = f"{self.path('objects')}/{spelled}", next(iter(RECORDS[kind]))
        unique = self.name("u")
        self.call("POST", f"{self.path('properties')}/{spelled}", {
            "name": unique, "label": unique, "type": "string", "fieldType": "text", "hasUniqueValue": True,
            "groupName": self.call("GET", f"{self.path('properties')}/{spelled}/groups")["results"][0]["name"],
        }, status=201)  # fmt: skip
        one = self.call("POST", base, {"properties": self.fresh(kind), "associations": []}, status=201)["id"]
        asked = {"properties": first, "propertiesWithHistory": first, "associations": "companies", "archived": "false"}
        self.call("GET", f"{base}/{one}", **asked)
        self.call("PATCH", f"{base}/{one}", {"properties": {unique: "k1"}})
        self.call("GET", f"{base}/k1", idProperty=unique)
        self.call("PATCH", f"{base}/k1", {"properties": {first: RECORDS[kind][first]}}, idProperty=unique)
        self.call("GET", base, limit=2, after="0", **asked)
        self.call("GET", base, limit=50)
        batch = [{"properties": self.fresh(kind), "associations": [], "objectWriteTraceId": str(n)} for n in range(2)]
        created = self.call("POST", f"{base}/batch/create", {"inputs": batch}, status=201)["results"]
        ids = [{"id": row["id"]} for row in created]
        plain = {"properties": [first], "propertiesWithHistory": []}
        self.call("POST", f"{base}/batch/read", {"inputs": ids, **plain})
        missing = {"inputs": [*ids, {"id": "1"}], **plain}
        assert self.call("POST", f"{base}/batch/read", missing, status=207)["numErrors"] == 1
        changes = [{"id": row["id"], "properties": {unique: row["id"]}, "objectWriteTraceId": "a"} for row in created]
        self.call("POST", f"{base}/batch/update", {"inputs": changes})
        changes[0] |= {"id": "1"}
        assert self.call("POST", f"{base}/batch/update", {"inputs": changes}, status=207)["numErrors"] == 1
        upserts = [{"id": word, "idProperty": unique, "properties": self.fresh(kind)} for word in ("k1", "k2")]
        done = self.call("POST", f"{base}/batch/upsert", {"inputs": upserts})["results"]
        assert [row["new"] for row in done] == [False, True]
        filters = [{"filters": [{"propertyName": first, "operator": "HAS_PROPERTY"}]}]
        search = {"filterGroups": filters, "sorts": [], "properties": [first], "limit": 2, "after": "0", "query": ""}
        self.api.advance("1s")
        assert self.call("POST", f"{base}/search", search)["total"] >= 4
        if kind in {"contacts", "companies", "deals", "tickets"}:
            pair = {"primaryObjectId": created[0]["id"], "objectIdToMerge": created[1]["id"]}
            merged = self.call("POST", f"{base}/merge", pair)["id"]
            assert merged not in {row["id"] for row in created}
        self.call("DELETE", f"{base}/{one}", status=204)
        self.call("GET", f"{base}/{one}", status=404)
        self.call("GET", f"{base}/{one}", archived="true")
        self.call("GET", base, archived="true")
        self.call("POST", f"{base}/batch/archive", {"inputs": ids}, status=204)
        self.call("DELETE", f"{self.path('properties')}/{spelled}/{unique}", status=204)

    def contacts_only(self) -> None:
        base = f"{self.path('objects')}/contacts"
        body = {"objectId": self.made("contacts")}
        self.call("POST", f"{base}/gdpr-delete", body, status=204)
        self.call("GET", f"{base}/{body['objectId']}", status=404)

    # -- associations --------------------------------------------------------------------------

    def links(self) -> None:
        contact, company = self.made("contacts"), self.made("companies")
        one = f"{self.path('links')}/contacts/{contact}/associations"
        self.call("PUT", f"{self.path('links')}/contacts/{contact}/associations/default/companies/{company}")
        types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}]
        self.call("PUT", f"{one}/companies/{company}", types, status=201)
        assert self.call("GET", f"{one}/companies", limit=10, after="0")["results"][0]["toObjectId"] == int(company)
        self.call("DELETE", f"{one}/companies/{company}", status=204)
        pair = f"{self.path('associations')}/contacts/companies"
        ends = {"from": {"id": contact}, "to": {"id": company}}
        self.call("POST", f"{pair}/batch/create", {"inputs": [{**ends, "types": types}]}, status=201)
        nobody = {"inputs": [{**ends, "types": types}, {"from": {"id": "1"}, "to": {"id": company}, "types": types}]}
        assert self.call("POST", f"{pair}/batch/create", nobody, status=207)["numErrors"] == 1
        self.call("POST", f"{pair}/batch/associate/default", {"inputs": [ends]})
        self.call("POST", f"{pair}/batch/read", {"inputs": [{"id": contact}]})
        lone = {"inputs": [{"id": contact}, {"id": self.made("contacts")}]}
        assert self.call("POST", f"{pair}/batch/read", lone, status=207)["numErrors"] == 1
        self.call("POST", f"{pair}/batch/labels/archive", {"inputs": [{**ends, "types": types}]}, status=204)
        far = {"from": {"id": contact}, "to": [{"id": company}]}
        self.call("POST", f"{pair}/batch/archive", {"inputs": [far]}, status=204)
        assert self.call("GET", f"{one}/companies")["results"] == []

    def labels(self) -> None:
        pair = f"{self.path('associations')}/contacts/companies"
        name = self.name("label")
        made = self.call("POST", f"{pair}/labels", {"label": name, "name": name, "inverseLabel": f"{name} of"})
        number = made["results"][0]["typeId"]
        assert name in {entry["label"] for entry in self.call("GET", f"{pair}/labels")["results"]}
        self.call("PUT", f"{pair}/labels", {"associationTypeId": number, "label": f"{name}2"}, status=204)
        limits = f"{self.path('associations')}/definitions/configurations"
        wish = {"category": "USER_DEFINED", "typeId": number, "maxToObjectIds": 5}
        self.call("POST", f"{limits}/contacts/companies/batch/create", {"inputs": [wish]}, status=201)
        self.call("POST", f"{limits}/contacts/companies/batch/update", {"inputs": [{**wish, "maxToObjectIds": 6}]})
        assert self.call("GET", f"{limits}/all")["results"][0]["userEnforcedMaxToObjectIds"] == 6
        self.call("GET", f"{limits}/contacts/companies")
        spec = {"category": "USER_DEFINED", "typeId": number}
        self.call("POST", f"{limits}/contacts/companies/batch/purge", {"inputs": [spec]}, status=204)
        self.call("DELETE", f"{pair}/labels/{number}", status=204)
