"""DeepSeek, where it differs from the plain relay."""

from __future__ import annotations

from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.wire import MISSING
from dinrail_sdk.openai import OpenAIDialect
from dinrail_sdk.openai.requests import instructions_as_system, older_limit
from dinrail_sdk.upstream import Upstream

__all__ = ["DeepSeek"]


class DeepSeek(OpenAIDialect):
    """DeepSeek's own models.

    Args:
        upstream: DeepSeek.
        beta: Whether chats are asked of its beta.
    """

    def __init__(self, upstream: Upstream, *, beta: bool = False) -> None:
        super().__init__(upstream)
        self._beta = beta

    def path(self, api: str, model: str) -> str:
        """Completions are there in DeepSeek's beta alone."""
        return f"beta/{api}" if api == "completions" or self._beta else api

    def chat_request(self, request: ChatRequest) -> ChatRequest:
        """DeepSeek overlooks ``max_completion_tokens``, refuses ``developer``, and has a switch for thoughts."""
        asked = older_limit(instructions_as_system(request))
        if asked.reasoning_effort != "none":
            return asked
        # "Thinking Mode" in its guides: no effort is told by the switch, and every other by DeepSeek's own mapping.
        switch = {"thinking": {"type": "disabled"}, **(asked.model_extra or {})}
        return asked.model_copy(update={"reasoning_effort": MISSING, **switch})
