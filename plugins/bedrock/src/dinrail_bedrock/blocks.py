"""Blocks that grow piece by piece. Pure."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

import orjson

__all__ = ["GrowingBlock"]


class GrowingBlock:
    """One block of a streamed message.

    Args:
        kind: Its key: ``text``, ``reasoningContent``, ``toolUse``, or one that nobody knows yet.
        start: What was said of it at its beginning.
        call: The how manieth call it is, where it is one.
    """

    __slots__ = ("_citations", "_other", "_redacted", "_results", "_signature", "_texts", "call", "kind", "start")

    def __init__(self, kind: str, start: Mapping[str, Any], call: int = -1) -> None:
        self.kind = kind
        self.start = start
        self.call = call
        self._texts: list[str] = []
        self._signature: list[str] = []
        self._redacted: list[str] = []
        self._citations: list[dict[str, Any]] = []
        self._results: list[Any] = []
        self._other: Any = dict(start)

    def text(self, piece: Any) -> str:
        """A piece of its text, its thoughts, or a call's arguments."""
        return _add(self._texts, piece)

    def sign(self, piece: Any) -> None:
        """A piece of what thoughts are known by."""
        _add(self._signature, piece)

    def redact(self, piece: Any) -> None:
        """A piece of a thought that only its maker can read."""
        _add(self._redacted, piece)

    def cite(self, citation: Mapping[str, Any]) -> None:
        """What the text rests on."""
        self._citations.append(dict(citation))

    def grow(self, piece: Any) -> None:
        """A piece of a block of another kind."""
        if self.kind == "toolResult":
            self._results += _results(piece)
        else:
            self._other = _grown(self._other, piece)

    def has_text(self) -> bool:
        """Whether there has been any."""
        return any(self._texts)

    def whole(self) -> dict[str, Any]:
        """The block as an answer that is not streamed has it."""
        text = "".join(self._texts)
        match self.kind:
            case "text" if self._citations:
                return {"citationsContent": {"content": [{"text": text}], "citations": self._citations}}
            case "text":
                return {"text": text}
            case "reasoningContent" if self._redacted:
                data = b"".join(b64decode(piece, validate=True) for piece in self._redacted)
                return {"reasoningContent": {"redactedContent": b64encode(data).decode()}}
            case "reasoningContent":
                signed = {"signature": "".join(self._signature)} if self._signature else {}
                return {"reasoningContent": {"reasoningText": {"text": text, **signed}}}
            case "toolUse":
                return {"toolUse": {**self.start, "input": _input(text)}}
            case "toolResult":
                return {"toolResult": {**self.start, "content": self._results}}
        return {self.kind: self._other}


def _input(text: str) -> Any:
    """A tool's input; one that the token limit has cut is not known."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}


def _results(piece: Any) -> list[Any]:
    if type(piece) is not list:
        raise TypeError("a result is a list of blocks")
    return piece


def _add(pieces: list[str], piece: Any) -> str:
    if type(piece) is not str:
        raise TypeError("a piece is text")
    pieces.append(piece)
    return piece


def _grown(before: Any, piece: Any) -> Any:
    if isinstance(before, dict) and isinstance(piece, dict):
        return before | {key: _grown(before[key], value) if key in before else value for key, value in piece.items()}
    if isinstance(before, str) and isinstance(piece, str):
        return before + piece
    if isinstance(before, list) and isinstance(piece, list):
        return [*before, *piece]
    return piece
