"""What a plugin's author may bring: a dialect that has nothing in common with OpenAI's, and who translates it."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, ClassVar

import aiohttp
from honest_provider import Honest, HonestConfig, provider_type

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.chat.response import ChatChunk, ChatCompletion
from dinrail_core.errors import DinrailError, InvalidRequest, UpstreamFailed, UpstreamInvalid
from dinrail_core.hooks import ProviderType
from dinrail_sdk.testing import (
    Asked,
    ChatModelSuite,
    Dialect,
    FakeUpstream,
    Refused,
    Rendered,
    Request,
    Script,
    Spoken,
    Tokens,
)
from dinrail_sdk.testing.script import AskedMessage

NO_WORDS = "it speaks of words alone"


class LinesWire(Dialect):
    """``POST /talk`` answers with one line of JSON for each piece; the last says why it ended and what it cost."""

    name = "Lines"
    lacks: ClassVar[dict[str, str]] = dict.fromkeys(
        (
            "unknown_request_fields",
            "unknown_answer_fields",
            "tools",
            "tool_choice",
            "parallel_calls",
            "parallel_tool_calls",
            "logprobs",
            "n",
            "reasoning",
            "refusals",
            "json_schema",
            "json_object",
            "images",
            "audio_input",
            "file_input",
            "usage_details",
            "context_length",
            "content_filter",
        ),
        NO_WORDS,
    )

    def read(self, request: Request) -> Asked:
        if (request.method, request.path) != ("POST", "/talk"):
            raise LookupError(request.path)
        data = request.json
        return Asked(
            api="chat",
            model=data["who"],
            stream=data["live"],
            messages=tuple(AskedMessage(role=by, text=words) for by, words in data["said"]),
            settings=data["how"],
        )

    def say(self, script: Script, asked: Asked) -> Rendered:
        assert isinstance(script, Spoken)
        (say,) = script.choices
        text = say.text or ""
        cost = [script.usage.prompt, script.usage.completion] if isinstance(script.usage, Tokens) else None
        words = [text[at : at + say.piece] for at in range(0, len(text), say.piece)] if asked.stream else [text]
        lines = [*({"words": word} for word in words), {"ended": [say.finish], "cost": cost}]
        pieces = tuple(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)
        return Rendered(pieces=pieces, content_type="application/x-ndjson", streamed=asked.stream)

    def refuse(self, refused: Refused) -> Rendered:
        headers = {"Retry-After": str(refused.retry_after)} if refused.retry_after is not None else {}
        body = refused.text if refused.text is not None else json.dumps({"no": refused.message, "code": refused.code})
        return Rendered(pieces=(body.encode(),), status=refused.status, headers=headers)

    def fail_midway(self, refused: Refused, asked: Asked) -> bytes:
        return json.dumps({"no": refused.message}).encode() + b"\n"

    def disturb(self, piece: bytes) -> bytes:
        return b"\n  " + piece

    def credentials(self, request: Request) -> str | None:
        return request.headers.get("x-key")


class Lines(Honest):
    """Builds typed values, where the honest provider relays bytes."""

    declared: frozenset[type] = frozenset({ChatModel})

    def headers(self, call: Call) -> dict[str, str]:
        return {"X-Key": (call.upstream_key or self.config.api_key).get_secret_value()}

    def refusal(self, status: int, headers: dict[str, str], body: bytes) -> DinrailError:
        try:
            said = json.loads(body)
        except ValueError:
            said = {"no": "It says no.", "code": None}
        if status == 400:
            return InvalidRequest(said["no"])
        error = {"error": {"message": said["no"], "code": said["code"], "param": None}}
        return super().refusal(status, headers, json.dumps(error).encode())

    def lines(self, request: ChatRequest, *, live: bool) -> dict[str, Any]:
        sent = self.payload(request)
        names = ("temperature", "top_p", "seed", "max_tokens", "presence_penalty", "frequency_penalty")
        how: dict[str, Any] = {name: sent[name] for name in names if name in sent}
        if "max_completion_tokens" in sent:
            how["max_tokens"] = sent["max_completion_tokens"]
        if "stop" in sent:
            how["stop"] = [sent["stop"]] if isinstance(sent["stop"], str) else sent["stop"]
        said = [[message["role"], _text(message["content"])] for message in sent["messages"]]
        return {"who": request.model, "live": live, "said": said, "how": how}

    async def complete(self, request: ChatRequest, call: Call) -> Answer[ChatCompletion]:
        body = await self.fetch("POST", "/talk", self.lines(request, live=False), call)
        try:
            words, end = (self.parse(line) for line in body.splitlines())
            (finish,) = _list(end["ended"])
            message = {"role": "assistant", "content": words["words"], "refusal": None}
            choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
            data = {"id": "1", "created": 1, "model": request.model, "choices": [choice]}
            return Answer.of(ChatCompletion.model_validate(data | _usage(end["cost"])))
        except (KeyError, TypeError, ValueError):
            raise UpstreamInvalid("That is no answer.") from None

    async def stream(self, request: ChatRequest, call: Call) -> Stream[ChatChunk]:
        response = await self.begin("/talk", self.lines(request, live=True), call)
        options = self.payload(request).get("stream_options") or {}
        chunks = self.chunks(response, request.model, call, bool(options.get("include_usage")))

        async def close() -> None:
            response.close()

        return Stream(ChatChunk, values=chunks, close=close)

    async def chunks(
        self, response: aiohttp.ClientResponse, model: str, call: Call, usage: bool
    ) -> AsyncGenerator[ChatChunk, None]:
        base = {"id": "1", "created": int(time.time()), "model": model}
        try:
            yield _chunk(base, {"role": "assistant", "content": ""})
            end = None
            async for line in self.frames(response, call):
                data = self.parse(line)
                if "no" in data:
                    raise UpstreamFailed("It failed in mid-stream.")
                if "ended" in data:
                    end = data
                else:
                    yield _chunk(base, {"content": data["words"]})
            if end is None:
                raise UpstreamInvalid("It ended too early.")
            (finish,) = _list(end["ended"])
            yield _chunk(base, {}, finish)
            if usage and end["cost"]:
                yield ChatChunk.model_validate({**base, "choices": [], **_usage(end["cost"])})
        finally:
            response.close()

    async def frames(self, response: aiohttp.ClientResponse, call: Call) -> AsyncIterator[bytes]:
        async for frame in super().frames(_AsFrames(response), call):  # type: ignore[arg-type]  # looks enough like one
            if frame:
                yield frame


class _AsFrames:
    """Makes a line look like an event, so that what the honest provider knows of reading holds here too."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.content = self
        self._inner = response.content
        self._begun = False

    async def readany(self) -> bytes:
        read = await self._inner.readany()
        begin = b"" if self._begun or not read else b"data: "
        self._begun = self._begun or bool(read)
        return begin + read.replace(b"\n", b"\n\ndata: ")


def _chunk(base: dict[str, Any], delta: dict[str, Any], finish: str | None = None) -> ChatChunk:
    return ChatChunk.model_validate({**base, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def _usage(cost: list[int] | None) -> dict[str, Any]:
    if cost is None:
        return {}
    prompt, completion = cost
    return {"usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}}


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise UpstreamInvalid("That is no end.")
    return value


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "\n".join(part["text"] for part in content)


class TestLines(ChatModelSuite):
    provider: ClassVar[ProviderType] = provider_type(Lines)
    dialect: ClassVar[Dialect | None] = LinesWire()

    def config(self, upstream: FakeUpstream) -> HonestConfig:
        return HonestConfig.model_validate({"base_url": upstream.url, "api_key": "sk-configured-0123456789"})
