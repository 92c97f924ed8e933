"""Embeddings, batch by batch, so that requests take turns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from dinrail_core.api.answers import Answer
from dinrail_core.api.call import Call
from dinrail_core.api.embeddings import EmbeddingRequest, EmbeddingResponse
from dinrail_core.api.wire import MISSING
from dinrail_core.errors import ContextLengthExceeded, InvalidRequest, UnsupportedFeature
from dinrail_transformers.answers import embeddings_body
from dinrail_transformers.sentence_model import batches_of
from dinrail_transformers.waiting import until
from dinrail_transformers.worker import Worker

if TYPE_CHECKING:
    from dinrail_transformers.sentence_model import SentenceModel

__all__ = ["Embeddings"]

_CHARACTERS_PER_TOKEN = 200
"""A text with more than this for each token that it may have is refused uncounted: counting megabytes takes seconds."""


class Embeddings:
    """Embeds texts with one model.

    Args:
        worker: Its thread.
        name: What requests call it.
        batch_tokens: The most tokens of a pass.
        patience: Seconds for a whole request.
    """

    def __init__(self, worker: Worker[SentenceModel], name: str, batch_tokens: int, patience: float) -> None:
        self._worker = worker
        self._name = name
        self._batch_tokens = batch_tokens
        self._patience = patience

    async def embed(self, request: EmbeddingRequest, call: Call) -> Answer[EmbeddingResponse]:
        """See :meth:`~dinrail_core.api.embeddings.Embedder.embed`."""
        texts, names = _texts(request)
        form = "float" if request.encoding_format is MISSING else request.encoding_format
        dimensions = None if request.dimensions is MISSING else request.dimensions
        vectors: list[list[float]] = [[] for _ in texts]

        def tokenized(model: SentenceModel) -> list[list[int]]:
            if dimensions is not None and dimensions > model.dimensions:
                message = f"This model's vectors have {model.dimensions} dimensions; {dimensions} are more."
                raise InvalidRequest(message, param="dimensions")
            return _tokens(model, texts, names)

        async with until(call, self._patience):
            with self._worker.place() as turn:
                tokens = await turn.run(tokenized)
                for batch in batches_of(tokens, self._batch_tokens):
                    found = await turn.run(partial(_embedded, [tokens[index] for index in batch], dimensions))
                    for index, vector in zip(batch, found, strict=True):
                        vectors[index] = vector
                count = sum(map(len, tokens))
                body = await turn.run(lambda _: embeddings_body(vectors, form, model=self._name, tokens=count))
        return Answer(EmbeddingResponse, body=body)


def _embedded(texts: Sequence[list[int]], dimensions: int | None, model: SentenceModel) -> list[list[float]]:
    return model.embed(texts, dimensions)


def _texts(request: EmbeddingRequest) -> tuple[list[str], list[str]]:
    """The texts, and what each is called in an error.

    Raises:
        UnsupportedFeature: They are tokens. Clients that send tokens use the vocabulary of OpenAI's models, and here
            those numbers mean other words.
    """
    given = request.input
    if isinstance(given, str):
        return [given], ["input"]
    texts = [text for text in given if isinstance(text, str)]
    if len(texts) != len(given):
        message = "This model takes text, not tokens: the numbers that clients send belong to OpenAI's vocabulary."
        raise UnsupportedFeature(message, param="input")
    return texts, [f"input.{index}" for index in range(len(texts))]


def _tokens(model: SentenceModel, texts: Sequence[str], names: Sequence[str]) -> list[list[int]]:
    for text, name in zip(texts, names, strict=True):
        if len(text) > model.context * _CHARACTERS_PER_TOKEN:
            raise _too_long(name, model.context, f"{len(text)} characters, which are more")
    found = model.tokenize(texts)
    for tokens, name in zip(found, names, strict=True):
        if not tokens:
            raise InvalidRequest("The text has no tokens.", param=name)
        if len(tokens) > model.context:
            raise _too_long(name, model.context, str(len(tokens)))
    return found


def _too_long(name: str, most: int, has: str) -> ContextLengthExceeded:
    message = f"This model takes at most {most} tokens in one text; {name} has {has}. Shorten or split it."
    return ContextLengthExceeded(message, param=name)
