"""The relay of OpenAI's dialect, over an upstream that remembers what it was asked."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from typing import Any, TypeVar

import pytest
from pydantic import BaseModel

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.chat.response import ChatChunk, ChatCompletion
from dinrail_core.api.completions import CompletionRequest, TextCompletion
from dinrail_core.api.embeddings import EmbeddingRequest, EmbeddingResponse
from dinrail_core.api.moderations import ModerationRequest, ModerationResponse
from dinrail_core.api.provider import ModelInfo
from dinrail_core.api.rerank import RerankRequest, RerankResponse
from dinrail_core.api.wire import decode_request
from dinrail_sdk.openai import OpenAIDialect
from dinrail_sdk.upstream import Events, Upstream

T = TypeVar("T", bound=BaseModel)

CALL = Call(request_id="r1")
CHAT = {
    "model": "org/m",
    "messages": [{"role": "user", "content": "hi", "x-unknown": {"a": [1, None, 1.5]}}],
    "temperature": None,
    "vendor": {"deep": [True]},
}


class Remembering(Upstream):
    """Answers nothing and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[type[BaseModel] | None, str, Any, Call]] = []

    async def answer(
        self, wire: type[T], path: str, body: bytes | None, call: Call, *, method: str = "POST"
    ) -> Answer[T]:
        self.asked.append((wire, path, json.loads(body or b"null"), call))
        return Answer(wire, body=b'{"results":[]}')

    async def stream(
        self, wire: type[T], path: str, body: bytes, call: Call, *, events: Callable[[], Events] | None = None
    ) -> Stream[T]:
        self.asked.append((wire, path, json.loads(body), call))

        async def reads() -> AsyncGenerator[bytes, None]:
            yield b""

        return Stream(wire, reads=reads())

    async def get(self, path: str, call: Call) -> bytes:
        self.asked.append((None, path, None, call))
        return b'{"data":[{"id":"a/b"}]}'


@pytest.fixture
def upstream() -> Remembering:
    return Remembering()


async def test_a_chat_goes_through_with_everything_that_it_carries(upstream: Remembering) -> None:
    answer = await OpenAIDialect(upstream).complete(decode_request(ChatRequest, CHAT), CALL)
    assert answer.body == b'{"results":[]}'
    assert upstream.asked == [(ChatCompletion, "chat/completions", CHAT, CALL)]


@pytest.mark.parametrize("asked", [{"stream": True, "stream_options": {"include_usage": True}}, {"stream": False}, {}])
async def test_a_whole_answer_is_never_asked_for_as_a_stream(upstream: Remembering, asked: dict[str, Any]) -> None:
    await OpenAIDialect(upstream).complete(decode_request(ChatRequest, CHAT | asked), CALL)
    sent = upstream.asked[0][2]
    assert sent.get("stream") is not True
    assert "stream_options" not in sent


@pytest.mark.parametrize("asked", [{"stream": True}, {"stream": False}, {"stream": None}, {}])
async def test_a_stream_is_always_asked_for_as_one(upstream: Remembering, asked: dict[str, Any]) -> None:
    options = {"stream_options": {"include_usage": True}}
    await OpenAIDialect(upstream).stream(decode_request(ChatRequest, CHAT | asked | options), CALL)
    assert upstream.asked == [(ChatChunk, "chat/completions", CHAT | options | {"stream": True}, CALL)]


async def test_texts_are_completed(upstream: Remembering) -> None:
    body = {"model": "m", "prompt": [1, 2], "vendor": 1}
    dialect = OpenAIDialect(upstream)
    request = decode_request(CompletionRequest, body)
    await dialect.complete_text(request, CALL)
    await dialect.stream_text(request, CALL)
    assert upstream.asked == [
        (TextCompletion, "completions", body, CALL),
        (TextCompletion, "completions", body | {"stream": True}, CALL),
    ]


async def test_vectors_ranks_and_verdicts_are_asked_for_at_their_addresses(upstream: Remembering) -> None:
    dialect = OpenAIDialect(upstream)
    embed = {"model": "m", "input": ["a", "b"], "encoding_format": "base64", "vendor": 1}
    rerank = {"model": "m", "query": "q", "documents": ["a", {"text": "b"}], "top_n": 1}
    moderate = {"model": "m", "input": "text"}
    await dialect.embed(decode_request(EmbeddingRequest, embed), CALL)
    await dialect.rerank(decode_request(RerankRequest, rerank), CALL)
    await dialect.moderate(decode_request(ModerationRequest, moderate), CALL)
    assert upstream.asked == [
        (EmbeddingResponse, "embeddings", embed, CALL),
        (RerankResponse, "rerank", rerank, CALL),
        (ModerationResponse, "moderations", moderate, CALL),
    ]


async def test_models_are_listed(upstream: Remembering) -> None:
    assert await OpenAIDialect(upstream).models() == [ModelInfo("a/b")]
    assert upstream.asked[0][1] == "models"
