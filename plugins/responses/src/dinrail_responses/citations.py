"""Marks by which a model says what its text rests on, and their way out of the text into annotations."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dinrail_responses.tools.interface import Json

__all__ = ["Citations", "Filter"]

_OPEN, _CLOSE = "【", "】"
_MARK = re.compile(r"【(\d{1,6})[^】]{0,24}】")
_LONGEST = 33
"""Characters of the longest mark: what is longer is text."""


class Citations:
    """The marks that have been given out for one response."""

    def __init__(self) -> None:
        self._annotations: list[Json] = []

    def __bool__(self) -> bool:
        return bool(self._annotations)

    def cite(self, annotation: Json) -> str:
        """A mark for an annotation, the same for an equal one."""
        if annotation not in self._annotations:
            self._annotations.append(annotation)
        return f"{_OPEN}{self._annotations.index(annotation) + 1}{_CLOSE}"

    @property
    def given(self) -> list[Json]:
        """All annotations, in the order of their marks."""
        return list(self._annotations)

    def restore(self, given: list[Json]) -> None:
        """Give out again what was given out before, in a process that is gone."""
        if len(given) > len(self._annotations):
            self._annotations = list(given)

    def find(self, number: int) -> Json | None:
        """The annotation that a mark stands for."""
        return self._annotations[number - 1] if 0 < number <= len(self._annotations) else None


class Filter:
    """Takes marks out of a text that comes in pieces; the pieces' borders change nothing.

    Args:
        citations: The marks that there are.
    """

    def __init__(self, citations: Citations) -> None:
        self._citations = citations
        self._held = ""
        self._length = 0
        self._sentence = 0

    def feed(self, piece: str, *, last: bool = False) -> Iterator[str | Json]:
        """The text so far without marks, and annotations where marks stood.

        Args:
            piece: More text.
            last: Nothing follows: what could have become a mark is text.
        """
        text, self._held = self._held + piece, ""
        at = 0
        while at < len(text):
            start = text.find(_OPEN, at)
            if start < 0:
                yield from self._text(text[at:])
                return
            if start > at:
                yield from self._text(text[at:start])
            match = _MARK.match(text, start)
            annotation = self._citations.find(int(match[1])) if match else None
            if match and annotation is not None:
                yield self._placed(annotation)
                at = match.end()
            elif match is None and not last and _CLOSE not in text[start:] and len(text) - start < _LONGEST:
                self._held = text[start:]
                return
            else:
                yield from self._text(_OPEN)
                at = start + 1

    def _text(self, text: str) -> Iterator[str]:
        if not text:
            return
        end = max(text.rfind(mark) for mark in ".!?\n")
        if 0 <= end < len(text) - 1:
            self._sentence = self._length + end + 1
        self._length += len(text)
        yield text

    def _placed(self, annotation: Json) -> Json:
        """The annotation with its place: a file's is a point, a page's the sentence that rests on it."""
        if annotation["type"] == "file_citation":
            return {**annotation, "index": self._length}
        return {**annotation, "start_index": min(self._sentence, self._length), "end_index": self._length}
