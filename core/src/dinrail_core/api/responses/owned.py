"""What is encrypted by the upstream of one instance, and which nobody else can read: thoughts, compacted histories."""

from __future__ import annotations

from typing import Any, Self

from dinrail_core.api.told import ToldToOne
from dinrail_core.errors import InvalidRequest

__all__ = ["UNREADABLE", "OwnedItems", "owned", "owner_of"]

UNREADABLE = "compaction_unreadable"
"""The code of the error that a compacted history is another instance's."""

_MARK = "dr:"


def owned(content: str, instance: str) -> str:
    """Encrypted content as it is handed out: with the name of the instance that can read it in front."""
    return f"{_MARK}{instance}:{content}"


def owner_of(content: str) -> str | None:
    """The instance that can read encrypted content; ``None`` where it bears no name."""
    return content[len(_MARK) :].partition(":")[0] if content.startswith(_MARK) else None


class OwnedItems(ToldToOne):
    """A request whose ``input`` may hold what was encrypted by whoever answered before."""

    def told_to(self, instance: str) -> Self:
        """The request as an instance can read it.

        What it has encrypted itself is as it made it, and thoughts of others are left out: it would refuse them. What
        bears no name is left as it is.

        Args:
            instance: The operator's name of it.

        Raises:
            InvalidRequest: The history was compacted by another; ``code`` is :data:`UNREADABLE`, ``param`` is
                ``input``. Without it there would be no history.
        """
        given = getattr(self, "input", None)
        if not isinstance(given, list) or not any(map(_owner, given)):
            return self
        items = []
        for item in given:
            owner = _owner(item)
            if owner is None:
                items.append(item)
            elif owner == instance:
                content = item.encrypted_content.removeprefix(owned("", instance))
                items.append(item.model_copy(update={"encrypted_content": content}))
            elif item.type == "compaction":
                raise InvalidRequest(
                    f"The provider '{owner}' has compacted the history and alone can read it; this request would have "
                    f"gone to '{instance}'.",
                    param="input",
                    code=UNREADABLE,
                )
        return self.model_copy(update={"input": items})


def _owner(item: Any) -> str | None:
    """The instance whose name an item's encrypted content bears."""
    if getattr(item, "type", None) not in ("reasoning", "compaction"):
        return None
    content = getattr(item, "encrypted_content", None)
    return owner_of(content) if isinstance(content, str) else None
