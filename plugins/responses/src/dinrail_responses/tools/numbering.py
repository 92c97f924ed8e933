"""Several tools of one type in one request: those that say the same are one, and others are offered one by one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

__all__ = ["numbered"]

T = TypeVar("T")


def numbered(name: str, tools: Iterable[T]) -> dict[str, T]:
    """Tools by the names that the model knows: ``name``, ``name_2``, ``name_3`` and so on; equal ones are one."""
    different: list[T] = []
    for tool in tools:
        if tool not in different:
            different.append(tool)
    return {f"{name}_{n}" if n > 1 else name: tool for n, tool in enumerate(different, 1)}
