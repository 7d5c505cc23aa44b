"""The rules of matching for a few people at a time, without a statement per rule; and who else could be meant.

The tables of ``tiers`` and ``near_tier`` answer for hundreds of thousands, and planning their statements costs more
than one person does. Here the same rules stand as plain code over the few accounts around a person. Both give the same
rows, to the last digit, which is tested as a property: change them together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import duckdb
import pyarrow as pa

from connector.mapping.fields import AccountMatching, AccountTier
from connector.matching.around import Account, Around, Asked
from connector.matching.crowds import SUSPECT_ACCOUNTS
from connector.matching.evidence import in_words
from connector.matching.ledger import NOWHERE, Domains, Host
from connector.matching.near import Near
from connector.matching.near_tier import BESIDE, below_equal
from connector.matching.tables import MATCHES
from connector.matching.tiers import (
    ELSEWHERE,
    LINKED,
    MAIL_DOMAIN,
    OTHER_FORM,
    PARENT,
    RULED,
    RULED_NAME,
    SAME_CORE,
    SAME_NAME,
    UNDECIDED,
    WEB_DOMAIN,
)
from connector.matching.ties import Competitor, Settled, settle

#: a question names at most so many accounts
_CANDIDATES = 5
#: a near name less likely than this is no candidate
_WORTH_NAMING = 0.05
_FACTS = (("open_opportunity", "has an open opportunity"), ("active_owner", "its owner is active"))


class Found(NamedTuple):
    """What one tier says, as a row of ``found``."""

    tier: int
    account_id: str
    method: str
    confidence: float
    evidence: str
    runner_up: str | None
    verdict: str


class Candidate(NamedTuple):
    """An account that could be meant, and what speaks for it; no confidence where others come before it."""

    account_id: str
    method: str
    confidence: float | None
    evidence: str


class Chosen(NamedTuple):
    """The answer about one person, and from which tier."""

    account_id: str
    method: str
    confidence: float
    evidence: str
    runner_up: str | None
    review: bool


class OneByOne:
    """Matches people one after the other against accounts that are laid out."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        matching: AccountMatching,
        domains: Domains,
        near: Callable[[str], Sequence[Near]],
    ) -> None:
        """Take the ledger, and how the near names of a written one are found."""
        self._con = con
        self._matching = matching
        self._domains = domains
        self._near = near

    def match(self, persons: pa.Table, *, near_keys: Iterable[str] = ()) -> pa.Table:
        """Give a row per person (schema ``MATCHES``), sorted by person.

        ``near_keys`` are names that will be asked for: fetched at once they cost one statement.

        Raises:
            ConfigError: ``person_id`` is missing, or names one twice.
        """
        around = Around(self._con, self._domains)
        asked = around.people(persons)
        around.fetch_keys(near_keys)
        rows = [_Person(one, around, self._matching, self._near).row() for one in asked]
        return pa.Table.from_pylist(rows, schema=MATCHES)


