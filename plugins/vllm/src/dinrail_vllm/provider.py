"""vLLM, where it differs from the plain relay."""

from __future__ import annotations

from dinrail_core.api.chat.request import ChatRequest
from dinrail_sdk.openai import OpenAIDialect
from dinrail_sdk.openai.requests import thoughts_as_reasoning

__all__ = ["Vllm"]


class Vllm(OpenAIDialect):
    """A vLLM server."""

    def chat_request(self, request: ChatRequest) -> ChatRequest:
        """VLLM tells a model of its earlier thoughts where they are called ``reasoning``, and overlooks others."""
        return thoughts_as_reasoning(request)
