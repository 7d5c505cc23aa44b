"""When two different words are one word: written short, bent, cut off or misspelt."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, NamedTuple

from rapidfuzz.distance import DamerauLevenshtein

from connector.matching.names import umlauts_written_out

Kind = Literal["short", "bent", "misspelt", "cut"]

#: short form -> word, as they stand in registers, stock lists and patents
SHORT: dict[str, str] = {
    short: word
    for word, shorts in {
        "advanced": "adv",
        "american": "amer am",
        "applied": "appl",
        "associates": "assocs",
        "association": "assoc assn",
        "authority": "auth",
        "automotive": "auto",
        "bancorp": "bancorporation",
        "bancshares": "bancshs",
        "biotechnology": "biotech",
        "brothers": "bros",
        "center": "ctr cntr centre",
        "chemical": "chem",
        "chemicals": "chems",
        "communications": "comms commun",
        "companies": "cos",
        "construction": "constr",
        "corporation": "corpn",
        "department": "dept",
        "development": "dev devp devel",
        "distribution": "distr",
        "division": "div",
        "electronics": "elec elecs",
        "engineering": "eng engr engrg engg",
        "enterprises": "ent",
        "environmental": "envir env",
        "equipment": "equip",
        "financial": "fin finl",
        "fort": "ft",
        "foundation": "found fdn",
        "germany": "deutschland",
        "government": "govt",
        "group": "grp",
        "holding": "hldg",
        "holdings": "hldgs",
        "hospital": "hosp",
        "industries": "inds indus",
        "information": "info",
        "institute": "inst",
        "instrument": "instr",
        "instruments": "instrs",
        "insurance": "ins",
        "international": "intl internat",
        "laboratories": "labs",
        "laboratory": "lab",
        "management": "mgmt mgt",
        "manufacturers": "mfrs",
        "manufacturing": "mfg mfr manuf",
        "mechanical": "mech",
        "medical": "med",
        "mount": "mt",
        "national": "natl",
        "pharmaceuticals": "pharm pharma",
        "products": "prods prod",
        "properties": "props prop",
        "research": "res",
        "saint": "st",
        "science": "sci",
        "scientific": "scient",
        "semiconductor": "semicond",
        "services": "svcs svc",
        "systems": "sys syst",
        "technologies": "techs technol",
        "technology": "tech",
        "telecommunications": "telecom telecomm",
        "transportation": "transp trans",
        "university": "univ",
        "usa": "us",
    }.items()
    for short in shorts.split()
}
# endings that bend a word without making another one, longest first
_ENDINGS = re.findall(r"\w+", "ians ian icals ical ics ic als al ans an ings ing ers er eds ed ies es s y n e a")
_NUMBER = re.compile(r"^(?:[ivx]{1,5}|\d+|one|two|three)$")
_LEAST_STEM = 4


class Kin(NamedTuple):
    """How two words are one; ``alike`` is 1 for the same word, and falls with every changed or missing letter."""

    kind: Kind
    alike: float


def is_number(word: str) -> bool:
    """Say whether a word counts: figures and Roman numerals tell companies of one name apart."""
    return _NUMBER.match(word) is not None


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """Cut the ending that bends a word; at least four letters stay."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _LEAST_STEM:
            return word[: -len(ending)]
    return word


@lru_cache(maxsize=300_000)
def kin(one: str, other: str) -> Kin | None:
    """Say how two different words are one word, or None."""
    long_one, long_other = SHORT.get(one, one), SHORT.get(other, other)
    if long_one == long_other:
        return Kin("short", 1.0)
    if stem(long_one) == stem(long_other):
        return Kin("bent", 1.0)
    if umlauts_written_out(one) == umlauts_written_out(other):
        return Kin("short", 1.0)
    small, large = (one, other) if len(one) <= len(other) else (other, one)
    if len(small) < 3 or is_number(one) or is_number(other):
        return None
    if large.startswith(small) and len(small) >= 0.3 * len(large) and len(small) < len(large) - 1:
        return Kin("cut", len(small) / len(large))
    if len(large) < 4:
        return None
    edits = DamerauLevenshtein.distance(one, other, score_cutoff=max(1, int(0.3 * len(large))))
    alike = 1 - edits / len(large)
    return Kin("misspelt", alike) if edits == 1 or alike >= 0.7 else None
