"""The vendor's login host, for programs that have its name built in: a proxy that leads it to an org on loopback."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import trustme

LOGIN_HOST = "login.salesforce.com"


class LoginHost:
    """Answer ``CONNECT login.salesforce.com`` with a certificate of our own and pass what follows on to ``org_url``.

    Attributes:
        proxy: the URL for HTTPS_PROXY.
        ca_file: the certificate authority that a program must trust.
    """

    def __init__(self, org_url: str, folder: Path) -> None:
        org = urlsplit(org_url)
        self._org = (org.hostname or "", org.port or 0)
        authority = trustme.CA()
        self.ca_file = folder / "login-ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(LOGIN_HOST).configure_cert(self._tls)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.proxy = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._accepting = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        # closing alone does not wake a thread that waits in accept()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._accepting.join(5)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                came, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(came,), daemon=True).start()

    def _serve(self, came: socket.socket) -> None:
        with contextlib.suppress(OSError), came:
            asked = came.recv(4096)
            if not asked.startswith(f"CONNECT {LOGIN_HOST}:443".encode()):
                came.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
                return
            came.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            with self._tls.wrap_socket(came, server_side=True) as inside, socket.create_connection(self._org) as org:
                back = threading.Thread(target=_copy, args=(org, inside), daemon=True)
                back.start()
                _copy(inside, org, instead=(LOGIN_HOST.encode(), b"%s:%d" % (self._org[0].encode(), self._org[1])))
                back.join(10)


def _copy(source: socket.socket, target: socket.socket, instead: tuple[bytes, bytes] | None = None) -> None:
    """Pass bytes on until the source ends; the Host line names the org's own address, as behind a real domain."""
    with contextlib.suppress(OSError):
        while chunk := source.recv(65_536):
            target.sendall(chunk.replace(b"Host: " + instead[0], b"Host: " + instead[1]) if instead else chunk)
        target.shutdown(socket.SHUT_WR)