class _Person:
    """One person on the way through the tiers."""

    def __init__(
        self, one: Asked, around: Around, matching: AccountMatching, near: Callable[[str], Sequence[Near]]
    ) -> None:
        self._one = one
        self._around = around
        self._matching = matching
        self._look = near
        self._found: list[Found] = []
        self._others: dict[str, Candidate] = {}

    def row(self) -> dict[str, object]:
        """Go through the tiers and choose."""
        if len(self._one.same) == 1:
            self._found.append(Found(-1, min(self._one.same), "link", LINKED, "said by a person", None, "sure"))
        for place, tier in enumerate(self._matching.tiers):
            if tier.by == "link":
                self._by_link(place)
            elif tier.by == "domain":
                self._by_domain(place)
            else:
                self._by_name(place, tier)
        chosen = self._rolled_up(self._chosen())
        if chosen is None:
            nobody = {"account_id": None, "method": "none", "confidence": 0.0, "evidence": "", "review": False}
            return {"person_id": self._one.person_id, **nobody, "runner_up": None, "candidates": None}
        runner_up_id = chosen.runner_up
        if runner_up_id is None:
            rest = [(f.confidence, f.account_id) for f in self._found if f.account_id != chosen.account_id]
            runner_up_id = max(rest)[1] if rest else None
        chosen = chosen._replace(runner_up=runner_up_id)
        told = [each._asdict() for each in self._candidates(chosen)] if chosen.review else None
        return {"person_id": self._one.person_id, **chosen._asdict(), "candidates": told}

    def _chosen(self) -> Chosen | None:
        """Take the first tier that is sure enough, else the best question."""
        tiers = self._matching.tiers
        bars = {-1: (0.0, 0.0)} | {place: (tier.accept, tier.review) for place, tier in enumerate(tiers)}
        graded = [
            (each, each.verdict == "sure" and each.confidence >= bars[each.tier][0])
            for each in self._found
            if each.verdict in ("torn", "shared") or each.confidence >= min(bars[each.tier])
        ]
        barred = min((each.tier for each, _ in graded if each.verdict == "torn"), default=len(tiers))
        ranked = [(each, not (accepted and each.tier < barred)) for each, accepted in graded]
        if not ranked:
            return None
        best, review = min(
            ranked,
            key=lambda pair: (
                pair[1],
                0 if pair[1] else pair[0].tier,
                -pair[0].confidence,
                pair[0].tier,
                pair[0].account_id,
            ),
        )
        return Chosen(best.account_id, best.method, best.confidence, best.evidence, best.runner_up, review)

    def _rolled_up(self, chosen: Chosen | None) -> Chosen | None:
        if chosen is None or self._matching.hierarchy != "roll_up" or chosen.method not in ("domain", "name"):
            return chosen
        root = self._around.account(chosen.account_id).root
        if root in (chosen.account_id, *self._one.different) or not self._around.is_there(root):
            return chosen
        return chosen._replace(
            account_id=root,
            runner_up=chosen.runner_up or chosen.account_id,
            evidence=chosen.evidence + "; the top of its hierarchy",
        )

    def _candidates(self, chosen: Chosen) -> list[Candidate]:
        """Name who could be meant: the best one, the runner-up, and the likeliest of the rest."""
        first = Candidate(chosen.account_id, chosen.method, chosen.confidence, chosen.evidence)
        rest = [each for each in self._others.values() if each.account_id != chosen.account_id]
        rest.sort(key=lambda each: (each.account_id != chosen.runner_up, -(each.confidence or 0.0), each.account_id))
        if chosen.runner_up and (not rest or rest[0].account_id != chosen.runner_up):
            second = next((f for f in self._found if f.account_id == chosen.runner_up), None)
            rest.insert(
                0,
                Candidate(chosen.runner_up, second.method, second.confidence, second.evidence)
                if second
                else Candidate(chosen.runner_up, chosen.method, None, "member of the same hierarchy"),
            )
        return [first, *rest[: _CANDIDATES - 1]]

    def _by_link(self, tier: int) -> None:
        link = self._one.link
        if link and link not in self._one.different and self._around.is_there(link):
            self._found.append(Found(tier, link, "link", LINKED, "linked in the CRM", None, "sure"))

    def _by_domain(self, tier: int) -> None:
        one = self._one
        mail, host = one.mail is not None, one.mail or one.web
        carriers = self._carriers(host) if host else []
        if not host or not carriers:
            return
        settled = settle(carriers, self._matching, suspect_from=SUSPECT_ACCOUNTS)
        crowd = self._around.crowd(host.domain)
        if crowd and settled.how not in ("tied", "shared"):
            settled = settled._replace(how="crowd", rivals=crowd)
        evidence = f"{'e-mail domain' if mail else 'website'} {host.domain}"
        bearers = {each.account.account_id for each in carriers if one.name and each.account.key == one.name.key}
        named = bearers.pop() if settled.how in ("tied", "shared", "crowd") and len(bearers) == 1 else None
        self._name_rivals(carriers, settled, "domain", evidence)
        if named:
            told = f"{evidence}; the stated company name decides among {settled.rivals}"
            runner_up = settled.account_id if named != settled.account_id else settled.runner_up
            self._found.append(Found(tier, named, "domain", RULED, told, runner_up, "sure"))
            return
        sure = _one_of(settled.how, only=MAIL_DOMAIN if mail else WEB_DOMAIN, ruled=RULED)
        verdict = {"tied": "torn", "shared": "shared", "crowd": "shared"}.get(settled.how, "sure")
        told = evidence + _how(settled)
        self._found.append(Found(tier, settled.account_id, "domain", sure, told, settled.runner_up, verdict))

    def _carriers(self, host: Host) -> list[Competitor]:
        grades: dict[str, int] = {}
        for account_id, its in self._around.carriers(host.domain):
            if account_id not in self._one.different:
                grades[account_id] = max(grades.get(account_id, 0), int(its == host.host))
        return [Competitor(self._around.account(each), grade) for each, grade in grades.items()]

    def _by_name(self, tier: int, bar: AccountTier) -> None:
        one = self._one
        if one.name is None:
            return
        bearers = [
            Competitor(each, 64 * (each.full_name == one.name.full) + _agreement(one, each))
            for each in self._bearers(one.name.key)
        ]
        if not bearers:
            if not any(each.verdict == "sure" for each in self._found):
                self._by_near_name(tier, least=min(bar.accept, bar.review))
            return
        settled = settle(bearers, self._matching)
        account = self._around.account(settled.account_id)
        forms, its = set(one.name.form.split()), set(account.form.split())
        other_form = bool(forms and its and not forms & its)
        only = SAME_NAME if account.full_name == one.name.full else OTHER_FORM if other_form else SAME_CORE
        elsewhere = _differs(account.country, one.country)
        sure = _one_of(settled.how, only=ELSEWHERE if elsewhere else only, ruled=RULED_NAME)
        told = f"same name: {account.name}{_how(settled)}"
        told += "; legal form differs" if other_form else ""
        told += "; in another country" if settled.how == "only" and elsewhere else ""
        self._name_rivals(bearers, settled, "name", "same name")
        verdict = "torn" if settled.how == "tied" else "sure"
        self._found.append(Found(tier, settled.account_id, "name", sure, told, settled.runner_up, verdict))

    def _bearers(self, key: str) -> list[Account]:
        return [each for each in self._around.bearers(key) if each.account_id not in self._one.different]

    def _by_near_name(self, tier: int, *, least: float) -> None:
        """Weigh the near names against each other and against none; the confidence is the share of the best."""
        one = self._one
        near = {each.key: each for each in self._look(one.company or "")}
        self._around.fetch_keys(near)
        leanings = {key: self._leanings(each) for key, each in near.items()}
        best = {key: max(each) for key, each in leanings.items() if each}
        if not best:
            return
        order = sorted(best, key=lambda key: (-best[key][0], key))
        odds = {key: math.exp(min(best[key][0], 40.0)) for key in order}
        total = 0.0
        for key in order:
            total += odds[key]
        whole = 1 + total
        top = order[0]
        if odds[top] / whole < least:
            return
        confidence = _rounded(below_equal(odds[top] / whole))
        bearers = [Competitor(each, _agreement(one, each)) for each in self._bearers(top)]
        settled = settle(bearers, self._matching)
        most = {"only": 1.0, "tied": UNDECIDED, "parent": PARENT}.get(settled.how, RULED_NAME)
        next_account = best[order[1]][1] if len(order) > 1 else None
        account = self._around.account(settled.account_id)
        told = self._told(near[top], account, _how(settled))
        verdict = "weak" if settled.how == "tied" else "sure"
        self._found.append(
            Found(
                tier,
                settled.account_id,
                "name",
                min(confidence, most),
                told,
                settled.runner_up or next_account,
                verdict,
            )
        )
        for key in order:
            share = _rounded(below_equal(odds[key] / whole))
            for each in self._bearers(key) if share >= _WORTH_NAMING else ():
                told = self._told(near[key], each, "")
                self._others.setdefault(each.account_id, Candidate(each.account_id, "name", share, told))

    def _leanings(self, near: Near) -> list[tuple[float, str]]:
        found = []
        for each in self._bearers(near.key):
            leaning = near.leaning
            for _, holds, odds in _holding(self._one, each):
                leaning += odds * holds
            found.append((leaning, each.account_id))
        return found

    def _told(self, near: Near, account: Account, how: str) -> str:
        differs = "; ".join(in_words(near.compared)) or "nearly the same letters"
        beside = "".join(f"; {words}" for words, holds, _ in _holding(self._one, account) if holds)
        return f"near name: {self._one.company} ~ {account.name}: {differs}{how}{beside}"

    def _name_rivals(self, rivals: list[Competitor], settled: Settled, method: str, evidence: str) -> None:
        """Keep each account that competes, with what speaks for it by itself."""
        most = max(each.grade for each in rivals)
        for each in rivals:
            account = each.account
            told = [f"{evidence}: {account.name}" if account.name else evidence]
            if each.grade < most:
                told.append("others agree more")
            told += [words for name, words in _FACTS if getattr(account, name)]
            told += [words for words, holds, _ in _holding(self._one, account) if holds]
            sure = UNDECIDED if each.grade == most and settled.how in ("tied", "shared", "crowd") else None
            self._others.setdefault(account.account_id, Candidate(account.account_id, method, sure, "; ".join(told)))


