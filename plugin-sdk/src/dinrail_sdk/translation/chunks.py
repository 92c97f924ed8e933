"""Writing the chunks of a translated stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

__all__ = ["Chunks"]

_NOTHING: Mapping[str, Any] = {}


class Chunks:
    """Writes the frames of one choice of a streamed answer.

    What is the same in every chunk is written once.

    Args:
        id: The answer's id.
        model: The model that answers.
        created: Seconds since the epoch.
        index: Of the choice.
    """

    __slots__ = ("_choice", "_head", "_text", "_thought")

    def __init__(self, id: str, model: str, created: int, index: int = 0) -> None:
        same = {"id": id, "object": "chat.completion.chunk", "created": created, "model": model}
        self._head = b"data: " + orjson.dumps(same)[:-1]
        self._choice = self._head + b',"choices":[{"index":%d,"delta":' % index
        self._text = self._choice + b'{"content":'
        self._thought = self._choice + b'{"reasoning_content":'

    def text(self, text: str) -> bytes:
        """A piece of the answer."""
        return b'%b%b},"finish_reason":null}]}\n\n' % (self._text, orjson.dumps(text))

    def thought(self, text: str) -> bytes:
        """A piece of the model's thoughts."""
        return b'%b%b},"finish_reason":null}]}\n\n' % (self._thought, orjson.dumps(text))

    def delta(
        self, delta: Mapping[str, Any], extra: Mapping[str, Any] = _NOTHING, choice: Mapping[str, Any] = _NOTHING
    ) -> bytes:
        """A chunk with whatever else.

        Args:
            delta: What it adds to the message.
            extra: Fields of the upstream's event that nobody knows; they stand at the top.
            choice: More fields of the choice (``logprobs``).
        """
        return b'%b%b,"finish_reason":null%b}]%b}\n\n' % (
            self._choice,
            orjson.dumps(delta),
            _more(choice),
            _more(extra),
        )

    def call(self, index: int, id: str, name: str, arguments: str = "", **more: Any) -> bytes:
        """A tool call begins; ``more`` are fields of the call that OpenAI's have not."""
        function = {"name": name, "arguments": arguments}
        return self.delta(
            {"tool_calls": [{"index": index, "id": id, "type": "function", "function": function, **more}]}
        )

    def arguments(self, index: int, piece: str) -> bytes:
        """A piece of a call's arguments."""
        return self.delta({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})

    def finish(
        self,
        reason: str,
        choice: Mapping[str, Any] = _NOTHING,
        delta: Mapping[str, Any] = _NOTHING,
        extra: Mapping[str, Any] = _NOTHING,
    ) -> bytes:
        """The last chunk of the choice.

        Args:
            reason: The finish reason.
            choice: More fields of the choice.
            delta: What is only known at the end.
            extra: As for :meth:`delta`.
        """
        more = _more(choice)
        return b'%b%b,"finish_reason":%b%b}]%b}\n\n' % (
            self._choice,
            orjson.dumps(delta),
            orjson.dumps(reason),
            more,
            _more(extra),
        )

    def usage(self, usage: Mapping[str, Any], extra: Mapping[str, Any] = _NOTHING) -> bytes:
        """The chunk that carries the usage and no choice."""
        return b'%b,"choices":[],"usage":%b%b}\n\n' % (self._head, orjson.dumps(usage), _more(extra))


def _more(fields: Mapping[str, Any]) -> bytes:
    return b"," + orjson.dumps(fields)[1:-1] if fields else b""
