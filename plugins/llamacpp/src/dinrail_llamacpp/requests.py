"""Requests as llama.cpp takes them: what it would misread or pass over is put right or refused.

How llama.cpp reads requests is documented in ``tools/server/README.md`` of its repository; where this module refuses
something that the README allows, it was seen to be ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from dinrail_core.api.chat.content import AudioPart, FilePart, ImagePart
from dinrail_core.api.chat.request import ChatRequest, JsonSchemaFormat
from dinrail_core.api.wire import MISSING
from dinrail_core.errors import InvalidRequest, UnsupportedFeature
from dinrail_llamacpp.schemas import standing_alone
from dinrail_llamacpp.traits import Traits

__all__ = ["chat_body", "check_chat", "dumped", "given", "limit_answer"]

_INTERNAL = frozenset(
    {"chat_format", "chat_parser", "generation_prompt", "grammar_lazy", "grammar_triggers", "grammar_type"}
    | {"id_slot", "lora", "n_cmpl", "n_predict", "parse_tool_calls", "preserved_tokens", "reasoning_control"}
    | {"response_fields", "slot_id", "verbose", "continue_final_message", "add_generation_prompt"}
)
"""Fields by which llama.cpp's parts talk to each other: they change what an answer looks like, or concern everybody."""

_UNKNOWN_TO_LLAMACPP = {
    "functions": "'functions' is not supported; use 'tools'.",
    "function_call": "'function_call' is not supported; use 'tool_choice'.",
    "audio": "The models of this server do not speak.",
    "web_search_options": "The models of this server do not search the web.",
    "moderation": "The models of this server do not moderate.",
}


def given(value: object) -> bool:
    """Whether a field of a request says anything."""
    return value is not MISSING and value is not None


def dumped(request: BaseModel) -> dict[str, Any]:
    """The request's fields, unknown ones included, without those that say nothing.

    Raises:
        UnsupportedFeature: One is internal to llama.cpp.
    """
    body = {name: value for name, value in request.model_dump(mode="json").items() if value is not None}
    for name in body.keys() & _INTERNAL:
        raise UnsupportedFeature(f"'{name}' is internal to llama.cpp and not taken from requests.", param=name)
    return body


def check_chat(request: ChatRequest, traits: Traits) -> None:
    """Refuse what llama.cpp would ignore or answer with a failure.

    Raises:
        InvalidRequest: A field is out of range or contradicts another; ``param`` names it.
    """
    for name, reason in _UNKNOWN_TO_LLAMACPP.items():
        if given(getattr(request, name)):
            raise UnsupportedFeature(reason, param=name)
    if isinstance(request.modalities, list) and "audio" in request.modalities:
        raise UnsupportedFeature("The models of this server do not speak.", param="modalities")
    for name in ("max_completion_tokens", "max_tokens"):
        limit = getattr(request, name)
        if given(limit) and limit < 1:
            raise InvalidRequest(f"'{name}' must be at least 1.", param=name)
    if given(request.top_logprobs) and request.logprobs is not True:
        raise InvalidRequest("'top_logprobs' needs 'logprobs' to be true.", param="top_logprobs")
    for index, message in enumerate(request.messages):
        content = getattr(message, "content", None)
        for place, part in enumerate(content if isinstance(content, list) else ()):
            _check_part(part, f"messages.{index}.content.{place}", traits)


def chat_body(request: ChatRequest, traits: Traits) -> dict[str, Any]:
    """What is sent for a request without ``n`` and without tools of ours.

    Raises:
        InvalidRequest: See :func:`dumped` and :func:`~dinrail_llamacpp.schemas.prepare`.
    """
    body = dumped(request)
    for name in ("stream", "stream_options", "n"):
        body.pop(name, None)
    for message in body["messages"]:
        if message["role"] == "developer":
            message["role"] = "system"
    if given(request.response_format):
        for name in ("grammar", "json_schema"):
            if name in body:
                raise InvalidRequest(f"'response_format' and '{name}' exclude each other.", param=name)
        if isinstance(request.response_format, JsonSchemaFormat):
            _prepare_format(request.response_format, body["response_format"])
    if request.logprobs is True and not body.get("top_logprobs"):
        body["top_logprobs"] = 1  # none would mean no probabilities at all; the alternatives are taken out again
    if request.logprobs is False:
        body.pop("logprobs")
    return limit_answer(body, traits)


def limit_answer(body: dict[str, Any], traits: Traits) -> dict[str, Any]:
    """Add what the operator has configured for requests that say nothing about it."""
    if traits.max_tokens is not None and not body.keys() & {"max_tokens", "max_completion_tokens"}:
        body["max_tokens"] = traits.max_tokens
    return {**traits.sampling, **body}


def _check_part(part: object, param: str, traits: Traits) -> None:
    match part:
        case FilePart():
            raise UnsupportedFeature("llama.cpp takes no documents.", param=param)
        case ImagePart() | AudioPart() if not traits.media:
            raise UnsupportedFeature("This model takes text alone.", param=param)
        case ImagePart() if not part.image_url.url.startswith("data:"):
            # llama.cpp would fetch it from wherever it runs, which may reach what its caller must not.
            raise UnsupportedFeature("Images are taken as 'data:' URLs only.", param=f"{param}.image_url.url")


def _prepare_format(asked: JsonSchemaFormat, sent: dict[str, Any]) -> None:
    """Set the schema of what is sent; without one, any JSON will do."""
    schema = asked.json_schema.schema_
    strict = asked.json_schema.strict is True
    param = "response_format.json_schema.schema"
    prepared: Mapping[str, Any] = {}
    if schema is not MISSING:
        prepared = standing_alone(schema, strict=strict, param=param)
    sent["json_schema"]["schema"] = prepared
