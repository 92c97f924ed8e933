"""The provider: models by name, each with a thread of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Self, TypeVar

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.chat.response import ChatChunk, ChatCompletion
from dinrail_core.api.completions import CompletionModel, CompletionRequest, TextCompletion
from dinrail_core.api.embeddings import Embedder, EmbeddingRequest, EmbeddingResponse
from dinrail_core.api.provider import Checked, Health, ModelInfo, ModelSource, State
from dinrail_core.errors import ConfigurationError, ModelNotFound
from dinrail_transformers.answering import Answering
from dinrail_transformers.chats import Chats
from dinrail_transformers.embeddings import Embeddings
from dinrail_transformers.loading import read_settings, told_context
from dinrail_transformers.plugin import ModelConfig, TransformersConfig
from dinrail_transformers.texts import Texts
from dinrail_transformers.worker import Worker

if TYPE_CHECKING:
    from dinrail_transformers.language_model import LanguageModel
    from dinrail_transformers.sentence_model import SentenceModel

__all__ = ["Transformers"]

T = TypeVar("T")


class Transformers(ChatModel, CompletionModel, Embedder, ModelSource, Checked):
    """Models in this process; each is loaded in its thread at its first use.

    Args:
        config: The models and the limits.
    """

    def __init__(self, config: TransformersConfig) -> None:
        self._config = config
        self._chats: dict[str, Chats] = {}
        self._texts: dict[str, Texts] = {}
        self._embeddings: dict[str, Embeddings] = {}
        self._workers: dict[str, Worker[Any]] = {}
        for name, model in config.models.items():
            worker: Worker[Any] = Worker(partial(_load, model, config), name=name, most=config.max_waiting)
            self._workers[name] = worker
            if model.embedding:
                self._embeddings[name] = Embeddings(worker, name, model.batch_tokens, config.total_timeout)
            else:
                answering = Answering(worker, config.total_timeout)
                self._chats[name] = Chats(answering, name, model.max_tokens)
                self._texts[name] = Texts(answering, name)

    @classmethod
    @asynccontextmanager
    async def opened(cls, config: TransformersConfig, instance: str) -> AsyncIterator[Self]:
        """The provider of an instance, until the block is left.

        Raises:
            ConfigurationError: A folder is not there or holds no model, or a library is missing.
        """
        for library in ("torch", "transformers"):
            if find_spec(library) is None:
                raise ConfigurationError(f"{library} is not installed in this environment", key=f"providers.{instance}")
        for name, model in config.models.items():
            if model.folder is not None and not (model.folder / "config.json").is_file():
                key = f"providers.{instance}.models.{name}.source"
                raise ConfigurationError(f"there is no model in the folder {model.folder} (no config.json)", key=key)
        provider = cls(config)
        async with AsyncExitStack() as stack:
            for worker in provider._workers.values():
                await stack.enter_async_context(worker.running())
            yield provider

    async def models(self) -> Sequence[ModelInfo]:
        return [
            ModelInfo(
                id=name,
                contracts=frozenset({Embedder} if model.embedding else {ChatModel, CompletionModel}),
                context_length=self._context_of(name, model),
            )
            for name, model in self._config.models.items()
        ]

    async def health(self) -> Health:
        reasons = [worker.failure for worker in self._workers.values() if worker.failure]
        return Health(State.DEGRADED, "; ".join(reasons)) if reasons else Health(State.READY)

    async def complete(self, request: ChatRequest, call: Call) -> Answer[ChatCompletion]:
        return await self._found(self._chats, request.model, "answers no chats").complete(request, call)

    async def stream(self, request: ChatRequest, call: Call) -> Stream[ChatChunk]:
        return await self._found(self._chats, request.model, "answers no chats").stream(request, call)

    async def complete_text(self, request: CompletionRequest, call: Call) -> Answer[TextCompletion]:
        return await self._found(self._texts, request.model, "continues no texts").complete(request, call)

    async def stream_text(self, request: CompletionRequest, call: Call) -> Stream[TextCompletion]:
        return await self._found(self._texts, request.model, "continues no texts").stream(request, call)

    async def embed(self, request: EmbeddingRequest, call: Call) -> Answer[EmbeddingResponse]:
        return await self._found(self._embeddings, request.model, "makes no embeddings").embed(request, call)

    def _found(self, among: Mapping[str, T], name: str, lacks: str) -> T:
        if name not in among:
            known = name in self._config.models
            message = f"The model '{name}' {lacks}." if known else f"There is no model '{name}' here."
            raise ModelNotFound(message, param="model")
        return among[name]

    def _context_of(self, name: str, model: ModelConfig) -> int | None:
        """As the loaded model has it, or as its folder tells; a model of the hub is not known before it is loaded."""
        loaded: LanguageModel | SentenceModel | None = self._workers[name].model
        if loaded is not None:
            return loaded.context
        told = told_context(read_settings(model.folder)) if model.folder is not None else None
        lengths = [length for length in (told, model.context) if length is not None]
        return min(lengths, default=None)


def _load(model: ModelConfig, instance: TransformersConfig) -> LanguageModel | SentenceModel:
    """In the worker's thread: the imports alone take seconds."""
    if model.embedding:
        from dinrail_transformers.sentence_model import SentenceModel

        return SentenceModel(model, instance)
    from dinrail_transformers.language_model import LanguageModel

    return LanguageModel(model, instance)
