"""Which addresses the connector may speak to: https anywhere public, and anything on this machine."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

_NUMERIC_HOST = re.compile(r"[0-9.]+|0x[0-9a-fx.]+", re.IGNORECASE)


def check_address(url: str) -> None:
    """Refuse plain http and private addresses except loopback. Names are not looked up.

    Raises:
        ValueError: the address is refused or is none; the message does not repeat it.
    """
    try:
        parts = urlsplit(url)
        host, _ = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as error:
        raise ValueError("is no address; write for example https://api.example.com") from error
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("is no address; write for example https://api.example.com")
    if parts.username is not None or parts.password is not None:
        raise ValueError("carries a user name or password; give them under keys of their own, as ${NAME}")
    if is_loopback(host):
        return
    if parts.scheme != "https":
        raise ValueError("plain http sends people's data in the clear; write https (http only for this machine)")
    if _is_private(host):
        raise ValueError("is a private address; only public ones and this machine are spoken to")


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine, by name or number."""
    if host.casefold() in ("localhost", "localhost.localdomain"):
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _is_private(host: str) -> bool:
    address = _address(host)
    if address is not None:
        return not address.is_global
    # short and hexadecimal spellings of addresses reach the same machines, and nobody honest writes them
    return _NUMERIC_HOST.fullmatch(host) is not None or host.casefold().endswith((".local", ".internal", ".localhost"))
