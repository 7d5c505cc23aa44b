"""Going live needs two signatures in force, and a comparison or a named waiver."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import Refused
from connector.mapping.lifecycle import Definition
from connector.trust.golive import refuse_unless_ready, unsigned

TODAY = date(2026, 3, 10)
_names = st.none() | st.just("Ada")
_days = st.none() | st.integers(-3, 3).map(lambda days: TODAY + timedelta(days=days))


def _definition(marketing: str | None, sales: str | None, on: date | None, by: date | None) -> Definition:
    days = {"approved_on": on and on.isoformat(), "review_by": by and by.isoformat()}
    return Definition.model_validate({"version": 1, "approved_by": {"marketing": marketing, "sales": sales}, **days})


@given(_names, _names, _days, _days)
def test_the_sentence_and_the_definition_agree(
    marketing: str | None, sales: str | None, on: date | None, by: date | None
) -> None:
    definition = _definition(marketing, sales, on, by)
    assert (unsigned(definition, TODAY) == "") is definition.signed_on(TODAY)


SIGNED = ("Ada", "Ben", TODAY, TODAY)


@pytest.mark.parametrize(
    ("signatures", "waiver", "compared", "code"),
    [
        (SIGNED, (None, None), True, ""),
        (SIGNED, ("Ada", "pilot"), False, ""),
        (SIGNED, ("Ada", None), False, "cutover.locked"),
        (SIGNED, (None, "pilot"), False, "cutover.locked"),
        (SIGNED, (None, None), False, "cutover.locked"),
        ((None, "Ben", TODAY, None), ("Ada", "pilot"), True, "definition.unsigned"),
        (("Ada", None, TODAY, None), ("Ada", "pilot"), True, "definition.unsigned"),
        (("Ada", "Ben", None, None), ("Ada", "pilot"), True, "definition.unsigned"),
        (("Ada", "Ben", TODAY + timedelta(1), None), ("Ada", "pilot"), True, "definition.unsigned"),
        (("Ada", "Ben", TODAY, TODAY - timedelta(1)), ("Ada", "pilot"), True, "definition.unsigned"),
    ],
)
@pytest.mark.parametrize("mode", ["paused", "shadow", "live"])
def test_only_live_is_refused(signatures: Any, waiver: Any, compared: bool, code: str, mode: str) -> None:
    words: dict[str, Any] = {
        "mode": mode,
        "definition": _definition(*signatures),
        "waived_by": waiver[0],
        "waiver_reason": waiver[1],
        "compared": compared,
        "today": TODAY,
    }
    if mode != "live" or not code:
        refuse_unless_ready(**words)
        return
    with pytest.raises(Refused) as caught:
        refuse_unless_ready(**words)
    assert caught.value.code == code
    assert caught.value.exit_code == 3
    assert caught.value.cure
