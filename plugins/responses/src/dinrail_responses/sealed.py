"""How encrypted content of this server begins."""

__all__ = ["CARRIED", "SEALED", "is_ours"]

SEALED = "dr1."
"""What is sealed: a thought, or what is left of a history."""

CARRIED = "drc:"
"""What follows is sealed and holds, beside a thought, what its upstream wants back."""


def is_ours(content: str) -> bool:
    """Whether it is encrypted by this server, and so means nothing to any other."""
    return content.startswith((SEALED, CARRIED))
