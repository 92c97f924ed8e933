"""The provider: a server elsewhere, or the models of this machine, each behind its own child."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from pydantic import BaseModel, HttpUrl

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.chat.response import ChatChunk, ChatCompletion
from dinrail_core.api.completions import CompletionModel, CompletionRequest, TextCompletion
from dinrail_core.api.embeddings import Embedder, EmbeddingRequest, EmbeddingResponse
from dinrail_core.api.provider import Checked, Health, ModelInfo, ModelLibrary, ModelSource, PullProgress, State
from dinrail_core.errors import DinrailError, ModelNotFound, Unavailable
from dinrail_core.hooks import Context
from dinrail_llamacpp.chat import Chat
from dinrail_llamacpp.completions import Completions
from dinrail_llamacpp.embeddings import embed
from dinrail_llamacpp.found import LocalModel, find_models
from dinrail_llamacpp.plugin import LlamaCppConfig
from dinrail_llamacpp.pull.library import Library
from dinrail_llamacpp.running import Limits
from dinrail_llamacpp.supervision import Supervisor
from dinrail_llamacpp.traits import Traits, local_traits
from dinrail_sdk.openai import read_models
from dinrail_sdk.upstream import Upstream, UpstreamConfig, connect

__all__ = ["Elsewhere", "Here", "LlamaCpp", "open_provider"]

T = TypeVar("T", bound=BaseModel)

_LOOK = 1.0


@dataclass(frozen=True, slots=True)
class Served:
    """A model that can be asked now: where, and what is known of it."""

    upstream: Upstream
    traits: Traits


class LlamaCpp(ChatModel, CompletionModel, Embedder, ModelSource, ModelLibrary, Checked, ABC):
    """What is the same wherever the models run."""

    @abstractmethod
    def served(self, model: str, contract: type, call: Call) -> AbstractAsyncContextManager[Served]:
        """Have a model for as long as it is used.

        Raises:
            ModelNotFound: It is not there, or does not serve ``contract``.
            UpstreamError: It cannot be had now, or is lost while it is used.
        """

    def own(self, call: Call) -> Call:
        """The call as the upstream is to see it."""
        return call

    async def complete(self, request: ChatRequest, call: Call) -> Answer[ChatCompletion]:
        async with self.served(request.model, ChatModel, call) as at:
            return await Chat(at.upstream, at.traits).complete(request, self.own(call))

    async def stream(self, request: ChatRequest, call: Call) -> Stream[ChatChunk]:
        async with AsyncExitStack() as stack:
            at = await stack.enter_async_context(self.served(request.model, ChatModel, call))
            return _held(await Chat(at.upstream, at.traits).stream(request, self.own(call)), stack.pop_all())
        raise AssertionError("a lease lets no error pass")

    async def complete_text(self, request: CompletionRequest, call: Call) -> Answer[TextCompletion]:
        async with self.served(request.model, CompletionModel, call) as at:
            return await Completions(at.upstream, at.traits).complete(request, self.own(call))

    async def stream_text(self, request: CompletionRequest, call: Call) -> Stream[TextCompletion]:
        async with AsyncExitStack() as stack:
            at = await stack.enter_async_context(self.served(request.model, CompletionModel, call))
            return _held(await Completions(at.upstream, at.traits).stream(request, self.own(call)), stack.pop_all())
        raise AssertionError("a lease lets no error pass")

    async def embed(self, request: EmbeddingRequest, call: Call) -> Answer[EmbeddingResponse]:
        async with self.served(request.model, Embedder, call) as at:
            return await embed(at.upstream, request, self.own(call))


class Here(LlamaCpp):
    """Models of this machine.

    Args:
        config: The operator's.
        context: The instance's.
    """

    def __init__(self, config: LlamaCppConfig, context: Context) -> None:
        self._config = config
        self._context = context
        limits = Limits(config.start_timeout, config.total_timeout)
        self._supervisor = Supervisor(context.data_dir, limits, config.max_loaded)
        self._library = Library(config, context)
        self._found: Mapping[str, LocalModel] = {}

    async def close(self) -> None:
        """End all children."""
        await self._supervisor.close()

    def own(self, call: Call) -> Call:
        """Without a key of the caller's, which a child of ours does not know."""
        return replace(call, upstream_key=None)

    @asynccontextmanager
    async def served(self, model: str, contract: type, call: Call) -> AsyncIterator[Served]:
        local = self._found.get(model) or (await self._look()).get(model)
        if local is None:
            raise ModelNotFound(
                f"There is no model '{model}' here; 'dinrail models' lists those that are, "
                "'dinrail models pull' fetches more.",
                param="model",
            )
        if contract not in _contracts(local):
            raise ModelNotFound(f"The model '{model}' does not serve this API.", param="model")
        async with self._supervisor.lease(local, call) as upstream:
            yield Served(upstream, local_traits(local.config))

    async def models(self) -> Sequence[ModelInfo]:
        found = await self._look()
        return [
            ModelInfo(
                local.name,
                contracts=_contracts(local),
                created=local.created,
                context_length=local.config.context,
            )
            for local in found.values()
        ]

    async def health(self) -> Health:
        found = await self._look()
        lost = [name for name, config in self._config.models.items() if name not in found]
        if lost:
            return Health(State.DEGRADED, f"no file of the model {', '.join(sorted(lost))}")
        if not found:
            return Health(State.DEGRADED, "no model; run 'dinrail models pull smollm2'")
        failing = [one.model.name for one in self._supervisor.models if one.failing]
        if failing:
            return Health(State.DEGRADED, f"the process of the model {', '.join(sorted(failing))} died")
        return Health(State.READY)

    def pull(self, name: str) -> AsyncGenerator[PullProgress, None]:
        return self._library.pull(name)

    async def _look(self) -> Mapping[str, LocalModel]:
        """See which models are there now; files come and go without a restart."""
        self._found = await asyncio.to_thread(find_models, self._config.models, self._context.data_dir)
        return self._found


