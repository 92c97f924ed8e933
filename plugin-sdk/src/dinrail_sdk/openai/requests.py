"""Changes to requests that several servers of OpenAI's dialect need. Pure; what needs none comes back as it is."""

from __future__ import annotations

from collections.abc import Iterable

from dinrail_core.api.chat.messages import DeveloperMessage, SystemMessage
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.wire import MISSING

__all__ = ["instructions_as_system", "older_limit", "without"]


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


def without(request: ChatRequest, names: Iterable[str]) -> ChatRequest:
    """The request without fields that change nothing about the answer, for servers that refuse unknown ones."""
    update = {name: MISSING for name in names if getattr(request, name) is not MISSING}
    return request.model_copy(update=update) if update else request
