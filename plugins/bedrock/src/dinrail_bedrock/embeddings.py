"""Embeddings over ``InvokeModel``, whose bodies are the model makers' own.

Amazon's Titan takes one text in a request, Cohere's models up to 96 (AWS's user guide, *Inference request parameters
and response fields for foundation models*). Which of the two a model is, its name tells; that of an inference profile
does too, behind its region.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from dinrail_core.api.answers import Answer
from dinrail_core.api.embeddings import EmbeddingRequest
from dinrail_core.errors import UnsupportedFeature, UpstreamInvalid
from dinrail_sdk.translation import packed

__all__ = ["EmbeddingBodies", "bodies_for", "embeddings_of", "texts_of"]

_COUNT = "x-amzn-bedrock-input-token-count"


class EmbeddingBodies(ABC):
    """How one maker's models are asked.

    Attributes:
        most: Texts in one request.
    """

    most: int = 1

    @abstractmethod
    def asked(self, request: EmbeddingRequest, input_type: str) -> dict[str, Any]:
        """What every part of a request has besides its texts."""

    @abstractmethod
    def texts(self, part: Sequence[str]) -> dict[str, Any]:
        """The texts of a part."""

    @abstractmethod
    def vectors(self, said: Mapping[str, Any]) -> list[Any]:
        """The vectors of a part's answer, in order.

        Raises:
            LookupError: There are none.
        """

    @abstractmethod
    def tokens(self, said: Mapping[str, Any]) -> Any:
        """The tokens of a part, where its answer tells them."""


class _Titan(EmbeddingBodies):
    def asked(self, request: EmbeddingRequest, input_type: str) -> dict[str, Any]:
        length = {"dimensions": request.dimensions} if isinstance(request.dimensions, int) else {}
        return length | (request.model_extra or {})

    def texts(self, part: Sequence[str]) -> dict[str, Any]:
        return {"inputText": part[0]}

    def vectors(self, said: Mapping[str, Any]) -> list[Any]:
        return [said["embedding"]]

    def tokens(self, said: Mapping[str, Any]) -> Any:
        return said.get("inputTextTokenCount")


class _Cohere(EmbeddingBodies):
    most = 96

    def asked(self, request: EmbeddingRequest, input_type: str) -> dict[str, Any]:
        # Without a kind named, Embed 3 answers with a list and later ones with a table: it is better to ask for one.
        asked: dict[str, Any] = {"input_type": input_type, "embedding_types": ["float"], "truncate": "NONE"}
        if isinstance(request.dimensions, int):
            asked["output_dimension"] = request.dimensions
        return asked | (request.model_extra or {})

    def texts(self, part: Sequence[str]) -> dict[str, Any]:
        return {"texts": part}

    def vectors(self, said: Mapping[str, Any]) -> list[Any]:
        return list(said["embeddings"]["float"])

    def tokens(self, said: Mapping[str, Any]) -> Any:
        return None


_MAKERS: tuple[tuple[re.Pattern[str], EmbeddingBodies], ...] = (
    (re.compile(r"(^|[./])amazon\.titan-embed-(text|g1-text)"), _Titan()),
    (re.compile(r"(^|[./])cohere\.embed-"), _Cohere()),
)


def bodies_for(model: str) -> EmbeddingBodies | None:
    """How a model is asked for embeddings, ``None`` where its name is of no maker that is known here."""
    return next((bodies for pattern, bodies in _MAKERS if pattern.search(model)), None)


def texts_of(request: EmbeddingRequest) -> list[str]:
    """The texts.

    Raises:
        UnsupportedFeature: They are tokens.
    """
    given = [request.input] if isinstance(request.input, str) else request.input
    texts = [text for text in given if isinstance(text, str)]
    if len(texts) != len(given):
        raise UnsupportedFeature("Models on Bedrock embed texts, not tokens.", param="input")
    return texts


def embeddings_of(
    answers: Sequence[Answer[Any]], bodies: EmbeddingBodies, request: EmbeddingRequest, count: int
) -> dict[str, Any]:
    """One answer out of those to the parts: vectors in order, tokens added up.

    Raises:
        UpstreamInvalid: One of them is none, or there is not one vector for each text.
    """
    try:
        said = [orjson.loads(answer.body) for answer in answers]
        vectors = [vector for one in said for vector in bodies.vectors(one)]
        if len(vectors) != count or not all(isinstance(vector, list) for vector in vectors):
            raise TypeError
        told = [
            bodies.tokens(one) or answer.headers.get(_COUNT) or 0 for one, answer in zip(said, answers, strict=True)
        ]
        tokens = sum(map(int, told))
        if request.encoding_format == "base64":
            vectors = [packed(vector) for vector in vectors]
    except (orjson.JSONDecodeError, AttributeError, LookupError, TypeError, ValueError):
        raise UpstreamInvalid("The upstream's answer is not that of an embedding model.") from None
    known = ("embedding", "embeddings", "embeddingsByType", "inputTextTokenCount", "id", "texts", "response_type")
    extra = {key: value for key, value in said[-1].items() if key not in known}
    data = [{"object": "embedding", "index": place, "embedding": vector} for place, vector in enumerate(vectors)]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {**extra, "object": "list", "model": request.model, "data": data, "usage": usage}
