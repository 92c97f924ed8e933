"""Cohere's models, over its API of the second version."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import orjson

from dinrail_cohere.answers import ChatReducer, read_chat
from dinrail_cohere.requests import chat_request
from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.chat.response import ChatChunk, ChatCompletion
from dinrail_core.api.embeddings import Embedder, EmbeddingRequest, EmbeddingResponse
from dinrail_core.api.provider import ModelInfo, ModelSource
from dinrail_core.api.rerank import Reranker, RerankRequest, RerankResponse
from dinrail_core.api.wire import Wire
from dinrail_core.errors import UnsupportedFeature, UpstreamInvalid
from dinrail_sdk.openai.ranking import ranked, texts_of
from dinrail_sdk.translation import TranslatedEvents, cut, each, packed, translated, wants_usage
from dinrail_sdk.upstream import Upstream

__all__ = ["Cohere"]

_MOST = 96
"""Texts in one request; Cohere's own limit."""
_PAGE = 1000
_CONTRACTS: Mapping[str, type] = {"chat": ChatModel, "embed": Embedder, "rerank": Reranker}


class _Object(Wire):
    """What is checked of an answer before it is translated: an object."""


class _Ranked(Wire):
    results: list[Any]


class Cohere(ChatModel, Embedder, Reranker, ModelSource):
    """Chats, embeddings, rankings and models.

    Args:
        upstream: The API's root, without a version.
        input_type: What texts are embedded for, where nobody says it.
    """

    def __init__(self, upstream: Upstream, *, input_type: str) -> None:
        self._upstream = upstream
        self._input_type = input_type

    async def complete(self, request: ChatRequest, call: Call) -> Answer[ChatCompletion]:
        """See :meth:`ChatModel.complete`."""
        body = orjson.dumps(chat_request(request, stream=False))
        answer = await self._upstream.answer(_Object, "v2/chat", body, call)
        return translated(answer, ChatCompletion, lambda said: read_chat(said, request.model, int(time.time())))

    async def stream(self, request: ChatRequest, call: Call) -> Stream[ChatChunk]:
        """See :meth:`ChatModel.stream`."""
        body = orjson.dumps(chat_request(request, stream=True))
        usage, created = wants_usage(request), int(time.time())
        return await self._upstream.stream(
            ChatChunk,
            "v2/chat",
            body,
            call,
            events=lambda: TranslatedEvents(ChatReducer(request.model, created, usage=usage)),
        )

    async def embed(self, request: EmbeddingRequest, call: Call) -> Answer[EmbeddingResponse]:
        """See :meth:`Embedder.embed`; more texts than fit into one request are sent in parts."""
        texts = [request.input] if isinstance(request.input, str) else list(request.input)
        if not all(isinstance(text, str) for text in texts):
            raise UnsupportedFeature("Cohere embeds texts, not tokens.", param="input")
        asked: dict[str, Any] = {
            "model": request.model,
            "input_type": self._input_type,
            "embedding_types": ["float"],
            "truncate": "NONE",
        }
        if isinstance(request.dimensions, int):
            asked["output_dimension"] = request.dimensions
        asked |= request.model_extra or {}
        if asked["embedding_types"] != ["float"]:
            raise UnsupportedFeature("Vectors are told as numbers, or as base64 of those.", param="embedding_types")

        async def ask(part: Sequence[Any]) -> Answer[_Object]:
            body = orjson.dumps({**asked, "texts": part})
            return await self._upstream.answer(_Object, "v2/embed", body, call)

        answers = await each(ask, cut(texts, _MOST))
        as_text = request.encoding_format == "base64"
        bodies = [answer.body for answer in answers]
        found = _embeddings(bodies, request.model, len(texts), as_text=as_text)
        return Answer(EmbeddingResponse, body=orjson.dumps(found), headers=answers[-1].headers)

    async def rerank(self, request: RerankRequest, call: Call) -> Answer[RerankResponse]:
        """See :meth:`Reranker.rerank`; texts are repeated here, since Cohere's second version does not."""
        asked: dict[str, Any] = {"model": request.model, "query": request.query, "documents": texts_of(request)}
        if isinstance(request.top_n, int):
            asked["top_n"] = request.top_n
        if isinstance(request.max_tokens_per_doc, int):
            asked["max_tokens_per_doc"] = request.max_tokens_per_doc
        body = orjson.dumps(asked | (request.model_extra or {}))
        answer = await self._upstream.answer(_Ranked, "v2/rerank", body, call)

        def read(said: dict[str, Any]) -> dict[str, Any]:
            scores = [(int(result["index"]), float(result["relevance_score"])) for result in said["results"]]
            results = [result.model_dump() for result in ranked(request, scores)]
            return {"model": request.model, **said, "results": results}

        return translated(answer, RerankResponse, read)

    async def models(self) -> Sequence[ModelInfo]:
        """See :meth:`ModelSource.models`; those that serve none of the three are left out."""
        found: dict[str, ModelInfo] = {}
        token: str | None = ""
        while token is not None:
            query = urlencode({"page_size": _PAGE} | ({"page_token": token} if token else {}))
            entries, token = _page(await self._upstream.get(f"v1/models?{query}", Call()))
            listed = [_listed(entry) for entry in entries]
            found |= {model.id: model for model in listed if model is not None and model.id not in found}
        return list(found.values())


