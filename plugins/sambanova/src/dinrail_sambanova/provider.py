"""SambaNova, where it differs from the plain relay."""

from __future__ import annotations

from dinrail_core.api.chat.request import ChatRequest
from dinrail_sdk.openai import OpenAIDialect
from dinrail_sdk.openai.requests import instructions_as_system, thoughts_as_reasoning

__all__ = ["SambaNova"]


class SambaNova(OpenAIDialect):
    """SambaNova's hosted models, or a SambaStack."""

    def chat_request(self, request: ChatRequest) -> ChatRequest:
        """SambaNova's specification knows no role ``developer``, and thoughts as ``reasoning``."""
        return thoughts_as_reasoning(instructions_as_system(request))
