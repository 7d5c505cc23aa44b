"""What the page on scoring shows can be written like that: every sample loads, and its examples hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from connector.mapping.load import FILES, load_mappings
from connector.mapping.starter import starter_mapping
from connector.scoring.examples import run_examples

PAGE = Path(__file__).parents[2] / "docs/mapping/scoring-rules.md"
SAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL) if PAGE.is_file() else []
#: sample → the file it belongs to, and what it takes the place of there
PLACES = {"person:": ("fields", "person:\n"), "assets:": ("scoring", ""), "personas:": ("routing", "personas:\n")}


def with_sample(sample: str) -> dict[str, str]:
    texts = {word: starter_mapping(word).decode() for word in FILES}
    if sample.startswith("examples:"):
        texts["scoring"] = texts["scoring"][: texts["scoring"].index("examples:")] + sample
        return texts
    file, old = PLACES[sample.split(maxsplit=1)[0]]
    # the starter has no rules of these names; give it some
    sample = sample.replace("spec-sheet", "chat") if file == "routing" else sample
    sample = sample.replace("points.social", "points.chat")
    texts[file] = texts[file].replace(old, sample, 1) if old else texts[file] + "\n" + sample
    return texts


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.split("\n")[0] for sample in SAMPLES])
def test_every_sample_loads_and_its_examples_hold(tmp_path, sample):
    for word, text in with_sample(sample).items():
        (tmp_path / f"{word}.yaml").write_text(text, encoding="utf-8")
    mappings = load_mappings(tmp_path)
    assert run_examples(mappings.scoring, lines=mappings.fields.person) == []


def test_the_page_has_samples():
    assert len(SAMPLES) == 4
