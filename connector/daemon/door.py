"""The daemon's door for machines: `/livez`, `/readyz`, `/metrics`. It reads no bodies, and tells of no people."""

from __future__ import annotations

import errno
import json
import socket
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import structlog

from connector.errors import LocalFault

#: status, content type, body
Page = tuple[int, str, bytes]
JSON = "application/json; charset=utf-8"
#: a caller that is slower than this is sent away
_SECONDS = 5.0
#: callers at once; probes and a scraper are three
_MOST = 16


def json_page(ok: bool, document: Mapping[str, Any]) -> Page:
    """Give a probe's answer: 200, or 503 with the reasons."""
    return 200 if ok else 503, JSON, json.dumps(document, ensure_ascii=False).encode()


class Door:
    """Answers on one address from threads of its own, for the length of a ``with`` block.

    Raises:
        LocalFault: ``console.port_taken``, ``console.address``: nothing can listen there.
    """

    def __init__(self, host: str, port: int, pages: Mapping[str, Callable[[], Page]]) -> None:
        try:
            self._server = _server(host, port, pages)
        except OSError as error:
            raise _cannot_listen(host, port, error) from error
        #: the real one where 0 was asked for
        self.port = int(self._server.server_address[1])
        self.url = f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, name="door", daemon=True
        )

    def __enter__(self) -> Self:
        """Open."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close; answers on their way are finished by their threads, or end with the process."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _cannot_listen(host: str, port: int, error: OSError) -> LocalFault:
    if error.errno == errno.EADDRINUSE:
        return LocalFault(
            "console.port_taken",
            f"another program listens on {host} port {port}",
            cure="stop it, or set console.port in handoff.yaml; 0 picks a free one",
            at="handoff.yaml: console",
        )
    return LocalFault(
        "console.address",
        f"nothing can listen on {host} port {port}: {error.strerror}",
        cure="set console.host to an address of this machine, console.port to one above 1023",
        at="handoff.yaml: console",
    )


def _server(host: str, port: int, pages: Mapping[str, Callable[[], Page]]) -> ThreadingHTTPServer:
    at_work = threading.BoundedSemaphore(_MOST)

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        # Threads of answers need not be waited for: they only read.
        block_on_close = False
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        request_queue_size = _MOST

        def process_request(self, request: Any, client_address: Any) -> None:
            """Answer in a thread, unless too many are at it."""
            if not at_work.acquire(blocking=False):
                self.shutdown_request(request)
                return
            super().process_request(request, client_address)

        def process_request_thread(self, request: Any, client_address: Any) -> None:
            """Answer, and make room for the next."""
            try:
                super().process_request_thread(request, client_address)
            finally:
                at_work.release()

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Say nothing of callers that went away: their address is nobody's business."""

    return Server((host, port), _handler(pages))


def _asked(page: Callable[[], Page]) -> Page:
    try:
        return page()
    except Exception as error:  # noqa: BLE001 - a door: a bug in a probe is told, and harms nothing else
        structlog.get_logger().error("door.crashed", kind=type(error).__name__, exc_info=True)
        return 500, JSON, b'{"error": "a bug of ours, see the log"}'


def _handler(pages: Mapping[str, Callable[[], Page]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _SECONDS
        server_version = "handoff"
        sys_version = ""

        def do_GET(self) -> None:
            """Answer with the page."""
            if self.headers.get("Content-Length", "0") != "0" or self.headers.get("Transfer-Encoding"):
                self._send(400, JSON, b'{"error": "no bodies here"}')
                return
            page = pages.get(self.path.partition("?")[0])
            if page is None:
                known = json.dumps({"error": "no such page", "pages": sorted(pages)}).encode()
                self._send(404, JSON, known)
            else:
                self._send(*_asked(page))

        def do_HEAD(self) -> None:
            """Answer without the page."""
            self.do_GET()

        def _refuse(self) -> None:
            self._send(405, JSON, b'{"error": "GET or HEAD"}', {"Allow": "GET, HEAD"})

        do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = _refuse  # noqa: N815 - names of the base

        def _send(self, status: int, kind: str, body: bytes, more: Mapping[str, str] | None = None) -> None:
            self.send_response(status)
            headers = {
                "Content-Type": kind,
                "Content-Length": str(len(body)),
                "Cache-Control": "no-store",
                "X-Content-Type-Options": "nosniff",
                "Connection": "close",
            }
            for name, value in (headers | dict(more or {})).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
            """Log nothing: a probe every few seconds is no event."""

    return Handler
