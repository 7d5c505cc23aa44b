"""Read a folder of mapping files: all problems of all files at once, or the five files as one."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from connector.errors import MappingError, Problem
from connector.mapping.agreement import Report, Shaped, agree
from connector.mapping.bundle import Mappings
from connector.mapping.fields import FieldsFile, MatchingFile
from connector.mapping.lifecycle import LifecycleFile
from connector.mapping.places import Found, Place
from connector.mapping.routing import RoutingFile
from connector.mapping.scoring import ScoringModel
from connector.mapping.shapes import shaped as shape
from connector.mapping.yaml_reader import read_yaml

#: the files of a folder, in the order in which a reader should meet them
FILES: dict[str, type[BaseModel]] = {
    "fields": FieldsFile,
    "matching": MatchingFile,
    "scoring": ScoringModel,
    "lifecycle": LifecycleFile,
    "routing": RoutingFile,
}


def load_mappings(folder: Path) -> Mappings:
    """Read the five files and check that they agree.

    Raises:
        MappingError: with every problem of every file, sorted by file and place.
    """
    contents, found = _contents(folder)
    result = _read(contents, found)
    problems = _sorted(found)
    if problems or isinstance(result, Shaped):
        raise MappingError(problems)
    return result


def check_mappings(folder: Path) -> list[Problem]:
    """List every problem of every file, sorted by file and place; empty when the files can be used."""
    contents, found = _contents(folder)
    _read(contents, found)
    return _sorted(found)


def check_texts(texts: dict[str, bytes]) -> list[Problem]:
    """List the problems of files that are not on disk, by file word (``scoring``); all five are needed."""
    found = {word: Found(f"{word}.yaml") for word in FILES}
    _read(texts, found)
    return _sorted(found)


def _contents(folder: Path) -> tuple[dict[str, bytes], dict[str, Found]]:
    contents: dict[str, bytes] = {}
    found: dict[str, Found] = {}
    for word in FILES:
        path = folder / f"{word}.yaml"
        found[word] = Found(str(path))
        try:
            contents[word] = path.read_bytes()
        except FileNotFoundError:
            cure = "handoff init writes a starter; the name ends in .yaml" if folder.is_dir() else "check the folder"
            found[word].add(Place(1, 1), (), f"the file is missing; {cure}")
        except OSError as error:
            found[word].add(Place(1, 1), (), f"the file cannot be read: {error.strerror}")
    return contents, found


def _read(contents: dict[str, bytes], found: dict[str, Found]) -> Mappings | Shaped:
    shaped = Shaped()
    models: dict[str, Any] = {}
    for word, model in FILES.items():
        if word not in contents:
            continue
        root = read_yaml(contents[word], found[word])
        if root is None:
            continue
        shaped.written[word] = root
        before = len(found[word].problems)
        models[word], shaped.parts[word] = shape(model, root, found[word])
        if len(found[word].problems) == before:
            shaped.whole.add(word)
    shaped.fields, shaped.matching = models.get("fields"), models.get("matching")
    shaped.scoring, shaped.lifecycle, shaped.routing = (models.get(w) for w in ("scoring", "lifecycle", "routing"))
    agree(Report(shaped.parts, found), shaped)
    parts = (shaped.fields, shaped.matching, shaped.scoring, shaped.lifecycle, shaped.routing)
    if None in parts:
        return shaped
    return Mappings(*parts, digest=_digest(contents))  # type: ignore[arg-type]


def _digest(contents: dict[str, bytes]) -> str:
    total = hashlib.sha256()
    for word in sorted(contents):
        total.update(f"{word}.yaml {len(contents[word])}\n".encode())
        total.update(contents[word])
    return total.hexdigest()


def _sorted(found: dict[str, Found]) -> list[Problem]:
    return sorted({problem for one in found.values() for problem in one.problems})
