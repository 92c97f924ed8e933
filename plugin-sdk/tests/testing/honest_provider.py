"""A provider that does everything right, written with plain aiohttp and json, and made to be broken on purpose.

It shares no code with the SDK's own relay. Every step is a method, so that a wrong provider is this one with one of
them overridden, and what the suites find can only be that.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

import aiohttp
from pydantic import BaseModel

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.response import ChatChunk, ChatCompletion
from dinrail_core.api.completions import CompletionModel, TextCompletion
from dinrail_core.api.embeddings import Embedder, EmbeddingResponse
from dinrail_core.api.moderations import ModerationResponse, Moderator
from dinrail_core.api.provider import Checked, Health, ModelInfo, ModelSource, State
from dinrail_core.api.rerank import Reranker, RerankResponse
from dinrail_core.errors import (
    ContentFiltered,
    ContextLengthExceeded,
    DinrailError,
    InvalidRequest,
    ModelNotFound,
    RateLimited,
    UpstreamFailed,
    UpstreamInvalid,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from dinrail_core.hooks import Context, ProviderType, Secret

APIS = frozenset({ChatModel, CompletionModel, Embedder, Reranker, Moderator, ModelSource, Checked})
FRAME_LIMIT = 1 << 20
ABANDONED: list[aiohttp.ClientSession] = []
"""Sessions that a provider left open; whoever runs such a provider closes them, or the interpreter would complain."""


class HonestConfig(BaseModel, extra="forbid"):
    base_url: str
    api_key: Secret


class Honest(ChatModel, CompletionModel, Embedder, Reranker, Moderator, ModelSource, Checked):
    configuration: type[HonestConfig] = HonestConfig
    declared: frozenset[type] = APIS
    abandons_session = False

    def __init__(self, config: HonestConfig, session: aiohttp.ClientSession) -> None:
        self.config = config
        self.session = session

    async def opening(self) -> None:
        """Called before the provider is used."""

    # The contracts.

    async def complete(self, request: Any, call: Call) -> Answer[Any]:
        return await self.whole(ChatCompletion, "/chat/completions", request, call)

    async def stream(self, request: Any, call: Call) -> Stream[Any]:
        return await self.streamed(ChatChunk, "/chat/completions", request, call)

    async def complete_text(self, request: Any, call: Call) -> Answer[Any]:
        return await self.whole(TextCompletion, "/completions", request, call)

    async def stream_text(self, request: Any, call: Call) -> Stream[Any]:
        return await self.streamed(TextCompletion, "/completions", request, call)

    async def embed(self, request: Any, call: Call) -> Answer[Any]:
        return await self.whole(EmbeddingResponse, "/embeddings", request, call)

    async def rerank(self, request: Any, call: Call) -> Answer[Any]:
        return await self.whole(RerankResponse, "/rerank", request, call)

    async def moderate(self, request: Any, call: Call) -> Answer[Any]:
        return await self.whole(ModerationResponse, "/moderations", request, call)

    async def models(self) -> Sequence[ModelInfo]:
        data = self.parse(await self.fetch("GET", "/models", None, Call()))
        if not isinstance(data, dict) or not isinstance(data.get("data"), list):
            raise UpstreamInvalid("The upstream's list of models is no list.")
        return [self.model(entry) for entry in data["data"]]

    def model(self, entry: dict[str, Any]) -> ModelInfo:
        return ModelInfo(
            id=entry["id"],
            created=entry["created"],
            owned_by=entry["owned_by"],
            context_length=entry.get("max_model_len"),
        )

    async def health(self) -> Health:
        try:
            async with asyncio.timeout(0.9):
                await self.models()
        except TimeoutError:
            return Health(State.UNREACHABLE, "it does not answer")
        except DinrailError as error:
            return Health(State.UNREACHABLE, error.message)
        return Health(State.READY)

    # Whole answers.

    async def whole(self, wire: type[BaseModel], path: str, request: Any, call: Call) -> Answer[Any]:
        payload = self.edit_request(self.payload(request))
        payload.pop("stream", None)
        payload.pop("stream_options", None)
        body = await self.fetch("POST", path, payload, call)
        data = self.parse(body)
        if not isinstance(data, dict):
            raise UpstreamInvalid("The upstream's answer is no object.")
        with suppress(KeyError, TypeError, AttributeError):  # wrong types are for whoever looks at the typed view
            data = self.edit_answer(self.tidy(data, payload), payload)
        return self.answer(wire, data)

    def answer(self, wire: type[BaseModel], data: dict[str, Any]) -> Answer[Any]:
        return Answer(wire, body=json.dumps(data).encode())

    def tidy(self, data: dict[str, Any], payload: dict[str, Any]) -> dict[str, Any]:
        """What a rerank must be whatever the upstream thinks: sorted, cut."""
        if "query" in payload:
            data["results"].sort(key=lambda result: -result["relevance_score"])
            data["results"] = data["results"][: payload.get("top_n")]
        return data

    def payload(self, request: Any) -> dict[str, Any]:
        return dict(json.loads(request.model_dump_json()))

    def edit_request(self, payload: dict[str, Any]) -> dict[str, Any]:
        return payload

    def edit_answer(self, data: dict[str, Any], payload: dict[str, Any]) -> dict[str, Any]:
        return data

    def parse(self, body: bytes) -> Any:
        try:
            return json.loads(body)
        except ValueError:
            raise UpstreamInvalid("The upstream's answer is not JSON.") from None

    async def fetch(self, method: str, path: str, payload: dict[str, Any] | None, call: Call) -> bytes:
        async with asyncio.timeout(self.patience(call)) as patience:
            try:
                return await self.send(method, path, payload, call)
            except (TimeoutError, asyncio.CancelledError):
                if patience.expired():
                    raise UpstreamTimeout("The upstream did not answer in time.") from None
                raise
        raise AssertionError

    def patience(self, call: Call) -> float | None:
        return call.remaining()

    async def send(self, method: str, path: str, payload: dict[str, Any] | None, call: Call) -> bytes:
        try:
            async with self.session.request(
                method, self.config.base_url + path, json=payload, headers=self.headers(call)
            ) as response:
                body = await response.read()
        except aiohttp.ClientConnectionError as error:
            raise UpstreamUnavailable(f"The upstream cannot be reached ({type(error).__name__}).") from None
        except aiohttp.ClientError as error:
            raise UpstreamInvalid(f"The upstream's answer is broken ({type(error).__name__}).") from None
        if response.status != 200:
            raise self.refusal(response.status, dict(response.headers), body)
        return body

    def headers(self, call: Call) -> dict[str, str]:
        key = call.upstream_key or self.config.api_key
        return {"Authorization": f"Bearer {key.get_secret_value()}"}

    def refusal(self, status: int, headers: dict[str, str], body: bytes) -> DinrailError:
        try:
            said = json.loads(body)["error"]
        except (ValueError, KeyError, TypeError):
            said = {"message": "It says no.", "param": None, "code": None}
        wait = float(headers["Retry-After"]) if "Retry-After" in headers else None
        match status:
            case 400 if said["code"] == "context_length_exceeded":
                return ContextLengthExceeded(said["message"])
            case 400 if said["code"] == "content_filter":
                return ContentFiltered(said["message"])
            case 400:
                return InvalidRequest(said["message"], param=said["param"])
            case 401 | 403:
                return UpstreamRefused("The upstream does not accept our key.")
            case 404:
                return ModelNotFound(said["message"]) if said["code"] else UpstreamInvalid("There is no such address.")
            case 429:
                return RateLimited(said["message"], retry_after=wait)
            case 503:
                return UpstreamUnavailable("The upstream is overloaded.", retry_after=wait)
            case _:
                return UpstreamFailed(f"The upstream failed with {status}.")

    # Streams.

    async def streamed(self, wire: type[BaseModel], path: str, request: Any, call: Call) -> Stream[Any]:
        payload = self.edit_request(self.payload(request) | {"stream": True})
        response = await self.begin(path, payload, call)
        reads = self.reads(response, payload, call)

        async def close() -> None:
            response.close()

        return Stream(wire, reads=reads, close=close)

    async def begin(self, path: str, payload: dict[str, Any], call: Call) -> aiohttp.ClientResponse:
        async with asyncio.timeout(self.patience(call)) as patience:
            try:
                response = await self.session.post(
                    self.config.base_url + path, json=payload, headers=self.headers(call)
                )
            except aiohttp.ClientError as error:
                raise UpstreamUnavailable(f"The upstream cannot be reached ({type(error).__name__}).") from None
            except (TimeoutError, asyncio.CancelledError):
                if patience.expired():
                    raise UpstreamTimeout("The upstream did not answer in time.") from None
                raise
        if response.status != 200:
            raise self.refusal(response.status, dict(response.headers), await response.read())
        if response.content_type == "text/html":
            response.close()
            raise UpstreamInvalid("The upstream answered with a web page.")
        return response

    async def reads(
        self, response: aiohttp.ClientResponse, payload: dict[str, Any], call: Call
    ) -> AsyncGenerator[bytes, None]:
        unfinished: set[int] = set()
        begun = done = False
        wants_usage = bool((payload.get("stream_options") or {}).get("include_usage"))
        try:
            async for data in self.frames(response, call):
                if data == b"[DONE]":
                    done = True
                    break
                event = self.parse(data)
                if not isinstance(event, dict):
                    raise UpstreamInvalid("An event is no object.")
                if "error" in event:
                    raise UpstreamFailed("The upstream failed in mid-stream.")
                if not wants_usage and event.get("choices") == []:
                    continue
                for choice in event["choices"] if isinstance(event.get("choices"), list) else ():
                    begun = True
                    (unfinished.discard if choice["finish_reason"] else unfinished.add)(choice["index"])
                for edited in self.edit_event(event, payload):
                    yield self.frame(edited)
            for last in self.last_events():
                yield self.frame(last)
            if not done and (unfinished or not begun):
                raise UpstreamInvalid("The stream ended before the answer was finished.")
        finally:
            self.release(response)

    def frame(self, event: dict[str, Any]) -> bytes:
        return b"data: %b\n\n" % json.dumps(event).encode()

    def edit_event(self, event: dict[str, Any], payload: dict[str, Any]) -> list[dict[str, Any]]:
        return [event]

    def last_events(self) -> list[dict[str, Any]]:
        return []

    def release(self, response: aiohttp.ClientResponse) -> None:
        response.close()

    async def frames(self, response: aiohttp.ClientResponse, call: Call) -> AsyncIterator[bytes]:
        """The data of each event."""
        buffer = b""
        while True:
            try:
                async with asyncio.timeout(self.patience(call)):
                    read = await response.content.readany()
            except TimeoutError:
                raise UpstreamTimeout("The upstream fell silent.") from None
            except aiohttp.ClientError as error:
                raise UpstreamUnavailable(f"The stream broke off ({type(error).__name__}).") from None
            if not read:
                return
            buffer = (buffer + read).replace(b"\r\n", b"\n")
            *whole, buffer = buffer.split(b"\n\n")
            for frame in whole:
                lines = [line[5:].strip() for line in frame.split(b"\n") if line.startswith(b"data:")]
                if lines:
                    yield b"\n".join(lines)
            if len(buffer) > FRAME_LIMIT:
                raise UpstreamInvalid("An event is too large.")


def open_session(
    make: Callable[[Any, Context, aiohttp.ClientSession], Any], *, abandoned: bool = False
) -> Callable[[Any, Context], AbstractAsyncContextManager[object]]:
    """An ``open`` around a session; one that is abandoned keeps its connections and is closed by nobody."""

    @asynccontextmanager
    async def open(config: Any, context: Context) -> AsyncIterator[object]:
        # Connections are not kept: one that the upstream has closed meanwhile would need a second try.
        connector = aiohttp.TCPConnector(force_close=not abandoned, limit=0)
        session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None))
        try:
            provider = make(config, context, session)
            if isinstance(provider, Honest):
                await provider.opening()
            yield provider
        finally:
            if abandoned:
                ABANDONED.append(session)
            else:
                await session.close()

    return open


def provider_type(kind: type[Honest]) -> ProviderType:
    def make(config: HonestConfig, context: Context, session: aiohttp.ClientSession) -> Honest:
        return kind(config, session)

    opened = open_session(make, abandoned=kind.abandons_session)
    return ProviderType(name="honest", config=kind.configuration, apis=kind.declared, open=opened)
