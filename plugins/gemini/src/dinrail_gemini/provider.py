"""Gemini in AI Studio, over the Gemini API."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple
from urllib.parse import quote, urlencode

import orjson

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.chat.response import ChatChunk, ChatCompletion
from dinrail_core.api.embeddings import Embedder, EmbeddingRequest, EmbeddingResponse
from dinrail_core.api.provider import ModelInfo, ModelSource
from dinrail_core.api.wire import Wire
from dinrail_core.errors import UnsupportedFeature, UpstreamInvalid
from dinrail_gemini.answers import GenerateReducer, read_answer
from dinrail_gemini.requests import generate_request
from dinrail_sdk.translation import TranslatedEvents, cut, each, packed, translated, wants_usage
from dinrail_sdk.upstream import Upstream

__all__ = ["Embedded", "Gemini"]

_PAGE = 1000
"""Models on one page of the list."""

_CONTRACTS: Mapping[str, type] = {
    "generateContent": ChatModel,
    "embedContent": Embedder,
    "batchEmbedContents": Embedder,
}


class Embedded(NamedTuple):
    """What came of some texts.

    Attributes:
        vectors: One for each.
        tokens: Of all of them, where that was told.
        extra: Fields of the answer that nobody knows.
    """

    vectors: list[Sequence[float]]
    tokens: int | None
    extra: Mapping[str, Any]


class _Generated(Wire):
    """What is checked of an answer before it is translated: an object."""


class Gemini(ChatModel, Embedder, ModelSource):
    """Chats, embeddings and models.

    Args:
        upstream: The API's root, its version included.
    """

    lists: ClassVar[tuple[str, str]] = ("models", "models")
    """Where the models are listed, and under which name they stand there."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream

    def path(self, model: str, method: str) -> str:
        """Where a method of a model is; ``tunedModels/…`` and the like have their collection in the name."""
        collection, slash, name = model.partition("/")
        if slash and collection in ("models", "tunedModels"):
            return f"{collection}/{quote(name, safe='')}:{method}"
        return f"models/{quote(model, safe='')}:{method}"

    async def complete(self, request: ChatRequest, call: Call) -> Answer[ChatCompletion]:
        """See :meth:`ChatModel.complete`."""
        body = orjson.dumps(generate_request(request))
        answer = await self.upstream.answer(_Generated, self.path(request.model, "generateContent"), body, call)
        return translated(answer, ChatCompletion, lambda said: read_answer(said, _about(request.model)))

    async def stream(self, request: ChatRequest, call: Call) -> Stream[ChatChunk]:
        """See :meth:`ChatModel.stream`."""
        body = orjson.dumps(generate_request(request))
        usage, choices = wants_usage(request), request.n if isinstance(request.n, int) else 1
        return await self.upstream.stream(
            ChatChunk,
            f"{self.path(request.model, 'streamGenerateContent')}?alt=sse",
            body,
            call,
            events=lambda: TranslatedEvents(GenerateReducer(_about(request.model), usage=usage, choices=choices)),
        )

    async def embed(self, request: EmbeddingRequest, call: Call) -> Answer[EmbeddingResponse]:
        """See :meth:`Embedder.embed`; more texts than fit into one request are sent in parts."""
        texts = [request.input] if isinstance(request.input, str) else list(request.input)
        if not all(isinstance(text, str) for text in texts):
            raise UnsupportedFeature("Gemini embeds texts, not tokens.", param="input")
        parts = await each(lambda part: self.embed_part(request, part, call), cut(texts, self.batch(request.model)))
        vectors = [vector for part in parts for vector in part.vectors]
        tokens = sum(part.tokens or 0 for part in parts)
        as_text = request.encoding_format == "base64"
        try:
            data = [
                {"object": "embedding", "index": place, "embedding": packed(vector) if as_text else list(vector)}
                for place, vector in enumerate(vectors)
            ]
        except TypeError:
            raise UpstreamInvalid("The upstream's vectors are no numbers.") from None
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        found = {**parts[-1].extra, "object": "list", "model": request.model, "data": data, "usage": usage}
        return Answer(EmbeddingResponse, body=orjson.dumps(found))

    def batch(self, model: str) -> int:
        """How many texts fit into one request."""
        return 100

    async def embed_part(self, request: EmbeddingRequest, texts: Sequence[Any], call: Call) -> Embedded:
        """The vectors of some texts."""
        more = {"outputDimensionality": request.dimensions} if isinstance(request.dimensions, int) else {}
        name = request.model if request.model.startswith(("models/", "tunedModels/")) else f"models/{request.model}"
        own = request.model_extra or {}
        asked = [{"model": name, "content": {"parts": [{"text": text}]}, **more, **own} for text in texts]
        body = orjson.dumps({"requests": asked})
        text = await self.upstream.post(self.path(request.model, "batchEmbedContents"), body, call)
        return _vectors(text, len(texts))

    async def models(self) -> Sequence[ModelInfo]:
        """See :meth:`ModelSource.models`; those that neither chat nor embed are left out."""
        path, key = self.lists
        found: dict[str, ModelInfo] = {}
        token: str | None = ""
        while token is not None:
            query = urlencode({"pageSize": _PAGE} | ({"pageToken": token} if token else {}))
            entries, token = _page(await self.upstream.get(f"{path}?{query}", Call()), key)
            listed = [_listed(entry) for entry in entries]
            found |= {model.id: model for model in listed if model is not None and model.id not in found}
        return list(found.values())


def _about(model: str) -> dict[str, Any]:
    return {"id": secrets.token_hex(12), "created": int(time.time()), "model": model}


def _vectors(text: bytes, count: int) -> Embedded:
    """The vectors of an answer to ``batchEmbedContents``.

    Raises:
        UpstreamInvalid: There is not one for each text.
    """
    try:
        answer = orjson.loads(text)
        vectors = [embedding["values"] for embedding in answer["embeddings"]]
        if len(vectors) != count or not all(isinstance(vector, list) for vector in vectors):
            raise TypeError
        tokens = (answer.pop("usageMetadata", None) or {}).get("promptTokenCount")
        del answer["embeddings"]
        return Embedded(vectors, tokens, answer)
    except (orjson.JSONDecodeError, AttributeError, LookupError, TypeError):
        raise UpstreamInvalid("The upstream's answer is not that of an embedding model.") from None


def _page(text: bytes, key: str) -> tuple[list[dict[str, Any]], str | None]:
    """The models of a page, and the mark of the next.

    Raises:
        UpstreamInvalid: It is no such list.
    """
    try:
        page = orjson.loads(text)
        entries, token = page.get(key) or [], page.get("nextPageToken") or None
        if not isinstance(entries, list) or not all(isinstance(entry["name"], str) for entry in entries):
            raise TypeError
        if token is not None and not isinstance(token, str):
            raise TypeError
    except (orjson.JSONDecodeError, AttributeError, LookupError, TypeError):
        raise UpstreamInvalid("The upstream's list of models is not Google's.") from None
    return entries, token


def _listed(entry: Mapping[str, Any]) -> ModelInfo | None:
    name = entry["name"].removeprefix("publishers/google/").removeprefix("models/")
    methods = entry.get("supportedGenerationMethods")
    contracts: frozenset[type] = frozenset()
    if isinstance(methods, list):
        contracts = frozenset(_CONTRACTS[method] for method in methods if method in _CONTRACTS)
        if not contracts:
            return None
    longest = entry.get("inputTokenLimit")
    return ModelInfo(name, contracts, context_length=longest if type(longest) is int and longest > 0 else None)
