"""``docs/reference/errors.md``."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from dinrail_core import errors as core
from dinrail_core.errors import DinrailError
from tools.reference.docstrings import cell, first_sentence
from tools.reference.tree import Tree

__all__ = ["codes_given", "error_classes", "errors_page", "status_of"]

_SOURCES = ("core", "plugin-sdk", "plugins/*")

_INTRODUCTION = """\
# Errors

Every error of the HTTP interface has OpenAI's shape, and `code` is part of the public interface:

```json
{"error": {"message": "…", "type": "invalid_request_error", "param": "messages.0.content", "code": "invalid_value"}}
```

The answer's `x-request-id` is the one that the log has. `retry-after` stands beside 429 and 503 where it is known.
After the first byte of a stream an error is an event `data: {"error": …}` and the last one.

## Classes

A plugin raises those of `dinrail_core.errors`; the server has one table of statuses, in which a class that is not
listed has the status of its nearest base. Indented classes are special cases of the one above.
"""

_CODES = """\
## More exact codes

Where somebody raises an error with a code of its own, class and status stay the same.
"""


def error_classes(tree: Tree) -> list[type[DinrailError]]:
    """Every class of errors of the core and of the server, a class before those that derive from it."""
    server = _server_errors()
    known = {getattr(core, name) for name in core.__all__} | {
        kind
        for name in server.__all__
        if isinstance(kind := getattr(server, name), type) and issubclass(kind, DinrailError)
    }

    def below(kind: type[DinrailError]) -> Iterator[type[DinrailError]]:
        yield kind
        for derived in kind.__subclasses__():
            if derived in known:
                yield from below(derived)

    return list(below(DinrailError))


@cache
def codes_given(root: Path) -> dict[str, set[str]]:
    """Codes that are given where an error is raised, with the classes that are raised with them."""
    found: dict[str, set[str]] = {}
    for file in sorted(file for folder in _SOURCES for file in root.glob(f"{folder}/src/**/*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func).rpartition(".")[2]
            for keyword in node.keywords:
                match keyword:
                    case ast.keyword(arg="code", value=ast.Constant(value=str(code))) if hasattr(core, name):
                        found.setdefault(code, set()).add(name)
    return found


def errors_page(tree: Tree) -> str:
    """The tree with codes, statuses and types, and the codes that are given where an error is raised."""
    rows = ["| class | code | status | type | meaning |", "|---|---|---|---|---|"]
    for kind in error_classes(tree):
        depth = len([base for base in kind.__mro__ if issubclass(base, DinrailError)]) - 1
        status, word = _on_the_wire(kind)
        rows.append(
            f"| {'&emsp;' * depth}`{kind.__name__}` | `{kind.code}` | {status} | `{word}` "
            f"| {cell(first_sentence(kind.__doc__))} |"
        )
    given = ["| code | raised as |", "|---|---|"]
    for code, names in sorted(codes_given(tree.root).items()):
        given.append(f"| `{code}` | {', '.join(f'`{name}`' for name in sorted(names))} |")
    return "\n\n".join([_INTRODUCTION, "\n".join(rows), _CODES, "\n".join(given)])


def _server_errors() -> Any:
    return importlib.import_module("dinrail_server.errors")


def status_of(kind: type[DinrailError]) -> int:
    """The HTTP status that the server answers with."""
    return _on_the_wire(kind)[0]


def _on_the_wire(kind: type[DinrailError]) -> tuple[int, str]:
    """Status and OpenAI's ``type``, as the server would answer."""
    needed = {
        parameter.name: ""
        for parameter in inspect.signature(kind).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty
    }
    problem = _server_errors().problem(kind("", **needed))
    return problem.status, json.loads(problem.body)["error"]["type"]
