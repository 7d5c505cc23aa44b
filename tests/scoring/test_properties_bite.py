"""The checks of ``scoring_properties`` fail when the engine is wrong: each is shown a planted bug of its own."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from itertools import islice

import content_crowds
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scoring_properties as must
from scoring_parity import differences, expected, plain
from scoring_worlds import seeded_worlds

from connector.scoring import compile as compile_module
from connector.scoring import score
from connector.scoring.people import totals

WORLDS = 12


def on_result(check):
    return lambda world: check(world, plain(world.scored()))


@contextmanager
def planted(monkeypatch, module, name, wrong):
    with monkeypatch.context() as patch:
        patch.setattr(module, name, wrong(getattr(module, name)))
        yield


def worlds(feature):
    """Some worlds that reach a feature of the reference, which tells that faster than the engine could."""
    for world in seeded_worlds(400, seed=5):
        seen = Counter()
        expected(world, seen)
        if seen[feature]:
            yield world


def bites(feature, check, *more):
    """Whether the check fails for one of some worlds that reach a feature."""
    for world in islice(worlds(feature), WORLDS):
        try:
            check(world, *more)
        except AssertionError:
            return True
    return False


def changed_model(**changes):
    """A compiler whose models differ from what was written: each change makes a new value from the compiled model."""

    def wrong(right):
        def compiled(model):
            found = right(model)
            return replace(found, **{name: change(found) for name, change in changes.items()})

        return compiled

    return wrong


def on_hits(change):
    """A matcher that is handed other activities than there are."""

    def wrong(right):
        return lambda model, activities, **more: right(model, change(activities), **more)

    return wrong


def first_half(table):
    return table.slice(0, (table.num_rows + 1) // 2)


def one_identity(table):
    return table.drop_columns(["identity"])


def always_known(table):
    return table.drop_columns(["landed_at"]) if "landed_at" in table.column_names else table


def grows(right):
    return lambda points, half_life, age: right(points, half_life, 0) * (1 + age)


def nobody_is_junior(right):
    return lambda *args, **more: pa.array(["influencer"] * len(right(*args, **more)), pa.string())


def without_remainder(right):
    """Contributions that are each rounded, and so may miss the total."""

    def scores(*args):
        table = right(*args)
        third = pa.compute.round(pa.compute.divide(table.column("total"), 3.0), 1)
        for name in ("fit_part", "interest_part", "qualification_part"):
            table = table.set_column(table.column_names.index(name), name, third)
        return table

    return scores


def half_points(found):
    return tuple(replace(rule, points=tuple(one // 2 for one in rule.points)) for rule in found.interest)


def nobody_engaged(found):
    return replace(found.account, engaged=found.account.engaged + 1_000_000_000)


def no_floors(found):
    return tuple(replace(group, depth=None) for group in found.groups)


def no_minima(found):
    return dict.fromkeys(found.stages, -1_000_000_000)


def test_the_order_of_arrival(monkeypatch):
    with planted(monkeypatch, score, "match_hits", on_hits(first_half)):
        assert bites("decay", must.order_does_not_matter, random.Random(1))


def test_what_was_known(monkeypatch):
    with planted(monkeypatch, score, "match_hits", on_hits(always_known)):
        assert bites("not known yet", must.the_past_is_what_was_known)


def test_other_people(monkeypatch):
    with planted(monkeypatch, score, "match_hits", on_hits(first_half)):
        assert bites("an account has forty people", must.others_do_not_matter)


def test_merges(monkeypatch):
    with planted(monkeypatch, score, "match_hits", on_hits(one_identity)):
        assert bites("debounce drops", must.a_merge_is_the_union_of_hits)


def test_what_rises_by_itself(monkeypatch):
    with planted(monkeypatch, compile_module, "earned_micropoints", grows):
        assert bites("decay", must.nothing_rises_by_itself, timedelta(days=2))


def test_the_scale(monkeypatch):
    with planted(monkeypatch, totals, "clamped", lambda right: lambda tenths: tenths):
        assert bites("interest is limited above", on_result(must.everything_stays_on_the_scale))


def test_sums_of_lines():
    def without_limits(world):
        found = plain(world.scored())
        found["lines"] = [line for line in found["lines"] if line["rule"] != "limit"]
        must.numbers_are_the_sums_of_their_lines(world, found)

    assert bites("interest is limited above", without_limits)


def test_sums_of_contributions(monkeypatch):
    with planted(monkeypatch, score, "_scores", without_remainder):
        assert bites("contributions are rounded", on_result(must.numbers_are_the_sums_of_their_lines))


def test_splits(monkeypatch):
    lost = {"account": lambda found: replace(found.account, breadth=found.account.breadth + 1_000_000)}
    some = list(islice(worlds("an account is ready"), 2))
    with planted(monkeypatch, score, "compile_model", changed_model(**lost)):
        wrong = [plain(world.scored()) for world in some]

    def check():
        for world, found in zip(some, wrong, strict=True):
            must.splits_add_up(world, found)

    with pytest.raises(AssertionError):
        check()


def test_juniors(monkeypatch):
    with planted(monkeypatch, score, "roles", nobody_is_junior):
        assert bites("an account is ready", must.juniors_make_no_account_ready)


def test_weights(monkeypatch):
    same = changed_model(weights=lambda found: (1, 1, 1))
    with planted(monkeypatch, score, "compile_model", same):
        assert bites("a rule's cap bites", must.a_weight_moves_only_totals, "interest", Fraction(9, 4))


def test_repeats(monkeypatch, tmp_path):
    assert bites("the last return repeats", must.repeats_count_once, pq.read_table, tmp_path, random.Random(1))


def test_content(monkeypatch):
    unbounded = changed_model(groups=lambda found: tuple(replace(group, cap=None) for group in found.groups))
    with planted(monkeypatch, score, "compile_model", unbounded):
        assert content_crowds.reaches_sales(content_crowds.content_crowd(random.Random(1))) != []


@pytest.mark.parametrize(
    ("feature", "wrong"),
    [
        pytest.param("decay", {"interest": half_points}, id="points"),
        pytest.param("an account is ready", {"account": nobody_engaged}, id="engaged"),
        pytest.param("a group's floor bites", {"groups": no_floors}, id="floors"),
        pytest.param("a stage is missed by points", {"stages": no_minima}, id="stages"),
        pytest.param("fit is limited below", {"fit": lambda found: found.fit[1:]}, id="a lost rule"),
    ],
)
def test_the_reference(monkeypatch, feature, wrong):
    with planted(monkeypatch, score, "compile_model", changed_model(**wrong)):
        assert any(differences(expected(world), plain(world.scored())) for world in islice(worlds(feature), WORLDS))


def test_the_reference_sees_debounce(monkeypatch):
    with planted(monkeypatch, score, "match_hits", on_hits(one_identity)):
        some = islice(worlds("debounce drops"), WORLDS)
        assert any(differences(expected(world), plain(world.scored())) for world in some)
