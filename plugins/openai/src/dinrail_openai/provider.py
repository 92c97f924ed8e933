"""OpenAI, where a chat may carry what only others know."""

from __future__ import annotations

from dinrail_core.api.chat.request import ChatRequest
from dinrail_sdk.openai import OpenAIDialect
from dinrail_sdk.openai.requests import without_foreign_notes

__all__ = ["OpenAI"]


class OpenAI(OpenAIDialect):
    """OpenAI's own models."""

    def chat_request(self, request: ChatRequest) -> ChatRequest:
        """OpenAI refuses parameters that it does not know, and takes no thoughts back in chats."""
        return without_foreign_notes(request)
