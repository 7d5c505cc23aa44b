"""Which addresses an adapter may speak to."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from connector.errors import ConfigError


def is_loopback(host: str) -> bool:
    """Say whether a host name or literal address means this machine. Looks nothing up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def checked_address(address: str, *, at: str) -> str:
    """Give a vendor's base address without its trailing slash.

    Plain http and literal private addresses are taken for loopback only; user names, queries and fragments never.

    Raises:
        ConfigError: the address breaks one of these rules; the message leaves the address out, which may hold a secret.
    """
    code = "config.address"
    try:
        parts = urlsplit(address.strip())
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        raise ConfigError(code, "the address cannot be read", at=at) from None
    if parts.scheme not in ("http", "https") or not host:
        raise ConfigError(code, "the address needs the form https://host", at=at)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(code, "the address may hold neither a user name nor a query nor a fragment", at=at)
    if not is_loopback(host):
        if parts.scheme != "https":
            raise ConfigError(code, "plain http is taken for loopback only", cure="use https", at=at)
        if _is_private(host):
            raise ConfigError(code, "private addresses are refused", cure="use the vendor's host name", at=at)
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False
