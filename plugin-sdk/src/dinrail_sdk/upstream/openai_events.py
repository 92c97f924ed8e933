"""The events of OpenAI's streams."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import orjson

from dinrail_core.api.answers import frames
from dinrail_core.errors import DinrailError, UpstreamInvalid
from dinrail_sdk.upstream.events import ReportedError

__all__ = ["OpenAIEvents", "Reword", "spoiled"]

Reword: TypeAlias = Callable[[dict[str, Any]], bool]
"""Puts an answer or an event into OpenAI's words, in place, and says whether that changed anything."""

_USUAL = re.compile(rb"(?:data: \{[^\n]*\n\n)+")
"""Frames as nearly every server sends them: one line of data that begins an object, no name, no comment."""

_ERROR_NAME = re.compile(rb"^event: ?error$", re.MULTILINE)


_BROKEN_OFF = {"error": 502, "abort": 502, "network_error": 502, "insufficient_system_resource": 503}
"""Reasons to stop that are none: of OpenRouter, Mistral and vLLM, of vLLM and SGLang, of Z.ai, and of DeepSeek; the
statuses that they stand for."""


def spoiled(choice: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The report of an error that a choice amounts to, by its own ``error`` or by its reason to stop."""
    if choice.get("error"):
        return choice
    reason = choice.get("finish_reason")
    if reason not in _BROKEN_OFF:
        return None
    return {"error": {"code": _BROKEN_OFF[reason], "message": f"The upstream has broken the answer off ({reason})."}}


class OpenAIEvents:
    """Events of OpenAI's dialect: objects, the literal ``[DONE]`` at the end, ``{"error": …}`` in between.

    Every event is parsed, which costs about a microsecond, and handed on as the bytes that came. Comments are handed on
    as well, names of events are not (the dialect has none), and ``[DONE]`` ends the stream. Without ``[DONE]`` a stream
    counts as whole if every choice that began has said why it finished.

    Args:
        usage: Whether ``stream_options.include_usage`` asked for it. Where it did not, a usage that the upstream
            volunteers is taken out: clients that did not ask expect a choice in every event.
        reword: For servers that use words of their own.
    """

    __slots__ = ("_open", "_reword", "_seen", "_usage", "done", "failure")

    def __init__(self, *, usage: bool = True, reword: Reword | None = None) -> None:
        self.done = False
        self.failure: ReportedError | DinrailError | None = None
        self._usage = usage
        self._reword = reword
        self._open: set[object] = set()
        self._seen = False

    def sift(self, whole: bytes) -> bytes:
        """See :meth:`~dinrail_sdk.upstream.events.Events.sift`."""
        if whole.startswith(b"data: {") and whole.find(b"\n") == len(whole) - 2:
            # One usual event, which is what most reads are.
            data = whole[6:]
            kept = self._look(data)
            return whole if kept is data else _framed(kept)
        if _USUAL.fullmatch(whole) is not None and all(self._look(frame) is frame for frame in _data_of(whole)):
            return whole
        self.failure = None
        return self._take_apart(whole)

    def finish(self) -> None:
        """See :meth:`~dinrail_sdk.upstream.events.Events.finish`."""
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
                kept.append(_framed(self._look(data, named_error=_ERROR_NAME.search(frame) is not None)))
                if self.failure is not None:
                    return b"".join(kept)
            kept.append(_comments(frame))
        return b"".join(kept)

    def _look(self, data: bytes, *, named_error: bool = False) -> bytes:
        """What is handed on of an event: usually ``data`` itself; ``b""`` where it is left out, or has failed."""
        try:
            event = orjson.loads(data)
        except orjson.JSONDecodeError:
            return self._fail("an event that is not JSON")
        if not isinstance(event, dict):
            return self._fail("an event that is not an object")
        if named_error or event.get("error"):
            self.failure = ReportedError(event)
            return b""
        changed = self._reword is not None and self._say_it_again(event)
        choices = event.get("choices")
        if choices and not self._follow(choices):
            return self._fail("an event whose choices are malformed")
        if self.failure is not None:
            return b""
        if not self._usage and event.get("usage") is not None:
            del event["usage"]
            return orjson.dumps(event) if choices else b""
        return orjson.dumps(event) if changed else data

    def _say_it_again(self, event: dict[str, Any]) -> bool:
        assert self._reword is not None
        try:
            return self._reword(event)
        except (AttributeError, LookupError, TypeError):
            # Values of other types than the dialect's: whoever looks at the typed view is told.
            return False

    def _fail(self, what: str) -> bytes:
        self.failure = UpstreamInvalid(f"The upstream's stream has {what}.")
        return b""

    def _follow(self, choices: Any) -> bool:
        """Remember which choices have begun and not finished; false where that cannot be told."""
        self._seen = True
        try:
            for choice in choices:
                reason = choice.get("finish_reason")
                if reason in _BROKEN_OFF or choice.get("error"):
                    self.failure = ReportedError(spoiled(choice) or choice)
                if reason:
                    self._open.discard(choice.get("index"))
                else:
                    self._open.add(choice.get("index"))
        except (AttributeError, TypeError):
            return False
        return True


def _data_of(whole: bytes) -> list[bytes]:
    """The data of usual frames."""
    return [frame[6:] for frame in whole[:-2].split(b"\n\n")]


def _framed(data: bytes) -> bytes:
    """Data as one frame on one line; nothing for no data."""
    return b"data: %b\n\n" % data.strip().replace(b"\n", b" ") if data else b""


def _comments(frame: bytes) -> bytes:
    """The comments of a frame, by which an upstream keeps a connection alive while it has nothing to say."""
    if b":" not in frame[:1] and b"\n:" not in frame:
        return b""
    lines = [line for line in frame.split(b"\n") if line.startswith(b":") and line.isascii()]
    return b"%b\n\n" % b"\n".join(lines) if lines else b""
