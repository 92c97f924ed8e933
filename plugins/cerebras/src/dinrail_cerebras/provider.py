"""Cerebras, where it differs from the plain relay."""

from __future__ import annotations

from dinrail_core.api.chat.request import ChatRequest
from dinrail_sdk.openai import OpenAIDialect
from dinrail_sdk.openai.requests import bare_messages, instructions_as_system, without

__all__ = ["Cerebras"]

_WITHOUT_EFFECT = (
    "metadata",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "store",
)


class Cerebras(OpenAIDialect):
    """Cerebras's hosted models."""

    def chat_request(self, request: ChatRequest) -> ChatRequest:
        """Cerebras refuses fields that it does not know, and its specification knows no role ``developer``."""
        return without(bare_messages(instructions_as_system(request)), _WITHOUT_EFFECT)
