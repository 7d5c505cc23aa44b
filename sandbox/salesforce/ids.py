"""Record ids: a prefix per object, 15 characters where case counts, and a checksum that makes 18 (reference: ids)."""

from __future__ import annotations

from functools import lru_cache

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
CHECKS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
#: What stands between the prefix and the number: the pod of a real org.
POD = "Hf0"


def to18(short: str) -> str:
    """Return the 18-character form of a 15-character id."""
    groups = (short[0:5], short[5:10], short[10:15])
    return short + "".join(map(_check, groups))


@lru_cache(maxsize=1 << 16)
def _check(group: str) -> str:
    return CHECKS[sum(("A" <= char <= "Z") << n for n, char in enumerate(group))]


def make_id(prefix: str, number: int) -> str:
    """Return the id of the number-th record of an object."""
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = ALPHABET[rest] + digits
    return to18(prefix + POD + digits.rjust(9, "0"))


def full_id(text: object) -> str | None:
    """Return the 18-character form of an id of either length, or None when it is not an id.

    Of 18 characters only the first 15 are compared with regard to case; the checksum must fit, whatever its case.
    """
    if not isinstance(text, str) or not text.isascii() or not text.isalnum():
        return None
    if len(text) == 15:
        return to18(text)
    if len(text) == 18:
        full = to18(text[:15])
        return full if full[15:] == text[15:].upper() else None
    return None
