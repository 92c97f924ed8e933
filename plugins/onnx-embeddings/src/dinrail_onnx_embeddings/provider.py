"""Embeddings and reranking with a model in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Self

from dinrail_core.api.answers import Answer
from dinrail_core.api.call import Call
from dinrail_core.api.embeddings import Embedder, EmbeddingRequest, EmbeddingResponse
from dinrail_core.api.provider import Checked, Health, ModelInfo, ModelSource, State
from dinrail_core.api.rerank import Reranker, RerankRequest, RerankResponse
from dinrail_core.api.wire import MISSING
from dinrail_core.errors import (
    ConfigurationError,
    ContextLengthExceeded,
    InvalidRequest,
    ModelNotFound,
    UnsupportedFeature,
    UpstreamTimeout,
)
from dinrail_onnx_embeddings.files import ModelFiles, default_files
from dinrail_onnx_embeddings.plugin import OnnxEmbeddingsConfig
from dinrail_onnx_embeddings.worker import Worker

if TYPE_CHECKING:
    from dinrail_onnx_embeddings.model import SentenceModel, Tokens

__all__ = ["OnnxEmbeddings"]

_GROUP_CHARACTERS = 65_536
"""How much text is tokenized in one step, so that requests take turns in the thread."""
_CHARACTERS_PER_TOKEN = 100
"""No token has more characters (WordPiece knows no longer words). A text with more than this for each token that it may
have is refused uncounted: counting sixteen megabytes takes seconds."""
_DOCUMENT_CHARACTERS_PER_TOKEN = 32
"""How many characters of a document are looked at for each token that is: generous for any language."""
_MAX_DOCUMENTS = 2048


class OnnxEmbeddings(Embedder, Reranker, ModelSource, Checked):
    """One model; loaded in its thread at the first use.

    Args:
        config: The model and the limits.
        files: The model's files.
    """

    def __init__(self, config: OnnxEmbeddingsConfig, files: ModelFiles) -> None:
        self._config = config
        self._files = files
        self._worker = Worker(
            self._load,
            name=config.name,
            max_batch_tokens=config.max_batch_tokens,
            max_waiting_tokens=config.max_waiting_tokens,
        )

    @classmethod
    @asynccontextmanager
    async def opened(cls, config: OnnxEmbeddingsConfig, instance: str) -> AsyncIterator[Self]:
        """The provider of an instance, until the block is left.

        Raises:
            ConfigurationError: A file is not there.
        """
        files = _files(config)
        missing = files.missing()
        if missing is not None:
            key = "model" if missing == files.model else "tokenizer"
            raise ConfigurationError(f"there is no file {missing}", key=f"providers.{instance}.{key}")
        provider = cls(config, files)
        async with provider._worker.running():
            yield provider

    async def models(self) -> Sequence[ModelInfo]:
        contracts: frozenset[type] = frozenset({Embedder, Reranker})
        return [ModelInfo(id=self._config.name, contracts=contracts, context_length=self._config.max_tokens)]

    async def health(self) -> Health:
        reason = self._worker.failure
        return Health(State.DEGRADED, reason) if reason else Health(State.READY)

    async def embed(self, request: EmbeddingRequest, call: Call) -> Answer[EmbeddingResponse]:
        self._check_model(request.model)
        texts, names = _texts(request)
        form = "float" if request.encoding_format is MISSING else request.encoding_format
        dimensions = None if request.dimensions is MISSING else request.dimensions
        async with _until(call):
            if dimensions is not None:
                await self._worker.run(lambda model: _check_dimensions(dimensions, model))
            tokens = await self._tokenized(texts, names)
            vectors = await self._worker.vectors(tokens)

            def encode(model: SentenceModel) -> bytes:
                from dinrail_onnx_embeddings.encoding import embeddings_body

                return embeddings_body(
                    model.matrix(vectors, dimensions), form, model=self._config.name, tokens=model.count(tokens)
                )

            return Answer(EmbeddingResponse, body=await self._worker.run(encode))

    async def rerank(self, request: RerankRequest, call: Call) -> Answer[RerankResponse]:
        self._check_model(request.model)
        if not request.query.strip():
            raise InvalidRequest("The query is empty.", param="query")
        if len(request.documents) > _MAX_DOCUMENTS:
            raise InvalidRequest(f"At most {_MAX_DOCUMENTS} documents can be ranked at once.", param="documents")
        asked = request.max_tokens_per_doc if isinstance(request.max_tokens_per_doc, int) else None
        async with _until(call):
            (query,) = await self._tokenized([request.query], ["query"])
            room = self._config.max_tokens - await self._worker.run(lambda model: model.special_tokens)
            most = (asked or room) * _DOCUMENT_CHARACTERS_PER_TOKEN
            texts = [(one if isinstance(one, str) else one.text)[:most] for one in request.documents]
            documents = [tokens for group in _groups(texts) for tokens in await self._worker.tokenize(group, asked)]
            # One window of each document by default; as many as it takes where the caller says how far to look.
            windows = [
                (owner, tokens[start : start + room])
                for owner, tokens in enumerate(documents)
                for start in range(0, min(len(tokens), asked or room), room)
            ]
            inputs = [query, *(tokens for _, tokens in windows)]
            vectors = await self._worker.vectors(inputs)

            def rank(model: SentenceModel) -> bytes:
                from dinrail_onnx_embeddings.encoding import ranking_body
                from dinrail_onnx_embeddings.ranking import bm25, cosines, relevance

                meaning = cosines(vectors[0], vectors[1:], [owner for owner, _ in windows], len(documents))
                scores = relevance(meaning, bm25(request.query, texts, asked), self._config.bm25_weight)
                return ranking_body(request, scores, model=self._config.name, tokens=model.count(inputs))

            return Answer(RerankResponse, body=await self._worker.run(rank))

    def _check_model(self, name: str) -> None:
        if name != self._config.name:
            raise ModelNotFound(f"The model '{name}' is not here; this is '{self._config.name}'.", param="model")

    async def _tokenized(self, texts: Sequence[str], names: Sequence[str]) -> list[Tokens]:
        """The tokens of each text.

        Raises:
            ContextLengthExceeded: A text has too many; ``param`` is its name.
        """
        most = self._config.max_tokens
        for text, name in zip(texts, names, strict=True):
            if len(text) > most * _CHARACTERS_PER_TOKEN:
                raise _too_long(name, most, f"{len(text)} characters, which are more")
        room = most - await self._worker.run(lambda model: model.special_tokens)
        found: list[Tokens] = []
        for group in _groups(texts):
            for tokens in await self._worker.tokenize(group):
                if len(tokens) > room:
                    raise _too_long(names[len(found)], most, str(len(tokens) + most - room))
                found.append(tokens)
        return found

    def _load(self) -> SentenceModel:
        """In the worker's thread: the imports take longer than the model."""
        from dinrail_onnx_embeddings.model import SentenceModel

        config = self._config
        return SentenceModel(self._files, pooling=config.pooling, normalize=config.normalize, threads=config.threads)


