"""Databricks, where it differs from the plain relay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.completions import CompletionModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import ModelInfo
from dinrail_databricks.answers import Rewording
from dinrail_databricks.requests import DatabricksChat, in_databricks_words
from dinrail_sdk.openai import OpenAIDialect

__all__ = ["Databricks"]

_TASKS: Mapping[str, type] = {
    "llm/v1/chat": ChatModel,
    "llm/v1/completions": CompletionModel,
    "llm/v1/embeddings": Embedder,
}


class Databricks(OpenAIDialect):
    """The serving endpoints of one workspace."""

    listing: ClassVar[str] = "/api/2.0/serving-endpoints"

    def rewording(self) -> Rewording:
        """See :class:`~dinrail_databricks.answers.Rewording`; thoughts of a stream are put together on the way."""
        return Rewording()

    def chat_request(self, request: ChatRequest) -> DatabricksChat:
        """See :func:`~dinrail_databricks.requests.in_databricks_words`."""
        return in_databricks_words(request)

    def listed(self, model: ModelInfo, entry: Mapping[str, Any]) -> ModelInfo | None:
        """An endpoint, by its name (no request may name its ``id``), where it is ready and serves a language model."""
        name, task, state = entry.get("name"), entry.get("task"), entry.get("state")
        if not isinstance(name, str) or not isinstance(task, str) or task not in _TASKS:
            return None
        if isinstance(state, Mapping) and state.get("ready") != "READY":
            return None
        created, creator = entry.get("creation_timestamp"), entry.get("creator")
        return ModelInfo(
            name,
            frozenset({_TASKS[task]}),
            created=created // 1000 if isinstance(created, int) else 0,
            owned_by=creator if isinstance(creator, str) and creator else None,
        )
