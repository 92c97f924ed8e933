"""What the JSON schema of a wire type says beyond pydantic's own: loaded only when a schema is asked for."""

from __future__ import annotations

import ast
import inspect
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.json_schema import JsonSchemaMode

__all__ = ["complete", "field_docs"]


def complete(model: type[BaseModel], schema: dict[str, Any], mode: JsonSchemaMode) -> None:
    """Add to a model's schema the descriptions of its fields, and which of them are always there.

    A field whose default is a value (not ``MISSING``) is written whenever the model is, so who reads may rely on it:
    the schema of what is written calls it required. So does the schema of what is read with a constant such as
    ``type``, whose default only spares the authors of Python code from spelling it out.

    Args:
        model: The wire type.
        schema: Its schema with ``properties``; changed in place.
        mode: Whether the schema is of what is read (``validation``) or of what is written (``serialization``).
    """
    properties: dict[str, dict[str, Any]] = schema.get("properties", {})
    described = field_docs(model)
    for name, field in model.model_fields.items():
        key = field.alias or name
        if key in properties and name in described:
            properties[key].setdefault("description", described[name])
    required = set(schema.get("required", ()))
    for key, prop in properties.items():
        if "default" in prop and (mode == "serialization" or "const" in prop):
            required.add(key)
            del prop["default"]
    if required:
        schema["required"] = [key for key in properties if key in required]


def field_docs(model: type[BaseModel]) -> dict[str, str]:
    """The strings below a model's fields, by the fields' names; those of a base where a field is not described again.

    Classes of configurations are read in the same way. Pydantic's own ``use_attribute_docstrings`` reads and tokenizes
    the source while each class is being made, which cost a start a tenth of its time.
    """
    docs: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if "__pydantic_fields__" in vars(base):
            docs.update(_module_docs(base.__module__).get(base.__qualname__, {}))
    return docs


@cache
def _module_docs(module: str) -> dict[str, dict[str, str]]:
    """The strings below fields, by class; nothing where the source of the module is not at hand."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (KeyError, OSError, TypeError):
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
