"""A small HTTP/1.1 server on loopback, plain or TLS, that can also break the wire on purpose."""

from __future__ import annotations

import gzip
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import IO, TYPE_CHECKING
from urllib.parse import parse_qsl

from sandbox.core.http import BadBody, Headers, Request, Response, Wire, plain_body

if TYPE_CHECKING:
    from sandbox.core.clock import OrgClock

Handler = Callable[[Request], Response]

#: Longest request line or header line we read, in bytes; vendors' own limits are lower.
LINE_LIMIT = 262_144
#: Seconds an idle connection is kept.
IDLE_S = 75.0
#: Bytes from which on a body is packed for a client that takes gzip.
WORTH_PACKING = 1024
#: Pieces into which a slow body is cut.
SLOW_PIECES = 10


class Closed(Exception):
    """The peer has gone or the connection must not be used again."""


class Server:
    """Serve one handler on one port of 127.0.0.1 until ``stop``; the Date header follows the org's clock."""

    def __init__(self, handler: Handler, clock: OrgClock, port: int = 0, *, tls: ssl.SSLContext | None = None) -> None:
        """Bind at once; port 0 picks a free one.

        Raises: OSError when the port is taken.
        """
        self._handler, self._clock, self._tls = handler, clock, tls
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._stopping = False
        self._threads: set[threading.Thread] = set()
        self._acceptor = threading.Thread(target=self._accept, name=f"sandbox-{self.port}", daemon=True)

    @property
    def url(self) -> str:
        """Return the address, without a slash at the end."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Begin to answer."""
        self._acceptor.start()

    def stop(self) -> None:
        """Close the port and every connection, and wait for the threads."""
        self._stopping = True
        _shut(self._listener)
        with self._lock:
            connections, threads = list(self._open), list(self._threads)
        for connection in connections:
            _shut(connection)
        if self._acceptor.ident is not None:
            self._acceptor.join(5)
        for thread in threads:
            thread.join(5)

    def _accept(self) -> None:
        while not self._stopping:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                break
            connection.settimeout(IDLE_S)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._converse, args=(connection,), daemon=True)
            with self._lock:
                self._open.add(connection)
                self._threads.add(thread)
            thread.start()
        self._listener.close()

    def _converse(self, plain: socket.socket) -> None:
        connection = plain
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(plain, server_side=True)
                with self._lock:
                    self._open.discard(plain)
                    self._open.add(connection)
            with connection.makefile("rb") as stream:
                while self._one(connection, stream):
                    continue
        except (OSError, Closed):
            # The peer left, in the middle or at the end: nothing to answer to.
            return
        finally:
            with self._lock:
                self._open.discard(plain)
                self._open.discard(connection)
                self._threads.discard(threading.current_thread())
            connection.close()

    def _one(self, connection: socket.socket, stream: IO[bytes]) -> bool:
        """Answer one request; return whether the connection stays open."""
        try:
            request, keep = _read_request(connection, stream)
        except BadBody:
            self._send(connection, Request("GET", "/"), Response(400, "Bad request"), keep=False)
            return False
        if request is None:
            return False
        request.secure = self._tls is not None
        return self._send(connection, request, self._handler(request), keep=keep)

    def _send(self, connection: socket.socket, request: Request, response: Response, *, keep: bool) -> bool:
        wire = response.wire
        if wire is not None and wire.kind in ("reset", "drop"):
            _break(connection, wire)
            return False
        payload = _packed(request, response)
        try:
            reason = HTTPStatus(response.status).phrase
        except ValueError:
            reason = "Status"
        bodiless = response.status in (204, 304) or request.method == "HEAD"
        lines = [f"HTTP/1.1 {response.status} {reason}", self._clock.now().strftime("Date: %a, %d %b %Y %H:%M:%S GMT")]
        lines += [f"{name}: {value}" for name, value in response.headers.items()]
        if response.status not in (204, 304):
            lines.append(f"Content-Length: {len(payload)}")
        lines.append("Connection: keep-alive" if keep else "Connection: close")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
        body = b"" if bodiless else payload
        if wire is not None and wire.kind == "truncate":
            connection.sendall(head + body[: len(body) // 2])
            raise Closed
        if wire is not None and wire.kind == "slow":
            _trickle(connection, head, body, wire.seconds)
        else:
            connection.sendall(head + body)
        return keep


def _packed(request: Request, response: Response) -> bytes:
    """Return the body as it goes over the wire: packed when the client takes that and it is worth while."""
    payload = response.payload()
    taken = "gzip" in request.headers.get("accept-encoding", "").lower()
    if not taken or len(payload) < WORTH_PACKING or "Content-Encoding" in response.headers:
        return payload
    response.headers["Content-Encoding"] = "gzip"
    return gzip.compress(payload, compresslevel=1, mtime=0)


def _read_request(connection: socket.socket, stream: IO[bytes]) -> tuple[Request | None, bool]:
    first = stream.readline(LINE_LIMIT)
    if not first:
        return None, False
    parts = first.decode("latin-1").split()
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BadBody(first[:40])
    pairs: list[tuple[str, str]] = []
    while (line := stream.readline(LINE_LIMIT)) not in (b"\r\n", b"\n"):
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            raise BadBody(name[:40])
        pairs.append((name.strip(), value.strip()))
    headers = Headers(pairs)
    if headers.get("expect", "").lower() == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    raw = _read_body(stream, headers)
    keep = headers.get("connection", "").lower() != "close" and parts[2] != "HTTP/1.0"
    path, _, query = parts[1].partition("?")
    body = plain_body(raw, headers.get("content-encoding", ""))
    return Request(parts[0].upper(), path, parse_qsl(query, keep_blank_values=True), headers, body, parts[1]), keep


def _read_body(stream: IO[bytes], headers: Headers) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        pieces = []
        while size := _length(stream.readline(LINE_LIMIT).split(b";")[0].decode("latin-1"), 16):
            pieces.append(stream.read(size))
            stream.readline(LINE_LIMIT)
        while stream.readline(LINE_LIMIT) not in (b"\r\n", b"\n", b""):
            continue
        return b"".join(pieces)
    length = _length(headers.get("content-length", ""), 10)
    raw = stream.read(length) if length else b""
    if len(raw) != length:
        raise Closed
    return raw


def _length(text: str, base: int) -> int:
    """Read how long a body or a piece of it is; nothing stands for 0.

    Raises: BadBody.
    """
    try:
        number = int(text.strip() or "0", base)
    except ValueError as error:
        raise BadBody(text[:40]) from error
    if number < 0:
        raise BadBody(text[:40])
    return number


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def _break(connection: socket.socket, wire: Wire) -> None:
    if wire.kind == "reset":
        # A linger of zero seconds makes close() send RST instead of FIN.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if isinstance(connection, ssl.SSLSocket):
            socket.socket(fileno=connection.detach()).close()
            raise Closed
    raise Closed


def _trickle(connection: socket.socket, head: bytes, body: bytes, seconds: float) -> None:
    connection.sendall(head)
    step = max(1, -(-len(body) // SLOW_PIECES))
    for start in range(0, len(body), step):
        time.sleep(seconds / SLOW_PIECES)
        connection.sendall(body[start : start + step])
