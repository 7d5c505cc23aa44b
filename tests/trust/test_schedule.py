"""What polling alone would cost, held against the ceiling."""

from __future__ import annotations

from datetime import timedelta

from connector.ports.traits import AdapterTraits, StreamTraits
from connector.trust.schedule import overspent

_SOURCE = AdapterTraits("hub", {}, (StreamTraits("forms", "", "fast"), StreamTraits("people", "contact")))
_CRM = AdapterTraits("org", {}, tuple(StreamTraits(f"s{n}", "") for n in range(7)), streams_per_call=5)
_HOUR = timedelta(hours=1)


def _found(spans: dict[str, timedelta], ceilings: dict[str, int]) -> list[tuple[str, str, int]]:
    return [(over.system, over.key, over.calls) for over in overspent(spans, [_SOURCE], _CRM, ceilings)]


def test_the_calls_of_a_day_are_polls_times_calls_of_a_poll():
    spans = {"fast_lane": _HOUR, "source": 2 * _HOUR, "crm": 6 * _HOUR}
    # the CRM: five looks (one of the night), two calls each; the source: 24 x 1 + 12 x 2 + 5 x 2
    assert _found(spans, {"org": 9, "hub": 57}) == [("hub", "fast_lane", 58), ("org", "crm", 10)]
    assert _found(spans, {"org": 10, "hub": 58}) == []
    assert _found(spans, {}) == []


def test_the_span_that_is_advised_is_enough():
    spans = {"fast_lane": _HOUR, "source": _HOUR, "crm": timedelta(seconds=2)}
    [over] = overspent(spans, [_SOURCE], _CRM, {"org": 15000})
    assert (over.system, over.key) == ("org", "crm")
    assert over.calls > 80_000
    assert _found(spans | {"crm": over.span}, {"org": 15000}) == []


def test_a_ceiling_of_nothing_still_gets_an_answer():
    [over] = overspent(dict.fromkeys(("fast_lane", "source", "crm"), _HOUR), [_SOURCE], _CRM, {"org": 0})
    assert over.span > timedelta(0)
