"""The events of a stream of the Responses API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from dinrail_core.api.answers import frames
from dinrail_core.errors import DinrailError, UpstreamInvalid
from dinrail_sdk.upstream.events import ReportedError

__all__ = ["ResponseEvents", "reported_failure"]

_ENDS = frozenset({"response.completed", "response.incomplete"})


class ResponseEvents:
    """Events of ``POST /v1/responses``: each says its ``type``, and the one that says how the response ended is last.

    Every event is parsed and handed on as the bytes that came, names included. What tells of an error (``error``,
    ``response.failed``) is none that is handed on. A ``[DONE]`` behind the last one is not waited for.
    """

    __slots__ = ("done", "failure")

    def __init__(self) -> None:
        self.done = False
        self.failure: ReportedError | DinrailError | None = None

    def sift(self, whole: bytes) -> bytes:
        """See :meth:`~dinrail_sdk.upstream.events.Events.sift`."""
        kept: list[bytes] = []
        for frame in whole.split(b"\n\n"):
            for data in frames(frame):
                if data.strip() == b"[DONE]":
                    self.done = True
                    return b"".join(kept)
                self._look(data)
                if self.failure is not None:
                    return b"".join(kept)
                kept.append(b"%b\n\n" % frame)
                if self.done:
                    return b"".join(kept)
        return b"".join(kept)

    def finish(self) -> None:
        """See :meth:`~dinrail_sdk.upstream.events.Events.finish`."""
        raise UpstreamInvalid("The upstream ended the stream before the response was finished.")

    def _look(self, data: bytes) -> None:
        try:
            event = orjson.loads(data)
        except orjson.JSONDecodeError:
            event = None
        if not isinstance(event, dict):
            self.failure = UpstreamInvalid("The upstream's stream has an event that is no JSON object.")
            return
        kind = event.get("type")
        if kind == "response.failed":
            response = event.get("response")
            self.failure = ReportedError(reported_failure(response if isinstance(response, dict) else {}))
        elif kind == "error" or (kind is None and event.get("error")):
            told = event.get("error")
            self.failure = ReportedError({"error": told or {**event, "type": None}})
        elif kind in _ENDS:
            self.done = True


def reported_failure(response: Mapping[str, Any]) -> Mapping[str, Any]:
    """The report of an error that a response which has failed amounts to."""
    return {"error": response.get("error") or {"message": "The upstream failed to make the response."}}
