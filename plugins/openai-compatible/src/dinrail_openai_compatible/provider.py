"""The relay, and what the operator knows better than the server."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from dinrail_core.api.provider import ModelInfo
from dinrail_openai_compatible.narrowing import Api, contracts
from dinrail_sdk.openai import OpenAIDialect
from dinrail_sdk.upstream import Upstream

__all__ = ["OpenAICompatible"]


class OpenAICompatible(OpenAIDialect):
    """A server of OpenAI's dialect.

    Args:
        upstream: The server.
        models: Its models, where it is not to be asked.
        apis: What they serve, where that is not everything.
    """

    def __init__(
        self, upstream: Upstream, *, models: Sequence[str] | None = None, apis: Collection[Api] | None = None
    ) -> None:
        super().__init__(upstream)
        self._models = models
        self._contracts = contracts(apis)

    async def models(self) -> Sequence[ModelInfo]:
        """The configured models, or the server's own; all serve what the configuration says."""
        found = await super().models() if self._models is None else [ModelInfo(name) for name in self._models]
        return [replace(model, contracts=self._contracts) for model in found]
