"""Schemas of tools that stand for themselves.

Many models, and the grammars that hold them to a schema, know no ``$ref``. So each is replaced by what it points to.
Where that leads back into itself, the inner one is left open: the server checks arguments anyway.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

__all__ = ["MOST_NODES", "without_references"]

MOST_NODES = 20_000
"""Parts that one schema may grow to; what a schema of a few lines can be made to expand to has no bound."""
_DEEPEST = 64
_DEFINITIONS = ("$defs", "definitions")
_NAMED = frozenset({"dependentSchemas", "patternProperties", "properties"})
"""Keys whose values are schemas by names that the schema gives."""
_NO_SCHEMAS = frozenset({"const", "default", "enum", "examples"})
"""Keys whose values are data, in which ``$ref`` means nothing."""


def without_references(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with every ``$ref`` replaced, and without definitions that nothing points to any more.

    References into other documents are never followed: what they stand for is left open. So is whatever comes after
    :data:`MOST_NODES` parts.

    Args:
        schema: JSON; it is not changed.
    """
    if "$ref" not in _keys(schema):
        return {key: value for key, value in schema.items() if key not in _DEFINITIONS}
    resolved = _Resolver(schema).resolve(schema, (), 0)
    return resolved if isinstance(resolved, dict) else {"type": "object"}


def _keys(value: Any) -> set[str]:
    return {key for part in _parts(value) if isinstance(part, dict) for key in part}


def _parts(value: Any) -> Iterator[Any]:
    """Every part, without recursion: depth is up to a stranger."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        yield part
        if isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)


class _Resolver:
    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._left = MOST_NODES

    def resolve(self, value: Any, inside: tuple[str, ...], depth: int, *, named: bool = False) -> Any:
        """A part of the schema with what its references point to.

        Args:
            value: The part.
            inside: The references on the way to it.
            depth: How deep it lies.
            named: Whether its keys are names that the schema gives, and no words of JSON Schema.
        """
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            return {}
        if isinstance(value, list):
            return [self.resolve(item, inside, depth + 1) for item in value]
        if not isinstance(value, dict):
            return value
        if named:
            return {key: self.resolve(item, inside, depth + 1) for key, item in value.items()}
        reference = value.get("$ref")
        if isinstance(reference, str):
            return self._followed(reference, value, inside, depth)
        return {
            key: item if key in _NO_SCHEMAS else self.resolve(item, inside, depth + 1, named=key in _NAMED)
            for key, item in value.items()
            if key not in _DEFINITIONS
        }

    def _followed(self, reference: str, value: dict[str, Any], inside: tuple[str, ...], depth: int) -> Any:
        beside = {key: item for key, item in value.items() if key != "$ref"}
        beside = self.resolve(beside, inside, depth + 1) if beside else {}
        target = None if reference in inside else self._at(reference)
        if not isinstance(target, dict):
            return beside
        found = self.resolve(target, (*inside, reference), depth + 1)
        # What stands beside a reference holds as well (JSON Schema 2020-12, section 8.2.3.1); the nearer word wins.
        return {**found, **beside} if isinstance(found, dict) else beside

    def _at(self, reference: str) -> Any:
        """What a JSON pointer into this document leads to (RFC 6901), or ``None``."""
        if reference == "#":
            return self._root
        if not reference.startswith("#/"):
            return None
        here: Any = self._root
        for step in reference[2:].split("/"):
            name = unquote(step).replace("~1", "/").replace("~0", "~")
            if isinstance(here, dict) and name in here:
                here = here[name]
            elif isinstance(here, list) and name.isdecimal() and int(name) < len(here):
                here = here[int(name)]
            else:
                return None
        return here
