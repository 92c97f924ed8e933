"""Azure OpenAI, where it differs from the plain relay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.completions import CompletionModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import ModelInfo
from dinrail_sdk.openai import OpenAIDialect
from dinrail_sdk.upstream import Responding, Upstream

__all__ = ["AzureOpenAI"]

_CAPABILITIES: Mapping[str, type] = {
    "chat_completion": ChatModel,
    "completion": CompletionModel,
    "embeddings": Embedder,
}


class AzureOpenAI(OpenAIDialect):
    """Deployments of one resource.

    Args:
        upstream: The resource; its address carries the version, where there is one.
        deployments: Their names, where they are known.
        in_path: Whether the older interface is spoken.
        responses: See :class:`RespondingConfig`.
    """

    def __init__(
        self, upstream: Upstream, *, deployments: Sequence[str] | None, in_path: bool, responses: Responding
    ) -> None:
        super().__init__(upstream, responses=responses)
        self._deployments = deployments
        self._in_path = in_path

    def path(self, api: str, model: str) -> str:
        """The older interface has a deployment's name in the path, but for responses, and overlooks the body's."""
        in_path = self._in_path and not api.startswith("responses")
        return f"deployments/{quote(model, safe='')}/{api}" if in_path else api

    async def models(self) -> Sequence[ModelInfo]:
        """See :meth:`ModelSource.models`."""
        if self._deployments is not None:
            return [ModelInfo(name) for name in self._deployments]
        return await super().models()

    def listed(self, model: ModelInfo, entry: Mapping[str, Any]) -> ModelInfo | None:
        """What a model is for."""
        told = entry.get("capabilities")
        if not isinstance(told, Mapping):
            return model
        contracts = frozenset(contract for name, contract in _CAPABILITIES.items() if told.get(name) is True)
        return replace(model, contracts=contracts) if contracts else None
