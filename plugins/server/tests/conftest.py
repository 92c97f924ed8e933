"""A small rail with a scripted provider, and the server on a port of its own."""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any, TypeVar, cast

import aiohttp
import pytest

from dinrail_core.api.access import Access, AuditEvent, Authenticator, Meter, Policy
from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call, Principal
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.chat.response import ChatChunk, ChatCompletion
from dinrail_core.api.completions import CompletionModel, CompletionRequest, TextCompletion
from dinrail_core.api.embeddings import Embedder, EmbeddingRequest, EmbeddingResponse
from dinrail_core.api.models import Model
from dinrail_core.api.moderations import ModerationRequest, ModerationResponse, Moderator
from dinrail_core.api.providers import PluginStatus, ProviderStatus
from dinrail_core.api.rerank import Reranker, RerankRequest, RerankResponse
from dinrail_core.errors import ModelNotFound, NotFound, NothingServes, RateLimited, Unauthenticated, Unavailable
from dinrail_core.hooks.context import MayUse, Price, Rail, Target
from dinrail_core.hooks.http import Route, RouteGroup
from dinrail_server.access_log import AccessLog
from dinrail_server.app import App
from dinrail_server.config import ServerConfig
from dinrail_server.routes import ROUTES
from dinrail_server.serving import Serving, bind, listening

T = TypeVar("T")


def chunk(text: str = "", **fields: Any) -> ChatChunk:
    choices = [{"index": 0, "delta": {"content": text}, "finish_reason": None}]
    base = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices}
    return ChatChunk.model_validate(base | fields)


