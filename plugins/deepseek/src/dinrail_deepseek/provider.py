"""DeepSeek, where it differs from the plain relay."""

from __future__ import annotations

from dinrail_core.api.chat.request import ChatRequest
from dinrail_sdk.openai import OpenAIDialect
from dinrail_sdk.openai.requests import instructions_as_system, older_limit

__all__ = ["DeepSeek"]


class DeepSeek(OpenAIDialect):
    """DeepSeek's own models."""

    def path(self, api: str, model: str) -> str:
        """Completions are there in DeepSeek's beta alone."""
        return f"beta/{api}" if api == "completions" else api

    def chat_request(self, request: ChatRequest) -> ChatRequest:
        """DeepSeek overlooks ``max_completion_tokens`` and refuses the role ``developer``."""
        return older_limit(instructions_as_system(request))
