"""IBM watsonx.ai's API for models, as IBM's clients of August 2026 have it: near to OpenAI's, with names of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import parse_qs

from dinrail_sdk.testing.dialect import Rendered, Request
from dinrail_sdk.testing.dialects.openai import OpenAIWire
from dinrail_sdk.testing.script import (
    Api,
    Asked,
    ListedModel,
    Listing,
    Ranking,
    Refused,
    Script,
    Spoken,
    Vectors,
)

__all__ = ["WATSONX_WIRE", "WatsonxWire"]

_PATHS: Mapping[tuple[str, str], Api] = {
    ("POST", "/ml/v1/text/chat"): "chat",
    ("POST", "/ml/v1/text/chat_stream"): "chat",
    ("POST", "/ml/v1/text/embeddings"): "embeddings",
    ("POST", "/ml/v1/text/rerank"): "rerank",
    ("GET", "/ml/v1/foundation_model_specs"): "models",
}
_OPENAIS: Mapping[Api, str] = {
    "chat": "/chat/completions",
    "embeddings": "/embeddings",
    "rerank": "/rerank",
    "models": "/models",
}
_REFUSED = frozenset(
    {
        "dimensions",
        "documents",
        "encoding_format",
        "input",
        "metadata",
        "model",
        "parallel_tool_calls",
        "return_documents",
        "store",
        "stream",
        "stream_options",
        "top_n",
        "user",
    }
)
"""OpenAI's and Cohere's names, which are others here or none."""
_MESSAGE = {
    "system": {"role", "content", "name"},
    "user": {"role", "content", "name"},
    "assistant": {"role", "content", "name", "refusal", "tool_calls"},
    "tool": {"role", "content", "tool_call_id"},
}
_PARTS = ("text", "image_url", "video_url", "input_audio")
_FUNCTION = {"name", "description", "parameters"}
_AT = "2026-08-11T00:00:00.000Z"
MOST = 1000
"""Texts in one request."""


class WatsonxWire(OpenAIWire):
    """``/ml/v1/text/…`` and ``/ml/v1/foundation_model_specs``; fields that no description knows are let through."""

    name = "watsonx.ai"
    prefix = ""
    lacks: ClassVar[Mapping[str, str]] = {
        "content_filter": "there is no code for it",
        "thoughts": "messages have no field for them",
        "parallel_tool_calls": "that is the model's to decide",
        "file_input": "chats take no documents",
        "usage_details": "tokens of thoughts are not told",
        "dimensions": "vectors are as long as the model makes them",
        "token_inputs": "texts alone are embedded",
        "shuffled_answers": "vectors have no index",
        "unsorted_answers": "rankings come sorted",
        "model_details": "models have days in place of seconds",
    }

    def beside(self, request: Request) -> Rendered | None:
        """Gives out tokens, each the key itself, so that a suite finds its key in the requests."""
        if (request.method, request.path) != ("POST", "/identity/token"):
            return None
        (key,) = parse_qs(request.body.decode())["apikey"]
        return Rendered.whole({"access_token": key, "token_type": "Bearer", "expires_in": 3600})

    def read(self, request: Request) -> Asked:
        path, _, query = request.path.partition("?")
        api, asked = _PATHS.get((request.method, path)), parse_qs(query)
        if api is None:
            raise LookupError(path)
        if "version" not in asked:
            raise ValueError("the query parameter version is required")
        if api == "models":
            return Asked(api=api, extra={name: values[0] for name, values in asked.items()})
        data = dict(request.json)
        if refused := _REFUSED & data.keys():
            raise ValueError(f"unknown fields: {sorted(refused)}")
        if ("project_id" in data) == ("space_id" in data):
            raise ValueError("either space_id or project_id has to be given")
        data = {name: value for name, value in data.items() if name not in ("project_id", "space_id")}
        data["model"] = data.pop("model_id")
        made = _chat(data, stream=path.endswith("_stream")) if api == "chat" else _lists(data)
        return super().read(replace(request, path=_OPENAIS[api], body=json.dumps(made).encode()))

    def say(self, script: Script, asked: Asked) -> Rendered:
        match script:
            case Spoken():
                rendered = super().say(script, asked)
                if not rendered.streamed:
                    return Rendered.whole(_spoken(json.loads(b"".join(rendered.pieces))))
                pieces = tuple(_event(place, piece) for place, piece in enumerate(rendered.pieces, 1))
                return replace(rendered, pieces=pieces, tail=b"event: close\ndata: {}\n\n")
            case Vectors():
                results = [{"embedding": list(vector)} for vector in script.vectors]
                about = {"model_id": asked.model, "created_at": _AT, "input_token_count": script.usage.prompt}
                return Rendered.whole({**about, "results": results, **script.extra})
            case Ranking():
                best = sorted(enumerate(script.scores), key=lambda pair: -pair[1])[: asked.top_n]
                ranked = [{"index": index, "score": score} for index, score in best]
                told = {} if script.usage is None else {"input_token_count": script.usage.prompt}
                found = {"model_id": asked.model, "created_at": _AT, "results": ranked, **told}
                return Rendered.whole({**found, **script.extra})
            case Listing():
                return Rendered.whole(_models(script, asked))
        return super().say(script, asked)

    def refuse(self, refused: Refused) -> Rendered:
        rendered = super().refuse(refused)
        if refused.text is not None:
            return rendered
        return Rendered.whole(_error(refused), status=refused.status, headers=rendered.headers)

    def fail_midway(self, refused: Refused, asked: Asked) -> bytes | None:
        return b"event: error\ndata: %b\n\n" % json.dumps(_error(refused)).encode()


WATSONX_WIRE = WatsonxWire()


def _error(refused: Refused) -> dict[str, Any]:
    code, message = refused.code or "invalid_request_entity", refused.message
    if code == "context_length_exceeded":
        code = "invalid_input_argument"
        message = (
            "Invalid input argument for Model 'kit': Token sequence length is longer than the specified maximum "
            "sequence length for this model (1336 > 512)."
        )
    if code == "model_not_found":
        code, message = "model_not_supported", "Model 'kit' is not supported"
    target = {} if refused.param is None else {"target": {"type": "field", "name": refused.param}}
    error = {"code": code, "message": message, "more_info": "https://cloud.ibm.com/apidocs/watsonx-ai", **target}
    return {"errors": [error], "trace": "kit", "status_code": refused.status}


def _chat(data: dict[str, Any], *, stream: bool) -> dict[str, Any]:
    """A chat as OpenAI's dialect has it; one that watsonx.ai would refuse is refused."""
    for message in data["messages"]:
        role, content = message["role"], message.get("content")
        if role not in _MESSAGE or message.keys() - _MESSAGE[role]:
            raise ValueError(f"unknown fields in a message, or an unknown role: {role}")
        if role != "user" and content is not None and not isinstance(content, str):
            raise ValueError("content is a string")
        if isinstance(content, list) and any(part["type"] not in _PARTS for part in content):
            raise ValueError("unknown content")
    if any(tool["function"].keys() - _FUNCTION for tool in data.get("tools") or ()):
        raise ValueError("unknown fields in a function")
    if not isinstance(data.get("stop", []), list):
        raise ValueError("stop is a list")
    if not isinstance(data.get("tool_choice", {}), dict) or {"tool_choice", "tool_choice_option"} <= data.keys():
        raise ValueError("either tool_choice, which names a function, or tool_choice_option")
    if "tool_choice_option" in data:
        data["tool_choice"] = data.pop("tool_choice_option")
    # The usage of every stream is told, and nobody needs to ask.
    return data | {"stream": stream, "stream_options": {"include_usage": True}}


