"""Accounts for one name that somebody is typing: the name tier without tables, in a thousandth of a second."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import duckdb

from connector.matching.evidence import in_words
from connector.matching.name_model import confidence
from connector.matching.names import CompanyName, company_name
from connector.matching.near import NearNames
from connector.matching.near_tier import below_equal
from connector.matching.tiers import OTHER_FORM, SAME_CORE, SAME_NAME, UNDECIDED


class Suggestion(NamedTuple):
    """One account that a name may mean, with the confidence and evidence that matching by name alone would give."""

    account_id: str
    name: str
    confidence: float
    evidence: str


class Suggestions:
    """The accounts' names by their normal form."""

    def __init__(self, con: duckdb.DuckDBPyConnection, index: NearNames) -> None:
        """Take the tables of a matching, and its index of near names."""
        self._index = index
        self._bearers: dict[str, list[tuple[str, str, CompanyName]]] = defaultdict(list)
        rows = con.execute(
            "SELECT key, account_id, trim(a.name) FROM account_name JOIN a USING (account_id) WHERE key IS NOT NULL"
            " ORDER BY ALL"
        )
        for key, account_id, name in rows.fetchall():
            self._bearers[key].append((account_id, name, company_name(name)))

    def of(self, company: str, *, at_most: int) -> list[Suggestion]:
        """Give the likeliest accounts, likeliest first; equal names keep near ones out."""
        asked = company_name(company)
        key = asked.core.replace(" ", "")
        if not key:
            return []
        if key in self._bearers:
            return self._equal(asked, self._bearers[key])[:at_most]
        found: list[Suggestion] = []
        near = self._index.near(asked)
        shares = confidence(each.leaning for each in near)
        for each, share in zip(near, shares, strict=True):
            told = "; ".join(in_words(each.compared)) or "nearly the same letters"
            bearers = _fittest(asked, self._bearers[each.key])
            sure = round(below_equal(share), 4)
            sure = min(sure, UNDECIDED) if len(bearers) > 1 else sure
            found += [
                Suggestion(account_id, name, sure, f"near name: {company.strip()} ~ {name}: {told}")
                for account_id, name, _ in bearers
            ]
        return found[:at_most]

    def _equal(self, asked: CompanyName, bearers: list[tuple[str, str, CompanyName]]) -> list[Suggestion]:
        fittest = _fittest(asked, bearers)
        more = "" if len(fittest) == 1 else f"; {len(fittest)} accounts have it and no rule decides"
        return [
            Suggestion(
                account_id, name, UNDECIDED if more else _equal_confidence(asked, its), f"same name: {name}{more}"
            )
            for account_id, name, its in fittest
        ]


def _fittest(asked: CompanyName, bearers: list[tuple[str, str, CompanyName]]) -> list[tuple[str, str, CompanyName]]:
    """Keep the bearers of a name that agree most, by the whole name, then by the legal form."""
    grades = [(its.full == asked.full, _share_form(asked, its)) for _, _, its in bearers]
    return [bearer for bearer, grade in zip(bearers, grades, strict=True) if grade == max(grades)]


def _share_form(one: CompanyName, other: CompanyName) -> bool:
    return bool(set(one.form.split()) & set(other.form.split()))


def _equal_confidence(asked: CompanyName, its: CompanyName) -> float:
    if asked.full == its.full:
        return SAME_NAME
    return SAME_CORE if not asked.form or not its.form or _share_form(asked, its) else OTHER_FORM
