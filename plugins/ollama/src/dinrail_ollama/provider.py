"""An Ollama server, over its native API, which says more than the one in OpenAI's dialect."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import orjson

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.chat.response import ChatChunk, ChatCompletion
from dinrail_core.api.embeddings import Embedder, EmbeddingRequest, EmbeddingResponse
from dinrail_core.api.provider import ModelInfo, ModelLibrary, ModelSource, PullProgress
from dinrail_core.api.wire import Wire
from dinrail_ollama.answers import ChatReducer, read_chat, read_embeddings
from dinrail_ollama.library import Shelf, pulled
from dinrail_ollama.requests import Defaults, chat_request, embed_request
from dinrail_sdk.translation import TranslatedEvents, lines_of, translated, wants_usage
from dinrail_sdk.upstream import LINES, Upstream

__all__ = ["Defaults", "Ollama"]


class _Said(Wire):
    """What is checked of an answer before it is translated."""


class _Embedded(Wire):
    embeddings: list[Any]


class Ollama(ChatModel, Embedder, ModelSource, ModelLibrary):
    """Chats, embeddings, models and pulls.

    Args:
        upstream: The server's root.
        pulling: The same with the patience that a pull needs.
        defaults: For every request.
    """

    def __init__(self, upstream: Upstream, pulling: Upstream, defaults: Defaults) -> None:
        self._upstream = upstream
        self._pulling = pulling
        self._defaults = defaults
        self._shelf = Shelf(upstream)

    async def complete(self, request: ChatRequest, call: Call) -> Answer[ChatCompletion]:
        """See :meth:`ChatModel.complete`."""
        body = orjson.dumps(chat_request(request, self._defaults, stream=False))
        answer = await self._upstream.answer(_Said, "api/chat", body, call)
        return translated(answer, ChatCompletion, lambda said: read_chat(said, _new_id()))

    async def stream(self, request: ChatRequest, call: Call) -> Stream[ChatChunk]:
        """See :meth:`ChatModel.stream`."""
        body = orjson.dumps(chat_request(request, self._defaults, stream=True))
        usage = wants_usage(request)
        return await self._upstream.stream(
            ChatChunk,
            "api/chat",
            body,
            call,
            events=lambda: TranslatedEvents(ChatReducer(id=_new_id(), usage=usage), lines_of),
            framing=LINES,
        )

    async def embed(self, request: EmbeddingRequest, call: Call) -> Answer[EmbeddingResponse]:
        """See :meth:`Embedder.embed`."""
        sent = embed_request(request, self._defaults)
        answer = await self._upstream.answer(_Embedded, "api/embed", orjson.dumps(sent), call)
        packed, count = request.encoding_format == "base64", len(sent["input"])
        return translated(
            answer, EmbeddingResponse, lambda said: read_embeddings(said, request.model, count, packed=packed)
        )

    async def models(self) -> Sequence[ModelInfo]:
        """See :meth:`ModelSource.models`."""
        return await self._shelf.models()

    def pull(self, name: str) -> AsyncGenerator[PullProgress, None]:
        """See :meth:`ModelLibrary.pull`; a name is one of Ollama's library (``qwen3:8b``) or ``hf.co/owner/model``."""
        return pulled(self._pulling, name)


def _new_id() -> str:
    return f"chatcmpl-{secrets.token_hex(12)}"
