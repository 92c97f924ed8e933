"""Groq, where it differs from the plain relay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dinrail_core.api.provider import ModelInfo
from dinrail_sdk.openai import OpenAIDialect

__all__ = ["Groq"]


class Groq(OpenAIDialect):
    """Groq's hosted models."""

    def listed(self, model: ModelInfo, entry: Mapping[str, Any]) -> ModelInfo | None:
        """Models that have been switched off stay in Groq's list for a while."""
        return None if entry.get("active") is False else model
