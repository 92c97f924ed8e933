"""``docs/reference/contracts.md``."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import Any

import dinrail_core.api
from dinrail_core.api.provider import ABOUT_ITSELF
from tools.reference.docstrings import markdown
from tools.reference.signatures import signature
from tools.reference.tree import Tree

__all__ = ["contracts", "contracts_page"]

_INTRODUCTION = """\
# Contracts

A contract is an abstract class that says what one API is. A provider fulfils a contract by being an instance of it,
and names in its record's `apis` which ones it fulfils. The types of requests and answers (wire types) stand in the
same module; `GET /openapi.json` of a running server describes each of their fields.
"""


def contracts(tree: Tree) -> list[type]:
    """Every abstract class of :mod:`dinrail_core.api` and what plugins fulfil beside, those that serve an API first."""
    found = {kind for _, service in tree.services for kind in service.provides}
    found |= {kind for _, record in tree.providers for kind in record.apis}
    for module in pkgutil.walk_packages(dinrail_core.api.__path__, "dinrail_core.api."):
        for _, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isabstract):
            if kind.__module__.startswith("dinrail_core.api"):
                found.add(kind)
    return sorted(found, key=lambda kind: (kind in ABOUT_ITSELF, kind.__module__, kind.__name__))


def _function(member: Any) -> Callable[..., Any]:
    """What a method, or a property's getter, is made of."""
    if isinstance(member, property):
        assert member.fget is not None  # a contract declares what can be read
        member = member.fget
    found: Callable[..., Any] = member
    return found


def contracts_page(tree: Tree) -> str:
    """Contracts with their methods, and which provider types of the tree fulfil each."""
    parts = [_INTRODUCTION]
    for kind in contracts(tree):
        parts.append(f"## `{kind.__name__}`\n\n```python\nfrom {kind.__module__} import {kind.__name__}\n```")
        parts.append(markdown(kind.__doc__))
        parts += [
            f"```python\n{signature(_function(method))}\n```\n\n{markdown(method.__doc__)}"
            for method in vars(kind).values()
            if getattr(method, "__isabstractmethod__", False)
        ]
        by = [f"`{record.name}`" for _, record in tree.providers if kind in record.apis]
        by += [
            f"`{record.name}` with `{record.optional[kind]}`" for _, record in tree.providers if kind in record.optional
        ]
        by += [f"`{record.name}`" for _, record in tree.services if kind in record.provides]
        parts.append(f"Fulfilled by: {', '.join(by) or 'nothing in the bundle'}.")
    return "\n\n".join(parts)
