"""What speaks for and against two names being one company's, as numbers and in words."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from rapidfuzz.distance import JaroWinkler

from connector.matching.legal_forms import GROUP
from connector.matching.names import CompanyName
from connector.matching.word_kinds import Kin, is_number, kin
from connector.matching.word_weights import WordWeights

#: what is measured between two names, in the order of the coefficients
MEASURES = (
    "shared",
    "only_asked",
    "only_account",
    "heaviest_left",
    "left_on_both",
    "misspelt",
    "misspelt_words",
    "cut",
    "cut_words",
    "short_words",
    "bent_words",
    "numbers",
    "first_word",
    "other_form",
    "other_law",
    "tail",
    "thin",
    "joined_words",
    "aside_differs",
    "left_share",
    "all_words",
    "letters",
    "reordered",
    "acronym",
)
_RANK = {"short": 3, "bent": 2, "misspelt": 1, "cut": 0}


class Pair(NamedTuple):
    """A word of the name asked about, the word of the account's name it was taken for, and how."""

    asked: str
    account: str
    kin: Kin


class Compared(NamedTuple):
    """Two names laid beside each other."""

    measures: tuple[float, ...]
    pairs: tuple[Pair, ...]
    only_asked: tuple[str, ...]
    only_account: tuple[str, ...]
    acronym: bool
    other_form: bool
    reordered: bool
    aside_differs: bool


def compare(asked: CompanyName, account: CompanyName, weights: WordWeights) -> Compared:
    """Lay two names beside each other, word by word: equal words first, then the closest kin."""
    shared, rest, left = _equal(asked.words, account.words, weights)
    joined = 0
    if rest and left:
        joined, more = _joined(rest, left, weights)
        shared += more
    pairs, lonely, over = _kin_words(rest, left)
    more, sums, counts = _weighed(pairs, weights)
    shared += more
    aside_differs = _aside_differs(asked, account)
    if lonely and account.aside:
        lonely = [word for word in lonely if word not in account.aside]
    if over and asked.aside:
        over = [word for word in over if word not in asked.aside]
    mine, theirs = weights.of(lonely), weights.of(over)
    forms, other_forms = asked.form.split(), account.form.split()
    other_form = bool(forms and other_forms and not set(forms) & set(other_forms))
    other_law = other_form and not {GROUP.get(f) for f in forms} & {GROUP.get(f) for f in other_forms}
    reordered = asked.words != account.words and sorted(asked.words) == sorted(account.words)
    if is_acronym(asked.words, account.words) or is_acronym(account.words, asked.words):
        return _by_first_letters(other_form=other_form, aside_differs=aside_differs)
    key, other_key = "".join(asked.words), "".join(account.words)
    measures = (
        min(shared, 16.0),
        min(mine, 20.0),
        min(theirs, 20.0),
        max((weights[word] for word in (*lonely, *over)), default=0.0),
        min(mine, theirs, 8.0),
        sums["misspelt"],
        float(counts["misspelt"]),
        sums["cut"],
        float(counts["cut"]),
        float(counts["short"]),
        float(counts["bent"]),
        float(any(is_number(word) for word in (*lonely, *over))),
        float(not _same_start(asked.words[0], account.words[0], key, other_key)),
        float(other_form),
        float(other_law),
        float(_is_tail(asked.words, account.words, lonely, over)),
        max(0.0, 6.0 - shared),
        float(joined),
        float(aside_differs),
        (mine + theirs) / (shared + mine + theirs + 1e-9),
        float(asked.words == account.words and not aside_differs),
        1 - JaroWinkler.similarity(key, other_key),
        float(reordered),
        0.0,
    )
    return Compared(
        measures,
        tuple(pairs),
        tuple(lonely),
        tuple(over),
        acronym=False,
        other_form=other_form,
        reordered=reordered,
        aside_differs=aside_differs,
    )


def _weighed(pairs: list[Pair], weights: WordWeights) -> tuple[float, dict[str, float], Counter[str]]:
    """Give what kin words share, what is lost by misspelling and cutting, and how many there are of each kind."""
    shared, sums = 0.0, dict.fromkeys(("misspelt", "cut"), 0.0)
    counts: Counter[str] = Counter()
    for pair in pairs:
        weight, missing = (weights[pair.asked] + weights[pair.account]) / 2, 1 - pair.kin.alike
        kind = pair.kin.kind
        counts[kind] += 1
        if kind == "cut":
            shared += weight * 0.6
            sums["cut"] += weight * missing
        elif kind == "misspelt":
            shared += weight * pair.kin.alike
            # a letter in a short word is more of it
            sums["misspelt"] += weight * missing * (1.0 if max(len(pair.asked), len(pair.account)) >= 6 else 1.6)
        else:
            shared += weight
    return shared, sums, counts


