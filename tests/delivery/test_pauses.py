"""How long a drain waits before it tries again: full jitter, and what the vendor told in full."""

from __future__ import annotations

import pytest
from drain_bench import Bench
from hypothesis import given
from hypothesis import strategies as st
from outbox_words import create

from connector.delivery.pauses import LONGEST_SECONDS, pause_seconds
from connector.errors import RateLimited, TransientError


@given(tries=st.integers(0, 50), told=st.floats(0, 100))
def test_a_pause_is_at_most_the_tables_and_at_least_what_the_vendor_told(tries: int, told: float) -> None:
    longest = LONGEST_SECONDS[min(tries, len(LONGEST_SECONDS) - 1)]
    assert told <= pause_seconds(tries, told) <= max(longest, told)


def test_pauses_are_spread_over_the_whole_span() -> None:
    quarters = {int(4 * pause_seconds(2, 0.0) / LONGEST_SECONDS[2]) for _ in range(400)}
    assert quarters >= {0, 1, 2, 3}, "anywhere between nothing and the longest"


@pytest.mark.parametrize(
    ("error", "least"),
    [
        (RateLimited("crm.rate_limited", "later", retry_after_seconds=12.5), 12.5),
        (TransientError("crm.unreachable", "gone"), 0.0),
    ],
)
def test_a_drain_waits_so(tmp_path: object, error: TransientError, least: float) -> None:
    bench = Bench(f"sqlite:///{tmp_path}/state.db")
    bench.add(create("k1"))

    def apply(writes: object, *, now: object) -> object:
        del writes, now
        raise error

    bench.crm.apply = apply  # type: ignore[method-assign]
    bench.drain(patience=200)
    assert len(bench.slept) >= 5
    for tries, slept in enumerate(bench.slept):
        assert least <= slept <= max(least, LONGEST_SECONDS[min(tries, len(LONGEST_SECONDS) - 1)])
    bench.store.close()
