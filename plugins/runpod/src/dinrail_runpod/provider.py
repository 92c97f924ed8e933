"""Runpod, where it differs from the plain relay."""

from __future__ import annotations

from collections.abc import Sequence

from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.provider import ModelInfo
from dinrail_sdk.openai import OpenAIDialect
from dinrail_sdk.openai.requests import thoughts_as_reasoning
from dinrail_sdk.upstream import Upstream

__all__ = ["Runpod"]


class Runpod(OpenAIDialect):
    """A serverless endpoint.

    Args:
        upstream: The endpoint.
        models: Its models, where it is not to be asked.
    """

    def __init__(self, upstream: Upstream, *, models: Sequence[str] | None) -> None:
        super().__init__(upstream)
        self._models = models

    def chat_request(self, request: ChatRequest) -> ChatRequest:
        """Its worker is a vLLM, which tells a model of its earlier thoughts where they are called ``reasoning``."""
        return thoughts_as_reasoning(request)

    async def models(self) -> Sequence[ModelInfo]:
        """See :meth:`ModelSource.models`."""
        return await super().models() if self._models is None else [ModelInfo(name) for name in self._models]
