"""Subscribers on this machine are told: signed, in batches, again when they fail, on the account's clock."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hubspot.utils.signature import Signature

APP = 1160452


class Subscriber:
    """A web server that notes what it is sent, and fails as often as it is told."""

    def __init__(self) -> None:
        self.posts: list[tuple[dict[str, str], bytes]] = []
        self.failures = 0
        self.news = threading.Condition()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with outer.news:
                    outer.posts.append((dict(self.headers), body))
                    status = 500 if outer.failures > 0 else 200
                    outer.failures -= 1
                    outer.news.notify_all()
                self.send_response(status)
                self.end_headers()

            def log_message(self, *args):
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?a=%2Fb"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def wait(self, number: int) -> list[dict]:
        """Return all events sent, once there are so many; several may come in one post."""
        with self.news:
            assert self.news.wait_for(lambda: len(self.events()) >= number, 20), f"{len(self.events())} events only"
            return self.events()

    def events(self) -> list[dict]:
        return [event for _, body in self.posts for event in json.loads(body)]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def subscriber():
    made = Subscriber()
    yield made
    made.close()


def subscribe(api, subscriber, *kinds, **more):
    wish = {"targetUrl": subscriber.url, "throttling": {"maxConcurrentRequests": 5}}
    assert api.call("PUT", f"/webhooks/v3/{APP}/settings", wish).status_code == 200
    for kind in kinds:
        api.post(f"/webhooks/v3/{APP}/subscriptions", {"eventType": kind, "active": True, **more}, 201)


def test_a_creation_is_told_and_signed(empty, subscriber, monkeypatch):
    # the library holds the time against this machine's clock; the account has its own, which stands in the past
    monkeypatch.setattr(Signature, "MAX_ALLOWED_TIMESTAMP", 10**9)
    subscribe(empty, subscriber, "contact.creation")
    made = empty.post("/crm/v3/objects/contacts", {"properties": {"email": "a@hook.example"}}, 201)
    (event,) = subscriber.wait(1)
    assert event["objectId"] == int(made["id"])
    assert {"subscriptionType": "contact.creation", "attemptNumber": 0, "appId": APP, "portalId": 62515}.items() <= (
        event.items()
    )
    headers, body = subscriber.posts[0]
    assert 0 <= int(headers["X-HubSpot-Request-Timestamp"]) - event["occurredAt"] < 60_000
    secret = empty.org.credentials.client_secret
    common = {"client_secret": secret, "request_body": body.decode(), "http_method": "POST"}
    assert Signature.is_valid(
        signature=headers["X-HubSpot-Signature-v3"],
        signature_version="v3",
        http_uri=subscriber.url.replace("%2F", "/"),
        timestamp=headers["X-HubSpot-Request-Timestamp"],
        **common,
    )
    assert Signature.is_valid(signature=headers["X-HubSpot-Signature"], signature_version="v1", **common)


def test_failures_are_tried_again_on_the_account_s_clock(empty, subscriber):
    subscriber.failures = 2
    subscribe(empty, subscriber, "contact.propertyChange", propertyName="city")
    one = empty.post("/crm/v3/objects/contacts", {"properties": {"email": "b@hook.example"}}, 201)["id"]
    empty.call("PATCH", f"/crm/v3/objects/contacts/{one}", {"properties": {"city": "Ulm", "firstname": "B"}})
    subscriber.wait(1)
    empty.advance("10m")
    subscriber.wait(2)
    empty.advance("1h")
    events = subscriber.wait(3)
    assert [event["attemptNumber"] for event in events] == [0, 1, 2]
    assert {(event["propertyName"], event["propertyValue"]) for event in events} == {("city", "Ulm")}
    assert len({event["eventId"] for event in events}) == 1


def test_what_people_do_is_told_in_batches_of_a_hundred(empty, subscriber):
    subscribe(empty, subscriber, "contact.creation")
    acts = [
        {"do": "create", "values": {"email": f"p{n}@hook.example"}, "user": "rep1@corp.example"} for n in range(150)
    ]
    empty.act(*acts)
    events = subscriber.wait(150)
    assert sorted(len(json.loads(body)) for _, body in subscriber.posts) == [50, 100]
    assert {event["changeSource"] for event in events} == {"CRM_UI"}


def test_merges_deletions_and_associations(empty, subscriber):
    kinds = ("contact.merge", "contact.deletion", "contact.privacyDeletion", "contact.associationChange")
    subscribe(empty, subscriber, *kinds)
    ids = [
        empty.post("/crm/v3/objects/contacts", {"properties": {"email": f"m{n}@hook.example"}}, 201)["id"]
        for n in range(4)
    ]
    company = empty.post("/crm/v3/objects/companies", {"properties": {"name": "Hook"}}, 201)["id"]
    empty.call("PUT", f"/crm/v4/objects/contacts/{ids[3]}/associations/default/companies/{company}")
    merged = empty.post("/crm/v3/objects/contacts/merge", {"primaryObjectId": ids[0], "objectIdToMerge": ids[1]})
    empty.call("DELETE", f"/crm/v3/objects/contacts/{ids[2]}")
    empty.post("/crm/v3/objects/contacts/gdpr-delete", {"objectId": merged["id"]}, 204)
    events = {event["subscriptionType"]: event for event in subscriber.wait(4)}
    assert set(events) == set(kinds)
    merge = events["contact.merge"]
    assert (merge["primaryObjectId"], merge["mergedObjectIds"]) == (int(ids[0]), [int(ids[1])])
    assert merge["newObjectId"] == merge["objectId"] == int(merged["id"])
    link = events["contact.associationChange"]
    assert (link["associationType"], link["associationRemoved"]) == ("CONTACT_TO_COMPANY", False)
    assert (link["fromObjectId"], link["toObjectId"]) == (int(ids[3]), int(company))


def test_what_is_rolled_back_is_not_told(empty, subscriber):
    subscribe(empty, subscriber, "contact.creation")
    inputs = [{"properties": {"email": "one@hook.example"}}, {"properties": {"email": "no address"}}]
    assert empty.call("POST", "/crm/v3/objects/contacts/batch/create", {"inputs": inputs}).status_code == 400
    made = empty.post("/crm/v3/objects/contacts", {"properties": {"email": "two@hook.example"}}, 201)
    assert [event["objectId"] for event in subscriber.wait(1)] == [int(made["id"])]


@pytest.mark.parametrize("address", ["https://example.com/hook", "ftp://127.0.0.1/x", "", "http://10.0.0.1/"])
def test_nothing_leaves_this_machine(empty, address):
    wish = {"targetUrl": address, "throttling": {"maxConcurrentRequests": 5}}
    assert empty.call("PUT", f"/webhooks/v3/{APP}/settings", wish).status_code == 400


def test_events_that_are_not_raised_are_named(empty):
    path = f"/webhooks/v3/{APP}/subscriptions"
    answer = empty.call("POST", path, {"eventType": "conversation.creation", "active": True})
    assert answer.status_code == 501
    assert "conversation.creation" in answer.json()["message"]
    assert empty.call("POST", path, {"eventType": "contact.nonsense", "active": True}).status_code == 400
