"""What a provider of chat completions does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dinrail_core.api.answers import Answer, Stream
    from dinrail_core.api.call import Call
    from dinrail_core.api.chat.request import ChatRequest
    from dinrail_core.api.chat.response import ChatChunk, ChatCompletion

__all__ = ["ChatModel"]


class ChatModel(ABC):
    """Answers chats (``POST /v1/chat/completions``).

    ``request.model`` is the upstream's own name: the host has taken the instance off. The request is passed whole; a
    provider never writes to it and hands on the fields that it does not know.
    """

    @abstractmethod
    async def complete(self, request: ChatRequest, call: Call) -> Answer[ChatCompletion]:
        """Answer as one value; ``request.stream`` is to be ignored.

        Raises:
            RequestError: The caller can mend it.
            UpstreamError: The upstream failed.
        """

    @abstractmethod
    async def stream(self, request: ChatRequest, call: Call) -> Stream[ChatChunk]:
        """Answer as a stream.

        Returns once the upstream has accepted the request, so that its refusal is still an error of the whole request.
        The last chunk carries the usage if, and only if, ``stream_options.include_usage`` asks for it.

        Raises:
            RequestError: The caller can mend it.
            UpstreamError: The upstream failed; after the first event it is raised from the iteration.
        """
