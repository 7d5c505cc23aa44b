"""The one way adapters speak HTTP: bounded in time and tries, counted, and silent about people."""

from adapters.http.address import checked_address, is_loopback
from adapters.http.bodies import JsonText, body_of, json_of
from adapters.http.session import Patience, VendorSession
from adapters.http.told import retry_after_seconds

__all__ = [
    "JsonText",
    "Patience",
    "VendorSession",
    "body_of",
    "checked_address",
    "is_loopback",
    "json_of",
    "retry_after_seconds",
]
