"""What the JSON schema of a wire type says beyond pydantic's own: loaded only when a schema is asked for."""

from __future__ import annotations

import ast
import importlib
import inspect
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["complete"]


def complete(model: type[BaseModel], schema: dict[str, Any]) -> None:
    """Add to a model's schema the descriptions of its fields, and which of them are always there.

    A field whose default is a value (not ``MISSING``) is written whenever the model is, so a client may rely on it:
    the schema calls it required and does not speak of the default, which concerns only the reading of incomplete data.

    Args:
        model: The wire type.
        schema: Its schema with ``properties``; changed in place.
    """
    properties: dict[str, dict[str, Any]] = schema.get("properties", {})
    described = _field_docs(model)
    for name, field in model.model_fields.items():
        prop = properties.get(field.alias or name)
        if prop is None:
            continue
        if name in described:
            prop.setdefault("description", described[name])
    required = set(schema.get("required", ()))
    required.update(key for key, prop in properties.items() if "default" in prop)
    for prop in properties.values():
        prop.pop("default", None)
    if required:
        schema["required"] = [key for key in properties if key in required]


def _field_docs(model: type[BaseModel]) -> dict[str, str]:
    docs: dict[str, str] = {}
    for base in reversed(model.__mro__):
        docs.update(_module_docs(base.__module__).get(base.__qualname__, {}) if base is not object else {})
    return docs


@cache
def _module_docs(module: str) -> dict[str, dict[str, str]]:
    """The strings below fields, by class, of a module that has a source; pydantic reads it anew for every class."""
    try:
        tree = ast.parse(inspect.getsource(importlib.import_module(module)))
    except (OSError, TypeError, ImportError):
        return {}
    found: dict[str, dict[str, str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            found[node.name] = dict(_docs_in(node))
    return found


def _docs_in(node: ast.ClassDef) -> list[tuple[str, str]]:
    docs = []
    for field, below in zip(node.body, node.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        ):
            docs.append((field.target.id, inspect.cleandoc(below.value.value)))
    return docs