def completion(text: str = "Hello.") -> ChatCompletion:
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    return ChatCompletion.model_validate(
        {
            "id": "c1",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [choice],
            "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        }
    )


@dataclass
class Scripted(ChatModel, CompletionModel, Embedder, Reranker, Moderator):
    """Answers as the test says, and remembers what it was asked."""

    asked: list[Any] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    before: Callable[[], Awaitable[None]] | None = None
    """Awaited before every answer: raise, wait, or hang here."""
    pieces: Callable[[], AsyncGenerator[bytes, None]] | None = None
    """The bytes of a stream."""
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the stream, or what waits in ``before``, has been ended."""
    answer: Answer[Any] | None = None

    async def _take(self, request: Any, call: Call) -> None:
        self.asked.append(request)
        self.calls.append(call)
        if self.before is not None:
            try:
                await self.before()
            finally:
                self.closed.set()

    async def complete(self, request: ChatRequest, call: Call) -> Answer[ChatCompletion]:
        await self._take(request, call)
        return self.answer or Answer.of(completion())

    async def stream(self, request: ChatRequest, call: Call) -> Stream[ChatChunk]:
        await self._take(request, call)
        return Stream(ChatChunk, reads=self._guarded())

    async def _guarded(self) -> AsyncGenerator[bytes, None]:
        source = (self.pieces or self._three)()
        try:
            async for piece in source:
                yield piece
        finally:
            await source.aclose()
            self.closed.set()

    async def _three(self) -> AsyncGenerator[bytes, None]:
        for text in ("Hel", "lo", "."):
            yield b"data: %b\n\n" % chunk(text).model_dump_json().encode()

    async def complete_text(self, request: CompletionRequest, call: Call) -> Answer[TextCompletion]:
        await self._take(request, call)
        return Answer.of(self._text())

    async def stream_text(self, request: CompletionRequest, call: Call) -> Stream[TextCompletion]:
        await self._take(request, call)

        async def values() -> AsyncGenerator[TextCompletion, None]:
            yield self._text()

        return Stream.of(TextCompletion, values())

    @staticmethod
    def _text() -> TextCompletion:
        choice = {"index": 0, "text": "Hi.", "finish_reason": "stop", "logprobs": None}
        return TextCompletion.model_validate(
            {"id": "t1", "object": "text_completion", "created": 1, "model": "m", "choices": [choice]}
        )

    async def embed(self, request: EmbeddingRequest, call: Call) -> Answer[EmbeddingResponse]:
        await self._take(request, call)
        vector = "AACAPwAAAEA=" if request.encoding_format == "base64" else [1.0, 2.0]
        return Answer.of(
            EmbeddingResponse.model_validate(
                {
                    "object": "list",
                    "data": [{"object": "embedding", "index": 0, "embedding": vector}],
                    "model": "m",
                    "usage": {"prompt_tokens": 1, "total_tokens": 1},
                }
            )
        )

    async def rerank(self, request: RerankRequest, call: Call) -> Answer[RerankResponse]:
        await self._take(request, call)
        results = [{"index": n, "relevance_score": 1.0 / (n + 1)} for n in range(len(request.documents))]
        return Answer.of(RerankResponse.model_validate({"id": "r1", "model": "m", "results": results}))

    async def moderate(self, request: ModerationRequest, call: Call) -> Answer[ModerationResponse]:
        await self._take(request, call)
        return Answer.of(ModerationResponse.model_validate({"id": "m1", "model": "m", "results": []}))


class SmallRail(Rail):
    """One instance ``local`` with the models ``m`` and ``org/m``."""

    def __init__(self, provider: Scripted) -> None:
        self.provider_object = provider
        self.missing: set[type] = set()
        self.names = ["m", "org/m"]
        self.takes_any_name = False
        self.slow = 0.0
        self.prices: dict[str, Price] = {}
        self.set_aside = "opening it failed (RuntimeError: broken)"

    async def resolve(self, contract: type[T], model: str) -> Target[T]:
        if contract in self.missing:
            raise NothingServes(f"No installed plugin provides a {contract.__name__}. Install one that does.")
        name = model.removeprefix("local/")
        if name not in self.names and not self.takes_any_name:
            raise ModelNotFound(f"The model '{model}' does not exist or you do not have access to it.", param="model")
        return Target(cast("T", self.provider_object), name, "local")

    def price(self, model: str) -> Price | None:
        return self.prices.get(model)

    def provides(self, contract: type) -> bool:
        return False

    async def service(self, contract: type[T]) -> T:
        raise NothingServes("There are no services.")

    async def models(self) -> Sequence[Model]:
        apis = sorted(base.__name__ for base in Scripted.__bases__ if base not in self.missing)
        return [Model(id=f"local/{name}", created=1, owned_by="local", apis=apis) for name in self.names]

    async def model(self, model: str) -> Model:
        for known in await self.models():
            if known.id == model:
                return known
        raise ModelNotFound(f"The model '{model}' does not exist.", param="model")

    async def providers(self) -> Sequence[ProviderStatus]:
        await asyncio.sleep(self.slow)
        return [await self.provider("local")]

    async def provider(self, name: str) -> ProviderStatus:
        if name != "local":
            raise NotFound(f"There is no provider '{name}'.")
        return ProviderStatus(
            id="local", type="scripted", distribution="tests", version="1", apis=["ChatModel"], status="ready", models=2
        )

    def plugins(self) -> Sequence[PluginStatus]:
        broken = PluginStatus(
            id="broken", distribution="broken-dist", version="1", state="failed", reason=self.set_aside, extends=[]
        )
        return [broken]

    def limited_to(self, may_use: MayUse) -> Rail:
        limited = copy.copy(self)
        limited.names = [name for name in self.names if may_use("local", name)]
        return limited


@dataclass
class Running:
    """A server under test."""

    serving: Serving
    app: App
    http: aiohttp.ClientSession

    @property
    def url(self) -> str:
        """Of the API."""
        return self.serving.url

    @property
    def root(self) -> str:
        """Of the server."""
        return self.serving.url.removesuffix("/v1")

    @property
    def port(self) -> int:
        return int(self.root.rpartition(":")[2])

    def post(self, path: str, body: bytes, **headers: str) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Send JSON; ``_`` in a header's name stands for ``-``."""
        fields = {"content-type": "application/json"} | {name.replace("_", "-"): v for name, v in headers.items()}
        return self.http.post(self.root + path, data=BytesIO(body), headers=fields)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A bare connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def exchange(self, data: bytes) -> bytes:
        """Send bytes on a connection of its own, and read until it ends."""
        async with self.connect() as (reader, writer):
            writer.write(data)
            return await asyncio.wait_for(reader.read(), 10)


class ListedPolicy(Policy):
    """Denies what it lists."""

    def __init__(self) -> None:
        self.denied: set[str] = set()

    @property
    def limits_models(self) -> bool:
        return bool(self.denied)

    def may_use(self, instance: str, model: str | None) -> bool:
        return f"{instance}/{model}" not in self.denied

    def may_call(self, method: str, path: str) -> bool:
        return f"{method} {path}" not in self.denied


class CountingMeter(Meter):
    """Lets in as many as it is told to."""

    def __init__(self) -> None:
        self.left = 2
        self.inside = 0
        self.tokens: list[int] = []

    @property
    def counts_tokens(self) -> bool:
        return True

    async def enter(self) -> None:
        if not self.left:
            raise RateLimited("Too many.", retry_after=1.5)
        self.left -= 1
        self.inside += 1

    def leave(self, tokens: int) -> None:
        self.inside -= 1
        self.tokens.append(tokens)

    def headers(self) -> dict[str, str]:
        return {"x-ratelimit-remaining-requests": str(self.left)}


class Doorman(Authenticator):
    """Knows those who are listed in ``callers`` by their credential."""

    def __init__(self) -> None:
        self.required = True
        self.upstream_keys = False
        self.rules = ListedPolicy()
        self.callers: dict[str, Access] = {"ann": Access(Principal("acme", "ann"), "key_ann", self.rules)}
        self.remembered: set[str] = set()
        self.asked = 0
        self.events: list[AuditEvent] = []
        self.down = False

    def recall(self, headers: Mapping[str, str]) -> Access | None:
        shown = headers.get("Authorization", "").removeprefix("Bearer ")
        return self.callers.get(shown) if shown in self.remembered else None

    async def identify(self, headers: Mapping[str, str]) -> Access:
        self.asked += 1
        if self.down:
            raise Unavailable("Nobody can be told apart.", retry_after=2)
        shown = headers.get("Authorization", "").removeprefix("Bearer ")
        if shown not in self.callers:
            raise Unauthenticated("Who is that?")
        self.remembered.add(shown)
        return self.callers[shown]

    def policy(self, principal: Principal) -> Policy:
        return self.rules

    def record(self, event: AuditEvent) -> None:
        self.events.append(event)


@pytest.fixture
def identity() -> Doorman:
    return Doorman()


@pytest.fixture
def meter(identity: Doorman) -> CountingMeter:
    """Counts what ann uses."""
    counting = CountingMeter()
    identity.callers["ann"] = replace(identity.callers["ann"], meter=counting)
    return counting


Start = Callable[..., Awaitable[Running]]


@pytest.fixture
def provider() -> Scripted:
    return Scripted()


@pytest.fixture
def rail(provider: Scripted) -> SmallRail:
    return SmallRail(provider)


@pytest.fixture
async def start(rail: SmallRail) -> AsyncIterator[Start]:
    """Starts servers: ``await start(max_body_bytes=1024)``."""
    async with AsyncExitStack() as stack:

        async def begin(
            *,
            routes: Sequence[Route | RouteGroup] = ROUTES,
            log: AccessLog | None = None,
            identity: Authenticator | None = None,
            **config: Any,
        ) -> Running:
            settings = ServerConfig(port=0, **config)
            return await stack.enter_async_context(_running(rail, routes, log, settings, identity))

        yield begin


@asynccontextmanager
async def _running(
    rail: Rail,
    routes: Sequence[Route | RouteGroup],
    log: AccessLog | None,
    config: ServerConfig,
    identity: Authenticator | None,
) -> AsyncIterator[Running]:
    app = App(rail, routes, config, log, identity)
    async with listening(app, config, bind(config)) as serving, aiohttp.ClientSession() as http:
        yield Running(serving, app, http)


@pytest.fixture(name="chunk")
def chunk_factory() -> Callable[..., ChatChunk]:
    return chunk


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    """Waits until something is so, for ten seconds at most."""

    async def wait(holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not holds():
                await asyncio.sleep(0.005)

    return wait
