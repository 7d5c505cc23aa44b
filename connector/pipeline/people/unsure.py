"""Whose results hang on what no system tells any more, or on who is yet to be worked: they are neither nought nor no.

A person is unsure where a rule that asks for something lost could give or take points, disqualify, or say another role.
Their number is unknown then, and their grade and verdict wherever the two ends of what it could be differ in them. What
their record shows stays as it is; whom it does not concern is worked as ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from connector.delivery.last_shown import UNSURE
from connector.mapping.evaluate import Evaluator
from connector.mapping.lost import Lost, asks_lost
from connector.mapping.scoring import FitRule, GradeBands, ScoringModel
from connector.pipeline.people.columns import ACCOUNT_STANDING

_SCALE = 100.0
#: numbers that are unknown for whoever is unsure
_NUMBERS = ("score.total", "score.fit")
#: what accounts have of their people's roles
_OF_ROLES = ("account.score", "account.ready", "account.decider", "account.influencer", "account.grade")
_OF_FIT = ("account.fit", "account.grade", "account.ready")


def with_unsure(people: pa.Table, model: ScoringModel, lost: Lost, *, now: datetime) -> pa.Table:
    """Mark whoever is unsure, and make unknown what is: numbers, grade, verdict, fit, role.

    ``people`` has facts and results; ``model`` is as ``connector.mapping.lost.without`` gives it.
    """
    if not lost:
        return people
    evaluator = Evaluator(people, now=now)
    rules = [rule for rule in model.dimensions.fit.rules if asks_lost(rule.when)]
    low, high, disqualified = _spans(evaluator, rules, people.num_rows)
    unclear = _role(evaluator, model, people.num_rows)
    unsure = pc.or_(pc.or_(pc.less(low, 0.0), pc.greater(high, 0.0)), pc.or_(disqualified, unclear))
    if any(fact.startswith("bants.") for fact in lost.facts):
        unsure = pa.array([True] * people.num_rows, pa.bool_())
    known_out = pc.fill_null(pc.equal(people.column("verdict"), "disqualified"), False)
    fit = pc.fill_null(people.column("score.fit").cast(pa.float64()), 0.0)
    ends = [_letters(_within(pc.add(fit, span)), model.grades) for span in (low, high)]
    digit = pc.utf8_slice_codeunits(people.column("grade"), 1, 2)
    verdicts = [_verdicts(letters, digit, model) for letters in ends]
    of_letter = pc.fill_null(pc.not_equal(ends[0], ends[1]), False)
    of_verdict = pc.fill_null(pc.not_equal(verdicts[0], verdicts[1]), False)
    of_verdict = pc.and_(pc.or_(of_verdict, disqualified), pc.invert(known_out))
    unknown = dict.fromkeys(_NUMBERS, unsure)
    unknown |= {"grade": of_letter, "fit": of_letter, "verdict": of_verdict, "role": unclear}
    for name, mask in unknown.items():
        people = _blanked(people, name, mask)
    return people.append_column(UNSURE, unsure)


def with_unsure_accounts(table: pa.Table, model: ScoringModel) -> pa.Table:
    """Make unknown what an account's standing owes to something lost, beside people or on the accounts' own table.

    Roles and fit of one person count for the whole account, so where a rule of either is lost, no account is sure.
    """
    names: set[str] = set()
    ready = model.account.ready_when
    if any(map(asks_lost, model.roles.values())):
        names |= set(_OF_ROLES)
    rules = model.dimensions.fit.rules if model.account.fit is None else model.account.fit.rules
    if any(asks_lost(rule.when) for rule in rules):
        names |= set(_OF_FIT)
    if ready is not None and asks_lost(ready):
        names.add("account.ready")
    if model.account.hierarchy is not None and asks_lost(model.account.hierarchy.when):
        names |= set(ACCOUNT_STANDING)
    for name in sorted(names.intersection(table.column_names)):
        table = _blanked(table, name, pa.array([True] * table.num_rows, pa.bool_()))
    if names and "account_id" in table.column_names and "person_id" not in table.column_names:
        table = table.append_column(UNSURE, pa.array([True] * table.num_rows, pa.bool_()))
    return table


def as_shown(accounts: pa.Table, these: pa.Table) -> pa.Table:
    """Mark ``these`` accounts, too: not all of their people have been come to, and half a sum is none."""
    if not these.num_rows:
        return accounts
    ids = these.column("account_id").combine_chunks().cast(pa.string())
    mask = pc.is_in(accounts.column("account_id").cast(pa.string()), value_set=ids)
    place = accounts.schema.get_field_index(UNSURE)
    if place < 0:
        return accounts.append_column(UNSURE, mask)
    return accounts.set_column(place, UNSURE, pc.or_(accounts.column(place), mask))


def keep_in_review(people: pa.Table, before: pa.ChunkedArray) -> pa.Table:
    """Leave whoever waited for review there while their verdict is unknown; ``before``: what memory says of them."""
    if UNSURE not in people.column_names:
        return people
    waits = pc.fill_null(pc.equal(before, "review"), False)
    unknown = pc.and_(pc.is_null(people.column("verdict")), people.column(UNSURE))
    stays = pc.and_(pc.and_(unknown, waits), pc.equal(people.column("disposition"), "nurture"))
    answer = pc.if_else(stays, "review", people.column("disposition"))
    return people.set_column(people.column_names.index("disposition"), "disposition", answer)


def _spans(evaluator: Evaluator, rules: Sequence[FitRule], rows: int) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Give the least and the most that unknown rules could add for each row, and whether one could disqualify."""
    low, high = pa.array([0.0] * rows), pa.array([0.0] * rows)
    disqualified = pa.array([False] * rows, pa.bool_())
    for rule in rules:
        unknown = pc.is_null(evaluator.evaluate(rule.when))
        points = float(rule.points)
        low = pc.add(low, pc.if_else(unknown, min(points, 0.0), 0.0))
        high = pc.add(high, pc.if_else(unknown, max(points, 0.0), 0.0))
        if rule.disqualify is not None:
            disqualified = pc.or_(disqualified, unknown)
    return low, high, disqualified


