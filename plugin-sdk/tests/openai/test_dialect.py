"""The relay of OpenAI's dialect, over an upstream that remembers what it was asked."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import replace
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
from dinrail_core.errors import UpstreamInvalid
from dinrail_sdk.openai import OpenAIDialect, reworded
from dinrail_sdk.upstream import SSE, Events, Framing, Upstream

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
        self,
        wire: type[T],
        path: str,
        body: bytes,
        call: Call,
        *,
        events: Callable[[], Events] | None = None,
        framing: Framing = SSE,
    ) -> Stream[T]:
        self.asked.append((wire, path, json.loads(body), call))

        async def reads() -> AsyncGenerator[bytes, None]:
            yield b""

        return Stream(wire, reads=reads())

    async def get(self, path: str, call: Call) -> bytes:
        self.asked.append((None, path, None, call))
        return b'{"data":[{"id":"a/b"}]}'

    async def post(self, path: str, body: bytes, call: Call, *, content_type: str = "application/json") -> bytes:
        raise AssertionError("The relay asks for objects alone.")


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
    rerank = {"model": "m", "query": "q", "documents": ["a", "b"], "top_n": 1}
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


class Peculiar(OpenAIDialect):
    """A server that differs in everything that may differ."""

    listing = "/api/models"

    def path(self, api: str, model: str) -> str:
        return f"{model}/{api}"

    def chat_request(self, request: ChatRequest) -> ChatRequest:
        return request.model_copy(update={"vendor": "chat"})

    def text_request(self, request: CompletionRequest) -> CompletionRequest:
        return request.model_copy(update={"vendor": "text"})

    def embedding_request(self, request: EmbeddingRequest) -> EmbeddingRequest:
        return request.model_copy(update={"vendor": "embedding"})

    def listed(self, model: ModelInfo, entry: Mapping[str, Any]) -> ModelInfo | None:
        return replace(model, context_length=5)


async def test_a_server_that_differs_is_asked_in_its_own_way(upstream: Remembering) -> None:
    server = Peculiar(upstream)
    chat, text = decode_request(ChatRequest, CHAT), decode_request(CompletionRequest, {"model": "m", "prompt": "p"})
    await server.complete(chat, CALL)
    await server.stream(chat, CALL)
    await server.complete_text(text, CALL)
    await server.stream_text(text, CALL)
    await server.embed(decode_request(EmbeddingRequest, {"model": "m", "input": "a"}), CALL)
    await server.rerank(decode_request(RerankRequest, {"model": "m", "query": "q", "documents": ["a"]}), CALL)
    await server.moderate(decode_request(ModerationRequest, {"input": "a"}), CALL)
    assert [(path, body.get("vendor")) for _, path, body, _ in upstream.asked] == [
        ("org/m/chat/completions", "chat"),
        ("org/m/chat/completions", "chat"),
        ("m/completions", "text"),
        ("m/completions", "text"),
        ("m/embeddings", "embedding"),
        ("m/rerank", None),
        ("/moderations", None),
    ]
    assert await server.models() == [ModelInfo("a/b", context_length=5)]
    assert upstream.asked[-1][1] == "/api/models"


def rename(found: dict[str, Any]) -> bool:
    found["choices"] = found.pop("picks")
    return True


@pytest.mark.parametrize(
    ("came", "goes"),
    [
        (b'{"picks":[1],"more":null}', b'{"more":null,"choices":[1]}'),
        (b'{"choices": []}', b'{"choices": []}'),
        (b"[1, 2]", b"[1, 2]"),
    ],
)
def test_an_answer_is_put_into_other_words_where_it_is_understood(came: bytes, goes: bytes) -> None:
    answer = reworded(Answer(ChatCompletion, body=came, headers={"x-ratelimit-limit": "1"}), rename)
    assert answer.body == goes
    assert answer.headers == {"x-ratelimit-limit": "1"}


def test_an_answer_in_other_words_that_is_no_json_is_invalid() -> None:
    with pytest.raises(UpstreamInvalid):
        reworded(Answer(ChatCompletion, body=b"{"), rename)
