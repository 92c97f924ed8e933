"""Names by which models know tools: pure."""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["free_name", "model_name"]

_LONGEST = 64
"""Characters of a name that chats allow."""


def model_name(name: str, namespace: str | None = None) -> str:
    """The name by which a model knows a tool, where it is offered and where the history tells of a call.

    Chats have no namespaces, and allow ASCII letters, digits, underscores and hyphens.
    """
    whole = f"{namespace}__{name}" if namespace else name
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in whole)[:_LONGEST] or "tool"


def free_name(name: str, taken: Collection[str]) -> str:
    """The name, or one like it that no other tool has."""
    found, number = name, 2
    while found in taken:
        suffix = f"_{number}"
        found, number = name[: _LONGEST - len(suffix)] + suffix, number + 1
    return found
