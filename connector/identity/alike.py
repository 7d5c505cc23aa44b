"""How sure we are that two people are one: agreements and disagreements weighed by how telling they are in this org.

After Fellegi and Sunter (1969): each field gives log2(m / u), where m is how often two records of one person show that
level of agreement and u how often two people do. m are fixed; u, the rarity of each value and the share of doubles are
taken from the people at hand, so that nothing is trained and equal people give equal answers.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from connector.identity.alike_levels import EQUAL, LOOSE, NEAR, TYPO, UNKNOWN, WORDS, Levels, compare
from connector.identity.alike_pairs import Places, pairs_to_compare
from connector.identity.alike_values import Coded

Weights = npt.NDArray[np.float64]

#: Pairs of people that look like one. ``left`` < ``right`` are ids; ``confidence`` is the probability; ``evidence``
#: says field by field how they agree, and holds no value of theirs.
ALIKE = pa.schema(
    [
        ("left", pa.string()),
        ("right", pa.string()),
        ("confidence", pa.float64()),
        ("evidence", pa.list_(pa.struct([("key", pa.string()), ("with", pa.string())]))),
    ]
)

#: how often two records of one person show each level (``alike_levels``; the first says nothing)
_SAME: Final = {
    "given": (1, 0.60, 0.13, 0.10, 0.04, 0.13),
    "family": (1, 0.68, 0.16, 0.03, 0.04, 0.09),
    "date": (1, 0.60, 0.14, 0.12, 0.05, 0.09),
    "place": (1, 0.65, 0.13, 0.02, 0.05, 0.15),
    "code": (1, 0.50, 0.08, 0.20, 0.10, 0.12),
    "email": (1, 0.68, 0.22, 0.03, 0.05, 0.02),
    "group": (1, 0.85, 0.01, 0.01, 0.01, 0.12),
}
#: how often two people do, where too few are at hand to say
_OTHERS: Final = {
    "given": (1, 0.008, 0.004, 0.004, 0.005, 0.979),
    "family": (1, 0.003, 0.003, 0.001, 0.004, 0.989),
    "date": (1, 0.002, 0.005, 0.03, 0.01, 0.953),
    "place": (1, 0.03, 0.005, 0.005, 0.01, 0.95),
    "code": (1, 0.002, 0.001, 0.005, 0.02, 0.972),
    "email": (1, 0.0005, 0.001, 0.001, 0.02, 0.9775),
    "group": (1, 0.01, 0.01, 0.01, 0.01, 0.96),
}
#: how many people's worth the figures above count against those at hand
_HABIT: Final = 100
#: pairs at random from which u is taken
_SAMPLE: Final = 300_000
#: Levels that people of one account show for that alone, by kind; they count so where accounts are compared.
_AT_WORK: Final = {
    "group": (EQUAL,),
    "place": (EQUAL, TYPO, NEAR, LOOSE),
    "code": (NEAR, LOOSE),
    "email": (LOOSE,),
}
#: first and last name in the wrong places
_SWAPPED_BITS: Final = 2.0
#: rounds in which the share of doubles settles
_ROUNDS: Final = 25
_NAMES: Final = ("given", "family")


def alike(people: pa.Table, kinds: Mapping[str, str], *, at_least: float) -> pa.Table:
    """Give pairs of people who are one at least so surely (schema ``ALIKE``), sorted.

    Args:
        people: ``person_id``, each once, and text columns.
        kinds: column → given, family, date (``YYYY-MM-DD``), place, code, email or group; at most one given and one
            family.
        at_least: the least confidence, 0 to 1.

    The order of rows changes nothing. Cost grows with the number of people (``alike_pairs``).
    """
    people = people.sort_by("person_id")
    count = people.num_rows
    columns = {name: (kind, _values(people.column(name), kind)) for name, kind in kinds.items()}
    left, right = pairs_to_compare(columns, count)
    if not len(left):
        return ALIKE.empty_table()
    model = _Model(columns, count)
    bits, levels = model.weigh(left, right)
    sure = model.confidence(bits)
    keep = np.flatnonzero(sure >= at_least)
    ids = people.column("person_id").to_pylist()
    return pa.table(
        {
            "left": [ids[place] for place in left[keep]],
            "right": [ids[place] for place in right[keep]],
            "confidence": sure[keep],
            "evidence": [_evidence(columns, levels, int(place)) for place in keep],
        },
        schema=ALIKE,
    )


def _evidence(columns: Mapping[str, tuple[str, Coded]], levels: Mapping[str, Levels], place: int) -> list[object]:
    told = ((name, WORDS[kind][levels[name][place]]) for name, (kind, _) in columns.items())
    return [{"key": name, "with": word} for name, word in told if word]


class _Model:
    """What agreement is worth among the people at hand."""

    def __init__(self, columns: Mapping[str, tuple[str, Coded]], count: int) -> None:
        self._columns = columns
        self._count = count
        self._by_kind = {kind: name for name, (kind, _) in columns.items() if kind in _NAMES}
        rng = np.random.default_rng(1)
        one, other = rng.integers(0, count, (2, min(_SAMPLE, count * count)))
        one, other = one[one != other], other[one != other]
        self._bits: dict[str, Weights] = {}
        self._rarity: dict[str, Weights] = {}
        for name, (kind, values) in columns.items():
            found = np.bincount(compare(kind, values, one, values, other), minlength=6)[1:]
            habit = np.array(_OTHERS[kind])
            among = np.concatenate([[1], (found + _HABIT * habit[1:]) / (found.sum() + _HABIT)])
            self._bits[name] = np.log2(np.array(_SAME[kind]) / among)
            self._bits[name][UNKNOWN] = 0
            self._rarity[name] = np.log2(_SAME[kind][EQUAL] / _shares(values, habit[EQUAL]))

    def weigh(self, left: Places, right: Places) -> tuple[Weights, dict[str, Levels]]:
        """Give bits of evidence for each pair, and the level of each field."""
        levels: dict[str, Levels] = {}
        total = np.zeros(len(left))
        work = np.zeros(len(left))
        at_work = any(kind == "group" for kind, _ in self._columns.values())
        for name, (kind, values) in self._columns.items():
            levels[name] = compare(kind, values, left, values, right)
            if kind in _NAMES and len(self._by_kind) == 2:
                continue
            worth = self._worth(name, levels[name], left)
            if at_work and kind in _AT_WORK:
                # Colleagues share the account and with it town, company, domain and the head of the number: whatever
                # speaks loudest of these is heard, and only that.
                shared = (worth > 0) & np.isin(levels[name], _AT_WORK[kind])
                work = np.maximum(work, np.where(shared, worth, 0))
                worth = np.where(shared, 0, worth)
            total += worth
        total += work
        if len(self._by_kind) == 2:
            total += self._names(left, right, levels)
        return total, levels

    def _worth(self, name: str, levels: Levels, holder: Places) -> Weights:
        """Weigh one field: an equal value by how rare it is."""
        worth: Weights = self._bits[name][levels]
        equal = levels == EQUAL
        worth[equal] = self._rarity[name][holder[equal]]
        return worth

    def _names(self, left: Places, right: Places, levels: dict[str, Levels]) -> Weights:
        """Weigh first and last name as they stand, or each against the other where that fits better."""
        given, family = (self._by_kind[kind] for kind in _NAMES)
        straight = sum(self._worth(name, levels[name], left) for name in (given, family))
        first, last = self._columns[given][1], self._columns[family][1]
        crossed = [compare("given", one, left, two, right) for one, two in ((first, last), (last, first))]
        swapped = self._worth(given, crossed[0], left) + self._worth(family, crossed[1], left) - _SWAPPED_BITS
        better = swapped > straight
        for name, found in zip((given, family), crossed, strict=True):
            levels[name] = np.where(better, found, levels[name])
        return np.maximum(straight, swapped)

    def confidence(self, bits: Weights) -> Weights:
        """Turn bits into the probability that the pair is one person, given how many doubles there are at all."""
        pairs = max(self._count * (self._count - 1) / 2, 1)
        odds = 1 / max(self._count, 2)
        sure = np.zeros(len(bits))
        for _ in range(_ROUNDS):
            sure = 1 / (1 + np.exp2(np.clip(-bits - np.log2(odds), -500, 500)))
            odds = max(float(sure.sum()), 0.01) / pairs
        return sure


def _shares(values: Coded, habit: float) -> Weights:
    """Give for each person how large a share of the people shares the value."""
    count = np.bincount(values.places, minlength=len(values.words))
    known = int(count.sum() - count[0])
    shares: Weights = (count[values.places] + _HABIT * habit) / (known + _HABIT)
    return shares


def _values(column: pa.ChunkedArray, kind: str) -> Coded:
    form: Callable[[str], str] = _FORMS.get(kind, str.strip)
    cache: dict[str | None, str] = {None: ""}
    told = column.to_pylist()
    for text in set(told) - {None}:
        cache[text] = form(str(text))
    return Coded([cache[text] for text in told])


def _plain(text: str) -> str:
    """Give letters and digits, casefolded, without accents, words set apart by one space."""
    spread = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(letter if letter.isalnum() else " " for letter in spread if not unicodedata.combining(letter))
    return " ".join(kept.split())


def _code(text: str) -> str:
    """Give a post code or a telephone number: of the latter digits only."""
    plain = _plain(text)
    digits = plain.replace(" ", "")
    return digits if digits.isdecimal() else plain


def _address(text: str) -> str:
    return text.strip().casefold()


_FORMS: Final[dict[str, Callable[[str], str]]] = {
    "given": _plain,
    "family": _plain,
    "place": _plain,
    "code": _code,
    "date": str.strip,
    "email": _address,
}
