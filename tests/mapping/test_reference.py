"""Generated files are those in the tree; schemas accept what loads and refuse what does not."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import jsonschema
import pytest
from pydantic import BaseModel, TypeAdapter

from connector.mapping.facts import OPERATORS_OF
from connector.mapping.load import FILES
from connector.mapping.places import Found
from connector.mapping.reference_pages import _OPERATOR_WORDS, reference_files, write_reference
from connector.mapping.schema import MODELS, duration_text, schema_of, written
from connector.mapping.secrets import shielded
from connector.mapping.shapes import models_in
from connector.mapping.starter import starter_mapping
from connector.mapping.values import parse_duration
from connector.mapping.yaml_reader import read_yaml

ROOT = Path(__file__).parents[2]
MAPPINGS = files("mappings")


@pytest.mark.parametrize("name", sorted(reference_files()))
def test_the_committed_file_is_the_generated_one(name):
    path = MAPPINGS / name.removeprefix("mappings/") if name.startswith("mappings/") else ROOT / name
    cure = "docs/mapping/README.md says how to generate it"
    assert path.is_file(), cure
    assert path.read_text(encoding="utf-8") == reference_files()[name], cure


def test_writing(tmp_path):
    write_reference(tmp_path)
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")} == set(reference_files())


def all_models() -> list[type[BaseModel]]:
    found: list[type[BaseModel]] = []
    waiting = list(MODELS.values())
    while waiting:
        model = waiting.pop()
        if model not in found:
            found.append(model)
            waiting += [inner for field in model.model_fields.values() for inner in models_in(field.annotation)]
    return sorted(found, key=lambda model: model.__name__)


FIELDS = [(model, name) for model in all_models() for name in model.model_fields]


@pytest.mark.parametrize(("model", "name"), FIELDS, ids=[f"{model.__name__}.{name}" for model, name in FIELDS])
def test_every_key_is_described_with_an_example_that_loads(model, name):
    field = model.model_fields[name]
    assert field.description
    assert field.examples
    adapter: TypeAdapter[Any] = TypeAdapter(Annotated[(field.annotation, None, *field.metadata)])
    for example in field.examples:
        adapter.validate_python(example)


def plain(kind: str) -> Any:
    data = starter_mapping(kind) if kind in FILES else (MAPPINGS / "handoff.yaml").read_bytes()
    root = read_yaml(shielded(data), Found(kind))
    assert root is not None
    return keys_as_text(written(root.plain()))


def keys_as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): keys_as_text(inner) for key, inner in value.items()}
    return [keys_as_text(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_the_schema_accepts_the_starter_and_refuses_unknown_keys(kind):
    schema = schema_of(kind)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert [error.message for error in validator.iter_errors(plain(kind))] == []
    assert list(validator.iter_errors({**plain(kind), "surprise": 1}))


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda model: model["dimensions"]["fit"]["rules"][0].update(points=400), "points"),
        (lambda model: model["dimensions"]["fit"]["rules"][0].update(points="40"), "points"),
        (lambda model: model["dimensions"]["fit"]["rules"][0].update(when={"title": {"matchs": "x"}}), "when"),
        (lambda model: model["dimensions"]["interest"].update(half_life="month"), "half_life"),
        (lambda model: model["matrix"].update(E=["sales"] * 4), "matrix"),
        (lambda model: model["grades"]["interest"].update({"5": 0}), "interest"),
    ],
)
def test_the_schema_refuses_what_does_not_load(change, path):
    model = plain("scoring")
    change(model)
    errors = list(jsonschema.Draft202012Validator(schema_of("scoring")).iter_errors(model))
    assert errors
    assert any(path in [str(step) for step in error.absolute_path] for error in errors)


@pytest.mark.parametrize("text", ["1s", "90s", "2m", "4h", "30d", "36h", "0s"])
def test_spans_are_written_as_people_do(text):
    span = parse_duration(text)
    assert parse_duration(duration_text(span)) == span


def test_every_operator_is_explained():
    assert set(_OPERATOR_WORDS) == set().union(*OPERATORS_OF.values())
