"""The samples of the design and of the interface load as they stand."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from connector.mapping.agreement.not_yet import NOT_YET
from connector.mapping.load import FILES, check_texts
from connector.mapping.settings import load_settings

SHARED = os.environ.get("HANDOFF_SHARED")
pytestmark = pytest.mark.skipif(SHARED is None, reason="HANDOFF_SHARED does not name the folder of the design")


def blocks(name: str) -> list[str]:
    text = (Path(SHARED or "") / name).read_text(encoding="utf-8")
    return re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)


def test_the_five_files():
    sample = next(block for block in blocks("design.md") if "# scoring.yaml" in block)
    parts = re.split(r"^# (\w+)\.yaml\n", sample, flags=re.MULTILINE)
    texts = {word: text.encode() for word, text in zip(parts[1::2], parts[2::2], strict=True)}
    assert set(texts) == set(FILES)
    problems = check_texts(texts)
    keys = {problem.key for problem in problems}
    # what is refused is what this version does not do yet, and nothing else
    possible = {
        ("personas", "*", "marketing"): "personas.1.marketing",
        ("sla", "attempts_before_recycle"): "sla.attempts_before_recycle",
        ("notify",): "notify",
    }
    assert keys == {possible[pattern] for _, pattern, _ in NOT_YET}
    assert all("not part of this version" in problem.message for problem in problems)


def test_handoff_yaml(tmp_path):
    sample = next(block for block in blocks("interface.md") if "install: main" in block)
    (tmp_path / "handoff.yaml").write_text(sample)
    environ = dict.fromkeys(re.findall(r"\$\{([A-Z_]+)\}", sample), "sesame")
    settings = load_settings(tmp_path / "handoff.yaml", environ)
    assert [source.name for source in settings.sources] == ["hubspot", "marketo", "exports"]
    assert settings.crm.options["auth"]["flow"] == "token"
