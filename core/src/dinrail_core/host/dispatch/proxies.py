"""Contracts fulfilled by handing each call on to somebody who decides what becomes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.chat.response import ChatChunk, ChatCompletion
from dinrail_core.api.completions import CompletionModel, CompletionRequest, TextCompletion
from dinrail_core.api.embeddings import Embedder, EmbeddingRequest, EmbeddingResponse
from dinrail_core.api.moderations import ModerationRequest, ModerationResponse, Moderator
from dinrail_core.api.rerank import Reranker, RerankRequest, RerankResponse
from dinrail_core.api.responses.contract import NativeResponses

if TYPE_CHECKING:
    from dinrail_core.api.responses import (
        CompactedResponse,
        CompactRequest,
        CountTokens,
        CreateResponse,
        InputTokenCount,
        Response,
        ResponseEvent,
    )

__all__ = ["Ask", "proxy"]

Ask = Callable[[str, Any, Call], Awaitable[Any]]
"""``ask(method, request, call)``: calls a method of a contract, wherever that leads."""


class _Proxy:
    def __init__(self, ask: Ask) -> None:
        self._ask = ask


class _Chat(_Proxy, ChatModel):
    async def complete(self, request: ChatRequest, call: Call) -> Answer[ChatCompletion]:
        found: Answer[ChatCompletion] = await self._ask("complete", request, call)
        return found

    async def stream(self, request: ChatRequest, call: Call) -> Stream[ChatChunk]:
        found: Stream[ChatChunk] = await self._ask("stream", request, call)
        return found


class _Text(_Proxy, CompletionModel):
    async def complete_text(self, request: CompletionRequest, call: Call) -> Answer[TextCompletion]:
        found: Answer[TextCompletion] = await self._ask("complete_text", request, call)
        return found

    async def stream_text(self, request: CompletionRequest, call: Call) -> Stream[TextCompletion]:
        found: Stream[TextCompletion] = await self._ask("stream_text", request, call)
        return found


class _Embedder(_Proxy, Embedder):
    async def embed(self, request: EmbeddingRequest, call: Call) -> Answer[EmbeddingResponse]:
        found: Answer[EmbeddingResponse] = await self._ask("embed", request, call)
        return found


class _Reranker(_Proxy, Reranker):
    async def rerank(self, request: RerankRequest, call: Call) -> Answer[RerankResponse]:
        found: Answer[RerankResponse] = await self._ask("rerank", request, call)
        return found


class _Moderator(_Proxy, Moderator):
    async def moderate(self, request: ModerationRequest, call: Call) -> Answer[ModerationResponse]:
        found: Answer[ModerationResponse] = await self._ask("moderate", request, call)
        return found


class _Native(_Proxy, NativeResponses):
    async def respond(self, request: CreateResponse, call: Call) -> Answer[Response]:
        found: Answer[Response] = await self._ask("respond", request, call)
        return found

    async def stream_response(self, request: CreateResponse, call: Call) -> Stream[ResponseEvent]:
        found: Stream[ResponseEvent] = await self._ask("stream_response", request, call)
        return found

    async def count_input(self, request: CountTokens, call: Call) -> Answer[InputTokenCount]:
        found: Answer[InputTokenCount] = await self._ask("count_input", request, call)
        return found

    async def compact_input(self, request: CompactRequest, call: Call) -> Answer[CompactedResponse]:
        found: Answer[CompactedResponse] = await self._ask("compact_input", request, call)
        return found


_PROXIES: Mapping[type, type[_Proxy]] = {
    ChatModel: _Chat,
    CompletionModel: _Text,
    Embedder: _Embedder,
    Reranker: _Reranker,
    Moderator: _Moderator,
    NativeResponses: _Native,
}


def proxy(contract: type, ask: Ask) -> object | None:
    """What fulfils ``contract`` through ``ask``; ``None`` where no model is used by that contract."""
    made = _PROXIES.get(contract)
    return made(ask) if made is not None else None
