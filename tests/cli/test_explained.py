"""An explanation for people: a waterfall of characters, and a page that holds all it needs and no more."""

from __future__ import annotations

import copy
import io
import json
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from connector.cli.explained_page import page
from connector.cli.explained_words import basis, changed, facts
from connector.cli.tell_person import tell_person
from connector.cli.waterfall import steps_of

_DOCUMENTS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "explained_samples.json").read_text(encoding="utf-8")
)
PERSON, ACCOUNT = _DOCUMENTS


def told(document: dict[str, Any], *, width: int = 120, encoding: str = "utf-8", colours: bool = False) -> str:
    sink = io.BytesIO()
    file = io.TextIOWrapper(sink, encoding=encoding)
    screen = Console(
        file=file, width=width, no_color=not colours, force_terminal=colours, markup=False, emoji=False, highlight=False
    )
    tell_person(screen, document)
    file.flush()
    return sink.getvalue().decode(encoding)


@pytest.mark.parametrize("document", _DOCUMENTS, ids=["person", "account"])
def test_steps_lead_to_the_number(document: dict[str, Any]) -> None:
    steps = [step for step in steps_of(document) if step.kind != "sum"]
    for before, step in pairwise(steps[:-1]):
        assert step.start == before.end
        assert step.end == round(step.start + step.change, 1)
    shown = document["score"] if document["kind"] == "account" else document["score"]["total"]
    assert steps[-2].end == steps[-1].end == shown


def test_lines_of_a_dimension_add_up() -> None:
    for name in ("fit", "interest", "qualification"):
        lines = [line for line in PERSON["score"]["lines"] if line["dimension"] == name]
        assert round(sum(line["points"] for line in lines), 1) == PERSON["score"][name]
        assert round(sum(line["to_total"] for line in lines), 1) == PERSON["score"]["parts"][name]


def test_bars_stand_beside_numbers_where_there_is_room() -> None:
    wide = told(PERSON)
    line = next(row for row in wide.splitlines() if "decider" in row and "+40.0" in row)
    assert "█" in line
    assert "+13.4" in line
    assert max(map(len, wide.splitlines())) <= 120
    usual = told(PERSON, width=80)
    line = next(row for row in usual.splitlines() if "pricing-page" in row and "+9.0" in row)
    assert "█" in line
    assert "3x, 2026-03-01" in line
    assert max(len(row.rstrip()) for row in usual.splitlines() if "█" in row) <= 80
    narrow = told(PERSON, width=56)
    assert "█" not in narrow
    assert "+13.4" in narrow


def test_without_colours_and_without_blocks_it_can_be_read() -> None:
    plain = told(PERSON)
    assert "\x1b" not in plain
    assert "\x1b[32m" in told(PERSON, colours=True)
    samples = copy.deepcopy(PERSON)
    samples["score"]["changes"] = None
    samples["stage"]["moves"] = []
    assert "#####" in told(samples, encoding="ascii")


def test_what_falls_looks_different_from_what_rises() -> None:
    document = copy.deepcopy(PERSON)
    document["score"]["lines"][0] |= {"to_total": -13.4, "points": -40.0}
    row = next(row for row in told(document).splitlines() if "decider" in row and "-13.4" in row)
    assert "░" in row
    assert "█" not in row


def test_words_say_what_counts() -> None:
    said = "\n".join(facts(PERSON))
    assert "goes cold on 2026-03-19, estimated: sales becomes review" in said
    assert "opening: " in said
    assert "nobody has confirmed or denied: budget" in said
    assert "version 1" in basis(PERSON)
    assert "hindsight" in basis({**PERSON, "known": "now"})
    caption, rows = changed(PERSON) or pytest.fail("changed")
    assert "grade A3 → A2" in caption
    assert ("email-reply", "0.0", "20.3", "new, last 2026-03-02") in rows
    flagged = copy.deepcopy(PERSON)
    flagged["score"]["flags"] = {"too_hot": True, "too_hot_since": "2026-03-01", "too_hot_rules": "pricing-page"}
    flagged["score"]["models"] = {"east": {"total": 12.5, "grade": "B2", "verdict": None}}
    said = "\n".join(facts(flagged))
    assert "too hot: a burst of late signals with no early history, perhaps only a comparison, since 2026-03-01" in said
    assert "model east: total 12.5, grade B2" in said


class _Reader(HTMLParser):
    """Collects what a page is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data + " "


@pytest.mark.parametrize("document", _DOCUMENTS, ids=["person", "account"])
def test_the_page_needs_nothing_and_runs_nothing(document: dict[str, Any]) -> None:
    reader = _Reader()
    reader.feed(page(document))
    assert {"svg", "table", "caption", "th"} <= set(reader.tags)
    assert not {"script", "link", "img", "iframe", "b"} & set(reader.tags)
    names = {name for name, _ in reader.attributes}
    assert not {name for name in names if name.startswith("on")} | (names & {"src", "href"})
    assert "url(" not in page(document)
    assert "http://" not in page(document)
    assert "https://" not in page(document)
    for word in ("Content-Security-Policy",):
        assert any(value == word for _, value in reader.attributes)
    assert "<b>Doe</b>" in reader.text, "what looks like markup is text"


def test_numbers_of_the_drawing_stand_in_the_table_and_are_read_aloud() -> None:
    text = page(PERSON)
    drawing, table = text.split("<figure")[1].split("</figure>")
    for step in steps_of(PERSON):
        assert f">{step.label}<" in table
    assert 'role="img"' in drawing
    assert "<desc" in drawing
    assert "decider +13.4" in drawing


def test_the_page_says_no_more_of_people_than_the_screen() -> None:
    document = copy.deepcopy(PERSON)
    document["identity"] |= {"name": "", "email": "someone@corp.example"}
    assert page(document).count("someone@corp.example") == 1, "where there is no name the address stands for it"
    assert "acme.example" not in page(PERSON)


def test_empty_numbers_are_drawn_too() -> None:
    document = copy.deepcopy(PERSON)
    zero = {
        "total": 0.0,
        "fit": 0.0,
        "interest": 0.0,
        "lines": [],
        "parts": dict.fromkeys(PERSON["score"]["parts"], 0.0),
    }
    document["score"] |= zero
    assert "total" in told(document)
    assert "<svg" in page(document)


def test_a_stage_is_told_to_the_minute_and_without_a_day_where_none_is_known() -> None:
    samples = copy.deepcopy(PERSON)
    samples["stage"]["since"] = "2026-11-22T10:41:05.104025+00:00"
    assert f"stage {samples['stage']['stage']} since 2026-11-22T10:41 (entry" in told(samples)
    samples["stage"]["since"] = None
    assert f"stage {samples['stage']['stage']} (entry" in told(samples)


def test_it_is_told_who_must_not_be_reached_and_how_long_a_task_took() -> None:
    text = told(PERSON)
    assert "does not want to be called: hubspot:contact:7, salesforce:lead:00Q1" in text
    assert "e-mail: " not in text
    assert "contact-us: 2026-03-10T09:00:00, task in the CRM 2026-03-10T09:00:12, 12 s" in text
