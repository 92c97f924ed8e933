"""Where a text is cut, by what kind of text it is."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from semantic_text_splitter import MarkdownSplitter, TextSplitter

__all__ = ["spans"]

_TOKENS_OF = "gpt-4o"
"""Whose tokens are counted: ``o200k_base``, which comes with the splitter."""
_LONGEST_WORD = 2_000
"""Characters without a space, beyond which no word is meant: counting their tokens would take for ever."""


def spans(text: str, form: str, size: int, overlap: int) -> Iterator[tuple[int, int]]:
    """Begin and end of each chunk, in characters.

    Text is cut between paragraphs, else sentences, else words; Markdown between sections and blocks first; code between
    blocks of lines, with its indentation.
    """
    for begin, end in _readable(text):
        part = text[begin:end]
        for at, chunk in _splitter(form, size, overlap).chunk_indices(part):
            kept = chunk.rstrip() if form == "code" else chunk.strip()
            ahead = 0 if form == "code" else len(chunk) - len(chunk.lstrip())
            if kept.strip():
                yield begin + at + ahead, begin + at + ahead + len(kept)


@lru_cache(maxsize=8)
def _splitter(form: str, size: int, overlap: int) -> TextSplitter | MarkdownSplitter:
    if form == "markdown":
        return MarkdownSplitter.from_tiktoken_model(_TOKENS_OF, size, overlap, trim=True)
    return TextSplitter.from_tiktoken_model(_TOKENS_OF, size, overlap, trim=form != "code")


def _readable(text: str) -> Iterator[tuple[int, int]]:
    """The text in parts, so that no part has a "word" of more than some thousand characters."""
    begin = here = 0
    for word in text.split(" "):
        end = here + len(word)
        if len(word) > _LONGEST_WORD and max(map(len, word.split("\n"))) > _LONGEST_WORD:
            if here > begin:
                yield begin, here
            for start in range(here, end, _LONGEST_WORD):
                yield start, min(end, start + _LONGEST_WORD)
            begin = end
        here = end + 1
    if begin < len(text):
        yield begin, len(text)
