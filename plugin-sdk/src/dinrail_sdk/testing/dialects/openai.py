"""OpenAI's dialect, and with it vLLM's, llama.cpp's and that of most other servers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.completions import CompletionRequest
from dinrail_core.api.embeddings import EmbeddingRequest
from dinrail_core.api.moderations import ModerationRequest
from dinrail_core.api.rerank import RerankRequest
from dinrail_sdk.testing.dialect import Dialect, Rendered, Request
from dinrail_sdk.testing.dialects import openai_lists, openai_responses, openai_text
from dinrail_sdk.testing.script import (
    Api,
    Asked,
    AskedMessage,
    AskedTool,
    Found,
    Listing,
    Ranking,
    Refused,
    Script,
    Spoken,
    ToolUse,
    Vectors,
    Verdicts,
)

__all__ = ["OPENAI", "OpenAIWire"]

_PATHS: dict[tuple[str, str], Api] = {
    ("POST", "/chat/completions"): "chat",
    ("POST", "/completions"): "completions",
    ("POST", "/responses"): "responses",
    ("POST", "/responses/input_tokens"): "input_tokens",
    ("POST", "/responses/compact"): "compact",
    ("POST", "/embeddings"): "embeddings",
    ("POST", "/rerank"): "rerank",
    ("POST", "/moderations"): "moderations",
    ("GET", "/models"): "models",
}

_SETTINGS = ("temperature", "top_p", "seed", "presence_penalty", "frequency_penalty", "suffix", "echo", "user")

_KNOWN: dict[Api, frozenset[str]] = {
    "chat": frozenset(ChatRequest.model_fields),
    "completions": frozenset(CompletionRequest.model_fields),
    "embeddings": frozenset(EmbeddingRequest.model_fields),
    "rerank": frozenset(RerankRequest.model_fields),
    "moderations": frozenset(ModerationRequest.model_fields),
    "models": frozenset(),
}


class OpenAIWire(Dialect):
    """OpenAI's dialect as its specification 2.3.0 has it; rerank as Cohere, Jina and vLLM agree on it."""

    name = "OpenAI"
    prefix = "/v1"

    def read(self, request: Request) -> Asked:
        path = request.path.partition("?")[0].removeprefix(self.prefix)
        api = _PATHS.get((request.method, path))
        if api is None:
            raise LookupError(path)
        data = request.json if api != "models" else {}
        if not isinstance(data, dict):
            raise ValueError("not an object")
        if api in ("responses", "input_tokens", "compact"):
            return replace(openai_responses.read_response(data), api=api)
        return _read(api, data)

    def say(self, script: Script, asked: Asked) -> Rendered:
        match script:
            case Spoken() if asked.api == "chat":
                return openai_text.chat(script, asked)
            case Spoken() if asked.api == "responses":
                return openai_responses.response(script, asked)
            case Spoken() if asked.api == "input_tokens":
                return openai_responses.counted(script)
            case Spoken() if asked.api == "compact":
                return openai_responses.compacted(script)
            case Spoken():
                return openai_text.completion(script, asked)
            case Vectors():
                return openai_lists.embeddings(script, asked)
            case Ranking():
                return openai_lists.ranking(script, asked)
            case Verdicts():
                return openai_lists.moderation(script, asked)
            case Listing():
                return openai_lists.models(script)
            case Found():
                raise TypeError("OpenAI's dialect has no searches.")
            case Refused():
                return self.refuse(script)

    def refuse(self, refused: Refused) -> Rendered:
        headers = {"Retry-After": str(refused.retry_after)} if refused.retry_after is not None else {}
        if refused.text is not None:
            return Rendered(
                pieces=(refused.text.encode(),), status=refused.status, content_type="text/plain", headers=headers
            )
        return Rendered.whole(self.error(refused), status=refused.status, headers=headers)

    def disturb(self, piece: bytes) -> bytes:
        return b": keep-alive\r\n\r\n" + piece.replace(b"data: ", b"data:").replace(b"\n", b"\r\n")

    def fail_midway(self, refused: Refused, asked: Asked) -> bytes | None:
        if asked.api == "responses":
            return openai_responses.failed(_error(refused)["error"])
        return b"data: %b\n\n" % json.dumps(self.error(refused)).encode()

    def error(self, refused: Refused) -> dict[str, object]:
        """An error in the shape of this server."""
        return _error(refused)


