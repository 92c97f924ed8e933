"""The events of a translated stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import orjson

from dinrail_core.api.answers import frames
from dinrail_core.errors import DinrailError, UpstreamInvalid
from dinrail_sdk.upstream.events import ReportedError

__all__ = ["Reducer", "TranslatedEvents", "lines_of"]


class Reducer(Protocol):
    """Turns one upstream's events, one after the other, into chunks of OpenAI's. Pure but for what it remembers.

    Attributes:
        finished: The answer has said why it ended, so the stream is whole.
        done: The last word has been said; what follows is not read.
    """

    finished: bool
    done: bool

    def feed(self, event: dict[str, Any]) -> bytes:
        """The frames that an event becomes, ``b""`` for none.

        An event that is not as the dialect has it may raise ``AttributeError``, ``LookupError``, ``TypeError`` or
        ``ValueError``.

        Raises:
            ReportedError: It tells of an error.
            DinrailError: It means one.
        """
        ...


def lines_of(whole: bytes) -> list[bytes]:
    """The data of whole lines, of which each is an event."""
    return [line for line in whole.splitlines() if line.strip()]


class TranslatedEvents:
    """Feeds a reducer with what a stream's frames hold; see :class:`~dinrail_sdk.upstream.events.Events`.

    Args:
        reducer: Knows the dialect.
        data_of: The data of each frame: server-sent events, or :func:`lines_of`.
    """

    __slots__ = ("_data_of", "_reducer", "done", "failure")

    def __init__(self, reducer: Reducer, data_of: Callable[[bytes], list[bytes]] = frames) -> None:
        self.done = False
        self.failure: ReportedError | DinrailError | None = None
        self._reducer = reducer
        self._data_of = data_of

    def sift(self, whole: bytes) -> bytes:
        """See :meth:`~dinrail_sdk.upstream.events.Events.sift`."""
        reducer = self._reducer
        kept = []
        for data in self._data_of(whole):
            try:
                event = orjson.loads(data)
                if type(event) is not dict:
                    raise TypeError("an event is an object")
                kept.append(reducer.feed(event))
            except orjson.JSONDecodeError:
                if data.strip() == b"[DONE]":
                    self._end()
                    break
                self.failure = UpstreamInvalid("The upstream's stream has an event that is not JSON.")
            except (ReportedError, DinrailError) as error:
                self.failure = error
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
                self.failure = UpstreamInvalid("The upstream's stream has an event that its dialect does not allow.")
            if self.failure is not None:
                break
            if reducer.done:
                self._end()
                break
        return kept[0] if len(kept) == 1 else b"".join(kept)

    def finish(self) -> None:
        """See :meth:`~dinrail_sdk.upstream.events.Events.finish`."""
        if not self._reducer.finished:
            raise _unfinished()

    def _end(self) -> None:
        """The last word has been said, and is none where nothing has said why the answer ended."""
        self.done = self._reducer.finished
        if not self.done:
            self.failure = _unfinished()


def _unfinished() -> UpstreamInvalid:
    return UpstreamInvalid("The upstream ended the stream before the answer was finished.")