def _files(config: OnnxEmbeddingsConfig) -> ModelFiles:
    if config.model is None:
        return default_files()
    model = config.model.expanduser()
    return ModelFiles(model, config.tokenizer.expanduser() if config.tokenizer else model.with_name("tokenizer.json"))


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
        message = (
            "This model takes text, not tokens: the numbers that clients send belong to OpenAI's vocabulary. "
            "(LangChain sends text with check_embedding_ctx_length=False.)"
        )
        raise UnsupportedFeature(message, param="input")
    return texts, [f"input.{index}" for index in range(len(texts))]


def _check_dimensions(dimensions: int, model: SentenceModel) -> None:
    if dimensions > model.dimensions:
        message = f"This model's vectors have {model.dimensions} dimensions; {dimensions} are more."
        raise InvalidRequest(message, param="dimensions")


def _too_long(name: str, most: int, has: str) -> ContextLengthExceeded:
    message = f"This model takes at most {most} tokens in one text; {name} has {has}. Shorten or split it."
    return ContextLengthExceeded(message, param=name)


def _groups(texts: Sequence[str]) -> Iterator[list[str]]:
    """The texts in order, in groups of so many characters (one text at least)."""
    group: list[str] = []
    size = 0
    for text in texts:
        if group and size + len(text) > _GROUP_CHARACTERS:
            yield group
            group, size = [], 0
        group.append(text)
        size += len(text)
    if group:
        yield group


@asynccontextmanager
async def _until(call: Call) -> AsyncIterator[None]:
    """Stop at the call's deadline.

    Raises:
        UpstreamTimeout: It has passed.
    """
    try:
        async with asyncio.timeout(call.remaining()):
            yield
    except TimeoutError:
        raise UpstreamTimeout("The model was not done in time.") from None
