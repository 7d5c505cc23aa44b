"""The HubSpot source under the contract, over an account that answers as the vendor does."""

from datetime import UTC, datetime

import requests

from adapters.conformance.suite import source_contract
from adapters.hubspot import HubSpotSource
from connector.domain.refs import Ref
from sandbox.hubspot.access.gate import Limits
from sandbox.serve import Sandbox

OBJECTS = {
    "contacts": "contacts",
    "companies": "companies",
    "email_replies": "emails",
    "calls": "calls",
    "meetings": "meetings",
    "notes": "notes",
}
MAIL = {"SENT", "DELIVERED", "OPEN", "CLICK", "BOUNCE", "SPAMREPORT", "STATUSCHANGE"}


class HubSpotBench:
    """Forty sample people and an import of 450 contacts at one moment."""

    now = datetime.now(UTC)

    def __init__(self, folder):
        self._sandbox = Sandbox(folder, people=40, seed=3, vendors=("hubspot",)).__enter__()
        running = self._sandbox.hubspot
        # Pace is a matter of other tests; here it would only cost time.
        running.org._gate.limits = Limits(burst=10**6, search=10**6, associations=10**6)
        self._url, self._token = running.url, running.org.credentials.token
        self._web = requests.Session()
        self.act({"do": "create_contacts", "count": 450})
        self._contact = min(self._ids("contacts"), key=int)
        for what in ("reply", "log_call", "book_meeting"):
            self.act({"do": what, "id": self._contact})
        self._email = self._get(f"/crm/v3/objects/contacts/{self._contact}")["properties"]["email"]

    def act(self, *acts):
        answer = self._web.post(f"{self._url}/__sandbox__/act", json=list(acts))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _get(self, path, **query):
        answer = self._web.get(self._url + path, params=query, headers={"Authorization": f"Bearer {self._token}"})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _all(self, path, **query):
        rows = []
        while True:
            page = self._get(path, **query)
            rows += page["results"]
            if "paging" not in page:
                return rows
            query["after"] = page["paging"]["next"]["after"]

    def _ids(self, kind, **query):
        return {row["id"] for row in self._all(f"/crm/v3/objects/{kind}", limit=100, **query)}

    def source(self):
        options = {"base_url": self._url, "token": self._token, "searches_per_second": 0, "calls_per_10s": 0}
        return HubSpotSource(options)

    def expected(self, stream):
        if stream in ("contacts", "companies"):
            return self._ids(stream)
        if stream in OBJECTS:
            rows = self._all(f"/crm/v3/objects/{OBJECTS[stream]}", limit=50, associations="contacts")
            return {row["id"] for row in rows if row.get("associations")}
        if stream == "archived_contacts":
            return self._ids("contacts", archived="true")
        if stream == "form_submissions":
            forms = self._all("/marketing/v3/forms")
            paths = [f"/form-integrations/v1/submissions/forms/{form['id']}" for form in forms]
            return {row["conversionId"] for path in paths for row in self._all(path, limit=50)}
        if stream == "email_events":
            events = self._get("/email/public/v1/events", limit=1000)
            assert not events["hasMore"]
            return {event["id"] for event in events["events"] if event["type"] in MAIL}
        types = self._get("/events/v3/events/event-types")["eventTypes"]
        wanted = [name for name in types if (name == "e_visited_page") == (stream == "page_views")]
        return {row["id"] for name in wanted for row in self._all("/events/v3/events", eventType=name)}

    def change(self, stream):
        acts = {
            "contacts": {"do": "edit", "id": self._contact, "values": {"jobtitle": "Chief"}},
            "companies": {"do": "edit", "object": "company", "values": {"city": "Ulm"}},
            "archived_contacts": {"do": "delete", "id": max(self._ids("contacts"), key=int)},
            "form_submissions": {"do": "submit_form", "email": self._email, "form": "contact-us"},
            "page_views": {"do": "visit", "id": self._contact, "path": "/pricing"},
            "custom_events": {"do": "download", "id": self._contact, "asset": "guide"},
            "email_events": {"do": "open_email", "id": self._contact},
            "email_replies": {"do": "reply", "id": self._contact},
            "calls": {"do": "log_call", "id": self._contact},
            "meetings": {"do": "book_meeting", "id": self._contact},
        }
        act = acts.get(stream)
        if act is None:
            return set()
        if stream == "companies":
            act["id"] = min(self._ids("companies"), key=int)
        done = self.act(act)
        done = done["done"][0]
        keys = ("submission", "event", "email", "call", "meeting", "id")
        return {str(next(done[key] for key in keys if key in done))}

    def spoil(self, stream):
        if stream != "companies":
            return ""
        # Twice, because a page with unreadable rows is asked for again.
        fault = {"match": "companies/search", "what": "malformed_record", "count": 2}
        assert self._web.post(f"{self._url}/__sandbox__/faults", json=[fault]).status_code == 200
        rows = self._all("/crm/v3/objects/companies", limit=100)
        return min(rows, key=lambda row: (row["updatedAt"], int(row["id"])))["id"]

    def close(self):
        self._web.close()
        self._sandbox.__exit__(None, None, None)


TestHubSpotSource = source_contract(HubSpotBench)


def test_a_merge_leaves_an_alias_and_a_deletion_a_tombstone(tmp_path):
    bench = HubSpotBench(tmp_path)
    try:
        source = bench.source()
        first, second, third = sorted(bench._ids("contacts"), key=int)[-3:]
        bench.act({"do": "merge", "id": first, "into": second}, {"do": "delete", "id": third})
        found = {r.ref.id: r for page in source.pull("contacts", None, now=bench.now) for r in page.records}
        survivor = found[first].merged_into
        assert survivor == found[second].merged_into
        assert found[survivor.id].merged_into is None
        gone = [r for page in source.pull("archived_contacts", None, now=bench.now) for r in page.records]
        assert {r.ref.id: r.deleted for r in gone}[third]
        assert source.fetch_people([Ref("hubspot", "contact", third)]) == []
        source.close()
    finally:
        bench.close()
