"""The Gemini API (``v1beta``) and Gemini on Vertex AI, as Google's clients of 2026 have them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote

from dinrail_sdk.testing.dialect import Dialect, Rendered, Request
from dinrail_sdk.testing.script import (
    Asked,
    AskedMessage,
    AskedTool,
    ListedModel,
    Listing,
    Refused,
    Say,
    Script,
    Spoken,
    Tokens,
    ToolUse,
    Vectors,
)

__all__ = ["GEMINI_WIRE", "VERTEX_WIRE", "GeminiWire"]

_METHOD = re.compile(r"/(?P<root>.+?)/models/(?P<model>[^:/]+):(?P<method>\w+)")
_KNOWN = frozenset({"contents", "generationConfig", "model", "systemInstruction", "toolConfig", "tools"})
_SETTINGS = {
    "temperature": "temperature",
    "topP": "top_p",
    "maxOutputTokens": "max_tokens",
    "stopSequences": "stop",
    "seed": "seed",
    "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty",
}
_STOPS = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP", "content_filter": "SAFETY"}
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
MOST = 100
"""Texts in one request."""


class GeminiWire(Dialect):
    """``generateContent``, ``streamGenerateContent``, embeddings and the list of models.

    Args:
        vertex: As Vertex AI has them.
    """

    lacks: ClassVar[Mapping[str, str]] = {
        "content_filter": "a prompt that is blocked is an answer without candidates",
        "thoughts": "they are taken back as their maker has marked them alone",
        "parallel_tool_calls": "there is no such wish",
        "token_inputs": "texts alone are embedded",
        "shuffled_answers": "vectors have no index",
        "refusals": "there is no field for them",
        "model_details": "neither owner nor date is told",
    }

    def __init__(self, *, vertex: bool = False) -> None:
        self._vertex = vertex
        self.name = "Vertex AI" if vertex else "Gemini"  # type: ignore[misc]  # one class for two that are much alike
        self.prefix = "/v1" if vertex else "/v1beta"  # type: ignore[misc]  # as above

    def read(self, request: Request) -> Asked:
        path, _, query = request.path.partition("?")
        values = {name: found[0] for name, found in parse_qs(query).items()}
        listing = "/v1beta1/publishers/google/models" if self._vertex else "/v1beta/models"
        if (request.method, path) == ("GET", listing):
            return Asked(api="models", extra=values)
        found = _METHOD.fullmatch(path)
        if found is None or request.method != "POST":
            raise LookupError(path)
        root = f"{self.prefix[1:]}/projects/kit/locations/global/publishers/google" if self._vertex else "v1beta"
        if found["root"] != root:
            raise LookupError(path)
        model, data = unquote(found["model"]), request.json
        if not isinstance(data, dict):
            raise ValueError("Invalid JSON payload received.")
        match found["method"]:
            case "generateContent":
                return _chat(model, data, stream=False)
            case "streamGenerateContent" if values.get("alt") == "sse":
                return _chat(model, data, stream=True)
            case "batchEmbedContents" if not self._vertex:
                return _embed(model, data)
            case "predict" if self._vertex:
                return _predict(model, data)
        raise LookupError(path)

    def say(self, script: Script, asked: Asked) -> Rendered:
        match script:
            case Spoken() if asked.stream:
                pieces = tuple(_event(event) for event in _events(script, asked))
                return Rendered(pieces=pieces, content_type="text/event-stream", streamed=True)
            case Spoken():
                return Rendered.whole(_whole(script, asked))
            case Vectors():
                return Rendered.whole(self._vectors(script))
            case Listing():
                return Rendered.whole(self._models(script, asked))
            case Refused():
                return self.refuse(script)
        raise TypeError(f"Gemini has no {type(script).__name__}.")

    def refuse(self, refused: Refused) -> Rendered:
        if refused.text is not None:
            return Rendered(pieces=(refused.text.encode(),), status=refused.status, content_type="text/plain")
        return Rendered.whole(_error(refused), status=refused.status)

    def disturb(self, piece: bytes) -> bytes:
        return b": hello\r\n\r\n" + piece.replace(b"data: ", b"data:").replace(b"\n", b"\r\n")

    def fail_midway(self, refused: Refused, asked: Asked) -> bytes | None:
        return _event(_error(refused))

    def credentials(self, request: Request) -> str | None:
        return request.headers.get("x-goog-api-key") or super().credentials(request)

    def _vectors(self, script: Vectors) -> dict[str, Any]:
        if not self._vertex:
            found = {"embeddings": [{"values": list(vector)} for vector in script.vectors]}
            return {**found, "usageMetadata": {"promptTokenCount": script.usage.prompt}, **script.extra}
        counts = [script.usage.prompt, *[0] * (len(script.vectors) - 1)]
        return {
            "predictions": [
                {"embeddings": {"values": list(vector), "statistics": {"truncated": False, "token_count": count}}}
                for vector, count in zip(script.vectors, counts, strict=True)
            ],
            **script.extra,
        }

    def _models(self, script: Listing, asked: Asked) -> dict[str, Any]:
        """A page of the list, fifty where nothing else is asked; the mark of the next is a number."""
        start, size = int(asked.extra.get("pageToken", 0)), min(int(asked.extra.get("pageSize", 50)), 1000)
        page = [self._model(model) for model in script.models[start : start + size]]
        more = {"nextPageToken": str(start + size)} if start + size < len(script.models) else {}
        return {"publisherModels" if self._vertex else "models": page, **more}

    def _model(self, model: ListedModel) -> dict[str, Any]:
        if self._vertex:
            return {"name": f"publishers/google/models/{model.id}", "launchStage": "GA"}
        longest = {} if model.context_length is None else {"inputTokenLimit": model.context_length}
        methods = ["generateContent", "countTokens", "embedContent"]
        return {"name": f"models/{model.id}", "version": "001", **longest, "supportedGenerationMethods": methods}


GEMINI_WIRE = GeminiWire()
VERTEX_WIRE = GeminiWire(vertex=True)


def _error(refused: Refused) -> dict[str, Any]:
    message, details = refused.message, list[dict[str, Any]]()
    if refused.code == "context_length_exceeded":
        message = "The input token count (5000) exceeds the maximum number of tokens allowed (4096)."
    if refused.code == "model_not_found":
        message = "models/kit is not found for API version v1beta, or is not supported for generateContent."
    if refused.retry_after is not None:
        wait = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{refused.retry_after}s"}
        details = [wait]
    status = _STATUSES.get(refused.status, "UNKNOWN")
    return {"error": {"code": refused.status, "message": message, "status": status, "details": details}}


def _chat(model: str, data: Mapping[str, Any], *, stream: bool) -> Asked:
    config = data.get("generationConfig") or {}
    messages = [one for content in data["contents"] for one in _messages(content)]
    if "systemInstruction" in data:
        messages.insert(0, _said("system", data["systemInstruction"]["parts"]))
    calling = (data.get("toolConfig") or {}).get("functionCallingConfig") or {}
    mode, names = calling.get("mode"), calling.get("allowedFunctionNames") or []
    choice = f"={names[0]}" if names else {"ANY": "required", "AUTO": "auto", "NONE": "none"}.get(mode or "")
    return Asked(
        api="chat",
        model=model,
        stream=stream,
        wants_usage=True,
        messages=tuple(messages),
        tools=tuple(
            AskedTool(
                name=tool["name"], description=tool.get("description"), parameters=tool.get("parametersJsonSchema")
            )
            for tools in data.get("tools") or ()
            for tool in tools.get("functionDeclarations") or ()
        ),
        tool_choice=choice,
        schema=config.get("responseJsonSchema"),
        json_object=config.get("responseMimeType") == "application/json" and "responseJsonSchema" not in config,
        settings={ours: config[theirs] for theirs, ours in _SETTINGS.items() if theirs in config},
        n=config.get("candidateCount", 1),
        odds=config.get("logprobs", 0) if config.get("responseLogprobs") else None,
        extra={key: value for key, value in data.items() if key not in _KNOWN},
    )


def _messages(content: Mapping[str, Any]) -> Iterator[AskedMessage]:
    """A content, with results of functions as messages of their own."""
    if content["role"] not in ("user", "model") or not content["parts"]:
        raise ValueError("Please use a valid role: user, model.")
    for part in content["parts"]:
        if "functionResponse" in part:
            told = part["functionResponse"]
            yield AskedMessage(role="tool", text=told["response"]["output"], answers=told.get("id"))
    rest = [part for part in content["parts"] if "functionResponse" not in part]
    if rest:
        yield _said("assistant" if content["role"] == "model" else "user", rest)


def _said(role: str, parts: list[Mapping[str, Any]]) -> AskedMessage:
    media = [part["inlineData"] for part in parts if "inlineData" in part]
    urls = [(one["mimeType"], f"data:{one['mimeType']};base64,{one['data']}") for one in media]
    calls = [part["functionCall"] for part in parts if "functionCall" in part]
    return AskedMessage(
        role=role,
        text="\n".join(part["text"] for part in parts if "text" in part),
        images=tuple(url for kind, url in urls if kind.startswith("image/")),
        audio=tuple(one["data"] for one in media if one["mimeType"].startswith("audio/")),
        files=tuple(url for kind, url in urls if kind.startswith("application/")),
        calls=tuple(ToolUse(id=one["id"], name=one["name"], arguments=json.dumps(one["args"])) for one in calls),
    )


def _embed(model: str, data: Mapping[str, Any]) -> Asked:
    requests = data["requests"]
    if len(requests) > MOST:
        raise ValueError(f"at most {MOST} requests can be in one batch")
    if any(request["model"] != f"models/{model}" for request in requests):
        raise ValueError("model must be the same in all requests")
    first = requests[0]
    known = {"model", "content", "outputDimensionality", "taskType"}
    return Asked(
        api="embeddings",
        model=model,
        inputs=tuple(request["content"]["parts"][0]["text"] for request in requests),
        dimensions=first.get("outputDimensionality"),
        extra={key: value for key, value in first.items() if key not in known},
    )


def _predict(model: str, data: Mapping[str, Any]) -> Asked:
    return Asked(
        api="embeddings",
        model=model,
        inputs=tuple(instance["content"] for instance in data["instances"]),
        dimensions=(data.get("parameters") or {}).get("outputDimensionality"),
        extra={key: value for key, value in data.items() if key not in ("instances", "parameters")},
    )


def _head(script: Spoken, asked: Asked) -> dict[str, Any]:
    head = {"modelVersion": asked.model, "responseId": "kit", **script.extra}
    return head if script.usage is None else {**head, "usageMetadata": _usage(script.usage)}


def _whole(script: Spoken, asked: Asked) -> dict[str, Any]:
    candidates = [
        {
            "content": {"role": "model", "parts": [part for part, _ in _parts(say, None)]},
            "finishReason": _STOPS.get(say.finish, say.finish),
            "index": index,
            **({"logprobsResult": _odds(say)} if say.odds else {}),
        }
        for index, say in enumerate(script.choices)
    ]
    return {"candidates": candidates, **_head(script, asked)}


def _events(script: Spoken, asked: Asked) -> Iterator[dict[str, Any]]:
    for round_ in zip_longest(*(_candidates(index, say) for index, say in enumerate(script.choices))):
        for candidate in round_:
            if candidate is not None:
                yield {"candidates": [candidate], **_head(script, asked)}


def _candidates(index: int, say: Say) -> Iterator[dict[str, Any]]:
    for part, more in _parts(say, say.piece):
        yield {"content": {"role": "model", "parts": [part]}, "index": index, **more}
    yield {
        "content": {"role": "model", "parts": [{"text": ""}]},
        "finishReason": _STOPS.get(say.finish, say.finish),
        "index": index,
    }


def _parts(say: Say, size: int | None) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for piece in _cut(say.reasoning, size):
        yield {"text": piece, "thought": True}, {}
    if say.odds and size is not None:
        for token in say.odds:
            yield {"text": token.text}, {"logprobsResult": _odds(Say(odds=(token,)))}
    else:
        for piece in _cut(say.text, size):
            yield {"text": piece}, {}
    for call in say.calls:
        yield {"functionCall": {"id": call.id, "name": call.name, "args": json.loads(call.arguments)}}, {}


def _cut(text: str | None, size: int | None) -> Iterator[str]:
    text = text or ""
    for at in range(0, len(text), size or len(text) or 1):
        yield text[at : at + (size or len(text))]


def _odds(say: Say) -> dict[str, Any]:
    chosen = [{"token": token.text, "tokenId": 7, "logProbability": token.logprob} for token in say.odds]
    others = [
        {"candidates": [{"token": text, "tokenId": 7, "logProbability": logprob} for text, logprob in token.others]}
        for token in say.odds
    ]
    return {"chosenCandidates": chosen, "topCandidates": others}


def _usage(tokens: Tokens) -> dict[str, Any]:
    usage = {
        "promptTokenCount": tokens.prompt,
        "candidatesTokenCount": tokens.completion - (tokens.reasoning or 0),
        "totalTokenCount": tokens.total,
    }
    if tokens.cached is not None:
        usage["cachedContentTokenCount"] = tokens.cached
    if tokens.reasoning is not None:
        usage["thoughtsTokenCount"] = tokens.reasoning
    return usage


def _event(data: Mapping[str, Any]) -> bytes:
    return f"data: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()