class Elsewhere(LlamaCpp):
    """A llama.cpp server that somebody else runs.

    Args:
        upstream: The server.
        traits: What the operator says of its models.
    """

    def __init__(self, upstream: Upstream, traits: Traits) -> None:
        self._upstream = upstream
        self._served = Served(upstream, traits)

    @asynccontextmanager
    async def served(self, model: str, contract: type, call: Call) -> AsyncIterator[Served]:
        yield self._served

    async def models(self) -> Sequence[ModelInfo]:
        return read_models(await self._upstream.get("models", Call()))

    async def health(self) -> Health:
        try:
            async with asyncio.timeout(_LOOK):
                await self._upstream.get("models", Call())
        except TimeoutError:
            return Health(State.UNREACHABLE, "it does not answer within a second")
        except DinrailError as error:
            return Health(State.UNREACHABLE, error.message)
        return Health(State.READY)

    async def pull(self, name: str) -> AsyncGenerator[PullProgress, None]:
        raise Unavailable("This instance is a server elsewhere; models are fetched where it runs.")
        yield PullProgress(0, None)  # makes this a generator, as the contract wants it


@asynccontextmanager
async def open_provider(config: LlamaCppConfig, context: Context) -> AsyncIterator[LlamaCpp]:
    """Open an instance; nothing is loaded before it is asked for."""
    if config.url is None:
        here = Here(config, context)
        try:
            yield here
        finally:
            await here.close()
        return
    root = str(config.url).rstrip("/").removesuffix("/v1")
    there = UpstreamConfig(
        base_url=HttpUrl(f"{root}/v1"),
        api_key=config.api_key,
        # An answer that is not streamed comes at its end, as one piece.
        first_byte_timeout=config.total_timeout,
        total_timeout=config.total_timeout,
    )
    async with connect(there) as upstream:
        yield Elsewhere(upstream, Traits(config.tool_calls, config.tool_rounds))


def _contracts(local: LocalModel) -> frozenset[type]:
    return frozenset({Embedder}) if local.config.embedding else frozenset({ChatModel, CompletionModel})


def _held(stream: Stream[T], lease: AsyncExitStack) -> Stream[T]:
    """A stream that gives up its lease when it ends or is closed."""

    async def close() -> None:
        try:
            await stream.aclose()
        finally:
            await lease.aclose()

    return Stream(stream.wire, reads=_reads(stream, lease), headers=stream.headers, close=close)


async def _reads(stream: Stream[T], lease: AsyncExitStack) -> AsyncGenerator[bytes, None]:
    async with lease, aclosing(stream):
        async for read in stream.reads():
            yield read
