"""Runpod, where it differs from the plain relay."""

from __future__ import annotations

from collections.abc import Sequence

from dinrail_core.api.provider import ModelInfo
from dinrail_sdk.openai import OpenAIDialect
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

    async def models(self) -> Sequence[ModelInfo]:
        """See :meth:`ModelSource.models`."""
        return await super().models() if self._models is None else [ModelInfo(name) for name in self._models]
