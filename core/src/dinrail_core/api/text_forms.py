"""Text or tokens, one or many: the four forms in which completions and embeddings take their input."""

from __future__ import annotations

__all__ = ["TEXT", "TEXTS", "TOKENS", "TOKEN_LISTS", "form_of"]

TEXT = "text"
TEXTS = "texts"
TOKENS = "tokens"
TOKEN_LISTS = "token lists"  # noqa: S105 (tokens of a vocabulary)


def form_of(value: object) -> str | None:
    """Tell the form by the first item, so that an error speaks about the form that was meant.

    Returns:
        One of the four names, ``TEXTS`` for an empty list, or ``None`` for what has no such form.
    """
    if isinstance(value, str):
        return TEXT
    if not isinstance(value, list):
        return None
    if not value or isinstance(value[0], str):
        return TEXTS
    return TOKEN_LISTS if isinstance(value[0], list) else TOKENS
