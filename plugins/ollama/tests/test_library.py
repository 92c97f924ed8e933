from __future__ import annotations

import json
from contextlib import aclosing
from typing import Any

import pytest

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import ModelInfo, PullProgress
from dinrail_core.errors import (
    InvalidRequest,
    NotFound,
    UpstreamError,
    UpstreamFailed,
    UpstreamInvalid,
    UpstreamUnavailable,
)
from dinrail_ollama.plugin import OLLAMA
from dinrail_sdk.testing import Delivery, Dialect, FakeUpstream, ListedModel, Listing, Refused, Rendered, open_alone
from dinrail_sdk.testing.delivery import stalled
from dinrail_sdk.testing.dialect import Request
from dinrail_sdk.testing.dialects.ollama import OLDER_OLLAMA_WIRE, OLLAMA_WIRE
from dinrail_sdk.testing.script import Asked, Script

STEPS: list[dict[str, Any]] = [
    {"status": "pulling manifest"},
    {"status": "pulling aaaa", "digest": "sha256:a", "total": 100},
    {"status": "pulling aaaa", "digest": "sha256:a", "total": 100, "completed": 60},
    {"status": "pulling aaaa", "digest": "sha256:a", "total": 100, "completed": 100},
    {"status": "pulling bbbb", "digest": "sha256:b", "total": 50, "completed": 50},
    {"status": "verifying sha256 digest"},
    {"status": "writing manifest"},
    {"status": "success"},
]


class PullWire(Dialect):
    """``POST /api/pull``, with the lines that a test gives it."""

    name = "Ollama's pull"

    def __init__(self, lines: list[dict[str, Any]]) -> None:
        self.lines = lines
        self.pulled: Any = None

    def read(self, request: Request) -> Asked:
        if (request.method, request.path) != ("POST", "/api/pull"):
            raise LookupError(request.path)
        self.pulled = request.json
        return Asked(api="models")

    def say(self, script: Script, asked: Asked) -> Rendered:
        pieces = tuple(json.dumps(line).encode() + b"\n" for line in self.lines)
        return Rendered(pieces=pieces, content_type="application/x-ndjson", streamed=True)

    def refuse(self, refused: Refused) -> Rendered:
        return Rendered.whole({"error": refused.message}, status=refused.status)


async def pull(wire: PullWire, name: str = "qwen3:8b", delivery: Delivery | None = None) -> list[PullProgress]:
    async with (
        FakeUpstream.open(wire) as upstream,
        open_alone(OLLAMA, {"base_url": upstream.url, "max_retries": 0}) as provider,
    ):
        upstream.says(delivery=delivery or Delivery())
        async with aclosing(provider.pull(name)) as steps:
            return [step async for step in steps]


async def test_a_pull_tells_how_far_all_its_layers_are() -> None:
    wire = PullWire(STEPS)
    steps = await pull(wire)
    assert wire.pulled == {"model": "qwen3:8b", "stream": True}
    assert [(step.done, step.total) for step in steps] == [
        (0, None),
        (0, 100),
        (60, 100),
        (100, 100),
        (150, 150),
        (150, 150),
        (150, 150),
        (150, 150),
    ]
    assert steps[-1].note == "success"


@pytest.mark.parametrize("name", ["", "no such thing", "\x00", "../x", "-x"])
async def test_a_name_that_is_none_is_refused_before_anything_is_asked(name: str) -> None:
    wire = PullWire(STEPS)
    with pytest.raises(InvalidRequest):
        await pull(wire, name)
    assert wire.pulled is None


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("pull model manifest: file does not exist", NotFound),
        (
            'Get "https://registry.ollama.ai/v2/": dial tcp: lookup registry.ollama.ai: no such host',
            UpstreamUnavailable,
        ),
        ("max retries exceeded: unexpected EOF", UpstreamFailed),
    ],
)
async def test_a_pull_that_fails_says_why(reason: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        await pull(PullWire([STEPS[0], {"error": reason}]))


@pytest.mark.parametrize("delivery", [Delivery(pieces=3), Delivery(pieces=3, ending="cut")])
async def test_a_pull_that_breaks_off_is_not_done(delivery: Delivery) -> None:
    with pytest.raises(UpstreamError):
        await pull(PullWire(STEPS), delivery=delivery)


async def test_a_pull_that_is_given_up_lets_go_of_its_connection() -> None:
    async with (
        FakeUpstream.open(PullWire(STEPS)) as upstream,
        open_alone(OLLAMA, {"base_url": upstream.url}) as provider,
    ):
        upstream.says(delivery=stalled(3))
        async with aclosing(provider.pull("m")) as steps:
            await anext(steps)
        await upstream.quiet(2.0)


async def test_older_servers_are_asked_once_about_each_model() -> None:
    async with (
        FakeUpstream.open(OLDER_OLLAMA_WIRE) as upstream,
        open_alone(OLLAMA, {"base_url": upstream.url}) as provider,
    ):
        upstream.says(Listing(models=(ListedModel(id="a:1", context_length=4096), ListedModel(id="b", created=7))))
        due = [
            ModelInfo("a:1", frozenset({ChatModel}), created=1_700_000_000, context_length=4096),
            ModelInfo("b", frozenset({ChatModel}), created=7),
        ]
        assert await provider.models() == due
        assert await provider.models() == due
        shown = [received.asked.model for received in upstream.received if received.asked and received.asked.query]
    assert sorted(shown) == ["a:1", "b"]


async def test_models_are_listed_for_what_they_can_do() -> None:
    entries = [
        {"model": "chat", "capabilities": ["completion", "vision", "tools"], "details": {"context_length": 9}},
        {"model": "embed", "capabilities": ["embedding"]},
        {"model": "paint", "capabilities": ["image"]},
        {"name": "older-name", "capabilities": []},
    ]
    async with FakeUpstream.open(OLLAMA_WIRE) as upstream:
        upstream.shelf["/api/tags"] = json.dumps({"models": entries}).encode()
        async with open_alone(OLLAMA, {"base_url": upstream.url}) as provider:
            assert await provider.models() == [
                ModelInfo("chat", frozenset({ChatModel}), context_length=9),
                ModelInfo("embed", frozenset({Embedder})),
                ModelInfo("older-name"),
            ]


@pytest.mark.parametrize("listed", ["[]", '{"models": 1}', '{"models": [{}]}', '{"models": ["a"]}'])
async def test_a_list_that_is_none_is_said_to_be_invalid(listed: str) -> None:
    async with FakeUpstream.open(OLLAMA_WIRE) as upstream:
        upstream.shelf["/api/tags"] = listed.encode()
        async with open_alone(OLLAMA, {"base_url": upstream.url}) as provider:
            with pytest.raises(UpstreamInvalid):
                await provider.models()


async def test_a_server_without_models_has_none() -> None:
    async with FakeUpstream.open(OLLAMA_WIRE) as upstream:
        upstream.shelf["/api/tags"] = b'{"models": null}'
        async with open_alone(OLLAMA, {"base_url": upstream.url}) as provider:
            assert await provider.models() == []
