"""Company names in the form in which two spellings of one name are equal."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from anyascii import anyascii

from connector.matching.legal_forms import FORMS, INSIDE, LEADING, LONGEST, WRITTEN_OUT

_APOSTROPHES = re.compile(r"['`\u2019\u2018\u00b4]")
_DOTTED = re.compile(r"\b\w(?:\.\w)+\b\.?")
_SEPARATORS = re.compile(r"[\W_]+")
_AND = re.compile(r"\s*[&+]\s*")
_BRACKETS = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]")
# registrars add where a company is registered, or which of two of one name it is: ``ACME CORP /DE/``, ``ACME INC/NEW``
_REGISTRAR = re.compile(r"\s*[/\\\\]\s*(?:[A-Za-z]{2}|(?i:new|old|adr|can|del|eng))\s*[/\\\\]?\s*$")
# market data name the security, not the company: ``Acme Inc. Class A Common Stock``
_SECURITY = re.compile(
    r"\s(?:"
    r"(?:(?:class|series) [a-z0-9]+ )?(?:new )?(?:common|ordinary|preferred|preference|subordinate voting"
    r"|american depositary|depositary|voting|non voting) (?:stock|shares?|units?|receipts?)(?: .*)?"
    r"|class [a-z]|warrants?|adrs?|adss?)$"
)
#: words that carry no meaning of their own in a comparison word by word
LINKING = frozenset({"and", "of", "the", "for", "de", "la", "le", "et", "und", "in", "y", "e"})
#: what people and forms write where no company is meant, brackets left out; ``N.A.`` and ``NA`` may be names
_NO_NAME = frozenset(
    {
        "n/a",
        "#n/a",
        "not provided",
        "not applicable",
        "not available",
        "not specified",
        "unknown",
        "none",
        "null",
        "nil",
    }
    | {"undefined", "no company", "tbd", "tba", "self employed", "self-employed", "freelance", "freelancer"}
    | {"unemployed", "private person", "privatperson", "keine angabe", "unbekannt", "inconnu"}
)
#: letters that are a legal form and a well-known name
_ALSO_NAMES = frozenset({"bt", "pa", "sas", "sca", "spa"})
_WORDS_OF_FORMS = frozenset(word for form in FORMS for word in form.split()) | {"and"}
#: no CRM takes a longer name of an account; what is longer is a text
_LONGEST_NAME = 255
_MARKS = str.maketrans("", "", "\u00ae\u00a9\u2122\u2120")


class CompanyName(NamedTuple):
    """One name taken apart."""

    #: all words in normal form, without marks of registrars and securities
    full: str
    #: the words without legal forms; the same as ``full`` where nothing else would remain
    core: str
    #: the legal forms, e.g. ``gmbh``, in order of the alphabet, joined by spaces; or an empty string
    form: str
    #: the words that are compared one by one: those of ``core`` outside brackets, without linking words
    words: tuple[str, ...] = ()
    #: the words in brackets
    aside: tuple[str, ...] = ()


def words(name: str) -> list[str]:
    """Give the words: casefolded, Latin, without accents and punctuation, ``&`` as ``and``, ``S.A.`` as ``sa``.

    Umlauts lose their dots (``Mueller`` and ``Müller`` are near, not equal, names); other scripts are transliterated.
    """
    text = unicodedata.normalize("NFKC", name.translate(_MARKS)).casefold()
    if not text.isascii():
        # a pictured unicorn is no company called Unicorn
        text = "".join(" " if unicodedata.category(char) in ("So", "Cs", "Co", "Cn") else char for char in text)
        for written, form in WRITTEN_OUT.items():
            text = text.replace(written, form)
        text = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
        # signs of other scripts become several letters without a gap, so that one written word stays one word
        text = anyascii(unicodedata.normalize("NFC", text)).casefold()
    text = _APOSTROPHES.sub("", _AND.sub(" and ", text))
    text = _DOTTED.sub(lambda dotted: dotted[0].replace(".", "") + " ", text)
    return _SEPARATORS.sub(" ", text).split()


@lru_cache(maxsize=300_000)
def company_name(name: str) -> CompanyName:
    """Take a name apart; three empty strings when it names no company.

    It does not where it holds no letter or digit, is a legal form and nothing else, says that there is none, or is
    longer than any name.
    """
    if len(name) > _LONGEST_NAME or name.strip(" []()<>-.").casefold() in _NO_NAME:
        return CompanyName("", "", "")
    if "/" in name or "\\" in name:
        name = _REGISTRAR.sub(" ", name) if words(_REGISTRAR.sub(" ", name)) else name
    parts = _without_security(words(name))
    full = " ".join(parts)
    core, forms = _without_forms(parts)
    if full in FORMS or (len(core) == 1 and core[0] in FORMS and _WORDS_OF_FORMS.issuperset(parts)):
        core = [word for word in core if word in _ALSO_NAMES]
    if not core:
        return CompanyName("", "", "")
    outside = core
    aside: tuple[str, ...] = ()
    if "(" in name or "[" in name:
        plain = _without_security(words(_BRACKETS.sub(" ", name)))
        if plain:
            outside, more = _without_forms(plain)
            forms |= more
            aside = tuple(word for found in _BRACKETS.finditer(name) for word in words(found[1] or found[2] or ""))
    return CompanyName(full, " ".join(core), " ".join(sorted(forms)), _compared(outside, forms), aside)


def umlauts_written_out(word: str) -> str:
    """Give the word with ``ae``, ``oe``, ``ue`` as ``a``, ``o``, ``u``: what umlauts leave."""
    return word.replace("ae", "a").replace("oe", "o").replace("ue", "u")


def _without_security(parts: list[str]) -> list[str]:
    text = " ".join(parts)
    return _SECURITY.sub("", text).split() or parts


def _without_forms(parts: list[str]) -> tuple[list[str], set[str]]:
    forms: set[str] = set()
    while len(parts) > 1 and parts[0] in LEADING:
        if parts[0] in FORMS:
            forms.add(FORMS[parts[0]])
        parts = parts[1:]
    shrinking = True
    while shrinking and len(parts) > 1:
        shrinking = False
        for length in range(min(LONGEST, len(parts) - 1), 0, -1):
            found = FORMS.get(" ".join(parts[-length:]))
            if found:
                forms.add(found)
                parts, shrinking = parts[:-length], True
                break
        if len(parts) > 1 and parts[-1] == "and":
            parts, shrinking = parts[:-1], True
    return parts, forms


def _compared(parts: list[str], forms: set[str]) -> tuple[str, ...]:
    """Leave out linking words, and legal forms in the middle of a name."""
    kept = []
    for place, word in enumerate(parts):
        if place and word in INSIDE:
            forms.add(FORMS[word])
        elif word not in LINKING:
            kept.append(word)
    return tuple(kept or parts)
