"""Hugging Face's router and TGI, where they differ from the plain relay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.provider import ModelInfo
from dinrail_sdk.openai import OpenAIDialect
from dinrail_sdk.openai.requests import instructions_as_system, older_limit

__all__ = ["HuggingFace"]


class HuggingFace(OpenAIDialect):
    """Models behind Hugging Face's router, or of one TGI server."""

    def chat_request(self, request: ChatRequest) -> ChatRequest:
        """TGI would overlook a limit under its newer name, and chat templates know no role ``developer``."""
        return older_limit(instructions_as_system(request))

    def listed(self, model: ModelInfo, entry: Mapping[str, Any]) -> ModelInfo | None:
        """What the router tells of the providers behind a model; TGI's list has none."""
        providers = entry.get("providers")
        if not isinstance(providers, list):
            return model
        live = [one for one in providers if isinstance(one, Mapping) and one.get("status", "live") == "live"]
        if not live:
            return None
        lengths = [length for one in live if isinstance(length := one.get("context_length"), int) and length > 0]
        return replace(model, contracts=frozenset({ChatModel}), context_length=max(lengths, default=None))
