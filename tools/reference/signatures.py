"""Signatures and fields as their author wrote them."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

__all__ = ["fields_of", "signature"]

_LONG = 110


def signature(function: Callable[..., Any]) -> str:
    """``async def name(…) -> …: ...``, with a line for each parameter where one line would be long."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    assert isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef)
    word = "async def" if isinstance(definition, ast.AsyncFunctionDef) else "def"
    returns = f" -> {ast.unparse(definition.returns)}" if definition.returns is not None else ""
    decorated = "".join(f"@{ast.unparse(one)}\n" for one in definition.decorator_list if ast.unparse(one) == "property")
    word = decorated + word
    line = f"{word} {definition.name}({ast.unparse(definition.args)}){returns}: ..."
    if len(line) <= _LONG:
        return line
    parameters = "".join(f"    {text},\n" for text in _parameters(definition.args))
    return f"{word} {definition.name}(\n{parameters}){returns}: ..."


def _parameters(arguments: ast.arguments) -> list[str]:
    """Each parameter by itself, a star before those that must be named."""
    plain = [*arguments.posonlyargs, *arguments.args]
    missing = len(plain) - len(arguments.defaults)
    found = [_parameter(one, None) for one in plain[:missing]]
    found += [_parameter(one, default) for one, default in zip(plain[missing:], arguments.defaults, strict=True)]
    if arguments.kwonlyargs:
        found.append("*")
        found += [_parameter(*pair) for pair in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    return found


def _parameter(argument: ast.arg, default: ast.expr | None) -> str:
    return ast.unparse(argument) + (f" = {ast.unparse(default)}" if default is not None else "")


def fields_of(record: type) -> list[tuple[str, str, bool]]:
    """A dataclass's fields: name, type as written, and whether it must be given."""
    return [
        (
            field.name,
            str(field.type),
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(record)
    ]
