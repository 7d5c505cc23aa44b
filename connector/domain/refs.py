"""How one thing in one system is named."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

#: Fields of one hash are joined by this (ASCII unit separator), which no vendor id contains.
_SEPARATOR = "\x1f"


class Ref(NamedTuple):
    """One record of one system.

    ``system`` is the configured name (``hubspot``, ``salesforce``, ``exports``), ``object`` our lower-case word for the
    kind (``contact``, ``lead``, ``account``, ``user``, ``task``, ``email`` for people known by their address only),
    ``id`` the vendor's own id as text (18 characters for Salesforce; the normal form for ``email``).
    """

    system: str
    object: str
    id: str

    def __str__(self) -> str:
        """Read as ``system:object:id``."""
        return f"{self.system}:{self.object}:{self.id}"

    @classmethod
    def parse(cls, text: str) -> Ref:
        """Read what ``str`` wrote; the id may hold colons.

        Raises:
            ValueError: the text has fewer than three parts.
        """
        system, object_, id_ = text.split(":", 2)
        return cls(system, object_, id_)


def digest(*parts: str, length: int = 32) -> str:
    """Hash parts in order into ``length`` lower-case hexadecimal characters (at most 64); keys are built from this."""
    return hashlib.sha256(_SEPARATOR.join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:length]


def normal_email(address: str) -> str:
    """Give the address by which two records are compared: trimmed and lower-cased, empty when it has no ``@``."""
    text = address.strip().lower()
    local, at, host = text.rpartition("@")
    return text if at and local and "." in host and " " not in text else ""
