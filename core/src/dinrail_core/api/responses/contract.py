"""What makes responses, and what a provider does that speaks the Responses API itself."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, TypeAlias

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call
from dinrail_core.errors import UnsupportedFeature

if TYPE_CHECKING:
    from dinrail_core.api.responses.objects import ResponseEvent
    from dinrail_core.api.responses.request import (
        CompactRequest,
        CountTokens,
        CreateResponse,
        InputItemsQuery,
        ListResponsesQuery,
        RetrieveQuery,
    )
    from dinrail_core.api.responses.response import (
        CompactedResponse,
        DeletedResponse,
        InputTokenCount,
        Response,
        ResponseItemList,
        ResponseList,
    )

__all__ = ["STREAM_ID", "NativeResponses", "ResponseSession", "Responses"]

Check: TypeAlias = Callable[[str], Awaitable[None]]

Frames: TypeAlias = AsyncGenerator[str, None]

STREAM_ID = re.compile(r"[A-Za-z0-9_.-]{1,256}")
"""The name of a lane in the WebSocket mode (OpenAI 2.3.0)."""


class ResponseSession(ABC):
    """One connection of the WebSocket mode (Open Responses 2026-04-24): turns one after the other.

    What was made with ``store: false`` can be gone on from within the connection, and is forgotten with it: the newest
    response of each lane. Events bear the ``stream_id`` of their message, where it has one.
    """

    @abstractmethod
    def turn(self, message: str, call: Call) -> Frames:
        """Answer one message of the client: the events as JSON texts, one each; consume it inside ``aclosing()``.

        An error in the course of a response is an event, as in a stream. A session goes on behind either.

        Args:
            message: The client's JSON text, ``{"type": "response.create", …}``.
            call: On whose behalf.

        Raises:
            DinrailError: From the iteration: there is no response; what it was to go on from is forgotten.
        """


class Responses(ABC):
    """Makes responses: lets a model answer, runs the tools that it calls, and keeps what came of it.

    A response of somebody else does not exist. Methods that name a response raise:
        NotFound: There is none of this id; ``param`` is ``response_id``.
    """

    @abstractmethod
    async def create(self, request: CreateResponse, call: Call) -> Answer[Response]:
        """Make a response. One that is made in the background is ``queued`` when this returns, and will be made.

        Raises:
            RequestError: The caller can mend it; ids inside the request that are somebody else's are missing ones.
            UpstreamError: The model's upstream failed.
        """

    @abstractmethod
    async def stream(self, request: CreateResponse, call: Call) -> Stream[ResponseEvent]:
        """Make a response, told as it comes to be.

        Returns once the request is known to be sound and the model's upstream has accepted it. What fails later is an
        ``error`` event and ``response.failed``.

        Raises:
            RequestError: As for :meth:`create`.
            UpstreamError: As for :meth:`create`.
        """

    @abstractmethod
    async def again(self, request: CreateResponse, call: Call, *, ended: bool) -> Answer[Response] | None:
        """The response that an earlier try of the same call (:attr:`Call.seed`) has made, as it is now.

        Args:
            request: The same request.
            call: On whose behalf.
            ended: Whether that try has come to its end; if not, what it left undone behind the response is done.

        Returns:
            ``None`` where none was made.

        Raises:
            NotFound: It has been deleted.
        """

    @abstractmethod
    async def stream_again(self, request: CreateResponse, call: Call, *, ended: bool) -> Stream[ResponseEvent] | None:
        """The same as the events that it adds up to; those still to come included, of one in the background."""

    @abstractmethod
    async def get(self, response_id: str, query: RetrieveQuery, call: Call) -> Answer[Response]:
        """One response."""

    @abstractmethod
    async def replay(self, response_id: str, query: RetrieveQuery, call: Call) -> Stream[ResponseEvent]:
        """The events of a response that is, or was, made in the background, those still to come included.

        Raises:
            InvalidRequest: It was not made in the background; ``param`` is ``stream``.
        """

    @abstractmethod
    async def delete(self, response_id: str, call: Call) -> Answer[DeletedResponse]:
        """Remove a response and its items; one that is being made is cancelled first."""

    @abstractmethod
    async def cancel(self, response_id: str, call: Call) -> Answer[Response]:
        """End a response that is made in the background; one that has ended stays as it is.

        Raises:
            InvalidRequest: It is not made in the background.
        """

    @abstractmethod
    async def input_items(self, response_id: str, query: InputItemsQuery, call: Call) -> Answer[ResponseItemList]:
        """A part of what a response was given.

        Raises:
            InvalidRequest: A cursor is no item of the response's input.
        """

    @abstractmethod
    async def list(self, query: ListResponsesQuery, call: Call) -> Answer[ResponseList]:
        """The caller's responses."""

    @abstractmethod
    async def count_tokens(self, request: CountTokens, call: Call) -> Answer[InputTokenCount]:
        """How many tokens a request's input has.

        Raises:
            UnsupportedFeature: The model's provider cannot tell.
        """

    @abstractmethod
    async def compact(self, request: CompactRequest, call: Call) -> Answer[CompactedResponse]:
        """What is left of a history when all that matters of it is told in few words."""

    @abstractmethod
    def session(self, check: Check) -> AbstractAsyncContextManager[ResponseSession]:
        """A connection of the WebSocket mode.

        Args:
            check: ``await check(model)`` is asked about the model of each turn; raises where it must not be used.
        """


class NativeResponses(ABC):
    """A provider whose upstream serves ``/v1/responses`` itself.

    ``request.model`` is the upstream's own name. Requests come whole and say ``store: false``: what is kept is kept
    here, and the history comes along as items. A provider never writes to a request.

    Attributes:
        plain: The upstream knows messages, functions and thoughts in the open, and no more. It is asked in these words
            alone: custom tools are functions, and what only other items can say is refused as it is for chats.
    """

    plain: bool = False

    @abstractmethod
    async def respond(self, request: CreateResponse, call: Call) -> Answer[Response]:
        """Answer as one value; ``request.stream`` is to be ignored.

        Raises:
            RequestError: The caller can mend it.
            UpstreamError: The upstream failed.
        """

    @abstractmethod
    async def stream_response(self, request: CreateResponse, call: Call) -> Stream[ResponseEvent]:
        """Answer as a stream; returns once the upstream has accepted the request.

        Raises:
            RequestError: The caller can mend it.
            UpstreamError: The upstream failed; after the first event it is raised from the iteration.
        """

    async def count_input(self, request: CountTokens, call: Call) -> Answer[InputTokenCount]:
        """How many tokens an input has (``/v1/responses/input_tokens``).

        Raises:
            UnsupportedFeature: The upstream does not count; whoever asks finds another way.
            RequestError: The caller can mend it.
            UpstreamError: The upstream failed, or does not have this operation (``UpstreamInvalid``).
        """
        raise UnsupportedFeature("This provider counts no tokens ahead.", param="model")

    async def compact_input(self, request: CompactRequest, call: Call) -> Answer[CompactedResponse]:
        """What is left of a history when it is compacted (``/v1/responses/compact``).

        Raises:
            UnsupportedFeature: The upstream does not compact; whoever asks finds another way.
            RequestError: The caller can mend it.
            UpstreamError: The upstream failed, or does not have this operation (``UpstreamInvalid``).
        """
        raise UnsupportedFeature("This provider compacts nothing.", param="model")
