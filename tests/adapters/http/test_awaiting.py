"""What is done meanwhile is done once the vendor has the request, and before its answer is read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from adapters.http import VendorSession, body_of


@pytest.fixture
def vendor() -> Iterator[tuple[str, list[str], threading.Event]]:
    """Answer a request only once the event is set."""
    seen: list[str] = []
    go = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PATCH(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            seen.append("asked")
            assert go.wait(30)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"[]")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", seen, go
    server.shutdown()
    thread.join()
    server.server_close()


def test_work_is_done_between_a_request_and_its_answer(vendor: tuple[str, list[str], threading.Event]) -> None:
    address, seen, go = vendor
    done: list[str] = []

    def work() -> None:
        # the vendor answers only after it: were the answer waited for before, this would never come
        done.append(threading.current_thread().name)
        go.set()

    with VendorSession("acme") as http:
        http.meanwhile = work
        assert body_of(http.patch(address, data=b"{}")) == []
        assert done == [threading.current_thread().name]
        assert http.meanwhile is None
        assert body_of(http.patch(address, data=b"{}")) == []
    assert len(done) == 1
    assert seen == ["asked", "asked"]
