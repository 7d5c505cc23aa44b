"""JSON Schema of the files people write, for editors that complete and check while one types."""

from __future__ import annotations

from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, SecretStr
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from connector.mapping.conditions import COMBINERS, AllOf, Operator
from connector.mapping.load import FILES
from connector.mapping.settings import Settings
from connector.mapping.values import SCALE

#: every file with a schema, by its word; ``handoff`` is handoff.yaml
MODELS: dict[str, type[BaseModel]] = {"handoff": Settings, **FILES}
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SCALAR: JsonSchemaValue = {"type": ["string", "number", "boolean"]}
_BOUNDS = {"ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))
#: models whose keys are partly of the reader's choosing: model → what such a key holds
_OPEN_MODELS: dict[str, tuple[str, JsonSchemaValue]] = {
    "FactLine": ("sources", {"type": "string", "minLength": 1, "description": "system: native field"}),
    "System": ("options", {"description": "a key of the adapter"}),
}


def duration_text(span: timedelta) -> str:
    """Write a span as people do, in the largest unit that divides it."""
    seconds = int(span.total_seconds())
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    return f"{seconds // size}{unit}"


def written(value: Any) -> Any:
    """Give a value as it would stand in a file: spans as ``30d``, numbers as numbers, parts by their keys."""
    match value:
        case timedelta():
            return duration_text(value)
        case time():
            return value.isoformat("minutes")
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case SecretStr():
            return value.get_secret_value()
        case Path():
            return value.as_posix()
        case AllOf(()):
            return {}
        case BaseModel():
            fields = type(value).model_fields
            return {field.alias or name: written(getattr(value, name)) for name, field in fields.items()}
        case dict():
            return {key: written(inner) for key, inner in value.items()}
        case list() | tuple():
            return [written(inner) for inner in value]
    return value


class _Writer(GenerateJsonSchema):
    """Describe what YAML holds, not what Python makes of it."""

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        """Say number: text that looks like one is refused."""
        found = {word: written(schema[key]) for key, word in _BOUNDS.items() if key in schema}  # type: ignore[literal-required]
        return {"type": "number", **found}

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:  # noqa: ARG002
        """Keep the order of the models: it is the order in which the files are written."""
        return value

    def encode_default(self, dft: Any) -> Any:
        """Write a default as it would stand in the file."""
        return written(dft)


def schema_of(file_kind: str) -> dict[str, Any]:
    """Describe one file (``scoring``, ``handoff`` …) as JSON Schema 2020-12; the same call gives the same schema."""
    schema = MODELS[file_kind].model_json_schema(by_alias=True, schema_generator=_Writer)
    definitions: dict[str, Any] = schema.setdefault("$defs", {})
    for name, (inner, holds) in _OPEN_MODELS.items():
        if name in definitions:
            definitions[name]["properties"].pop(inner)
            definitions[name]["additionalProperties"] = holds
    definitions["Condition"] = _condition()
    prepared = _prepared(schema)
    head = {"$schema": _DIALECT, "$id": f"{file_kind}.schema.json", "title": f"{file_kind}.yaml"}
    return {**head, **{key: value for key, value in prepared.items() if key != "title"}}


def _condition() -> JsonSchemaValue:
    texts: JsonSchemaValue = {"type": "string", "minLength": 1}
    number: JsonSchemaValue = {"type": "number"}
    several: JsonSchemaValue = {"type": "array", "minItems": 1, "items": _SCALAR}
    operands: dict[str, JsonSchemaValue] = {
        **dict.fromkeys(("is", "is_not"), _SCALAR),
        "in": several,
        "not_in": several,
        **dict.fromkeys(("contains", "starts_with", "matches"), texts),
        **dict.fromkeys(("gt", "gte", "lt", "lte"), number),
        "between": {"type": "array", "minItems": 2, "maxItems": 2, "items": number},
        "known": {"type": "boolean"},
        "within": {"type": "string", "pattern": r"^\d{1,9}[smhd]$"},
    }
    here = {"$ref": "#/$defs/Condition"}
    tests = {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": {operator: operands[operator] for operator in get_args(Operator)},
    }
    lists = {"type": "array", "minItems": 1, "items": here}
    return {
        "type": "object",
        "description": "field: value, or field: {operator: value}; several are and; any, all, not combine conditions",
        "properties": {word: here if word == "not" else lists for word in sorted(COMBINERS)},
        "additionalProperties": {"anyOf": [_SCALAR, tests]},
    }


def _prepared(schema: Any) -> Any:
    """Put references to the condition where one is read, write keys as text, and leave out generated titles."""
    if isinstance(schema, list):
        return [_prepared(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-condition"):
        rest = {key: value for key, value in schema.items() if key in ("default", "description", "examples")}
        return {"$ref": "#/$defs/Condition", **rest}
    prepared: dict[str, Any] = {}
    for key, value in schema.items():
        if (key == "title" and isinstance(value, str)) or key == "decimal_places" or (key, value) == ("default", ""):
            continue
        if key == "propertyNames" and isinstance(value, dict) and "enum" in value:
            prepared[key] = {"enum": [str(item) for item in value["enum"]]}
        elif key in ("default", "examples", "enum", "const"):
            prepared[key] = written(value)
        elif key in _BOUNDS and schema.get("type") == "number":
            prepared.setdefault(_BOUNDS[key], written(value))
        elif key in ("properties", "$defs"):
            prepared[key] = {name: _prepared(inner) for name, inner in value.items()}
        else:
            prepared[key] = _prepared(value)
    if "exclusiveMinimum" in prepared and prepared["exclusiveMinimum"] >= prepared.get("minimum", -SCALE):
        prepared.pop("minimum", None)
    return prepared
