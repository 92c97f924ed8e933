"""Texts to vectors, by whatever model a store uses."""

from __future__ import annotations

import sys
from array import array
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass

from dinrail_core.api.call import Call
from dinrail_core.api.embeddings import Embedder, EmbeddingRequest, EmbeddingResponse
from dinrail_core.api.wire import MISSING
from dinrail_core.errors import ContextLengthExceeded, InvalidRequest, ModelNotFound, NothingServes, UpstreamInvalid
from dinrail_core.hooks import Rail

__all__ = ["EmbeddingModel", "Embeddings"]

_SHORTEST = 64
"""Characters of a text that is not halved any further."""


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """A model, and the length of its vectors.

    Attributes:
        id: The model's id.
        dimension: How many numbers its vectors have.
        shortened: Whether it has to be asked for that length.
    """

    id: str
    dimension: int
    shortened: bool = False


class Embeddings:
    """Embeds texts.

    Args:
        rail: Where models are.
        default: The model where none is named; the first that embeds for ``None``.
    """

    def __init__(self, rail: Rail, default: str | None) -> None:
        self._rail = rail
        self._default = default
        self._native: dict[str, int] = {}

    async def choose(self, named: str | None, dimension: int | None, call: Call) -> EmbeddingModel:
        """The model that a store is to use, with the length of its vectors, which is measured.

        Raises:
            InvalidRequest: It has no vectors of that dimension.
            ModelNotFound: There is no such model.
            NothingServes: No model embeds.
        """
        model = named or self._default or await self._first()
        try:
            native = self._native.get(model)
            if native is None:
                native = await self._measure(EmbeddingModel(model, 0), call)
                self._native[model] = native
        except ModelNotFound as error:
            error.param = "embedding_model"
            raise
        if dimension is None or dimension == native:
            return EmbeddingModel(model, native)
        refusal = f"The model '{model}' has vectors of {native} dimensions and cannot make such of {dimension}."
        wanted = EmbeddingModel(model, dimension, shortened=True)
        try:
            measured = await self._measure(wanted, call)
        except InvalidRequest as error:
            raise InvalidRequest(refusal, param="embedding_dimension") from error
        if measured != dimension:
            raise InvalidRequest(refusal, param="embedding_dimension")
        return wanted

    async def most_tokens(self, model: str) -> int | None:
        """The most tokens that a chunk should have for a model, where it says how many it takes."""
        try:
            length = (await self._rail.model(model)).context_length
        except ModelNotFound:
            return None
        return length * 3 // 4 if isinstance(length, int) else None

    async def embed(self, model: EmbeddingModel, texts: Sequence[str], call: Call) -> list[bytes]:
        """A vector (little-endian 32-bit floats) for each text.

        A text that is too long for the model is halved until its parts are not, and has their mean.

        Raises:
            ModelNotFound: The model is gone.
            UpstreamError: The model failed, or its vectors have another length now.
        """
        try:
            vectors = await self._ask(model, texts, call)
        except ContextLengthExceeded:
            if len(texts) > 1:
                half = len(texts) // 2
                return [*await self.embed(model, texts[:half], call), *await self.embed(model, texts[half:], call)]
            if len(texts[0]) <= _SHORTEST:
                raise
            return [await self._in_halves(model, texts[0], call)]
        for vector in vectors:
            if len(vector) != 4 * model.dimension:
                raise UpstreamInvalid(f"The model '{model.id}' made a vector of {len(vector) // 4} dimensions.")
        return vectors

    async def _in_halves(self, model: EmbeddingModel, text: str, call: Call) -> bytes:
        middle = len(text) // 2
        at = text.find(" ", middle) + 1
        middle = at if 0 < at < len(text) - 1 and at < middle + 100 else middle
        parts = [text[:middle], text[middle:]]
        vectors = [_floats(vector) for vector in await self.embed(model, parts, call)]
        return _bytes(array("f", (a + b for a, b in zip(*vectors, strict=True))))

    async def _measure(self, model: EmbeddingModel, call: Call) -> int:
        return len((await self._ask(model, ["dimension"], call))[0]) // 4

    async def _ask(self, model: EmbeddingModel, texts: Sequence[str], call: Call) -> list[bytes]:
        target = await self._rail.resolve(Embedder, model.id)
        request = EmbeddingRequest(
            model=target.model,
            input=list(texts),
            encoding_format="base64",
            dimensions=model.dimension if model.shortened else MISSING,
        )
        answer = (await target.provider.embed(request, call)).value
        return _vectors(answer, len(texts))

    async def _first(self) -> str:
        for model in await self._rail.models():
            if isinstance(model.apis, list) and Embedder.__name__ in model.apis:
                return model.id
        raise NothingServes("No provider has a model that embeds texts, which vector stores need.")


def _vectors(answer: EmbeddingResponse, count: int) -> list[bytes]:
    found: list[bytes | None] = [None] * count
    for one in answer.data:
        if 0 <= one.index < count:
            text = one.embedding
            found[one.index] = b64decode(text) if isinstance(text, str) else _bytes(array("f", text))
    vectors = [vector for vector in found if vector]
    if len(vectors) != count:
        raise UpstreamInvalid("The upstream's embeddings are not one for each text.")
    return vectors


def _bytes(numbers: array[float]) -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _floats(vector: bytes) -> array[float]:
    numbers = array("f")
    numbers.frombytes(vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
