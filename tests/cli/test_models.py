"""Models through the real commands: numbered, told apart, brought back; past dates explained by the model they had."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

AT = datetime(2026, 11, 17, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
_OLD, _NEW = "points: 12\n", "points: 20\n"


def _model(place: Any) -> Path:
    path: Path = place.folder / "mappings" / "default" / "scoring.yaml"
    return path


@pytest.fixture(scope="module")
def place(make_place: Callable[[], Any]) -> Any:
    made = make_place()
    made.configure(mode="shadow")
    return made


@pytest.fixture(scope="module")
def story(place: Any) -> dict[str, Any]:
    """Three cycles of one day: a model, another, the first again; who looked at prices after each."""
    visitor = place.query("SELECT Email FROM Lead WHERE Email != null")[0]["Email"]
    seen = (AT - 3 * HOUR).isoformat().replace("+00:00", "Z")
    place.ask("hubspot", "act", [{"do": "visit", "email": visitor, "path": "/pricing", "at": seen}])
    story: dict[str, Any] = {"who": visitor, "texts": [], "told": []}
    path = _model(place)
    first = path.read_text("utf-8")
    assert first.count(_OLD) == 1
    for number, text in enumerate((first, first.replace(_OLD, _NEW), None)):
        if text is None:
            done = place.handoff("models", "export", "1", "mappings/default", "--force", "--json")
            assert done.code == 0, done.err
            story["exported"] = done.json
        else:
            path.write_text(text, encoding="utf-8")
        story.setdefault("notes", []).append(place.handoff("check", "--json").json["notes"])
        story["texts"].append(path.read_text("utf-8"))
        place.cycle(AT + number * HOUR)
        story["told"].append(place.handoff("explain", visitor, "--json").json)
    return story


def _points(document: dict[str, Any]) -> float:
    return next(float(line["points"]) for line in document["score"]["lines"] if line["rule"] == "pricing-page")


def test_models_are_numbered_and_their_change_told(place: Any, story: dict[str, Any]) -> None:
    document = place.handoff("models", "list", "--json").json
    assert [one["number"] for one in document["versions"]] == [1, 2]
    one, two = document["versions"]
    assert one["in_use"]
    assert not two["in_use"]
    assert [span["since"] for span in one["spans"]] == ["2026-11-17T09:00:00Z", "2026-11-17T11:00:00Z"]
    assert two["changes"] == ["scoring.yaml: dimensions.interest.rules.pricing-page.points 12 → 20"]
    assert two["unexplained"]
    assert two["results"]["before"]["persons"] == two["results"]["after"]["persons"] > 0
    told = place.handoff("models", "list").out
    assert "version 1, in use" in told
    assert "came back on 2026-11-17" in told
    assert "gave no reason" in told
    assert "pricing-page.points 12 → 20" in place.handoff("models", "diff", "2").out
    assert "20 → 12" in place.handoff("models", "diff", "2", "1").out
    assert "is the first" in place.handoff("models", "diff", "1").out
    shown = place.handoff("models", "show", "2", "--json").json
    assert shown["files"]["scoring.yaml"] == story["texts"][1]
    assert "pricing-page" in place.handoff("models", "show").out
    everything = place.handoff("models", "list", "--all-files", "--json").json
    assert [one["number"] for one in everything["versions"]] == [1, 2]
    assert "routing.yaml" in place.handoff("models", "show", "1", "--all-files", "--json").json["files"]


def test_whoever_changes_a_model_is_asked_why(place: Any, story: dict[str, Any]) -> None:
    none, changed, back = story["notes"]
    assert not any("version" in note for note in none)
    assert any("say why: version.because" in note for note in changed)
    assert not any("say why" in note for note in back)
    assert "model: version 1, in use since 2026-11-17" in place.handoff("status").out
    assert place.handoff("status", "--json").json["model"]["number"] == 1


def test_the_first_model_brings_the_first_scores_back(story: dict[str, Any]) -> None:
    first, second, third = story["told"]
    assert story["texts"][2] == story["texts"][0]
    assert [Path(path).name for path in story["exported"]["written"]] == ["scoring.yaml"]
    assert _points(second) > _points(first)
    for name in ("total", "grade", "verdict", "lines"):
        assert third["score"][name] == first["score"][name]
    assert [one["model"]["number"] for one in (first, second, third)] == [1, 2, 1]


def test_every_past_hour_has_the_model_of_that_hour(place: Any, story: dict[str, Any]) -> None:
    for number, told in enumerate(story["told"]):
        at = (AT + number * HOUR).isoformat()
        again = place.handoff("explain", story["who"], "--as-of", at, "--json").json
        assert again["model"]["number"] == told["model"]["number"]
        for name in ("total", "grade", "verdict", "lines"):
            assert again["score"][name] == told["score"][name], (number, name)
        assert again["known"] == ("today" if number == 2 else "then")
    better = place.handoff("explain", story["who"], "--as-of", (AT + HOUR).isoformat(), "--hindsight", "--json").json
    assert (better["known"], better["model"]["number"]) == ("now", 1)
    assert _points(better) == _points(story["told"][0])


def test_a_page_is_written_for_its_owner_alone(place: Any, story: dict[str, Any]) -> None:
    done = place.handoff("explain", story["who"], "--html", "page.html")
    assert done.code == 0
    assert "wrote page.html" in done.out
    page = place.folder / "page.html"
    assert page.stat().st_mode & 0o077 == 0
    assert "pricing-page" in page.read_text("utf-8")
    assert place.handoff("explain", story["who"], "--html", "nowhere/page.html").code == 5


def test_nothing_of_others_is_written_over_unasked(place: Any, story: dict[str, Any]) -> None:
    del story
    folder = place.folder / "elsewhere"
    folder.mkdir()
    (folder / "scoring.yaml").write_text("mine\n", encoding="utf-8")
    done = place.handoff("models", "export", "1", "elsewhere")
    assert done.code == 2
    assert "--force" in done.err
    assert (folder / "scoring.yaml").read_text("utf-8") == "mine\n"
    for words in (("show", "9"), ("diff", "9"), ("export", "9", "x")):
        done = place.handoff("models", *words, "--json")
        assert (done.code, done.json["error"]["code"]) == (2, "models.unknown")


def test_before_the_first_cycle_there_is_no_model(handoff: Any) -> None:
    assert handoff("init", ".").code in {0, 2}
    handoff("init", "fresh")
    fresh = handoff.folder / "fresh" / "handoff.yaml"
    done = handoff("models", "list", "-c", str(fresh))
    assert done.code == 0
    assert "no cycle has used a model yet" in done.out
