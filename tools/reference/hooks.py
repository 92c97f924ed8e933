"""``docs/reference/hooks.md``."""

from __future__ import annotations

import dataclasses
import inspect
import re
from typing import Any

from dinrail_core.hooks import context, http, outbound, records, secrets, specs
from tools.reference.docstrings import attribute_docs, cell, markdown
from tools.reference.signatures import fields_of, signature
from tools.reference.tree import Tree

__all__ = ["hooks_page"]

_INTRODUCTION = """\
# Hooks and records

{specs}

Everything here is imported from `dinrail_core.hooks`. What the entry points look like is on the page
[plugin metadata](plugin-metadata.md), what a provider implements on the page [contracts](contracts.md).
"""


def hooks_page(tree: Tree) -> str:
    """Hook specifications, the records that they return, and what handlers and ``open`` receive."""
    parts = [_INTRODUCTION.format(specs=markdown(specs.__doc__).partition("\n")[2].strip())]
    for name in specs.__all__:
        hook = getattr(specs, name)
        parts.append(f"## `{name}`\n\n```python\n@hookimpl\n{signature(hook)}\n```\n\n{markdown(hook.__doc__)}")
    parts.append("## Records")
    parts += [_record(kind) for kind in [*_classes(records), http.Route]]
    parts.append("## What a plugin is given, and what it answers")
    given = [kind for kind in [*_classes(context), outbound.Outbound, *_classes(http)] if kind is not http.Route]
    parts += [_record(kind) if dataclasses.is_dataclass(kind) else _interface(kind) for kind in given]
    parts.append(f"## Secrets\n\n### `Secret`\n\n{attribute_of(secrets, 'Secret')}\n\n{markdown(_secret_rules())}")
    return "\n\n".join(parts)


def attribute_of(module: Any, name: str) -> str:
    """The string below a module's assignment."""
    source = inspect.getsource(module)
    match = re.search(rf'^{name} = .*\n"""(.*?)"""', source, re.MULTILINE | re.DOTALL)
    assert match is not None, f"{name} has no docstring"
    return markdown(match[1])


def _secret_rules() -> str:
    return secrets.resolve_secret.__doc__ or ""


def _classes(module: Any) -> list[type]:
    return [value for name in module.__all__ if isinstance(value := getattr(module, name), type)]


def _record(kind: type) -> str:
    """A dataclass: what it is, and a table of its fields."""
    text, _, attributes = markdown(kind.__doc__).partition("**Attributes**")
    meanings = dict(re.findall(r"^- `(\w+)`: (.*(?:\n  .*)*)", attributes, re.MULTILINE)) | dict(attribute_docs(kind))
    rows = ["| field | type | | meaning |", "|---|---|---|---|"]
    for name, annotation, required in fields_of(kind):
        rows.append(f"| `{name}` | `{cell(annotation)}` | {'required' if required else ''} | {cell(meanings[name])} |")
    methods = [
        f"`{signature(method).removesuffix(': ...').removeprefix('def ')}`: {markdown(method.__doc__)}"
        for name, method in vars(kind).items()
        if inspect.isfunction(method) and not name.startswith("_") and dataclasses.is_dataclass(kind)
    ]
    return "\n\n".join([f"### `{kind.__name__}`", text.strip(), "\n".join(rows), *methods])


def _interface(kind: type) -> str:
    """An abstract class: its attributes and methods."""
    parts = [f"### `{kind.__name__}`", markdown(kind.__doc__)]
    documented = attribute_docs(kind)
    attributes = [
        f"- `{name}: {annotation}`" + (f" {documented[name]}" if name in documented else "")
        for name, annotation in inspect.get_annotations(kind).items()
    ]
    if attributes:
        parts.append("\n".join(attributes))
    for name, method in vars(kind).items():
        if inspect.isfunction(method) and not name.startswith("_"):
            parts.append(f"```python\n{signature(method)}\n```\n\n{markdown(method.__doc__)}")
    return "\n\n".join(parts)
