"""The relay for servers that speak OpenAI's dialect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pydantic import BaseModel

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.completions.contract import CompletionModel
from dinrail_core.api.embeddings.contract import Embedder
from dinrail_core.api.moderations.contract import Moderator
from dinrail_core.api.provider import ModelInfo, ModelSource
from dinrail_core.api.rerank.contract import Reranker
from dinrail_core.api.responses.contract import NativeResponses
from dinrail_core.api.wire import MISSING
from dinrail_sdk.openai.listing import read_models
from dinrail_sdk.openai.ranking import best_first, plainly
from dinrail_sdk.openai.response_events import ResponseEvents
from dinrail_sdk.openai.rewording import reworded
from dinrail_sdk.upstream import Events, Responding, Upstream
from dinrail_sdk.upstream.openai_events import OpenAIEvents, Reword

# Wire types are made by the first request for their API: a server makes few of them.
if TYPE_CHECKING:
    from dinrail_core.api.chat import ChatChunk, ChatCompletion, ChatRequest
    from dinrail_core.api.completions import CompletionRequest, TextCompletion
    from dinrail_core.api.embeddings import EmbeddingRequest, EmbeddingResponse
    from dinrail_core.api.moderations import ModerationRequest, ModerationResponse
    from dinrail_core.api.rerank import RerankRequest, RerankResponse
    from dinrail_core.api.responses import (
        CompactedResponse,
        CompactRequest,
        CountTokens,
        CreateResponse,
        InputTokenCount,
        Response,
        ResponseEvent,
    )

__all__ = ["OpenAIDialect"]

R = TypeVar("R", "ChatRequest", "CompletionRequest", "CreateResponse")
T = TypeVar("T", bound=BaseModel)


class OpenAIDialect(ChatModel, CompletionModel, Embedder, Reranker, Moderator, NativeResponses, ModelSource):
    """Everything that a server of OpenAI's dialect may serve, by handing bytes through.

    A provider type declares in ``apis`` what its server really serves. A provider whose server differs in details
    derives from this class and overrides what differs: :meth:`path`, the requests on their way (they are frozen:
    ``request.model_copy(update={…})``), :meth:`listed` for what its list tells. ``reword`` is for what comes back.

    Args:
        upstream: The server; its ``base_url`` is the dialect's root, usually ending in ``/v1``.
        reword: Puts answers and chunks of chats and completions into OpenAI's words; without it they are relayed.
        responses: Where it is asked for responses, how much of them it speaks: see :class:`RespondingConfig`.
    """

    listing: ClassVar[str] = "models"
    """Where the models are listed, as for :meth:`path`."""

    def __init__(self, upstream: Upstream, *, reword: Reword | None = None, responses: Responding = None) -> None:
        self.upstream = upstream
        self.plain = responses == "plain"
        self._responds = responses is not None
        self._reword = reword

    def path(self, api: str, model: str) -> str:
        """Where an API is served: relative to ``base_url``, or with a leading slash to the server's root.

        Args:
            api: OpenAI's path, ``chat/completions``.
            model: The upstream's name of the model, for servers that have it in the path; not encoded.
        """
        return api

    def response_request(self, request: CreateResponse) -> CreateResponse:
        """A response on its way."""
        return request

    def chat_request(self, request: ChatRequest) -> BaseModel:
        """A chat as this server wants it: changed, or of another shape altogether."""
        return request

    def text_request(self, request: CompletionRequest) -> BaseModel:
        """A completion as this server wants it."""
        return request

    def embedding_request(self, request: EmbeddingRequest) -> BaseModel:
        """Texts to be embedded as this server wants them."""
        return request

    def rewording(self) -> Reword | None:
        """What puts one answer, or the events of one stream, into OpenAI's words.

        It is asked for each of them, so one that has to remember what came before can be made anew.
        """
        return self._reword

    def listed(self, model: ModelInfo, entry: Mapping[str, Any]) -> ModelInfo | None:
        """A model with what this server tells beyond the usual; ``None`` where it is none that can be used here.

        Args:
            model: As it is read everywhere.
            entry: The list's own object; its values may be of any type.
        """
        return model

    async def complete(self, request: ChatRequest, call: Call) -> Answer[ChatCompletion]:
        """See :meth:`ChatModel.complete`."""
        from dinrail_core.api.chat.response import ChatCompletion

        path, body = self.path("chat/completions", request.model), _dump(self.chat_request(_whole(request)))
        return self._reworded(await self.upstream.answer(ChatCompletion, path, body, call))

    async def stream(self, request: ChatRequest, call: Call) -> Stream[ChatChunk]:
        """See :meth:`ChatModel.stream`."""
        from dinrail_core.api.chat.response import ChatChunk

        path, body = self.path("chat/completions", request.model), _dump(self.chat_request(_streamed(request)))
        usage = _wants_usage(request)
        return await self.upstream.stream(ChatChunk, path, body, call, events=lambda: self._events(usage=usage))

    async def complete_text(self, request: CompletionRequest, call: Call) -> Answer[TextCompletion]:
        """See :meth:`CompletionModel.complete_text`."""
        from dinrail_core.api.completions.objects import TextCompletion

        path, body = self.path("completions", request.model), _dump(self.text_request(_whole(request)))
        return self._reworded(await self.upstream.answer(TextCompletion, path, body, call))

    async def stream_text(self, request: CompletionRequest, call: Call) -> Stream[TextCompletion]:
        """See :meth:`CompletionModel.stream_text`."""
        from dinrail_core.api.completions.objects import TextCompletion

        path, body = self.path("completions", request.model), _dump(self.text_request(_streamed(request)))
        usage = _wants_usage(request)
        return await self.upstream.stream(TextCompletion, path, body, call, events=lambda: self._events(usage=usage))

    async def embed(self, request: EmbeddingRequest, call: Call) -> Answer[EmbeddingResponse]:
        """See :meth:`Embedder.embed`."""
        from dinrail_core.api.embeddings.objects import EmbeddingResponse

        path, body = self.path("embeddings", request.model), _dump(self.embedding_request(request))
        return await self.upstream.answer(EmbeddingResponse, path, body, call)

    async def rerank(self, request: RerankRequest, call: Call) -> Answer[RerankResponse]:
        """See :meth:`Reranker.rerank`."""
        from dinrail_core.api.rerank.objects import RerankResponse

        path = self.path("rerank", request.model)
        answer = await self.upstream.answer(RerankResponse, path, _dump(plainly(request)), call)
        top_n = request.top_n if isinstance(request.top_n, int) else None
        return Answer(RerankResponse, body=best_first(answer.body, top_n), headers=answer.headers)

    async def moderate(self, request: ModerationRequest, call: Call) -> Answer[ModerationResponse]:
        """See :meth:`Moderator.moderate`."""
        from dinrail_core.api.moderations.objects import ModerationResponse

        path = self.path("moderations", request.model if isinstance(request.model, str) else "")
        return await self.upstream.answer(ModerationResponse, path, _dump(request), call)

    async def respond(self, request: CreateResponse, call: Call) -> Answer[Response]:
        """See :meth:`NativeResponses.respond`."""
        from dinrail_core.api.responses import Response

        path, body = self.path("responses", request.model), _dump(_whole(self.response_request(request)))
        return await self.upstream.answer(Response, path, body, call)

    async def stream_response(self, request: CreateResponse, call: Call) -> Stream[ResponseEvent]:
        """See :meth:`NativeResponses.stream_response`."""
        from dinrail_core.api.responses import ResponseEvent

        path, body = self.path("responses", request.model), _dump(_streamed(self.response_request(request)))
        return await self.upstream.stream(ResponseEvent, path, body, call, events=ResponseEvents)

    async def count_input(self, request: CountTokens, call: Call) -> Answer[InputTokenCount]:
        """See :meth:`NativeResponses.count_input`."""
        from dinrail_core.api.responses import InputTokenCount  # as above

        path = self.path("responses/input_tokens", request.model if isinstance(request.model, str) else "")
        return await self.upstream.answer(InputTokenCount, path, _dump(request), call)

    async def compact_input(self, request: CompactRequest, call: Call) -> Answer[CompactedResponse]:
        """See :meth:`NativeResponses.compact_input`."""
        from dinrail_core.api.responses import CompactedResponse  # as above

        path = self.path("responses/compact", request.model)
        return await self.upstream.answer(CompactedResponse, path, _dump(request), call)

    async def models(self) -> Sequence[ModelInfo]:
        """See :meth:`ModelSource.models`."""
        return self.read_list(await self.upstream.get(self.listing, Call()))

    def read_list(self, text: bytes) -> Sequence[ModelInfo]:
        """The models of a list; where responses are asked for, those that chat give them too."""
        found = read_models(text, self.listed)
        if not self._responds:
            return found
        responding = frozenset({NativeResponses})
        return [replace(m, contracts=m.contracts | responding) if ChatModel in m.contracts else m for m in found]

    def _reworded(self, answer: Answer[T]) -> Answer[T]:
        reword = self.rewording()
        return answer if reword is None else reworded(answer, reword)

    def _events(self, *, usage: bool) -> Events:
        return OpenAIEvents(usage=usage, reword=self.rewording())


def _dump(request: BaseModel) -> bytes:
    return request.model_dump_json().encode()


def _whole(request: R) -> R:
    """A request for a value, also where the caller's asked for a stream that is assembled elsewhere."""
    if request.stream is not True:
        return request
    return request.model_copy(update={"stream": MISSING, "stream_options": MISSING})


def _streamed(request: R) -> R:
    return request if request.stream is True else request.model_copy(update={"stream": True})


def _wants_usage(request: ChatRequest | CompletionRequest) -> bool:
    """Whether a stream is to tell the usage: some servers send it whether it was asked for or not."""
    options = request.stream_options
    return options is not None and options is not MISSING and options.include_usage is True