def _role(evaluator: Evaluator, model: ScoringModel, rows: int) -> pa.Array:
    """Mark those who may have another role than is known."""
    mask = pa.array([False] * rows, pa.bool_())
    for name in ("influencer", "decider"):
        when = model.roles.get(name)
        if when is None:
            continue
        answer = evaluator.evaluate(when)
        unknown = pc.is_null(answer) if asks_lost(when) else pa.array([False] * rows, pa.bool_())
        # who is sure to decide is no influencer, whatever the rest says
        mask = pc.and_(pc.or_(mask, unknown), pc.invert(pc.fill_null(answer, False))) if name == "decider" else unknown
    return mask


def _within(fit: pa.Array) -> pa.Array:
    return pc.min_element_wise(pc.max_element_wise(fit, 0.0), _SCALE)


def _letters(fit: pa.Array, grades: GradeBands) -> pa.Array:
    letters = pa.array(["D"] * len(fit), pa.string())
    for letter, least in sorted(grades.fit.items(), key=lambda band: band[1]):
        letters = pc.if_else(pc.greater_equal(fit, float(Decimal(least))), letter, letters)
    return letters


def _verdicts(letters: pa.Array, digit: pa.ChunkedArray, model: ScoringModel) -> pa.Array:
    cells = {
        f"{letter}{place}": verdict for letter, row in model.matrix.items() for place, verdict in enumerate(row, 1)
    }
    digits = digit.combine_chunks() if isinstance(digit, pa.ChunkedArray) else digit
    cell = pc.binary_join_element_wise(letters, digits, "")
    places = pc.index_in(cell, value_set=pa.array(list(cells), pa.string()))
    return pa.array(list(cells.values()), pa.string()).take(places)


def _blanked(table: pa.Table, name: str, mask: pa.Array | pa.ChunkedArray) -> pa.Table:
    place = table.schema.get_field_index(name)
    if place < 0:
        return table
    column = table.column(place)
    return table.set_column(place, name, pc.if_else(mask, pa.scalar(None, column.type), column))
