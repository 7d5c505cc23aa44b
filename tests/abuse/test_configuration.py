"""Files that people write wrong: every problem with its line and its cure, nothing sent, nothing made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from abuse_words import nothing_lost, silent, told

from benchmarks.survival.place import AT, Place

_RUN = ("run", "--once", "--as-of", AT.isoformat(), "--json")
_MAPPINGS = "mappings/default/"


def _sent(place: Place) -> int:
    return sum(call["count"] for calls in place.calls().values() for call in calls["calls"])


#: what is done → (file, text that stands there, text put in its place, key of the problem, words of its cure)
CASES: dict[str, tuple[str, str, str, str, str]] = {
    "broken YAML": (_MAPPINGS + "scoring.yaml", "dimensions:", "dimensions: [", "file", "not YAML"),
    "an unknown field": (_MAPPINGS + "lifecycle.yaml", "terminal:", "terminals:", "terminals", "did you mean terminal"),
    "a repeated key": (
        _MAPPINGS + "lifecycle.yaml",
        "terminal:",
        "terminal: [customer]\nterminal:",
        "terminal",
        "remove",
    ),
    "a wrong type": (
        "handoff.yaml",
        "limits: {}",
        "limits: {tasks_per_day: lots}",
        "limits.tasks_per_day",
        "whole number",
    ),
    "a literal secret": ("handoff.yaml", "'${HUBSPOT_TOKEN}'", "'sesame-open'", "sources.0.token", "${NAME}"),
    "an unknown setting": ("handoff.yaml", "mode:", "mood: live\nmode:", "mood", "did you mean mode"),
    "an option no adapter has": ("handoff.yaml", "base_url:", "base_uri:", "sources.0", "known are"),
    "an unknown adapter": ("handoff.yaml", "adapter: hubspot", "adapter: hobspot", "sources.0", "use one of"),
    "a schedule beyond the ceiling": (
        "handoff.yaml",
        "schedule: {}",
        "schedule: {crm: 2s}",
        "schedule.crm",
        "more rarely, or raise the ceiling",
    ),
    "plain http to the outside": (
        "handoff.yaml",
        "http://127.0.0.1",
        "http://far.example",
        "sources.0.base_url",
        "https",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_written_wrong_is_told_with_its_line(name, first_load, place_of: Callable[[Path], Place]):
    file, old, new, key, cure = CASES[name]
    place = place_of(first_load.template)
    place.mark()
    path = place.project / file
    good = path.read_text(encoding="utf-8")
    assert old in good
    path.write_text(good.replace(old, new, 1), encoding="utf-8")
    line = good[: good.index(old)].count("\n") + 1
    checked = place.handoff("check", "--json")
    problems: list[dict[str, Any]] = told(checked, 2)["problems"]
    found = [problem for problem in problems if problem["key"] == key]
    assert found, problems
    assert cure in found[0]["message"]
    assert found[0]["file"].endswith(file)
    assert abs(found[0]["line"] - line) <= (50 if name == "broken YAML" else 1), (found, line)
    said = place.handoff("check")
    assert (said.code, said.out) == (2, "")
    assert f"{found[0]['line']}:{found[0]['column']}: {key}: " in said.err
    if name != "a schedule beyond the ceiling":
        told(place.handoff(*_RUN), 2)
    assert _sent(place) == 0
    assert "sesame" not in checked.out + checked.err + said.err
    silent(place, [checked.out, checked.err, said.err])


def test_once_it_is_put_right_the_run_ends_as_if_nothing_had_been(first_load, place_of: Callable[[Path], Place]):
    place = place_of(first_load.template)
    path = place.project / _MAPPINGS / "scoring.yaml"
    good = path.read_text(encoding="utf-8")
    path.write_text(good + "\n\tbroken: [", encoding="utf-8")
    told(place.handoff(*_RUN), 2)
    told(place.handoff("plan", "--json"), 2)
    path.write_text(good, encoding="utf-8")
    place.cycle(AT)
    nothing_lost(place, first_load.undisturbed)


def test_a_secret_that_is_not_set_is_named_and_pause_works_without_it(first_load, place_of: Callable[[Path], Place]):
    place = place_of(first_load.template)
    place.env(HUBSPOT_TOKEN="")
    [problem] = told(place.handoff(*_RUN), 2)["problems"]
    assert problem["key"] == "sources.0.token"
    assert "HUBSPOT_TOKEN is not set" in problem["message"]
    assert place.handoff("pause").code == 0


def test_another_install_is_refused_by_name(first_load, place_of: Callable[[Path], Place]):
    place = place_of(first_load.template)
    place.cycle(AT)
    path = place.project / "handoff.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("install: main", "install: other"), encoding="utf-8")
    for words in (_RUN, ("status", "--json"), ("plan", "--json")):
        told(place.handoff(*words), 2, "write install: main")
