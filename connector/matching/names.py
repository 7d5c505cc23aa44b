"""Company names in the form in which two spellings of one name are equal."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from connector.matching.legal_forms import FORMS, LEADING, LONGEST

_APOSTROPHES = re.compile(r"['`\u2019\u2018\u00b4]")
_DOTTED = re.compile(r"\b\w(?:\.\w)+\b\.?")
_SEPARATORS = re.compile(r"[\W_]+")
_AND = re.compile(r"\s*[&+]\s*")


class CompanyName(NamedTuple):
    """One name taken apart."""

    #: all words in normal form
    full: str
    #: the words without legal forms; the same as ``full`` where nothing else would remain
    core: str
    #: the legal form, e.g. ``gmbh``, or an empty string
    form: str


def words(name: str) -> list[str]:
    """Give the words: NFKC-casefolded, without accents and punctuation, ``&`` as ``and``, ``S.A.`` as ``sa``."""
    text = unicodedata.normalize("NFKC", name).casefold()
    if not text.isascii():
        text = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    text = _APOSTROPHES.sub("", _AND.sub(" and ", text))
    text = _DOTTED.sub(lambda dotted: dotted[0].replace(".", "") + " ", text)
    return _SEPARATORS.sub(" ", text).split()


@lru_cache(maxsize=500_000)
def company_name(name: str) -> CompanyName:
    """Take a name apart; three empty strings when it holds no letter or digit."""
    parts = words(name)
    full = " ".join(parts)
    form = ""
    while len(parts) > 1 and parts[0] in LEADING:
        parts = parts[1:]
    shrinking = True
    while shrinking and len(parts) > 1:
        shrinking = False
        for length in range(min(LONGEST, len(parts) - 1), 0, -1):
            found = FORMS.get(" ".join(parts[-length:]))
            if found:
                parts, form, shrinking = parts[:-length], form or found, True
                break
        if len(parts) > 1 and parts[-1] == "and":
            parts, shrinking = parts[:-1], True
    return CompanyName(full, " ".join(parts), form)
