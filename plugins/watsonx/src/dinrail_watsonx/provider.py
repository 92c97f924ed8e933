"""watsonx.ai, over its API for models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.chat.response import ChatChunk, ChatCompletion
from dinrail_core.api.embeddings import Embedder, EmbeddingRequest, EmbeddingResponse
from dinrail_core.api.provider import ModelInfo, ModelSource
from dinrail_core.api.rerank import Reranker, RerankRequest, RerankResponse
from dinrail_core.api.wire import Wire
from dinrail_core.errors import UpstreamInvalid
from dinrail_sdk.translation import TranslatedEvents, cut, each, translated, wants_usage
from dinrail_sdk.upstream import Upstream
from dinrail_watsonx.answers import ChatReducer, read_chat, read_embeddings, read_ranking
from dinrail_watsonx.requests import chat_request, embedding_request, rerank_request

__all__ = ["Watsonx"]

_MOST = 1000
"""Texts in one request; the service's own limit."""
_PAGE = 200
"""Models on one page of the list, at most."""
_CONTRACTS: Mapping[str, type] = {
    "text_chat": ChatModel,
    "image_chat": ChatModel,
    "embedding": Embedder,
    "rerank": Reranker,
}
"""What a model's functions are for; others (time series, tuning) have no contract."""


class _Results(Wire):
    results: list[Any]


class Watsonx(ChatModel, Embedder, Reranker, ModelSource):
    """Chats, embeddings, rankings and models.

    Args:
        upstream: The service in a region.
        where: ``project_id`` or ``space_id``, for every request that is billed.
        version: The API's, a date.
    """

    def __init__(self, upstream: Upstream, *, where: Mapping[str, str], version: str) -> None:
        self._upstream = upstream
        self._where = where
        self._version = version

    async def complete(self, request: ChatRequest, call: Call) -> Answer[ChatCompletion]:
        """See :meth:`ChatModel.complete`."""
        body = orjson.dumps(chat_request(request, self._where))
        answer = await self._upstream.answer(ChatCompletion, self._path("text/chat"), body, call)
        return translated(answer, ChatCompletion, lambda said: read_chat(said, request.model))

    async def stream(self, request: ChatRequest, call: Call) -> Stream[ChatChunk]:
        """See :meth:`ChatModel.stream`."""
        body, usage = orjson.dumps(chat_request(request, self._where)), wants_usage(request)
        return await self._upstream.stream(
            ChatChunk,
            self._path("text/chat_stream"),
            body,
            call,
            events=lambda: TranslatedEvents(ChatReducer(request.model, usage=usage)),
        )

    async def embed(self, request: EmbeddingRequest, call: Call) -> Answer[EmbeddingResponse]:
        """See :meth:`Embedder.embed`; more texts than fit into one request are sent in parts."""
        asked, texts = embedding_request(request, self._where)

        async def ask(part: Sequence[str]) -> Answer[_Results]:
            body = orjson.dumps({**asked, "inputs": part})
            return await self._upstream.answer(_Results, self._path("text/embeddings"), body, call)

        answers = await each(ask, cut(texts, _MOST))
        as_text = request.encoding_format == "base64"
        found = read_embeddings([answer.body for answer in answers], request.model, len(texts), as_text=as_text)
        return Answer(EmbeddingResponse, body=orjson.dumps(found), headers=answers[-1].headers)

    async def rerank(self, request: RerankRequest, call: Call) -> Answer[RerankResponse]:
        """See :meth:`Reranker.rerank`."""
        body = orjson.dumps(rerank_request(request, self._where))
        answer = await self._upstream.answer(_Results, self._path("text/rerank"), body, call)
        return translated(answer, RerankResponse, lambda said: read_ranking(said, request))

    async def models(self) -> Sequence[ModelInfo]:
        """See :meth:`ModelSource.models`; those that serve none of the three are left out."""
        found: dict[str, ModelInfo] = {}
        start: int | None = 0
        while start is not None:
            path = self._path("foundation_model_specs", limit=_PAGE, **({"start": start} if start else {}))
            entries, start = _page(await self._upstream.get(path, Call()), start)
            listed = [_listed(entry) for entry in entries]
            found |= {model.id: model for model in listed if model is not None and model.id not in found}
        return list(found.values())

    def _path(self, method: str, **query: int) -> str:
        return f"ml/v1/{method}?{urlencode({'version': self._version, **query})}"


def _page(text: bytes, start: int) -> tuple[list[dict[str, Any]], int | None]:
    """The models of a page, and where the next begins.

    Raises:
        UpstreamInvalid: It is no such list, or the next page does not come after it.
    """
    try:
        page = orjson.loads(text)
        entries, following = page["resources"], page.get("next")
        if not isinstance(entries, list) or not all(isinstance(entry["model_id"], str) for entry in entries):
            raise TypeError
        if following is None:
            return entries, None
        place = int(parse_qs(urlsplit(following["href"]).query)["start"][0])
        if place <= start:
            raise ValueError
    except (orjson.JSONDecodeError, AttributeError, LookupError, TypeError, ValueError):
        raise UpstreamInvalid("The upstream's list of models is not that of watsonx.ai.") from None
    return entries, place


def _listed(entry: Mapping[str, Any]) -> ModelInfo | None:
    told = entry.get("functions")
    contracts: frozenset[type] = frozenset()
    if isinstance(told, list):
        names = [str(function.get("id")) for function in told if isinstance(function, Mapping)]
        contracts = frozenset(_CONTRACTS[name] for name in names if name in _CONTRACTS)
        if not contracts:
            return None
    limits, owner = entry.get("model_limits"), entry.get("provider")
    longest = limits.get("max_sequence_length") if isinstance(limits, Mapping) else None
    return ModelInfo(
        entry["model_id"],
        contracts,
        owned_by=owner if isinstance(owner, str) and owner else None,
        context_length=longest if isinstance(longest, int) and longest > 0 else None,
    )
