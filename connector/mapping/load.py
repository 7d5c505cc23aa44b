"""Read a folder of mapping files: all problems of all files at once, or the five files as one."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from connector.errors import MappingError, Problem
from connector.mapping.agreement import Report, Shaped, agree
from connector.mapping.bundle import Mappings
from connector.mapping.domain_aliases import aliases_path, with_aliases
from connector.mapping.fields import FieldsFile, MatchingFile, with_declared_lines
from connector.mapping.lifecycle import LifecycleFile
from connector.mapping.places import Found, Node, Place
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
#: how the file of a further model is named
_FURTHER = re.compile(r"scoring-[a-z][a-z0-9_]{0,39}", re.ASCII)

#: bytes of the largest text whose reading is kept; the starter's are a tenth
_LARGEST_KEPT = 100_000


def load_mappings(folder: Path) -> Mappings:
    """Read the five files and further models, and check that they agree.

    Raises:
        MappingError: with every problem of every file, sorted by file and place.
    """
    contents, found = _contents(folder)
    result = _read(contents, found, folder)
    problems = _sorted(found)
    if problems or isinstance(result, Shaped):
        raise MappingError(problems)
    return result


def check_mappings(folder: Path) -> list[Problem]:
    """List every problem of every file, sorted by file and place; empty when the files can be used."""
    contents, found = _contents(folder)
    _read(contents, found, folder)
    return _sorted(found)


def check_texts(texts: dict[str, bytes]) -> list[Problem]:
    """List the problems of files that are not on disk, by file word (``scoring``, ``scoring-NAME``); five are needed.

    A file of aliases that one of them names is not looked at.
    """
    found = {word: Found(f"{word}.yaml") for word in (*FILES, *sorted(set(texts) - set(FILES)))}
    _read(dict(texts), found, None)
    return _sorted(found)


def _contents(folder: Path) -> tuple[dict[str, bytes], dict[str, Found]]:
    contents: dict[str, bytes] = {}
    found: dict[str, Found] = {}
    for word in (*FILES, *_further(folder, found)):
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


def _further(folder: Path, found: dict[str, Found]) -> list[str]:
    """List the words of further models; a file that looks like one and is not named so is noted."""
    words = []
    for path in sorted(folder.glob("scoring[-_. ]*.y*ml")):
        if path.suffix == ".yaml" and _FURTHER.fullmatch(path.stem):
            words.append(path.stem)
        else:
            found[path.name] = Found(str(path))
            cure = "name it scoring-NAME.yaml, NAME of lower-case letters, digits and underscores, or move it away"
            found[path.name].add(Place(1, 1), (), f"the file would not be read; {cure}")
    return words


def _read(contents: dict[str, bytes], found: dict[str, Found], folder: Path | None) -> Mappings | Shaped:
    shaped = Shaped()
    models: dict[str, Any] = {}
    for word, model in (FILES | dict.fromkeys(sorted(contents.keys() - FILES.keys()), ScoringModel)).items():
        if word not in contents:
            continue
        root = _well_written(contents[word]) or read_yaml(contents[word], found[word])
        if root is None:
            continue
        shaped.written[word] = root
        before = len(found[word].problems)
        models[word], shaped.parts[word] = shape(model, root, found[word])
        if len(found[word].problems) == before:
            shaped.whole.add(word)
    shaped.fields, shaped.matching = models.get("fields"), models.get("matching")
    if shaped.matching is not None:
        shaped.matching = _aliased(shaped.matching, shaped.parts["matching"], contents, found, folder)
    shaped.scoring, shaped.lifecycle, shaped.routing = (models.get(w) for w in ("scoring", "lifecycle", "routing"))
    shaped.further = {word: models[word] for word in models if word not in FILES and models[word] is not None}
    agree(Report(shaped.parts, found), shaped)
    parts = (shaped.fields, shaped.matching, shaped.scoring, shaped.lifecycle, shaped.routing)
    if None in parts:
        return shaped
    further, files = tuple(shaped.further.values()), _named(contents, shaped.matching)
    stated = (with_declared_lines(parts[0]), *parts[1:])  # type: ignore[arg-type]
    return Mappings(*stated, digest=_digest(contents), further=further, files=files)  # type: ignore[arg-type]


@lru_cache(maxsize=8)
def _well_written(content: bytes) -> Node | None:
    """Read a file whose text has no problem, once while it stays the same; None leaves it to whoever tells problems.

    One command reads the same files up to three times, and parsing them is most of that. What is given is nobody's to
    change.
    """
    if len(content) > _LARGEST_KEPT:
        return None
    found = Found("")
    root = read_yaml(content, found)
    return None if found.problems else root


def _named(contents: dict[str, bytes], matching: MatchingFile | None) -> dict[str, str]:
    """Give the texts by the names their files have in the folder."""
    aliases = None if matching is None else matching.account.aliases_file
    return {
        aliases if word == "aliases" and aliases else f"{word}.yaml": content.decode("utf-8", "replace")
        for word, content in contents.items()
    }


def _aliased(
    matching: MatchingFile, root: Node, contents: dict[str, bytes], found: dict[str, Found], folder: Path | None
) -> MatchingFile:
    """Take in the file of aliases; its bytes join ``contents``, so that a plan made from others is out of date."""
    path = None if folder is None else aliases_path(matching, folder)
    if path is None:
        return with_aliases(matching, root, found["matching"], None)
    try:
        content = path.read_bytes()
        contents["aliases"] = content
    except OSError:
        content = None
    found["aliases"] = Found(str(path))
    return with_aliases(matching, root, found["matching"], (content, found["aliases"]))


def _digest(contents: dict[str, bytes]) -> str:
    total = hashlib.sha256()
    for word in sorted(contents):
        total.update(f"{word}.yaml {len(contents[word])}\n".encode())
        total.update(contents[word])
    return total.hexdigest()


def _sorted(found: dict[str, Found]) -> list[Problem]:
    return sorted({problem for one in found.values() for problem in one.problems})
