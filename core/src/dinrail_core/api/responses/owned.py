"""Encrypted thoughts, which nobody can read but the instance whose model has thought them."""

from __future__ import annotations

from typing import Any, TypeVar

from dinrail_core.api.wire import Wire

__all__ = ["ToldToOne", "owned"]

_MARK = "dr:"

T = TypeVar("T", bound="ToldToOne")


def owned(content: str, instance: str) -> str:
    """Encrypted content as it is handed out: with the name of the instance that can read it in front."""
    return f"{_MARK}{instance}:{content}"


class ToldToOne(Wire):
    """A request whose ``input`` may hold thoughts that were encrypted by whoever answered before."""

    def told_to(self: T, instance: str) -> T:
        """The request as an instance can read it.

        Its own encrypted thoughts are as it made them, and those of others are left out: it would refuse them. What
        bears no name is left as it is.

        Args:
            instance: The operator's name of it.
        """
        given = getattr(self, "input", None)
        if not isinstance(given, list) or not any(map(_marked, given)):
            return self
        mine = owned("", instance)
        items = []
        for item in given:
            content = _marked(item)
            if content is None:
                items.append(item)
            elif content.startswith(mine):
                items.append(item.model_copy(update={"encrypted_content": content[len(mine) :]}))
        return self.model_copy(update={"input": items})


def _marked(item: Any) -> str | None:
    """The encrypted content of thoughts that bear an instance's name."""
    if getattr(item, "type", None) != "reasoning":
        return None
    content = getattr(item, "encrypted_content", None)
    return content if isinstance(content, str) and content.startswith(_MARK) else None
