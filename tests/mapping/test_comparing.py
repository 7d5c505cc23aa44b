"""What changed between two sets of files, in words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connector.mapping.comparing import differences, files_changed
from connector.mapping.starter import starter_mapping

_STARTER = {"scoring.yaml": starter_mapping("scoring").decode("utf-8")}


def _told(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return [str(one) for one in differences(before, after)]


def _model(**changes: Any) -> dict[str, str]:
    rules = [
        {"id": "pricing", "on": "page_view", "where": {"path": {"starts_with": "/pricing"}}, "points": 12},
        {"id": "chat", "on": "chat", "points": [8, 4]},
    ]
    model = {"name": "m", "dimensions": {"interest": {"half_life": "30d", "rules": changes.pop("rules", rules)}}}
    return {"scoring.yaml": json.dumps(model | changes)}


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (
            [{"id": "pricing", "on": "page_view", "where": {"path": {"starts_with": "/pricing"}}, "points": 15}],
            [
                "scoring.yaml: dimensions.interest.rules.pricing.points 12 → 15",
                "scoring.yaml: - dimensions.interest.rules.chat {on: chat, points: [8, 4]}",
            ],
        ),
        (
            [
                {"id": "chat", "on": "chat", "points": [8, 4]},
                {"id": "pricing", "on": "page_view", "where": {"path": {"starts_with": "/pricing"}}, "points": 12},
                {"id": "call", "on": "call", "points": 5, "cap": 20},
            ],
            [
                "scoring.yaml: + dimensions.interest.rules.call {on: call, points: 5, cap: 20}",
                "scoring.yaml: dimensions.interest.rules.order pricing, chat → chat, pricing",
            ],
        ),
    ],
)
def test_rules_come_go_and_change_by_their_ids(rules: list[dict[str, Any]], said: list[str]) -> None:
    assert _told(_model(), _model(rules=rules)) == said


def test_whatever_else_changes_is_told_by_its_place() -> None:
    before, after = _model(), _model(win="opportunity_won", name="n")
    assert _told(before, after) == ["scoring.yaml: name m → n", "scoring.yaml: + win opportunity_won"]
    assert _told(after, before) == ["scoring.yaml: name n → m", "scoring.yaml: - win opportunity_won"]


def test_comments_layout_and_the_reason_given_change_nothing() -> None:
    text = _STARTER["scoring.yaml"]
    other = {"scoring.yaml": "# a word before\n" + text + "\nversion: {by: Ada, because: a word}\n"}
    if "\nversion:" in text:
        other = {"scoring.yaml": "# a word before\n" + text}
    assert files_changed(_STARTER, other) == ["scoring.yaml"]
    assert _told(_STARTER, other) == []


def test_files_come_and_go_and_tables_are_told_by_line() -> None:
    before = {"scoring.yaml": "name: m\n", "aliases.csv": "domain,stands_for\na.example,b.example\n"}
    after = {"aliases.csv": "domain,stands_for\nc.example,b.example\n", "scoring-east.yaml": "name: east\n"}
    assert _told(before, after) == [
        "aliases.csv: - line a.example,b.example",
        "aliases.csv: + line c.example,b.example",
        "scoring-east.yaml: + a new file",
        "scoring.yaml: - the file",
    ]


def test_long_values_are_cut() -> None:
    (line,) = _told({"fields.yaml": "a: b\n"}, {"fields.yaml": f"a: {'x' * 500}\n"})
    assert line.endswith("…")
    assert len(line) < 250
