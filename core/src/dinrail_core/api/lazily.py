"""Packages that say what they hold without importing it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

__all__ = ["lazily"]


def lazily(*modules: str) -> Callable[[str], Any]:
    """A package's ``__getattr__`` (PEP 562): its names are those of the modules, each imported when first needed.

    Declaring a service imports its contract, and must not make the wire types of an API that nobody may ever use.

    Args:
        modules: Where to look, in this order. All public names of theirs are the package's.
    """

    def find(name: str) -> Any:
        if not name.startswith("_"):
            for module in modules:
                found = import_module(module)
                if name in found.__all__:
                    return getattr(found, name)
        raise AttributeError(f"There is no {name!r} in {' or '.join(modules)}.")

    return find
