"""Embeddings, rankings, moderations and models."""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from dinrail_core.api.answers import Answer
from dinrail_core.api.call import Call
from dinrail_core.api.embeddings import Embedder, EmbeddingRequest, EmbeddingResponse
from dinrail_core.api.moderations import ModerationRequest, ModerationResponse, Moderator
from dinrail_core.api.provider import ModelInfo, ModelSource
from dinrail_core.api.rerank import Reranker, RerankRequest, RerankResponse
from dinrail_sdk.testing.operations.base import Operation, View, Whole
from dinrail_sdk.testing.script import Asked, Listing, Ranking, Script, Vectors, Verdicts

__all__ = ["EMBED", "MODELS", "MODERATE", "RERANK", "vector"]


class Embed(Whole):
    """``Embedder.embed``; the content of an answer is its vectors by index."""

    id = "embeddings"
    contract = Embedder
    api = "embeddings"

    def request(self, model: str, marker: str = "Where is Zürich?", **more: Any) -> EmbeddingRequest:
        return EmbeddingRequest.model_validate(
            {"model": model, "input": [marker, f"{marker} And where is Bern?"], **more}
        )

    async def start(self, provider: Embedder, request: EmbeddingRequest, call: Call) -> Answer[EmbeddingResponse]:
        return await provider.embed(request, call)

    def said(self, objects: list[Any]) -> Any:
        return {item["index"]: vector(item["embedding"]) for item in objects[0]["data"]}

    def meant(self, script: Script, asked: Asked) -> Any:
        assert isinstance(script, Vectors)
        return dict(enumerate(script.vectors))

    def check(self, objects: list[Any]) -> None:
        said = self.said(objects)
        assert sorted(said) == list(range(len(objects[0]["data"]))), f"The indexes are {sorted(said)}."
        assert all(math.isfinite(x) for one in said.values() for x in one), "A vector has values that are no numbers."
        assert len({len(one) for one in said.values()}) == 1, "The vectors are of different lengths."


class Rerank(Whole):
    """``Reranker.rerank``; the content of an answer is indexes and scores in order."""

    id = "rerank"
    contract = Reranker
    api = "rerank"

    def request(self, model: str, marker: str = "Where is Zürich?", **more: Any) -> RerankRequest:
        documents = ["Bread is baked.", f"{marker} In the north.", "Zürich is where the Limmat leaves its lake."]
        return RerankRequest.model_validate({"model": model, "query": marker, "documents": documents, **more})

    async def start(self, provider: Reranker, request: RerankRequest, call: Call) -> Answer[RerankResponse]:
        return await provider.rerank(request, call)

    def said(self, objects: list[Any]) -> Any:
        return [(result["index"], result["relevance_score"]) for result in objects[0]["results"]]

    def meant(self, script: Script, asked: Asked) -> Any:
        assert isinstance(script, Ranking)
        best = sorted(enumerate(script.scores), key=lambda pair: -pair[1])
        return best[: asked.top_n]

    def check(self, objects: list[Any]) -> None:
        said = self.said(objects)
        scores = [score for _, score in said]
        assert said, "The ranking is empty."
        assert all(math.isfinite(score) for score in scores), f"A score is no number: {scores}"
        assert scores == sorted(scores, reverse=True), f"The best does not come first: {scores}"
        assert len({index for index, _ in said}) == len(said), f"A document comes twice: {said}"


class Moderate(Whole):
    """``Moderator.moderate``; the content of an answer is flags, violated categories and scores, in order."""

    id = "moderations"
    contract = Moderator
    api = "moderations"

    def request(self, model: str, marker: str = "Where is Zürich?", **more: Any) -> ModerationRequest:
        return ModerationRequest.model_validate({"model": model, "input": [marker, f"{marker} I attack it."], **more})

    async def start(self, provider: Moderator, request: ModerationRequest, call: Call) -> Answer[ModerationResponse]:
        return await provider.moderate(request, call)

    def said(self, objects: list[Any]) -> Any:
        return [
            (
                result["flagged"],
                sorted(name for name, violated in result["categories"].items() if violated),
                _without_zeros(result["category_scores"]),
            )
            for result in objects[0]["results"]
        ]

    def meant(self, script: Script, asked: Asked) -> Any:
        assert isinstance(script, Verdicts)
        return [(bool(one.violated), sorted(one.violated), _without_zeros(one.scores)) for one in script.verdicts]

    def check(self, objects: list[Any]) -> None:
        for result in objects[0]["results"]:
            scores = result["category_scores"].values()
            assert all(0 <= score <= 1 for score in scores), f"A score is not between 0 and 1: {sorted(scores)}"
            violated = any(result["categories"].values())
            assert result["flagged"] == violated, "`flagged` and `categories` contradict each other."


class Models(Operation):
    """``ModelSource.models``; the content of an answer is the models' names in order."""

    id = "models"
    contract = ModelSource
    api = "models"
    asks = False

    def request(self, model: str, marker: str = "Where is Zürich?", **more: Any) -> ModerationRequest:
        raise TypeError("A list of models takes no request.")

    async def start(self, provider: ModelSource, request: object, call: Call) -> Sequence[ModelInfo]:
        return await provider.models()

    async def take(self, started: Sequence[ModelInfo], view: View) -> list[Any]:
        assert all(isinstance(model, ModelInfo) for model in started), f"Not every item is a ModelInfo: {started!r}"
        return [
            {
                "id": model.id,
                "contracts": model.contracts,
                "created": model.created,
                "owned_by": model.owned_by,
                "context_length": model.context_length,
            }
            for model in started
        ]

    async def ask(self, bench: Any, *, view: View = "bytes", call: Call | None = None, **request: Any) -> list[Any]:
        return await self.take(await bench.provider.models(), view)

    def said(self, objects: list[Any]) -> Any:
        return [model["id"] for model in objects]

    def meant(self, script: Script, asked: Asked) -> Any:
        assert isinstance(script, Listing)
        return [model.id for model in script.models]

    def check(self, objects: list[Any]) -> None:
        assert objects, "There is no model."
        assert len({model["id"] for model in objects}) == len(objects), "A model is listed twice."


def vector(embedding: list[float] | str) -> tuple[float, ...]:
    """An embedding's values, from numbers or from base64 of little-endian 32-bit floats."""
    if isinstance(embedding, str):
        raw = base64.b64decode(embedding, validate=True)
        return struct.unpack(f"<{len(raw) // 4}f", raw)
    return tuple(float(value) for value in embedding)


def _without_zeros(scores: Mapping[str, float]) -> dict[str, float]:
    return {name: score for name, score in scores.items() if score}


EMBED = Embed()
RERANK = Rerank()
MODERATE = Moderate()
MODELS = Models()
