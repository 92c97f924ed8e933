"""The relay for servers that speak OpenAI's dialect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from pydantic import BaseModel

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.chat.response import ChatChunk, ChatCompletion
from dinrail_core.api.completions import CompletionModel, CompletionRequest, TextCompletion
from dinrail_core.api.embeddings import Embedder, EmbeddingRequest, EmbeddingResponse
from dinrail_core.api.moderations import ModerationRequest, ModerationResponse, Moderator
from dinrail_core.api.provider import ModelInfo, ModelSource
from dinrail_core.api.rerank import Reranker, RerankRequest, RerankResponse
from dinrail_core.api.sampling import StreamOptions
from dinrail_core.api.wire import MISSING
from dinrail_sdk.openai.listing import read_models
from dinrail_sdk.openai.ranking import best_first
from dinrail_sdk.upstream import Events, Upstream
from dinrail_sdk.upstream.openai_events import OpenAIEvents

__all__ = ["OpenAIDialect"]

R = TypeVar("R", ChatRequest, CompletionRequest)


class OpenAIDialect(ChatModel, CompletionModel, Embedder, Reranker, Moderator, ModelSource):
    """Everything that a server of OpenAI's dialect may serve, by handing bytes through.

    A provider type declares in ``apis`` what its server really serves. A provider whose server differs in details
    derives from this class and changes requests on their way (they are frozen: ``request.model_copy(update={…})``).

    Args:
        upstream: The server; its ``base_url`` is the dialect's root, usually ending in ``/v1``.
    """

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream

    async def complete(self, request: ChatRequest, call: Call) -> Answer[ChatCompletion]:
        """See :meth:`ChatModel.complete`."""
        return await self.upstream.answer(ChatCompletion, "chat/completions", _dump(_whole(request)), call)

    async def stream(self, request: ChatRequest, call: Call) -> Stream[ChatChunk]:
        """See :meth:`ChatModel.stream`."""
        body, events = _dump(_streamed(request)), _events(request)
        return await self.upstream.stream(ChatChunk, "chat/completions", body, call, events=events)

    async def complete_text(self, request: CompletionRequest, call: Call) -> Answer[TextCompletion]:
        """See :meth:`CompletionModel.complete_text`."""
        return await self.upstream.answer(TextCompletion, "completions", _dump(_whole(request)), call)

    async def stream_text(self, request: CompletionRequest, call: Call) -> Stream[TextCompletion]:
        """See :meth:`CompletionModel.stream_text`."""
        body, events = _dump(_streamed(request)), _events(request)
        return await self.upstream.stream(TextCompletion, "completions", body, call, events=events)

    async def embed(self, request: EmbeddingRequest, call: Call) -> Answer[EmbeddingResponse]:
        """See :meth:`Embedder.embed`."""
        return await self.upstream.answer(EmbeddingResponse, "embeddings", _dump(request), call)

    async def rerank(self, request: RerankRequest, call: Call) -> Answer[RerankResponse]:
        """See :meth:`Reranker.rerank`."""
        answer = await self.upstream.answer(RerankResponse, "rerank", _dump(request), call)
        top_n = request.top_n if isinstance(request.top_n, int) else None
        return Answer(RerankResponse, body=best_first(answer.body, top_n), headers=answer.headers)

    async def moderate(self, request: ModerationRequest, call: Call) -> Answer[ModerationResponse]:
        """See :meth:`Moderator.moderate`."""
        return await self.upstream.answer(ModerationResponse, "moderations", _dump(request), call)

    async def models(self) -> Sequence[ModelInfo]:
        """See :meth:`ModelSource.models`."""
        return read_models(await self.upstream.get("models", Call()))


def _dump(request: BaseModel) -> bytes:
    return request.model_dump_json().encode()


def _whole(request: R) -> R:
    """A request for a value, also where the caller's asked for a stream that is assembled elsewhere."""
    if request.stream is not True:
        return request
    return request.model_copy(update={"stream": MISSING, "stream_options": MISSING})


def _streamed(request: R) -> R:
    return request if request.stream is True else request.model_copy(update={"stream": True})


def _events(request: ChatRequest | CompletionRequest) -> Callable[[], Events]:
    """Who looks at the stream's events: some servers send the usage whether it was asked for or not."""
    options = request.stream_options
    return OpenAIEvents if isinstance(options, StreamOptions) and options.include_usage is True else _without_usage


def _without_usage() -> Events:
    return OpenAIEvents(usage=False)
