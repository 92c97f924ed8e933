"""What is said of work that did not succeed; imported on both sides."""

from __future__ import annotations

__all__ = ["ConfinedFault"]


class ConfinedFault(Exception):
    """The work did not succeed.

    Args:
        code: A stable code; ``limit_exceeded`` where a limit ended it, ``failed`` where it broke.
        message: One sentence for people, without what the bytes say.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
