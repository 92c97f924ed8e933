"""Amazon Bedrock: chats over Converse, embeddings over InvokeModel, lists of models, as AWS has them in 2026."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, ClassVar
from urllib.parse import unquote

from dinrail_sdk.testing.aws import check_signature, event_message
from dinrail_sdk.testing.dialect import Dialect, Rendered, Request
from dinrail_sdk.testing.script import (
    Asked,
    AskedMessage,
    AskedTool,
    Listing,
    Refused,
    Say,
    Script,
    Spoken,
    Tokens,
    ToolUse,
    Vectors,
)

__all__ = ["BEDROCK_WIRE", "BedrockWire"]

_KNOWN = frozenset({"messages", "system", "inferenceConfig", "toolConfig", "outputConfig", "serviceTier"})
_TITANS = frozenset({"inputText", "dimensions", "normalize", "embeddingTypes"})
_COHERES = frozenset({"texts", "input_type", "truncate", "embedding_types", "output_dimension"})
_MOST_OF_COHERE = 96
_SETTINGS = {"maxTokens": "max_tokens", "temperature": "temperature", "topP": "top_p", "stopSequences": "stop"}
_STOPS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "content_filtered"}
_EXCEPTIONS = {
    400: "ValidationException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
}
_MEDIA = {"pdf": "application/pdf", "txt": "text/plain", "md": "text/markdown", "csv": "text/csv"}


class BedrockWire(Dialect):
    """``/model/…/converse``, ``…/converse-stream``, ``…/invoke``, ``/foundation-models`` and ``/inference-profiles``.

    Over ``invoke`` it knows the bodies of Titan's and of Cohere's embeddings, and tells the one from the other as AWS
    does: by the model.

    A request has a bearer token, or a signature that is checked as AWS does.

    Attributes:
        key_id: Of the credentials that it knows.
        secret: Of the same.
        region: For which requests are signed.
    """

    key_id: ClassVar[str] = "AKIDOFTHEKIT"
    secret: ClassVar[str] = "secret/of+the+kit"  # noqa: S105  # it opens the fake alone
    region: ClassVar[str] = "us-east-1"

    name = "Bedrock"
    lacks: ClassVar[Mapping[str, str]] = {
        "content_filter": "what is filtered is a reason to stop",
        "thoughts": "they are taken back as their maker has marked them alone",
        "n": "there is one answer",
        "logprobs": "none are told",
        "seed": "there is none",
        "penalties": "there are none",
        "parallel_tool_calls": "that is the model's to decide",
        "json_object": "JSON is written by a schema alone",
        "refusals": "a refusal is a reason to stop",
        "usage_details": "tokens of thoughts are not told",
        "context_length_listed": "none is told",
        "model_details": "neither owner nor date is told",
        "token_inputs": "texts alone are embedded",
        "shuffled_answers": "vectors have no index",
    }

    def read(self, request: Request) -> Asked:
        path = request.path.partition("?")[0]
        parts = path.strip("/").split("/")
        if request.method == "GET" and parts in (["foundation-models"], ["inference-profiles"]):
            self._check(request)
            return Asked(api="models", extra={"list": parts[0]})
        if request.method != "POST" or len(parts) != 3 or parts[0] != "model":
            raise LookupError(path)
        if parts[2] not in ("converse", "converse-stream", "invoke"):
            raise LookupError(path)
        self._check(request)
        if parts[2] == "invoke":
            return _embed(request.json, unquote(parts[1]))
        return _read(request.json, unquote(parts[1]), stream=parts[2] == "converse-stream")

    def say(self, script: Script, asked: Asked) -> Rendered:
        match script:
            case Spoken() if asked.stream:
                pieces = tuple(_event(kind, {**data, "p": "abcdef"}) for kind, data in _events(script))
                return Rendered(pieces=pieces, content_type="application/vnd.amazon.eventstream", streamed=True)
            case Spoken():
                return Rendered.whole(_whole(script))
            case Vectors():
                return _embedded(script, asked)
            case Listing() if asked.extra["list"] == "inference-profiles":
                return Rendered.whole({"inferenceProfileSummaries": []})
            case Listing():
                about = {"outputModalities": ["TEXT"], "inferenceTypesSupported": ["ON_DEMAND"]}
                return Rendered.whole({"modelSummaries": [{"modelId": model.id, **about} for model in script.models]})
            case Refused():
                return self.refuse(script)
        raise TypeError(f"Bedrock has no {type(script).__name__}.")

    def refuse(self, refused: Refused) -> Rendered:
        headers = {"Retry-After": str(refused.retry_after)} if refused.retry_after is not None else {}
        if refused.text is not None:
            body = refused.text.encode()
            return Rendered(pieces=(body,), status=refused.status, content_type="text/plain", headers=headers)
        message = refused.message
        if refused.code == "context_length_exceeded":
            message = "Input is too long for requested model."
        if refused.code == "model_not_found":
            message = "The provided model identifier is invalid."
        headers["x-amzn-ErrorType"] = _EXCEPTIONS.get(refused.status, "InternalServerException")
        return Rendered.whole({"message": message}, status=refused.status, headers=headers)

    def disturb(self, piece: bytes) -> bytes:
        return _event("eventOfTomorrow", {"p": "abc"}) + piece

    def fail_midway(self, refused: Refused, asked: Asked) -> bytes | None:
        headers = {
            ":exception-type": "internalServerException",
            ":content-type": "application/json",
            ":message-type": "exception",
        }
        return event_message(headers, json.dumps({"message": refused.message}).encode())

    def credentials(self, request: Request) -> str | None:
        """A bearer token, or the secret of a right signature."""
        if not request.headers.get("authorization", "").startswith("AWS4-"):
            return super().credentials(request)
        self._check(request)
        return self.secret

    def _check(self, request: Request) -> None:
        if super().credentials(request) is None:
            check_signature(request, key_id=self.key_id, secret=self.secret, region=self.region, service="bedrock")


BEDROCK_WIRE = BedrockWire()


def _read(data: Any, model: str, *, stream: bool) -> Asked:
    if not isinstance(data, dict) or not isinstance(data.get("messages"), list):
        raise ValueError("messages is required")
    roles = [message["role"] for message in data["messages"]]
    if any(role == following for role, following in pairwise(roles)):
        raise ValueError("A conversation must alternate between user and assistant roles.")
    messages = [one for message in data["messages"] for one in _messages(message)]
    if "system" in data:
        messages.insert(0, _said("system", data["system"]))
    config = data.get("toolConfig") or {}
    chosen = config.get("toolChoice") or {}
    named = f"={chosen['tool']['name']}" if "tool" in chosen else None
    form = ((data.get("outputConfig") or {}).get("textFormat") or {}).get("structure") or {}
    return Asked(
        api="chat",
        model=model,
        stream=stream,
        wants_usage=True,
        messages=tuple(messages),
        tools=tuple(_tool(tool["toolSpec"]) for tool in config.get("tools") or () if "toolSpec" in tool),
        tool_choice=named or ("required" if "any" in chosen else "auto" if "auto" in chosen else None),
        schema=json.loads(form["jsonSchema"]["schema"]) if form else None,
        settings={_SETTINGS[name]: value for name, value in (data.get("inferenceConfig") or {}).items()},
        extra={key: value for key, value in data.items() if key not in _KNOWN},
    )


def _embed(data: Any, model: str) -> Asked:
    """A request for embeddings: one text for Titan, up to 96 for Cohere."""
    if "cohere." in model:
        texts, length, known = data["texts"], data.get("output_dimension"), _COHERES
        if not data.get("input_type") or len(texts) > _MOST_OF_COHERE:
            raise ValueError(f"input_type is required, and at most {_MOST_OF_COHERE} texts")
    else:
        texts, length, known = [data["inputText"]], data.get("dimensions"), _TITANS
    if not all(isinstance(text, str) and text for text in texts):
        raise ValueError("expected minLength: 1")
    extra = {key: value for key, value in data.items() if key not in known}
    return Asked(api="embeddings", model=model, inputs=tuple(texts), dimensions=length, extra=extra)


def _embedded(script: Vectors, asked: Asked) -> Rendered:
    vectors = [list(vector) for vector in script.vectors]
    told = {"X-Amzn-Bedrock-Input-Token-Count": str(script.usage.prompt)}
    if "cohere." in asked.model:
        found = {"id": "kit", "response_type": "embeddings_by_type", "texts": list(asked.inputs)}
        return Rendered.whole({**found, "embeddings": {"float": vectors}, **script.extra}, headers=told)
    counted = {"inputTextTokenCount": script.usage.prompt, "embeddingsByType": {"float": vectors[0]}}
    return Rendered.whole({"embedding": vectors[0], **counted, **script.extra}, headers=told)


def _tool(spec: Mapping[str, Any]) -> AskedTool:
    return AskedTool(name=spec["name"], description=spec.get("description"), parameters=spec["inputSchema"]["json"])


def _messages(message: Mapping[str, Any]) -> Iterator[AskedMessage]:
    """A turn, with results of tools as messages of their own."""
    if message["role"] not in ("user", "assistant", "system") or not message["content"]:
        raise ValueError(f"A message of the role {message['role']} is not valid.")
    for block in message["content"]:
        if "toolResult" in block:
            told = _said("tool", block["toolResult"]["content"])
            yield AskedMessage(role="tool", text=told.text, answers=block["toolResult"]["toolUseId"])
    rest = [block for block in message["content"] if "toolResult" not in block]
    if rest:
        yield _said(message["role"], rest)


def _said(role: str, blocks: list[dict[str, Any]]) -> AskedMessage:
    texts = [block["text"] for block in blocks if "text" in block]
    if not all(texts):
        raise ValueError("The text field in the ContentBlock object is blank.")
    return AskedMessage(
        role=role,
        text="\n".join(texts),
        images=tuple(
            f"data:image/{block['image']['format']};base64,{block['image']['source']['bytes']}"
            for block in blocks
            if "image" in block
        ),
        audio=tuple(block["audio"]["source"]["bytes"] for block in blocks if "audio" in block),
        files=tuple(
            f"data:{_MEDIA[block['document']['format']]};base64,{block['document']['source']['bytes']}"
            for block in blocks
            if "document" in block
        ),
        calls=tuple(
            ToolUse(id=use["toolUseId"], name=use["name"], arguments=json.dumps(use["input"]))
            for use in (block["toolUse"] for block in blocks if "toolUse" in block)
        ),
    )


def _whole(script: Spoken) -> dict[str, Any]:
    say = script.choices[0]
    told = {} if script.usage is None else {"usage": _usage(script.usage)}
    message = {"role": "assistant", "content": list(_blocks(say))}
    about = {
        "output": {"message": message},
        "stopReason": _STOPS.get(say.finish, say.finish),
        "metrics": {"latencyMs": 7},
    }
    return {**about, **told, **script.extra}


def _blocks(say: Say) -> Iterator[dict[str, Any]]:
    if say.reasoning is not None:
        yield {"reasoningContent": {"reasoningText": {"text": say.reasoning, "signature": "c2lnbmVk"}}}
    if say.text:
        yield {"text": say.text}
    for call in say.calls:
        yield {"toolUse": {"toolUseId": call.id, "name": call.name, "input": json.loads(call.arguments)}}


def _events(script: Spoken) -> Iterator[tuple[str, dict[str, Any]]]:
    say = script.choices[0]
    yield "messageStart", {"role": "assistant", **script.extra}
    for index, block in enumerate(_blocks(say)):
        at = {"contentBlockIndex": index, **script.extra}
        if "toolUse" in block:
            named = {key: block["toolUse"][key] for key in ("toolUseId", "name")}
            yield "contentBlockStart", {**at, "start": {"toolUse": named}}
        for delta in _deltas(block, say.piece):
            yield "contentBlockDelta", {**at, "delta": delta}
        yield "contentBlockStop", at
    yield "messageStop", {"stopReason": _STOPS.get(say.finish, say.finish), **script.extra}
    told = {} if script.usage is None else {"usage": _usage(script.usage)}
    yield "metadata", {**told, "metrics": {"latencyMs": 7}, **script.extra}


def _deltas(block: Mapping[str, Any], size: int) -> Iterator[dict[str, Any]]:
    if "text" in block:
        yield from ({"text": piece} for piece in _cut(block["text"], size))
    elif "toolUse" in block:
        text = json.dumps(block["toolUse"]["input"], ensure_ascii=False)
        yield from ({"toolUse": {"input": piece}} for piece in _cut(text, size))
    else:
        thought = block["reasoningContent"]["reasoningText"]
        yield from ({"reasoningContent": {"text": piece}} for piece in _cut(thought["text"], size))
        yield {"reasoningContent": {"signature": thought["signature"]}}


def _cut(text: str, size: int) -> Iterator[str]:
    for at in range(0, len(text), size):
        yield text[at : at + size]


def _usage(tokens: Tokens) -> dict[str, Any]:
    return {
        "inputTokens": tokens.prompt - (tokens.cached or 0),
        "outputTokens": tokens.completion,
        "totalTokens": tokens.total,
        "cacheReadInputTokens": tokens.cached or 0,
        "cacheWriteInputTokens": 0,
    }


def _event(kind: str, data: Mapping[str, Any]) -> bytes:
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return event_message(headers, json.dumps(data, ensure_ascii=False).encode())
