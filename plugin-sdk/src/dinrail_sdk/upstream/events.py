"""What a stream's dialect says about its events: what goes on, what is an error, and when it is whole."""

from __future__ import annotations

import re
from typing import Any, Protocol

import orjson

from dinrail_core.api.answers import frames
from dinrail_core.errors import DinrailError, UpstreamInvalid
from dinrail_sdk.upstream.errors import ReportedError

__all__ = ["Events", "OpenAIEvents"]


class Events(Protocol):
    """Looks at the events of one stream.

    Attributes:
        done: The dialect's last word has been said; what follows is not read.
        failure: What is raised once that which came before it has been handed on.
    """

    done: bool
    failure: ReportedError | DinrailError | None

    def sift(self, whole: bytes) -> bytes:
        """What is handed on of ``whole``: frames with ``\\n`` as line end, the last perhaps without its blank line.

        Sets :attr:`done` at the dialect's last word, or :attr:`failure` at a frame that reports an error or that the
        dialect does not allow, and hands on what stands before it.
        """
        ...

    def finish(self) -> None:
        """Called when the upstream has ended the stream without :attr:`done`.

        Raises:
            UpstreamInvalid: It is not whole.
        """
        ...


_USUAL = re.compile(rb"(?:data: \{[^\n]*\n\n)+")
"""Frames as nearly every server sends them: one line of data that begins an object, no name, no comment."""

_ERROR_NAME = re.compile(rb"^event: ?error$", re.MULTILINE)


class OpenAIEvents:
    """Events of OpenAI's dialect: objects, the literal ``[DONE]`` at the end, ``{"error": …}`` in between.

    Every event is parsed, which costs about a microsecond, and handed on as the bytes that came. Comments are handed on
    as well, names of events are not (the dialect has none), and ``[DONE]`` ends the stream. Without ``[DONE]`` a stream
    counts as whole if every choice that began has said why it finished.
    """

    __slots__ = ("_open", "_seen", "done", "failure")

    def __init__(self) -> None:
        self.done = False
        self.failure: ReportedError | DinrailError | None = None
        self._open: set[object] = set()
        self._seen = False

    def sift(self, whole: bytes) -> bytes:
        """See :meth:`Events.sift`."""
        if whole.startswith(b"data: {") and whole.find(b"\n") == len(whole) - 2:
            # One usual event, which is what most reads are.
            self.failure = self._look(whole[6:])
            return b"" if self.failure is not None else whole
        if _USUAL.fullmatch(whole) is None:
            return self._take_apart(whole)
        for frame in whole[:-2].split(b"\n\n"):
            self.failure = self._look(frame[6:])
            if self.failure is not None:
                return self._take_apart(whole)
        return whole

    def finish(self) -> None:
        """See :meth:`Events.finish`."""
        if self._open or not self._seen:
            raise UpstreamInvalid("The upstream ended the stream before the answer was finished.")

    def _take_apart(self, whole: bytes) -> bytes:
        """The slow way, up to the end or the first frame that is not in order."""
        kept: list[bytes] = []
        for frame in whole.split(b"\n\n"):
            if frame.startswith(b"error:"):
                # Older llama.cpp reports errors in a field of its own.
                frame = b"event: error\ndata:" + frame[6:]
            for data in frames(frame):
                if data.strip() == b"[DONE]":
                    self.done = True
                    return b"".join(kept)
                self.failure = self._look(data, named_error=_ERROR_NAME.search(frame) is not None)
                if self.failure is not None:
                    return b"".join(kept)
                kept.append(b"data: %b\n\n" % data.replace(b"\n", b" "))
            kept.append(_comments(frame))
        return b"".join(kept)

    def _look(self, data: bytes, *, named_error: bool = False) -> ReportedError | DinrailError | None:
        """What is wrong with an event, if anything is."""
        try:
            event = orjson.loads(data)
        except orjson.JSONDecodeError:
            return UpstreamInvalid("The upstream's stream has an event that is not JSON.")
        if not isinstance(event, dict):
            return UpstreamInvalid("The upstream's stream has an event that is not an object.")
        if named_error or event.get("error"):
            return ReportedError(event)
        choices = event.get("choices")
        return self._follow(choices) if choices else None

    def _follow(self, choices: Any) -> DinrailError | None:
        """Remember which choices have begun and not finished."""
        self._seen = True
        try:
            for choice in choices:
                if choice.get("finish_reason"):
                    self._open.discard(choice.get("index"))
                else:
                    self._open.add(choice.get("index"))
        except (AttributeError, TypeError):
            return UpstreamInvalid("The upstream's stream has an event whose choices are malformed.")
        return None


def _comments(frame: bytes) -> bytes:
    """The comments of a frame, by which an upstream keeps a connection alive while it has nothing to say."""
    if b":" not in frame[:1] and b"\n:" not in frame:
        return b""
    lines = [line for line in frame.split(b"\n") if line.startswith(b":") and line.isascii()]
    return b"%b\n\n" % b"\n".join(lines) if lines else b""
