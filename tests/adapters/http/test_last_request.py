"""What is sent again and again to one address is made ready once: everybody must see the same on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import requests
import responses

from adapters.http import VendorSession

URL = "https://vendor.example/things/a%20b?x=1"


def _sent(*asked: tuple[str, str, Mapping[str, Any]], fresh: bool) -> list[tuple[Any, ...]]:
    """Give what went over the wire: by one session, or each by a session of its own."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire:
        for method in ("PATCH", "POST", "GET"):
            wire.add(method, URL, json={"a": 1}, headers={"Set-Cookie": "browser=1; Path=/"})
            wire.add(method, f"{URL}2", json={"a": 1})
            wire.add(method, f"{URL}&y=2", json={"a": 1})
        session = VendorSession("acme")
        for method, url, words in asked:
            with VendorSession("acme") if fresh else session as http:
                http.request(method, url, **words)
        seen = [(call.request.method, call.request.url, call.request.body, call.request.headers) for call in wire.calls]
    return [(*one[:3], dict(sorted(one[3].items()))) for one in seen]


ONE = {"headers": {"Authorization": "Bearer 1", "Content-Type": "application/json"}}


@pytest.mark.parametrize(
    "second",
    [
        ("PATCH", URL, {**ONE, "data": b"{} "}),
        ("PATCH", URL, {"headers": {**ONE["headers"], "Authorization": "Bearer 2"}, "data": b"{}"}),
        ("PATCH", URL, {"headers": {"Authorization": "Bearer 1"}, "data": b"{}"}),
        ("PATCH", f"{URL}2", {**ONE, "data": b"{}"}),
        ("POST", URL, {**ONE, "data": b"{}"}),
        ("POST", URL, {**ONE, "data": b""}),
        ("POST", URL, {**ONE, "json": {"b": 2}}),
        ("POST", URL, {**ONE, "data": {"b": "2"}}),
        ("PATCH", URL, {**ONE, "data": b"{}", "params": {"y": "2"}}),
        ("GET", URL, ONE),
    ],
)
def test_a_request_is_the_same_after_another_as_alone(second: Any) -> None:
    first = ("PATCH", URL, {**ONE, "data": b'{"long": "body"}'})
    asked = (first, first, second, first, second)
    assert _sent(*asked, fresh=False) == _sent(*asked, fresh=True)


@responses.activate
def test_cookies_are_not_carried_from_answer_to_request() -> None:
    responses.patch(URL, json={"a": 1}, headers={"Set-Cookie": "browser=1; Path=/"})
    with VendorSession("acme") as http:
        for _ in range(3):
            http.patch(URL, data=b"{}")
        assert list(http.cookies) == []
    assert all("Cookie" not in call.request.headers for call in responses.calls)


def test_what_was_made_ready_is_not_shared() -> None:
    with VendorSession("acme") as http:
        one, two, three = (http.prepare_request(requests.Request("PATCH", URL, data=b"x" * n)) for n in (1, 2, 3))
    assert [(each.body, each.headers["Content-Length"]) for each in (one, two, three)] == [
        (b"x", "1"),
        (b"xx", "2"),
        (b"xxx", "3"),
    ]