def _one_of(how: str, *, only: float, ruled: float) -> float:
    undecided = dict.fromkeys(("tied", "shared", "crowd"), UNDECIDED)
    return {"only": only, "parent": PARENT, **undecided}.get(how, ruled)


def _how(settled: Settled) -> str:
    count = settled.rivals
    return {
        "only": "",
        "tied": f"; {count} accounts have it and no rule decides",
        "shared": f"; {count} unrelated accounts have it",
        "crowd": f"; its people belong to {count} unrelated accounts",
        "parent": f"; top of the hierarchy of {count} accounts",
    }.get(settled.how, f"; {settled.how} decides among {count}")


def _equal(one: str | None, other: str | None) -> bool:
    return one is not None and one == other


def _differs(one: str | None, other: str | None) -> bool:
    """Say whether two codes, or two names, differ; a code and a name cannot be compared."""
    return one is not None and other is not None and len(one) == len(other) and one != other


def _agreement(one: Asked, account: Account) -> int:
    """Weigh what agrees beside the name, as ``tiers.AGREEMENT``."""
    forms = set(account.form.split()) & set(one.name.form.split() if one.name else ())
    return (
        32 * _equal(account.phone, one.phone)
        + 16 * bool(forms)
        + 8 * _equal(account.postal_code, one.postal_code)
        + 4 * _equal(account.city, one.city)
        + 2 * _equal(account.state, one.state)
        + _equal(account.country, one.country)
    )


def _holding(one: Asked, account: Account) -> list[tuple[str, bool, float]]:
    """Give what stands beside a near name, in words, whether it holds, and the log of odds, as ``near_tier.BESIDE``."""
    label, key = (one.mail or one.web or NOWHERE).label, account.key or ""
    holds = (
        _equal(account.phone, one.phone),
        _equal(account.postal_code, one.postal_code),
        _equal(account.city, one.city),
        account.city is not None and one.city is not None and account.city != one.city,
        _equal(account.state, one.state),
        _differs(account.state, one.state),
        _equal(account.country, one.country),
        _differs(account.country, one.country),
        len(key) >= 3 and label == key,
    )
    return [(words, each, odds) for (words, _, odds), each in zip(BESIDE, holds, strict=True)]


def _rounded(value: float) -> float:
    """Round to four places, halves up, as the engine of the tables does."""
    scaled = value * 10_000
    below = math.floor(scaled)
    return (below + (scaled - below >= 0.5)) / 10_000
