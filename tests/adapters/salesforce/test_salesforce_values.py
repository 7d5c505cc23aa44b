from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.salesforce.cursors import SETTLED_AFTER, Mark, read_mark
from adapters.salesforce.values import blank, instant, iso, port_value, same, soql_instant
from connector.errors import ConfigError

T = datetime(2024, 3, 5, 10, 0, 0, 120000, tzinfo=UTC)
moments = st.datetimes(
    datetime(2000, 1, 1),  # noqa: DTZ001 - Hypothesis adds the zone
    datetime(2090, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
).map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (None, ""),
        ("", "  "),
        (12, 12.0),
        ("a", "a "),
        ("a\r\nb", "a\nb"),
        ("2024-03-05T10:00:00.120Z", "2024-03-05T11:00:00.120+0100"),
        (True, True),
    ],
)
def test_values_the_vendor_keeps_alike(left, right):
    assert same(left, right)
    assert same(right, left)


@pytest.mark.parametrize(("left", "right"), [(None, False), (None, 0), ("12", 12), ("a", "A"), ("x", None)])
def test_values_that_differ(left, right):
    assert not same(left, right)


def test_no_is_not_blank():
    assert not blank(False)
    assert not blank(0)
    assert blank(" ")


@given(moments)
def test_instants_survive_every_form(moment):
    assert instant(iso(moment)) == moment
    assert instant(soql_instant(moment)) == moment
    assert instant(moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+0000") == moment
    assert read_mark(Mark(moment).text(), at="leads") == Mark(moment)


def test_port_values():
    assert port_value("2024-03-05T10:00:00.000+0000", "datetime") == "2024-03-05T10:00:00Z"
    assert port_value({"city": "X"}, "address") is None
    assert port_value(12.0, "int") == 12
    assert port_value("no longer a time", "datetime") == "no longer a time"


@given(st.text(max_size=50))
def test_text_can_always_be_stored(text):
    stored = port_value(text, "string")
    assert isinstance(stored, str)
    assert "\x00" not in stored
    stored.encode("utf-8")


def test_half_a_surrogate_pair_is_replaced():
    assert port_value("a\ud83db", "string") == "a?b"


@given(st.text(min_size=1, max_size=30) | st.sampled_from(['{"high": "yesterday"}', "[]", "{}", '{"high": 5}']))
def test_a_foreign_cursor_is_refused(text):
    with pytest.raises(ConfigError):
        read_mark(text, at="leads")
    assert read_mark(None, at="leads") == Mark()


def test_a_mark_never_goes_back_and_follows_the_clock_at_a_distance():
    mark = Mark(T)
    assert mark.passed(T - timedelta(1)) == mark
    assert mark.at_end(T, None) == mark
    assert mark.at_end(T + timedelta(hours=1), None).high == T + timedelta(hours=1) - SETTLED_AFTER
    assert mark.at_end(None, None) == mark
    assert Mark().at_end(T, T - timedelta(days=1)).high == T - timedelta(days=1)
