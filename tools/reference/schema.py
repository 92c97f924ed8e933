"""JSON schemas in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["type_of"]

_FORMATS = {"password": "secret", "uri": "URL", "path": "path", "file-path": "path", "directory-path": "path"}
_WORDS = {"boolean": "true or false", "integer": "whole number", "number": "number", "string": "string"}


def type_of(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """What a value must be, in a few words.

    Raises:
        ValueError: The schema says something that there are no words for yet.
    """
    if "$ref" in schema:
        target = definitions[schema["$ref"].rpartition("/")[2]]
        return "table" if target.get("type") == "object" else type_of(target, definitions)
    if "const" in schema:
        return f'"{schema["const"]}"'
    if "enum" in schema:
        return " or ".join(f'"{value}"' for value in schema["enum"])
    for alternatives in ("anyOf", "oneOf", "allOf"):
        if alternatives in schema:
            found = [type_of(one, definitions) for one in schema[alternatives] if one.get("type") != "null"]
            return " or ".join(dict.fromkeys(found))
    match schema.get("type"):
        case "array":
            return f"list of {_several(type_of(schema['items'], definitions))}"
        case "object":
            values = [*schema.get("patternProperties", {}).values(), schema.get("additionalProperties")]
            return (
                f"table of {_several(type_of(values[0], definitions))}" if isinstance(values[0], Mapping) else "table"
            )
        case "string" if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]]
        case str(word) if word in _WORDS:
            return _WORDS[word] + _limits(schema)
        case None:
            return "any value"
    raise ValueError(f"There are no words for the schema {dict(schema)}.")


def _several(words: str) -> str:
    return f"{words}s" if re.fullmatch(r"[A-Za-z ]+", words) and " or " not in words else words


def _limits(schema: Mapping[str, Any]) -> str:
    """The limits of a number."""
    low = [f"at least {_number(schema['minimum'])}"] if "minimum" in schema else []
    low += [f"more than {_number(schema['exclusiveMinimum'])}"] if "exclusiveMinimum" in schema else []
    high = [f"at most {_number(schema['maximum'])}"] if "maximum" in schema else []
    high += [f"less than {_number(schema['exclusiveMaximum'])}"] if "exclusiveMaximum" in schema else []
    if "minimum" in schema and "maximum" in schema:
        return f", {_number(schema['minimum'])} to {_number(schema['maximum'])}"
    return "".join(f", {limit}" for limit in low + high)


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)
