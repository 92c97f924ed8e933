"""Changes to requests that several servers of OpenAI's dialect need. Pure; what needs none comes back as it is."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, Literal, TypeVar

from dinrail_core.api.chat.messages import AssistantMessage, DeveloperMessage, Message, SystemMessage
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.wire import MISSING, Wire

__all__ = [
    "bare_messages",
    "instructions_as_system",
    "older_limit",
    "thoughts_as_reasoning",
    "without",
    "without_foreign_notes",
]

W = TypeVar("W", bound=Wire)

_NOTES = frozenset({"annotations", "cache_control", "native_content", "prompt_cache_breakpoint", "reasoning_details"})
"""What messages and their parts carry for makers that know it; to others it says nothing."""


def older_limit(request: ChatRequest) -> ChatRequest:
    """``max_completion_tokens`` under the name ``max_tokens``, for servers that refuse or overlook the newer one."""
    limit = request.max_completion_tokens
    if limit is MISSING:
        return request
    update: dict[str, object] = {"max_completion_tokens": MISSING}
    return request.model_copy(update=update if limit is None else update | {"max_tokens": limit})


def instructions_as_system(request: ChatRequest) -> ChatRequest:
    """Messages of the newer role ``developer`` under ``system``, for servers that know that one alone."""
    if not any(isinstance(message, DeveloperMessage) for message in request.messages):
        return request
    messages = [
        SystemMessage.model_validate(message.model_dump() | {"role": "system"})
        if isinstance(message, DeveloperMessage)
        else message
        for message in request.messages
    ]
    return request.model_copy(update={"messages": messages})


def thoughts_as_reasoning(request: ChatRequest) -> ChatRequest:
    """Thoughts of assistants' messages under the name ``reasoning``, for servers that overlook or refuse any other."""
    return _each_message(request, _reasoned)


def bare_messages(
    request: ChatRequest, *, thoughts: Literal["reasoning", "reasoning_content"] = "reasoning"
) -> ChatRequest:
    """Messages without what changes nothing about the answer, for servers that refuse fields that they do not know.

    Left out are notes for other makers, marks for caches and fields that are null; a refusal is a text like others.

    Args:
        request: The chat.
        thoughts: The one name that the server has for them.
    """
    return _each_message(request, partial(_bare, thoughts=thoughts))


def without_foreign_notes(request: ChatRequest) -> ChatRequest:
    """Messages without thoughts and notes, for the server whose own specification has no words for them."""
    return _each_message(request, _own)


def without(request: W, names: Iterable[str]) -> W:
    """The request without fields that change nothing about the answer, for servers that refuse unknown ones."""
    update = {name: MISSING for name in names if getattr(request, name) is not MISSING}
    return request.model_copy(update=update) if update else request


def _each_message(request: ChatRequest, change: Any) -> ChatRequest:
    messages = [change(message) for message in request.messages]
    same = all(made is message for made, message in zip(messages, request.messages, strict=True))
    return request if same else request.model_copy(update={"messages": messages})


def _reasoned(message: Message) -> Message:
    if not isinstance(message, AssistantMessage) or message.reasoning_content is MISSING:
        return message
    said = message.reasoning if isinstance(message.reasoning, str) else message.reasoning_content
    return message.model_copy(update={"reasoning_content": MISSING, "reasoning": said or MISSING})


_FOREIGN = frozenset({"cache_control", "native_content", "reasoning", "reasoning_content", "reasoning_details"})


def _own(message: Message) -> Message:
    parts = message.content if isinstance(message.content, list) else ()
    noted = message.model_fields_set | (message.model_extra or {}).keys()
    if noted.isdisjoint(_FOREIGN) and not any("cache_control" in (part.model_extra or ()) for part in parts):
        return message
    made = {name: value for name, value in message.model_dump().items() if name not in _FOREIGN}
    if parts:
        made["content"] = [{k: v for k, v in part.items() if k != "cache_control"} for part in made["content"]]
    return type(message).model_validate(made)


def _bare(message: Message, thoughts: str) -> Message:
    told = message.model_dump()
    made = {name: value for name, value in told.items() if name not in _NOTES}
    if message.role == "assistant":
        refusal, *told_thoughts = (made.pop(name, None) for name in ("refusal", "reasoning", "reasoning_content"))
        made = {name: value for name, value in made.items() if value is not None or name == "content"}
        if refusal and made.get("content") is None:
            made["content"] = refusal
        if said := next(filter(None, told_thoughts), None):
            made[thoughts] = said
    if isinstance(made.get("content"), list):
        made["content"] = [_bare_part(part) for part in made["content"]]
    return message if made == told else type(message).model_validate(made)


def _bare_part(part: dict[str, Any]) -> dict[str, Any]:
    if part["type"] == "refusal":
        return {"type": "text", "text": part["refusal"]}
    return {name: value for name, value in part.items() if name not in _NOTES}
