"""Batches in front of a model that says what a test wants it to."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI
from openai.types import Batch
from pydantic import BaseModel

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.chat.response import ChatChunk, ChatCompletion
from dinrail_core.api.completions import CompletionModel, CompletionRequest, TextCompletion
from dinrail_core.api.embeddings import Embedder, EmbeddingRequest, EmbeddingResponse
from dinrail_core.api.moderations import Categories, ModerationRequest, ModerationResponse, Moderator
from dinrail_core.errors import DinrailError
from dinrail_core.hooks import Context, ProviderType
from dinrail_sdk.testing import serve

__all__ = [
    "ENDED",
    "PLUGINS",
    "Desk",
    "Model",
    "chat_line",
    "completion",
    "lines_of",
    "model_type",
    "open_desk",
    "written",
]

PLUGINS = ("database", "files", "blobs", "jobs", "batches")
ENDED = ("completed", "failed", "expired", "cancelled")
CATEGORIES = [field.alias or name for name, field in Categories.model_fields.items()]
_PATIENCE = 30.0

Says = Callable[[str], Awaitable[Any]]


@dataclass
class Model(ChatModel, CompletionModel, Embedder, Moderator):
    """A model.

    Attributes:
        says: Asked with each request's text: an error to raise, or what to answer; it answers "ok" without.
        asked: How often each text has been asked.
        models: The models that were asked.
        at_once: How many are being asked now.
        most: How many have been asked at once.
        calls: On whose behalf.
    """

    says: Says | None = None
    asked: Counter[str] = field(default_factory=Counter)
    models: set[str] = field(default_factory=set)
    at_once: int = 0
    most: int = 0
    calls: list[Call] = field(default_factory=list)

    def forget(self) -> None:
        """Be as new."""
        vars(self).update(vars(Model()))

    async def complete(self, request: ChatRequest, call: Call) -> Answer[ChatCompletion]:
        answer = await self._answer(str(request.messages[-1].content), request.model, call)
        body = answer if isinstance(answer, bytes) else completion(str(answer))
        return Answer(ChatCompletion, body=body)

    async def stream(self, request: ChatRequest, call: Call) -> Stream[ChatChunk]:
        raise AssertionError("nobody streams in a batch")

    async def embed(self, request: EmbeddingRequest, call: Call) -> Answer[EmbeddingResponse]:
        await self._answer(str(request.input), request.model, call)
        usage = {"prompt_tokens": 3, "total_tokens": 3}
        data = [{"object": "embedding", "index": 0, "embedding": [0.5, 1.0]}]
        body = {"object": "list", "model": request.model, "data": data, "usage": usage}
        return Answer(EmbeddingResponse, body=json.dumps(body, indent=1).encode())

    async def complete_text(self, request: CompletionRequest, call: Call) -> Answer[TextCompletion]:
        answer = await self._answer(str(request.prompt), request.model, call)
        choice = {"index": 0, "text": answer, "finish_reason": "length", "logprobs": None}
        usage = {"prompt_tokens": 4, "completion_tokens": 1, "total_tokens": 5}
        head = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": request.model}
        return Answer(TextCompletion, body=json.dumps({**head, "choices": [choice], "usage": usage}).encode())

    async def stream_text(self, request: CompletionRequest, call: Call) -> Stream[TextCompletion]:
        raise AssertionError("nobody streams in a batch")

    async def moderate(self, request: ModerationRequest, call: Call) -> Answer[ModerationResponse]:
        await self._answer(str(request.input), str(request.model), call)
        found = {name: name == "violence" for name in CATEGORIES}
        scores = {name: 0.9 * is_so for name, is_so in found.items()}
        result = {"flagged": True, "categories": found, "category_scores": scores}
        body = {"id": "modr-1", "model": request.model, "results": [result]}
        return Answer(ModerationResponse, body=json.dumps(body).encode())

    async def _answer(self, text: str, model: str, call: Call) -> Any:
        self.asked[text] += 1
        self.models.add(model)
        self.calls.append(call)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            answer = await self.says(text) if self.says is not None else "ok"
        finally:
            self.at_once -= 1
        if isinstance(answer, DinrailError):
            raise answer
        return answer


def completion(text: str) -> bytes:
    """An answer of the model."""
    usage = {
        "prompt_tokens": 7,
        "completion_tokens": 2,
        "total_tokens": 9,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 1},
    }
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "kit"}
    return json.dumps({**head, "choices": [choice], "usage": usage}).encode()


class ModelConfig(BaseModel, extra="forbid"):
    """Nothing to configure."""


APIS = frozenset({ChatModel, CompletionModel, Embedder, Moderator})


def model_type(model: Model, apis: frozenset[type] = APIS) -> ProviderType:
    """The type of a provider that is this model."""

    @asynccontextmanager
    async def opened(config: ModelConfig, context: Context) -> AsyncIterator[object]:
        yield model

    return ProviderType(name="kit", config=ModelConfig, apis=apis, open=opened)


def chat_line(custom_id: Any, text: str = "hello", **changes: Any) -> dict[str, Any]:
    """A line that asks a chat."""
    body = {"model": "up/kit", "messages": [{"role": "user", "content": text}]}
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body} | changes


def written(lines: Sequence[Mapping[str, Any] | bytes]) -> bytes:
    """The lines as a file."""
    return b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)


def lines_of(text: bytes) -> list[dict[str, Any]]:
    """A file's lines."""
    return [json.loads(line) for line in text.splitlines()]