def _embeddings(bodies: Sequence[bytes], model: str, count: int, *, as_text: bool) -> dict[str, Any]:
    """One answer out of those to the parts: vectors in order, tokens added up.

    Raises:
        UpstreamInvalid: One of them is none, or there is not one vector for each text.
    """
    try:
        answers = [orjson.loads(body) for body in bodies]
        vectors = [vector for answer in answers for vector in answer.pop("embeddings")["float"]]
        if len(vectors) != count or not all(isinstance(vector, list) for vector in vectors):
            raise TypeError
        billed = [
            ((answer.pop("meta", None) or {}).get("billed_units") or {}).get("input_tokens") for answer in answers
        ]
        tokens = sum(int(one or 0) for one in billed)
        data = [
            {"object": "embedding", "index": place, "embedding": packed(vector) if as_text else vector}
            for place, vector in enumerate(vectors)
        ]
    except (orjson.JSONDecodeError, AttributeError, LookupError, TypeError, ValueError):
        raise UpstreamInvalid("The upstream's answer is not that of an embedding model.") from None
    known = ("id", "texts", "images", "response_type")
    extra = {key: value for key, value in answers[-1].items() if key not in known}
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {**extra, "object": "list", "model": model, "data": data, "usage": usage}


def _page(text: bytes) -> tuple[list[dict[str, Any]], str | None]:
    """The models of a page, and the mark of the next.

    Raises:
        UpstreamInvalid: It is no such list.
    """
    try:
        page = orjson.loads(text)
        entries, token = page["models"], page.get("next_page_token") or None
        if not isinstance(entries, list) or not all(isinstance(entry["name"], str) for entry in entries):
            raise TypeError
        if token is not None and not isinstance(token, str):
            raise TypeError
    except (orjson.JSONDecodeError, AttributeError, LookupError, TypeError):
        raise UpstreamInvalid("The upstream's list of models is not Cohere's.") from None
    return entries, token


def _listed(entry: Mapping[str, Any]) -> ModelInfo | None:
    ends = entry.get("endpoints")
    contracts: frozenset[type] = frozenset()
    if isinstance(ends, list):
        contracts = frozenset(_CONTRACTS[end] for end in ends if end in _CONTRACTS)
        if not contracts:
            return None
    longest = entry.get("context_length")
    known = isinstance(longest, int | float) and not isinstance(longest, bool) and longest > 0
    return ModelInfo(entry["name"], contracts, context_length=int(longest) if known and longest is not None else None)