def _by_first_letters(*, other_form: bool, aside_differs: bool) -> Compared:
    """First letters share no word with what they stand for: nothing else is measured."""
    told = {"acronym": 1.0, "other_form": float(other_form), "aside_differs": float(aside_differs)}
    measures = tuple(told.get(name, 0.0) for name in MEASURES)
    return Compared(
        measures, (), (), (), acronym=True, other_form=other_form, reordered=False, aside_differs=aside_differs
    )


def is_acronym(short: tuple[str, ...], long: tuple[str, ...]) -> bool:
    """Say whether ``short`` is one word of the first letters of ``long`` (three words or more)."""
    return len(long) >= 3 and len(short) == 1 and short[0] == "".join(word[0] for word in long)


def in_words(found: Compared) -> list[str]:
    """Say what differs, for a person to judge."""
    told = []
    for pair in found.pairs:
        how = {"short": "short for", "bent": "for", "misspelt": "misspelt for", "cut": "cut from"}[pair.kin.kind]
        told.append(f"'{pair.asked}' {how} '{pair.account}'")
    if found.acronym:
        return ["first letters", *(["legal form differs"] if found.other_form else [])]
    if found.only_asked:
        told.append("only stated: " + " ".join(found.only_asked))
    if found.only_account:
        told.append("only the account's: " + " ".join(found.only_account))
    if found.reordered:
        told.append("words in another order")
    if found.aside_differs:
        told.append("brackets differ")
    if found.other_form:
        told.append("legal form differs")
    return told


def _equal(
    asked: tuple[str, ...], account: tuple[str, ...], weights: WordWeights
) -> tuple[float, list[str], list[str]]:
    """Give the weight of equal words, and the rest of either side in order."""
    left = list(account)
    shared, rest = 0.0, []
    for word in asked:
        if word in left:
            left.remove(word)
            shared += weights[word]
        else:
            rest.append(word)
    return shared, rest, left


def _joined(rest: list[str], left: list[str], weights: WordWeights) -> tuple[int, float]:
    """Take out words of one side that are two or three of the other written together; count and weigh them."""
    count, weight, going = 0, 0.0, True
    while going:
        going = False
        for whole, parts in ((rest, left), (left, rest)):
            hit = next(
                (
                    (word, start, end)
                    for word in whole
                    for start in range(len(parts) - 1)
                    for end in (start + 2, start + 3)
                    if end <= len(parts) and "".join(parts[start:end]) == word
                ),
                None,
            )
            if hit:
                word, start, end = hit
                whole.remove(word)
                del parts[start:end]
                count, weight, going = count + 1, weight + weights[word], True
    return count, weight


def _kin_words(rest: list[str], left: list[str]) -> tuple[list[Pair], list[str], list[str]]:
    """Pair the closest kin; give the pairs and what stays alone on either side."""
    if not rest or not left:
        return [], rest, left
    options = []
    for place, word in enumerate(rest):
        for spot, other in enumerate(left):
            found = kin(word, other)
            if found:
                options.append((-_RANK[found.kind], -found.alike, place, spot, found))
    options.sort(key=lambda option: option[:4])
    taken: set[int] = set()
    gone: set[int] = set()
    pairs = []
    for _, _, place, spot, found in options:
        if place not in taken and spot not in gone:
            taken.add(place)
            gone.add(spot)
            pairs.append(Pair(rest[place], left[spot], found))
    return (
        pairs,
        [word for place, word in enumerate(rest) if place not in taken],
        [word for spot, word in enumerate(left) if spot not in gone],
    )


def _same_start(word: str, other: str, key: str, other_key: str) -> bool:
    return word == other or key[:4] == other_key[:4] or kin(word, other) is not None


def _is_tail(asked: tuple[str, ...], account: tuple[str, ...], lonely: list[str], over: list[str]) -> bool:
    """Say whether one name is the beginning of the other."""
    if lonely and not over:
        return asked[: len(account)] == account
    return bool(over) and not lonely and account[: len(asked)] == asked


def _aside_differs(asked: CompanyName, account: CompanyName) -> bool:
    """Say whether words in brackets stand on one side only: ``Acme (UK)`` is seldom ``Acme``."""
    mine = {word for word in asked.aside if word not in account.aside and word not in account.words}
    theirs = {word for word in account.aside if word not in asked.aside and word not in asked.words}
    return bool(mine or theirs)
