"""JSON schemas, brought into the form that llama.cpp enforces.

llama.cpp turns a schema into a grammar and passes over what it does not know. Where a request asks for its schema to be
followed to the letter (``strict``), what would be passed over is refused instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dinrail_core.errors import UnsupportedFeature
from dinrail_llamacpp.patterns import PatternProblem, translate

__all__ = ["prepare", "standing_alone"]

_SCHEMAS_BY_NAME = frozenset({"properties", "$defs", "definitions"})
_LISTS_OF_SCHEMAS = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_SCHEMAS = frozenset({"items", "additionalProperties"})
_VALUES = frozenset({"enum", "const"})
_ENFORCED = frozenset({"type", "required", "minItems", "maxItems", "minLength", "maxLength"})
_BOUNDS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
_FORMATS = frozenset({"date", "time", "date-time", "uuid"})
_REMARKS = frozenset(
    {"$schema", "$id", "$comment", "$anchor", "title", "description", "default", "examples", "deprecated"}
    | {"readOnly", "writeOnly"}
)


def prepare(schema: Mapping[str, Any], *, root: str, strict: bool, param: str) -> dict[str, Any]:
    """The schema as it is sent to llama.cpp.

    References are made to point to where the schema will stand, patterns are translated, and remarks are left out.

    Args:
        schema: A JSON schema of the request.
        root: The JSON pointer, with ``#``, of the place where it will stand.
        strict: Whether what cannot be enforced is an error; otherwise it is left out.
        param: The field of the request that holds the schema.

    Raises:
        UnsupportedFeature: ``strict``, and a part of it cannot be enforced.
    """
    prepared = _Preparation(root, strict, param).schema(schema, "")
    return prepared if isinstance(prepared, dict) else {}


def standing_alone(schema: Mapping[str, Any], *, strict: bool, param: str) -> dict[str, Any]:
    """As :func:`prepare`, for a schema that is sent by itself; one that refers to its root gets a name for that."""
    if not _refers_to_root(schema):
        return prepare(schema, root="#", strict=strict, param=param)
    return {"$ref": "#/$defs/it", "$defs": {"it": prepare(schema, root="#/$defs/it", strict=strict, param=param)}}


def _refers_to_root(value: Any) -> bool:
    if isinstance(value, Mapping):
        return value.get("$ref") == "#" or any(_refers_to_root(one) for one in value.values())
    return isinstance(value, list) and any(_refers_to_root(one) for one in value)


class _Preparation:
    def __init__(self, root: str, strict: bool, param: str) -> None:
        self._root = root
        self._strict = strict
        self._param = param

    def schema(self, schema: Any, where: str) -> Any:
        if schema is True:
            return {}
        if not isinstance(schema, Mapping):
            return schema
        number = schema.get("type") == "number"
        prepared: dict[str, Any] = {}
        for keyword, value in schema.items():
            if keyword in _REMARKS:
                continue
            if keyword == "const" and value is None:
                prepared["type"] = "null"
                continue
            kept = self._keyword(keyword, value, f"{where}/{keyword}", number=number)
            if kept is not None:
                prepared[keyword] = kept
        return prepared

    def _keyword(self, keyword: str, value: Any, where: str, *, number: bool) -> Any:
        """What becomes of a keyword's value; ``None`` leaves it out."""
        if keyword in _VALUES:
            return value
        if keyword == "$ref" and isinstance(value, str):
            return f"{self._root}{value[1:]}" if value.startswith("#") else value
        if keyword in _SCHEMAS_BY_NAME and isinstance(value, Mapping):
            return {name: self.schema(one, f"{where}/{name}") for name, one in value.items()}
        if keyword in _LISTS_OF_SCHEMAS and isinstance(value, list):
            return [self.schema(one, f"{where}/{index}") for index, one in enumerate(value)]
        if keyword in _SCHEMAS:
            if keyword == "items" and value is False:
                return None  # behind prefixItems, which already fix the length
            return value if isinstance(value, bool) and keyword != "items" else self.schema(value, where)
        if keyword == "pattern" and isinstance(value, str):
            try:
                return translate(value)
            except PatternProblem as problem:
                return self._passed_over(where, f": {problem}")
        enforced = (
            keyword in _ENFORCED or (keyword == "format" and value in _FORMATS) or (keyword in _BOUNDS and not number)
        )
        return value if enforced else self._passed_over(where)

    def _passed_over(self, where: str, reason: str = "") -> None:
        if self._strict:
            raise UnsupportedFeature(
                f"llama.cpp cannot hold an answer to '{where}'{reason}; without 'strict' it is passed over.",
                param=self._param,
            )