def _lists(data: dict[str, Any]) -> dict[str, Any]:
    """Texts to be embedded or ranked, as the other dialects have them."""
    inputs = data.pop("inputs")
    if len(inputs) > MOST:
        raise ValueError(f"at most {MOST} inputs")
    if "query" not in data:
        return data | {"input": inputs}
    options = data.pop("parameters", {}).get("return_options", {})
    return data | {"documents": inputs, "top_n": options.get("top_n")}


def _spoken(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer or an event: names of its own, and the empty name of a call that goes on."""
    for choice in answer["choices"]:
        for call in (choice.get("delta") or {}).get("tool_calls") or ():
            call["function"].setdefault("name", "")
    return {"model_id": answer["model"], "model_version": "4.0.0", "created_at": _AT, **answer}


def _event(place: int, piece: bytes) -> bytes:
    said = _spoken(json.loads(piece.removeprefix(b"data: ")))
    return b"id: %d\nevent: message\ndata: %b\n\n" % (place, json.dumps(said, ensure_ascii=False).encode())


def _models(script: Listing, asked: Asked) -> dict[str, Any]:
    """A page of the list, a hundred where nothing else is asked, and where the next begins."""
    start, size = int(asked.extra.get("start", 0)), int(asked.extra.get("limit", 100))
    if not 1 <= size <= 200:
        size = 100
    root = "https://kit.ml.cloud.ibm.com/ml/v1/foundation_model_specs?version=2026-08-11"
    page = [_model(model) for model in script.models[start : start + size]]
    more = {"next": {"href": f"{root}&start={start + size}"}} if start + size < len(script.models) else {}
    return {"total_count": len(script.models), "limit": size, "first": {"href": root}, **more, "resources": page}


def _model(model: ListedModel) -> dict[str, Any]:
    limits = {} if model.context_length is None else {"model_limits": {"max_sequence_length": model.context_length}}
    functions = [{"id": name} for name in ("text_chat", "text_generation", "embedding", "rerank")]
    return {"model_id": model.id, "label": model.id, "provider": model.owned_by, "functions": functions, **limits}
