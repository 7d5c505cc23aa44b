"""What is written about the program is true of it: commands exist and are named, links lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from own_files import ROOT, name, own_files

from connector.cli.app import app

PAGES = [path for path in own_files() if path.suffix == ".md"]
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"```(?:sh|bash|console|shell)\n(.*?)```", re.DOTALL)
_CALL = re.compile(r"(?:^|[\s/`])handoff\s+([a-z]+)(?:\s+([a-z]+))?")


def _commands() -> dict[str, Any]:
    """Give every command of the program by its words."""
    root: Any = typer.main.get_command(app)
    found = {}
    for word, command in root.commands.items():
        found[word] = command
        for inner, part in getattr(command, "commands", {}).items():
            found[f"{word} {inner}"] = part
    return found


def test_every_command_is_named_in_the_docs() -> None:
    text = "\n".join(path.read_text("utf-8") for path in PAGES)
    missing = [word for word in _commands() if not re.search(rf"\bhandoff {re.escape(word.split()[0])}\b", text)]
    assert missing == []


def test_every_command_says_what_it_does() -> None:
    assert [word for word, command in _commands().items() if not (command.help or "").strip()] == []


def _calls(page: Path) -> Iterator[tuple[str, str]]:
    text = page.read_text("utf-8")
    for block in _FENCE.findall(text):
        for line in block.splitlines():
            yield from _CALL.findall(line.partition("#")[0])
    for inline in re.findall(r"`([^`\n]+)`", text):
        if inline.startswith("handoff "):
            yield from _CALL.findall(inline)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_a_page_shows_exists(page: Path) -> None:
    commands = _commands()
    for word, inner in _calls(page):
        assert word in commands, f"{name(page)}: handoff {word}"
        below = {known.split()[1] for known in commands if known.startswith(f"{word} ")}
        assert not below or not inner or inner in below, f"{name(page)}: handoff {word} {inner}"


def test_the_readme_shows_the_way() -> None:
    shown = {word for word, _ in _calls(ROOT / "README.md")}
    assert {"init", "check", "provision", "plan", "run", "explain"} <= shown


def _anchors(page: Path) -> set[str]:
    """Give the anchors of a page's headings, as hosts make them."""
    heads = re.findall(r"^#+\s+(.*)$", page.read_text("utf-8"), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", head.strip().lower()) for head in heads)
    return {head.replace(" ", "-") for head in plain}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    lost = []
    for target in _LINK.findall(page.read_text("utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        place = (page.parent / file).resolve() if file else page
        if not place.exists() or (anchor and place.suffix == ".md" and anchor not in _anchors(place)):
            lost.append(target)
    assert lost == []
