"""Aliases of domains: from matching.yaml and from a file beside it."""

from __future__ import annotations

import shutil
from importlib.resources import as_file, files

import pytest

from connector.errors import MappingError
from connector.mapping.load import check_mappings, load_mappings


@pytest.fixture
def folder(tmp_path):
    with as_file(files("mappings").joinpath("default")) as starter:
        shutil.copytree(starter, tmp_path / "mappings")
    return tmp_path / "mappings"


def written(folder, lines, rows=None):
    path = folder / "matching.yaml"
    path.write_text(path.read_text("utf-8").rstrip() + "\n" + lines, encoding="utf-8")
    if rows is not None:
        (folder / "domains.csv").write_text(rows, encoding="utf-8")


def test_chains_are_followed_through_both(folder):
    before = load_mappings(folder).digest
    written(
        folder,
        "  aliases: {A.example: https://www.b.example/}\n  aliases_file: domains.csv\n",
        "domain,stands_for\nb.example,c.example\nc.example,d.example\n\n",
    )
    found = load_mappings(folder)
    aliases = found.matching.account.aliases
    assert aliases == {"a.example": "d.example", "b.example": "d.example", "c.example": "d.example"}
    assert found.digest != before
    (folder / "domains.csv").write_text("domain,stands_for\nb.example,x.example\n", encoding="utf-8")
    assert load_mappings(folder).digest != found.digest


@pytest.mark.parametrize(
    ("lines", "rows", "told"),
    [
        (
            "  aliases: {a.example: a.example}\n",
            None,
            "matching.yaml:12:13: account.aliases.a.example: a.example leads",
        ),
        ("  aliases: {nonsense: a.example}\n", None, "'nonsense' is no domain"),
        (
            "  shared_domains: [agency.example, 'Agency Ltd']\n",
            None,
            "matching.yaml:12:36: account.shared_domains.1: 'Agency Ltd' is no domain",
        ),
        ("  shared_domains: [jo@agency.example]\n", None, "is no domain"),
        ("  shared_domains: [co.uk]\n", None, "'co.uk' is no domain"),
        ("  shared_domains: [agency]\n", None, "'agency' is no domain"),
        ("  shared_domains: ['']\n", None, "'' is no domain"),
        ("  aliases_file: domains.csv\n", None, "domains.csv cannot be read"),
        ("  aliases_file: domains.csv\n", "old,new\na.example,b.example\n", "domains.csv:1:1: file: the first line"),
        (
            "  aliases_file: domains.csv\n",
            "domain,stands_for\na.example,b.example\nb.example,a.example\n",
            "domains.csv:3:1: domain: b.example leads back to itself",
        ),
        (
            "  aliases_file: domains.csv\n",
            "domain,stands_for\na.example,b.example\na.example,c.example\n",
            "domains.csv:3:1: domain: a.example stands for b.example already",
        ),
        ("  aliases_file: domains.csv\n", "domain,stands_for\na.example\n", "domains.csv:2:1: file: a line has two"),
        ("  alias: {a.example: b.example}\n", None, "account.alias"),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(folder, lines, rows, told):
    written(folder, lines, rows)
    assert any(told in str(problem) for problem in check_mappings(folder)), [str(p) for p in check_mappings(folder)]
    with pytest.raises(MappingError):
        load_mappings(folder)