@dataclass(frozen=True)
class Desk:
    """A client that makes batches and waits for them."""

    client: AsyncOpenAI
    model: Model
    origin: str = ""
    """Where the server is."""

    async def send(self, lines: Sequence[Mapping[str, Any] | bytes] | bytes, **options: Any) -> Batch:
        """Begin a batch."""
        content = lines if isinstance(lines, bytes) else written(lines)
        file = await self.client.files.create(file=("in.jsonl", content), purpose="batch")
        given = {"endpoint": "/v1/chat/completions", "completion_window": "24h", **options}
        return await self.client.batches.create(input_file_id=file.id, **given)

    async def ended(self, batch: Batch) -> Batch:
        """The batch once it has ended."""
        return await self.until(batch, lambda found: found.status in ENDED)

    async def completed(self, batch: Batch, lines: int) -> Batch:
        """The batch once so many lines are completed."""
        return await self.until(
            batch, lambda found: found.request_counts is not None and found.request_counts.completed == lines
        )

    async def until(self, batch: Batch, holds: Callable[[Batch], bool]) -> Batch:
        """The batch once something holds of it."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            found = await self.client.batches.retrieve(batch.id)
            if holds(found):
                return found
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.05)

    async def done(self, lines: Sequence[Mapping[str, Any] | bytes] | bytes, **options: Any) -> Batch:
        """The same for new lines."""
        return await self.ended(await self.send(lines, **options))

    async def results(self, batch: Batch) -> dict[str, dict[str, Any]]:
        """What the lines came to, by custom id; each in one place."""
        found: list[dict[str, Any]] = []
        for file_id in (batch.output_file_id, batch.error_file_id):
            if file_id is not None:
                found += lines_of((await self.client.files.content(file_id)).content)
        by_id = {line["custom_id"]: line for line in found}
        assert len(by_id) == len(found), "a custom_id occurs twice"
        return by_id


@asynccontextmanager
async def open_desk(folder: Path, *, apis: frozenset[type] = APIS, **services: Any) -> AsyncIterator[Desk]:
    """A server with a model that has a price, and a client.

    Args:
        folder: Where its data is.
        apis: What the model can do.
        services: Sections of the configuration; lines are asked again soon.
    """
    model = Model()
    config = {
        "data_dir": str(folder),
        "services": {**services, "batches": {"backoff": 0.05, **services.get("batches", {})}},
        "providers": {"up": {"type": "kit"}},
        "models": {"up/kit": {"price": {"input": 2_000_000, "output": 10_000_000}}},
    }
    async with (
        serve(model_type(model, apis), config=config, plugins=PLUGINS) as served,
        served.openai() as client,
    ):
        yield Desk(client, model, served.origin)
