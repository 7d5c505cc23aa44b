"""From what was written to typed parts: every fault of shape becomes a problem with its place and its cure."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from connector.mapping.conditions import ConditionError
from connector.mapping.places import Found, Node, Path
from connector.mapping.secrets import Substituted

_Model = TypeVar("_Model", bound=BaseModel)
_ROUNDS = 12


def shaped(model: type[_Model], root: Node, found: Found) -> tuple[_Model | None, Node]:
    """Read a file's nodes as ``model``; return it with the nodes it was made from.

    Where parts have the wrong shape they are noted and left out, so that what is left can still be checked against the
    other files; None when nothing sensible is left. The given nodes stay as they are.
    """
    try:
        return _read(model, root), root
    except ValidationError as error:
        details = error.errors(include_url=False)
    _note(model, root, details, found)
    rest = _copied(root)
    for _ in range(_ROUNDS):
        for detail in details:
            _prune(rest, detail["loc"])
        try:
            return _read(model, rest), rest
        except ValidationError as error:
            details = error.errors(include_url=False)
    return None, rest


def _read(model: type[_Model], root: Node) -> _Model:
    """Validate by the keys that people write; the names that Python needs instead (``from_``) are unknown there."""
    return model.model_validate(root.plain(), by_alias=True, by_name=False)


def _copied(node: Node) -> Node:
    return Node(
        node.path,
        node.at,
        node.key_at,
        node.value,
        None if node.items is None else [_copied(child) for child in node.items],
        None if node.entries is None else {key: _copied(child) for key, child in node.entries.items()},
    )


def _prune(root: Node, loc: Sequence[object]) -> None:
    """Take out what an error names; a mapping that lacks something goes as a whole."""
    nodes, _ = root.deepest(loc)
    if len(nodes) == 1:
        return
    parent, doomed = nodes[-2], nodes[-1]
    if parent.items is not None:
        parent.items = [child for child in parent.items if child is not doomed]
    elif parent.entries is not None:
        parent.entries = {key: child for key, child in parent.entries.items() if child is not doomed}


def _note(model: type[BaseModel], root: Node, details: Sequence[ErrorDetails], found: Found) -> None:
    # a misspelt key is one mistake, not one of its own and one of the key it should have been
    guessed = {
        (*detail["loc"][:-1], guess)
        for detail in details
        if detail["type"] == "extra_forbidden"
        for guess in _guesses(detail["loc"], _known_keys(model, detail["loc"]))
    }
    for detail in details:
        if detail["type"] == "too_short" and any(_lies_below(other["loc"], detail["loc"]) for other in details):
            continue  # the list is short because its entries were refused, and they are reported
        nodes, lost = root.deepest(detail["loc"])
        node = nodes[-1]
        error = detail.get("ctx", {}).get("error")
        if isinstance(error, ConditionError):
            for path, message in error.faults:
                inner = node.deepest(path)[0][-1]
                found.add(inner.at, inner.path, message)
            continue
        if detail["type"] == "missing":
            if detail["loc"] in guessed:
                continue
            missing_at: Path = (*node.path, *(step for step in lost[-1:] if isinstance(step, (str, int))))
            found.add(node.key_at, missing_at, _missing(model, detail))
            continue
        at_key = detail["type"] == "extra_forbidden" or lost[-1:] == ["[key]"]
        found.add(node.key_at if at_key else node.at, node.path, _message(model, detail))


def _lies_below(loc: Sequence[str | int], above: Sequence[str | int]) -> bool:
    return len(loc) > len(above) and tuple(loc[: len(above)]) == tuple(above)


def _missing(model: type[BaseModel], detail: ErrorDetails) -> str:
    key = detail["loc"][-1]
    if isinstance(key, int):
        return f"has too few entries; number {key + 1} is missing"
    described = ""
    for owner in _models_at(model, detail["loc"][:-1]):
        field = _fields_of(owner).get(str(key))
        described = f": {field.description}" if field is not None and field.description else described
    return f"{key} is missing; add it{described}"


def _message(model: type[BaseModel], detail: ErrorDetails) -> str:
    ctx = detail.get("ctx", {})
    kind, value = detail["type"], detail.get("input")
    if kind == "value_error":
        return str(ctx["error"])
    if kind == "extra_forbidden":
        return _unknown_key(model, detail["loc"])
    if kind == "literal_error":
        return f"{_shown(value)} is none of {str(ctx['expected']).replace(chr(39), '')}"
    if kind == "string_type":
        if isinstance(value, (list, dict)) or value is None:
            return f"must be text, not {_shown(value)}"
        return f"must be text; put {_shown(value)} in quotes"
    if kind == "string_pattern_mismatch":
        return f"{_shown(value)} is no id: use lower-case letters, digits and hyphens, at most 60"
    if kind in ("model_type", "dict_type", "model_attributes_type"):
        return f"must be a mapping, lines of the form key: value, not {_shown(value)}"
    if kind == "too_short" and not ctx.get("actual_length"):
        return "the list is empty; write at least 1 entry"
    if kind in ("tuple_type", "list_type"):
        return f"must be a list, not {_shown(value)}"
    if kind == "bool_type":
        return f"must be true or false, not {_shown(value)}"
    if kind == "int_type":
        return f"must be a whole number, not {_shown(value)}"
    words = detail["msg"]
    shown = "" if isinstance(value, (list, dict)) else f"; {_shown(value)} is not accepted"
    return words[:1].lower() + words[1:] + shown


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, (SecretStr, Substituted)):
        return "the value behind ${…}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "a mapping"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _unknown_key(model: type[BaseModel], loc: Sequence[str | int]) -> str:
    known = _known_keys(model, loc)
    guess = "".join(f"did you mean {key}? " for key in _guesses(loc, known))
    return f"unknown key; {guess}known here: {', '.join(known)}" if known else "unknown key; remove it"


def _known_keys(model: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    return sorted({key for owner in _models_at(model, loc[:-1]) for key in _fields_of(owner)})


def _guesses(loc: Sequence[str | int], known: list[str]) -> list[str]:
    return difflib.get_close_matches(str(loc[-1]), known, n=1)


def _fields_of(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _models_at(model: type[BaseModel], loc: Sequence[str | int]) -> list[type[BaseModel]]:
    """Find the models that a place in a file is read as."""
    owners = [model]
    for step in loc:
        inner = [_fields_of(owner)[str(step)].annotation for owner in owners if str(step) in _fields_of(owner)]
        if inner:
            owners = [found for annotation in inner for found in models_in(annotation)]
    return owners


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """List the models within a type: of a list of them, of an optional one, of a mapping's values."""
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [model for inner in get_args(annotation) for model in models_in(inner)]
