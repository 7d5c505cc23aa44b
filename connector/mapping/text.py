"""How text is compared: folded, and read as a number, a truth or an instant where a test asks for one."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

#: every character that ``str.strip`` removes; Arrow's own notion of white space differs in a few control characters
_WHITE_SPACE = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,2})?", re.ASCII)
_LONGEST_NUMBER = 60
_TRUTHS = {"true": True, "yes": True, "false": False, "no": False}


def fold(text: str) -> str:
    """Give the form in which two texts are compared: NFKC, case-folded, and NFKC again (folding may decompose)."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def fold_all(texts: pa.Array) -> pa.Array:
    """Fold every text of an array as ``fold`` does; blank text becomes null, because it says nothing."""
    ascii_only = pc.fill_null(pc.string_is_ascii(texts), True)
    folded = pc.ascii_lower(texts)
    if not pc.all(ascii_only, min_count=0).as_py():
        rare = [fold(text) for text in texts.filter(pc.invert(ascii_only)).to_pylist()]
        folded = pc.replace_with_mask(folded, pc.invert(ascii_only), pa.array(rare, type=texts.type))
    blank = pc.equal(pc.utf8_trim(folded, characters=_WHITE_SPACE), "")
    return pc.if_else(blank, pa.scalar(None, type=texts.type), folded)


def number_of(text: str) -> Decimal | None:
    """Read a plain number (``200``, ``-1.5``, ``1.5e+06``); thousands separators are ambiguous and give None."""
    plain = text.strip().lower()
    if len(plain) > _LONGEST_NUMBER or _NUMBER.fullmatch(plain) is None:
        return None
    return Decimal(plain)


def truth_of(text: str) -> bool | None:
    """Read true, yes, false or no in any case; anything else gives None."""
    return _TRUTHS.get(fold(text.strip()))


def instant_of(text: str) -> datetime | date | None:
    """Read an ISO 8601 date or instant; an instant without an offset is UTC. Anything else gives None."""
    plain = text.strip().upper()
    try:
        return date.fromisoformat(plain)
    except ValueError:
        pass
    try:
        instant = datetime.fromisoformat(plain)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def midnight(value: datetime | date) -> datetime:
    """Give the instant at which a date begins in UTC; an instant is itself."""
    return value if isinstance(value, datetime) else datetime.combine(value, time(), UTC)
