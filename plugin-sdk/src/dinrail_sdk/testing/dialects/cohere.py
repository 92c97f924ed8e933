"""Cohere's API of the second version, as its clients of 2026 have it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import parse_qs

from dinrail_sdk.testing.dialect import Dialect, Rendered, Request
from dinrail_sdk.testing.script import (
    Api,
    Asked,
    AskedMessage,
    AskedTool,
    ListedModel,
    Listing,
    Ranking,
    Refused,
    Say,
    Script,
    Spoken,
    Tokens,
    ToolUse,
    Vectors,
)

__all__ = ["COHERE_WIRE", "CohereWire"]

_PATHS: Mapping[tuple[str, str], Api] = {
    ("POST", "/v2/chat"): "chat",
    ("POST", "/v2/embed"): "embeddings",
    ("POST", "/v2/rerank"): "rerank",
    ("GET", "/v1/models"): "models",
}
_KNOWN = frozenset(
    {
        "documents",
        "embedding_types",
        "frequency_penalty",
        "input_type",
        "max_tokens",
        "max_tokens_per_doc",
        "messages",
        "model",
        "output_dimension",
        "p",
        "presence_penalty",
        "query",
        "response_format",
        "seed",
        "stop_sequences",
        "stream",
        "strict_tools",
        "temperature",
        "texts",
        "thinking",
        "tool_choice",
        "tools",
        "top_n",
        "truncate",
    }
)
_SETTINGS = {
    "temperature": "temperature",
    "p": "top_p",
    "max_tokens": "max_tokens",
    "stop_sequences": "stop",
    "seed": "seed",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
}
_STOPS = {"stop": "COMPLETE", "length": "MAX_TOKENS", "tool_calls": "TOOL_CALL"}
MOST = 96
"""Texts in one request."""


class CohereWire(Dialect):
    """``/v2/chat``, ``/v2/embed``, ``/v2/rerank`` and ``/v1/models``."""

    name = "Cohere"
    lacks: ClassVar[Mapping[str, str]] = {
        "content_filter": "what is filtered is a reason to stop",
        "thoughts": "they are taken back as their maker has marked them alone",
        "n": "there is one answer",
        "logprobs": "they are told by ids of tokens, without alternatives",
        "parallel_tool_calls": "that is the model's to decide",
        "audio_input": "the models take no sound",
        "file_input": "documents are texts beside the messages",
        "refusals": "there is no field for them",
        "usage_details": "tokens of thoughts are not told",
        "token_inputs": "texts alone are embedded",
        "shuffled_answers": "vectors have no index",
        "unsorted_answers": "rankings come sorted",
        "rerank_usage": "search units are billed, not tokens",
        "model_details": "neither owner nor date is told",
    }

    def read(self, request: Request) -> Asked:
        path, _, query = request.path.partition("?")
        api = _PATHS.get((request.method, path))
        if api is None:
            raise LookupError(path)
        if api == "models":
            return Asked(api=api, extra={name: values[0] for name, values in parse_qs(query).items()})
        data = request.json
        if not isinstance(data, dict) or not isinstance(data.get("model"), str):
            raise ValueError("model is required")
        return _read(api, data)

    def say(self, script: Script, asked: Asked) -> Rendered:
        match script:
            case Spoken() if asked.stream:
                pieces = tuple(_event(event) for event in _events(script))
                return Rendered(pieces=pieces, content_type="text/event-stream", streamed=True)
            case Spoken():
                return Rendered.whole(_whole(script))
            case Vectors():
                embeddings = {"float": [list(vector) for vector in script.vectors]}
                meta = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": float(script.usage.prompt)}}
                found = {"id": "kit", "embeddings": embeddings, "texts": list(asked.inputs), "meta": meta}
                return Rendered.whole({**found, "response_type": "embeddings_by_type", **script.extra})
            case Ranking():
                best = sorted(enumerate(script.scores), key=lambda pair: -pair[1])[: asked.top_n]
                results = [{"index": index, "relevance_score": score} for index, score in best]
                meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1.0}}
                return Rendered.whole({"id": "kit", "results": results, "meta": meta, **script.extra})
            case Listing():
                return Rendered.whole(_models(script, asked))
            case Refused():
                return self.refuse(script)
        raise TypeError(f"Cohere has no {type(script).__name__}.")

    def refuse(self, refused: Refused) -> Rendered:
        headers = {"Retry-After": str(refused.retry_after)} if refused.retry_after is not None else {}
        if refused.text is not None:
            body = refused.text.encode()
            return Rendered(pieces=(body,), status=refused.status, content_type="text/plain", headers=headers)
        message = refused.message
        if refused.code == "context_length_exceeded":
            message = "too many tokens: total number of tokens in the prompt cannot exceed 4096 - received 5000."
        if refused.code == "model_not_found":
            message = "model 'kit' not found, make sure the correct model ID was used"
        return Rendered.whole({"id": "kit", "message": message}, status=refused.status, headers=headers)

    def disturb(self, piece: bytes) -> bytes:
        return b": hello\r\n\r\n" + piece.replace(b"data: ", b"data:").replace(b"\n", b"\r\n")

    def fail_midway(self, refused: Refused, asked: Asked) -> bytes | None:
        return _event({"type": "message-end", "delta": {"finish_reason": "ERROR", "error": refused.message}})


COHERE_WIRE = CohereWire()


def _read(api: Api, data: Mapping[str, Any]) -> Asked:
    form = data.get("response_format") or {}
    inputs = data.get("texts") or data.get("documents") or ()
    if api == "embeddings" and (len(inputs) > MOST or not data.get("input_type")):
        raise ValueError(f"invalid request: at most {MOST} texts, and an input_type")
    choice = data.get("tool_choice")
    return Asked(
        api=api,
        model=data["model"],
        stream=bool(data.get("stream")),
        wants_usage=True,
        messages=tuple(_message(message) for message in data.get("messages") or ()),
        tools=tuple(AskedTool(**tool["function"]) for tool in data.get("tools") or ()),
        tool_choice=choice.lower() if choice else None,
        schema=form.get("json_schema"),
        json_object=form.get("type") == "json_object" and "json_schema" not in form,
        settings={ours: data[theirs] for theirs, ours in _SETTINGS.items() if theirs in data},
        inputs=tuple(inputs) if api != "chat" else (),
        query=data.get("query"),
        top_n=data.get("top_n"),
        dimensions=data.get("output_dimension"),
        extra={key: value for key, value in data.items() if key not in _KNOWN},
    )


def _message(message: Mapping[str, Any]) -> AskedMessage:
    if message["role"] not in ("system", "user", "assistant", "tool"):
        raise ValueError(f"invalid role: {message['role']}")
    content = message.get("content") or []
    parts: list[dict[str, Any]] = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return AskedMessage(
        role=message["role"],
        text="\n".join(part["text"] for part in parts if part["type"] == "text"),
        images=tuple(part["image_url"]["url"] for part in parts if part["type"] == "image_url"),
        calls=tuple(
            ToolUse(id=call["id"], name=call["function"]["name"], arguments=call["function"]["arguments"])
            for call in message.get("tool_calls") or ()
        ),
        answers=message.get("tool_call_id"),
    )


def _whole(script: Spoken) -> dict[str, Any]:
    say = script.choices[0]
    message: dict[str, Any] = {"role": "assistant", "content": list(_blocks(say))}
    if say.calls:
        message["tool_calls"] = [_call(call, call.arguments) for call in say.calls]
    told = {} if script.usage is None else {"usage": _usage(script.usage)}
    return {
        "id": "kit",
        "finish_reason": _STOPS.get(say.finish, say.finish),
        "message": message,
        **told,
        **script.extra,
    }


def _blocks(say: Say) -> Iterator[dict[str, Any]]:
    if say.reasoning is not None:
        yield {"type": "thinking", "thinking": say.reasoning}
    if say.text is not None:
        yield {"type": "text", "text": say.text}


def _events(script: Spoken) -> Iterator[dict[str, Any]]:
    say = script.choices[0]
    start = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    yield {"type": "message-start", "id": "kit", "delta": {"message": start}, **script.extra}
    for index, block in enumerate(_blocks(say)):
        kind = block["type"]
        begun: dict[str, Any] = {"message": {"content": {"type": kind, kind: ""}}}
        yield {"type": "content-start", "index": index, "delta": begun, **script.extra}
        for piece in _cut(block[kind], say.piece):
            delta = {"message": {"content": {kind: piece}}}
            yield {"type": "content-delta", "index": index, "delta": delta, **script.extra}
        yield {"type": "content-end", "index": index, **script.extra}
    for index, call in enumerate(say.calls):
        opened = {"message": {"tool_calls": _call(call, "")}}
        yield {"type": "tool-call-start", "index": index, "delta": opened, **script.extra}
        for piece in _cut(call.arguments, say.piece):
            grown: dict[str, Any] = {"message": {"tool_calls": {"function": {"arguments": piece}}}}
            yield {"type": "tool-call-delta", "index": index, "delta": grown, **script.extra}
        yield {"type": "tool-call-end", "index": index, **script.extra}
    end: dict[str, Any] = {"finish_reason": _STOPS.get(say.finish, say.finish)}
    if script.usage is not None:
        end["usage"] = _usage(script.usage)
    yield {"type": "message-end", "delta": end, **script.extra}


def _call(call: ToolUse, arguments: str) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _cut(text: str, size: int) -> Iterator[str]:
    for at in range(0, len(text), size):
        yield text[at : at + size]


def _usage(tokens: Tokens) -> dict[str, Any]:
    counts = {"input_tokens": float(tokens.prompt), "output_tokens": float(tokens.completion)}
    return {"billed_units": counts, "tokens": counts} | ({"cached_tokens": tokens.cached} if tokens.cached else {})


def _models(script: Listing, asked: Asked) -> dict[str, Any]:
    """A page of the list, twenty where nothing else is asked; the mark of the next is a number."""
    start, size = int(asked.extra.get("page_token", 0)), min(int(asked.extra.get("page_size", 20)), 1000)
    page = [_model(model) for model in script.models[start : start + size]]
    more = {"next_page_token": str(start + size)} if start + size < len(script.models) else {}
    return {"models": page, **more}


def _model(model: ListedModel) -> dict[str, Any]:
    longest = {} if model.context_length is None else {"context_length": float(model.context_length)}
    return {"name": model.id, "endpoints": ["chat", "embed", "rerank"], "finetuned": False, **longest}


def _event(data: Mapping[str, Any]) -> bytes:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"event: {data['type']}\ndata: {text}\n\n".encode()
