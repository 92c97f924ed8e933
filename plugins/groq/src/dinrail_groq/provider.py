"""Groq, where it differs from the plain relay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.provider import ModelInfo
from dinrail_sdk.openai import OpenAIDialect
from dinrail_sdk.openai.requests import bare_messages, instructions_as_system, without
from dinrail_sdk.upstream import Responding, Upstream

if TYPE_CHECKING:
    from dinrail_core.api.responses import CreateResponse

__all__ = ["Groq"]

_WITHOUT_EFFECT = ("prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "safety_identifier")
"""Groq refuses what it does not know; it caches prefixes by itself."""


class Groq(OpenAIDialect):
    """Groq's hosted models."""

    def __init__(self, upstream: Upstream, *, responses: Responding = None) -> None:
        super().__init__(upstream, responses=responses, reword=_stopped)

    def chat_request(self, request: ChatRequest) -> ChatRequest:
        """Groq refuses fields that it does not know, in messages too, and the role ``developer``."""
        return without(bare_messages(instructions_as_system(request)), _WITHOUT_EFFECT)

    def response_request(self, request: CreateResponse) -> CreateResponse:
        """Here too."""
        return without(request, _WITHOUT_EFFECT)

    def listed(self, model: ModelInfo, entry: Mapping[str, Any]) -> ModelInfo | None:
        """Models that have been switched off stay in Groq's list for a while."""
        return None if entry.get("active") is False else model


def _stopped(found: dict[str, Any]) -> bool:
    """``x_groq`` of a stream's event may say why the stream is stopped early: that is an error, and no end."""
    reason = (found.get("x_groq") or {}).get("error")
    if not reason:
        return False
    found["choices"] = [{"index": 0, "error": {"message": reason}}]
    return True