OPENAI = OpenAIWire()


def _error(refused: Refused) -> dict[str, object]:
    kind = "invalid_request_error" if refused.status < 500 else "server_error"
    return {"error": {"message": refused.message, "type": kind, "param": refused.param, "code": refused.code}}


def _read(api: Api, data: dict[str, Any]) -> Asked:
    logprobs = data.get("logprobs")
    odds = (data.get("top_logprobs") or 0) if logprobs is True else None if logprobs in (None, False) else int(logprobs)
    form: dict[str, Any] = data.get("response_format") or {}
    settings = {name: data[name] for name in _SETTINGS if data.get(name) is not None}
    limit = data.get("max_completion_tokens", data.get("max_tokens"))
    if limit is not None:
        settings["max_tokens"] = limit
    if data.get("stop") is not None:
        settings["stop"] = [data["stop"]] if isinstance(data["stop"], str) else data["stop"]
    return Asked(
        api=api,
        model=data.get("model", ""),
        stream=bool(data.get("stream")),
        wants_usage=bool((data.get("stream_options") or {}).get("include_usage")),
        messages=tuple(_message(message) for message in data.get("messages") or ()),
        tools=tuple(_tool(tool) for tool in data.get("tools") or () if tool.get("type") == "function"),
        tool_choice=_choice(data.get("tool_choice")),
        parallel=data.get("parallel_tool_calls"),
        schema=(form.get("json_schema") or {}).get("schema") if form.get("type") == "json_schema" else None,
        json_object=form.get("type") == "json_object",
        settings=settings,
        n=data.get("n") or 1,
        odds=odds,
        inputs=_inputs(data.get("prompt", data.get("input", data.get("documents")))),
        query=data.get("query"),
        top_n=data.get("top_n"),
        returns_documents=bool(data.get("return_documents")),
        dimensions=data.get("dimensions"),
        base64=data.get("encoding_format") == "base64",
        extra={key: value for key, value in data.items() if key not in _KNOWN[api]},
    )


def _message(message: Mapping[str, Any]) -> AskedMessage:
    content = message.get("content")
    parts: list[Any] = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
    files = [part["file"] for part in parts if part["type"] == "file"]
    return AskedMessage(
        role=message["role"],
        text="\n".join(part["text"] for part in parts if part["type"] == "text"),
        images=tuple(part["image_url"]["url"] for part in parts if part["type"] == "image_url"),
        audio=tuple(part["input_audio"]["data"] for part in parts if part["type"] == "input_audio"),
        files=tuple(file.get("file_data") or file.get("file_id") or "" for file in files),
        calls=tuple(
            ToolUse(id=call["id"], name=call["function"]["name"], arguments=call["function"]["arguments"])
            for call in message.get("tool_calls") or ()
            if call.get("type") == "function"
        ),
        answers=message.get("tool_call_id"),
        thoughts=message.get("reasoning") or message.get("reasoning_content") or "",
    )


def _tool(tool: Mapping[str, Any]) -> AskedTool:
    function = tool["function"]
    return AskedTool(
        name=function["name"], description=function.get("description"), parameters=function.get("parameters")
    )


def _choice(choice: Any) -> str | None:
    if isinstance(choice, dict) and choice.get("type") == "function":
        return f"={choice['function']['name']}"
    return choice if isinstance(choice, str) else None


def _inputs(value: Any) -> tuple[str | tuple[int, ...], ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if value and isinstance(value[0], int):
        return (tuple(value),)
    return tuple(_input(item) for item in value)


def _input(item: Any) -> str | tuple[int, ...]:
    if isinstance(item, list):
        return tuple(item)
    if isinstance(item, dict):
        return str(item["text"] if "text" in item else item["image_url"]["url"])
    return str(item)
