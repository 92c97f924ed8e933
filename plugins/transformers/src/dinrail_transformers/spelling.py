"""Tokens as text, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

__all__ = ["Speller"]

_UNFINISHED = "\N{REPLACEMENT CHARACTER}"


class Speller:
    """Turns tokens into text as they come; half a character waits for its other half.

    Tokens cannot be decoded one by one: a blank before a word, or a character's bytes, depend on those before.

    Args:
        decode: The text of tokens.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode
        self._tokens: list[int] = []
        self._from = 0
        self._said = 0

    def feed(self, token: int) -> str:
        """What the token adds to the text."""
        self._tokens.append(token)
        before = self._decode(self._tokens[self._from : self._said])
        whole = self._decode(self._tokens[self._from :])
        if len(whole) <= len(before) or whole.endswith(_UNFINISHED):
            return ""
        self._from, self._said = self._said, len(self._tokens)
        return whole[len(before) :]

    def rest(self) -> str:
        """What waits for more, once nothing more comes."""
        before = self._decode(self._tokens[self._from : self._said])
        return self._decode(self._tokens[self._from :])[len(before) :]
