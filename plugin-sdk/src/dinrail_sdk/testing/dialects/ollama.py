"""Ollama's native API, as its description of August 2026 has it: a JSON object on each line of a stream."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from dinrail_sdk.testing.dialect import Dialect, Rendered, Request
from dinrail_sdk.testing.script import (
    Api,
    Asked,
    AskedMessage,
    AskedTool,
    ListedModel,
    Listing,
    Refused,
    Say,
    Script,
    Spoken,
    TokenOdds,
    ToolUse,
    Vectors,
)

__all__ = ["OLDER_OLLAMA_WIRE", "OLLAMA_WIRE", "OllamaWire"]

_PATHS: Mapping[tuple[str, str], Api] = {
    ("POST", "/api/chat"): "chat",
    ("POST", "/api/embed"): "embeddings",
    ("GET", "/api/tags"): "models",
    ("POST", "/api/show"): "models",
}
_KNOWN = frozenset(
    {
        "dimensions",
        "format",
        "input",
        "keep_alive",
        "logprobs",
        "messages",
        "model",
        "options",
        "stream",
        "think",
        "tools",
        "top_logprobs",
        "truncate",
    }
)
_OPTIONS = {"num_predict": "max_tokens"}
_SNIFFED = {b"\x89PNG": "image/png", b"\xff\xd8": "image/jpeg"}
_STARTED = "2026-08-21T18:48:22.123456789Z"


class OllamaWire(Dialect):
    """An Ollama server.

    Args:
        older: Its list does not say what models can do; each is asked about.
    """

    name = "Ollama"
    lacks: ClassVar[Mapping[str, str]] = {
        "content_filter": "nothing is filtered",
        "n": "there is one answer",
        "tool_choice": "that is the model's to decide",
        "parallel_tool_calls": "that is the model's to decide",
        "file_input": "the models take no documents",
        "refusals": "there is no field for them",
        "usage_details": "none are told",
        "token_inputs": "texts alone are embedded",
        "shuffled_answers": "vectors have no index",
        "model_details": "no owner is told",
    }

    def __init__(self, *, older: bool = False) -> None:
        self._older = older

    def read(self, request: Request) -> Asked:
        path = request.path.partition("?")[0]
        api = _PATHS.get((request.method, path))
        if api is None:
            raise LookupError(path)
        if path == "/api/tags":
            return Asked(api=api)
        data = request.json
        if not isinstance(data, dict) or not isinstance(data.get("model"), str):
            raise ValueError("model is required")
        if path == "/api/show":
            return Asked(api=api, model=data["model"], query="show")
        return _read(api, data)

    def say(self, script: Script, asked: Asked) -> Rendered:
        match script:
            case Spoken() if asked.stream:
                lines = tuple(_line(event) for event in _events(script, asked))
                return Rendered(pieces=lines, content_type="application/x-ndjson", streamed=True)
            case Spoken():
                return Rendered.whole(_whole(script, asked))
            case Vectors():
                told = {"prompt_eval_count": script.usage.prompt}
                vectors = [list(vector) for vector in script.vectors]
                return Rendered.whole({"model": asked.model, "embeddings": vectors, **told, **script.extra})
            case Listing() if asked.query == "show":
                return Rendered.whole(_shown(next(model for model in script.models if model.id == asked.model)))
            case Listing():
                return Rendered.whole({"models": [self._listed(model) for model in script.models]})
            case Refused():
                return self.refuse(script)
        raise TypeError(f"Ollama has no {type(script).__name__}.")

    def refuse(self, refused: Refused) -> Rendered:
        headers = {"Retry-After": str(refused.retry_after)} if refused.retry_after is not None else {}
        if refused.text is not None:
            body = refused.text.encode()
            return Rendered(pieces=(body,), status=refused.status, content_type="text/plain", headers=headers)
        message = refused.message
        if refused.code == "context_length_exceeded":
            message = "the input length exceeds the context length"
        if refused.code == "model_not_found":
            message = "model 'kit' not found"
        return Rendered.whole({"error": message}, status=refused.status, headers=headers)

    def disturb(self, piece: bytes) -> bytes:
        return b"\n" + piece.replace(b"\n", b"\r\n")

    def fail_midway(self, refused: Refused, asked: Asked) -> bytes | None:
        return _line({"error": refused.message})

    def _listed(self, model: ListedModel) -> dict[str, Any]:
        when = datetime.fromtimestamp(model.created, UTC).isoformat()
        listed = {"name": model.id, "model": model.id, "modified_at": when, "size": 1, "digest": f"of {model.id}"}
        if self._older:
            return {**listed, "details": {"family": "kit"}}
        longest = {} if model.context_length is None else {"context_length": model.context_length}
        return {**listed, "details": {"family": "kit", **longest}, "capabilities": ["completion", "embedding"]}


OLLAMA_WIRE = OllamaWire()
OLDER_OLLAMA_WIRE = OllamaWire(older=True)


def _shown(model: ListedModel) -> dict[str, Any]:
    longest = {} if model.context_length is None else {"kit.context_length": model.context_length}
    about = {"general.architecture": "kit", **longest}
    return {"details": {"family": "kit"}, "model_info": about, "capabilities": ["completion", "tools"]}


def _read(api: Api, data: dict[str, Any]) -> Asked:
    options = data.get("options") or {}
    form = data.get("format")
    inputs = data.get("input") or ()
    logprobs = data.get("logprobs")
    return Asked(
        api=api,
        model=data["model"],
        # A chat is streamed unless that is refused.
        stream=api == "chat" and data.get("stream") is not False,
        wants_usage=True,
        messages=tuple(_message(message) for message in data.get("messages") or ()),
        tools=tuple(AskedTool(**tool["function"]) for tool in data.get("tools") or ()),
        schema=form if isinstance(form, dict) else None,
        json_object=form == "json",
        settings={_OPTIONS.get(name, name): value for name, value in options.items()},
        odds=(data.get("top_logprobs") or 0) if logprobs else None,
        inputs=(inputs,) if isinstance(inputs, str) else tuple(inputs),
        dimensions=data.get("dimensions"),
        extra={key: value for key, value in data.items() if key not in _KNOWN},
    )


def _message(message: Mapping[str, Any]) -> AskedMessage:
    if message["role"] not in ("system", "user", "assistant", "tool"):
        raise ValueError(f"invalid role: {message['role']}")
    if not isinstance(message.get("content", ""), str):
        raise ValueError("json: cannot unmarshal array into Go struct field Message.content of type string")
    media = [(data, base64.b64decode(data, validate=True)) for data in message.get("images") or ()]
    kinds = [(data, _kind(content)) for data, content in media]
    return AskedMessage(
        role=message["role"],
        text=message.get("content", ""),
        images=tuple(f"data:{kind};base64,{data}" for data, kind in kinds if kind),
        audio=tuple(data for data, kind in kinds if not kind),
        calls=tuple(
            ToolUse(
                id=call["id"],
                name=call["function"]["name"],
                arguments=json.dumps(dict(call["function"]["arguments"])),
            )
            for call in message.get("tool_calls") or ()
        ),
        answers=message.get("tool_call_id"),
        thoughts=message.get("thinking", ""),
    )


def _kind(content: bytes) -> str | None:
    return next((kind for start, kind in _SNIFFED.items() if content.startswith(start)), None)


def _head(asked: Asked) -> dict[str, Any]:
    return {"model": asked.model, "created_at": _STARTED}


def _whole(script: Spoken, asked: Asked) -> dict[str, Any]:
    say = script.choices[0]
    message: dict[str, Any] = {"role": "assistant", "content": say.text or ""}
    if say.reasoning is not None:
        message["thinking"] = say.reasoning
    if say.calls:
        message["tool_calls"] = [_call(call, place) for place, call in enumerate(say.calls)]
    odds = {"logprobs": [_odds(token) for token in say.odds]} if say.odds else {}
    return {**_head(asked), "message": message, **odds, **_end(script), **script.extra}


def _events(script: Spoken, asked: Asked) -> Iterator[dict[str, Any]]:
    say = script.choices[0]
    for said, more in _pieces(say):
        message = {"role": "assistant", "content": "", **said}
        yield {**_head(asked), "message": message, "done": False, **more, **script.extra}
    yield {**_head(asked), "message": {"role": "assistant", "content": ""}, **_end(script), **script.extra}


def _pieces(say: Say) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for piece in _cut(say.reasoning, say.piece):
        yield {"thinking": piece}, {}
    if say.odds:
        for token in say.odds:
            yield {"content": token.text}, {"logprobs": [_odds(token)]}
    else:
        for piece in _cut(say.text, say.piece):
            yield {"content": piece}, {}
    for place, call in enumerate(say.calls):
        yield {"tool_calls": [_call(call, place)]}, {}


def _cut(text: str | None, size: int) -> Iterator[str]:
    for at in range(0, len(text or ""), size):
        yield (text or "")[at : at + size]


def _call(call: ToolUse, place: int) -> dict[str, Any]:
    return {"id": call.id, "function": {"index": place, "name": call.name, "arguments": json.loads(call.arguments)}}


def _odds(token: TokenOdds) -> dict[str, Any]:
    others = [{"token": text, "logprob": logprob} for text, logprob in token.others]
    return {"token": token.text, "logprob": token.logprob, "top_logprobs": others}


def _end(script: Spoken) -> dict[str, Any]:
    """The end; that tools are called is no reason of its own."""
    finish = script.choices[0].finish
    end: dict[str, Any] = {"done": True, "done_reason": "stop" if finish == "tool_calls" else finish}
    if script.usage is not None:
        end |= {"prompt_eval_count": script.usage.prompt, "eval_count": script.usage.completion}
    return {**end, "total_duration": 5_000_000, "load_duration": 1_000_000}


def _line(event: Mapping[str, Any]) -> bytes:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
