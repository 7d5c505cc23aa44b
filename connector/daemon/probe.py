"""Ask the daemon of this machine whether it lives: ``python -m connector.daemon.probe [PATH]``, for health checks.

It reads no more of handoff.yaml than where the daemon listens, and imports next to nothing: it runs every half minute.
"""

from __future__ import annotations

import http.client
import ipaddress
import os
import sys
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from connector.mapping.secrets import shielded

_HOST, _PORT = "127.0.0.1", 8880
_SECONDS = 5.0


def main(words: list[str]) -> int:
    """Ask ``/livez``, or the path that is named; 0 when the answer is 200, else 1 with the answer on standard error."""
    config = Path(os.environ.get("HANDOFF_CONFIG", "handoff.yaml"))
    try:
        host, port = listening(config)
        status, text = _ask(host, port, words[0] if words else "/livez")
    except (OSError, http.client.HTTPException, ValueError, YAMLError) as error:
        sys.stderr.write(f"no answer: {type(error).__name__}\n")
        return 1
    if status != http.client.OK:
        sys.stderr.write(f"{status} {text}\n")
        return 1
    return 0


def listening(config: Path) -> tuple[str, int]:
    """Give the address to ask: that of ``console``, on loopback where the daemon listens on all addresses."""
    document: Any = YAML(typ="safe").load(shielded(config.read_bytes()).decode("utf-8"))
    console = document.get("console") if isinstance(document, dict) else None
    console = console if isinstance(console, dict) else {}
    host = str(console.get("host") or _HOST)
    port = int(console.get("port", _PORT))
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host, port
    if address.is_unspecified:
        return ("::1" if address.version == 6 else _HOST), port
    return host, port


def _ask(host: str, port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(host, port, timeout=_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read(10_000).decode("utf-8", "replace")
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
