"""The relay, and what the operator knows better than the server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dinrail_core.api.provider import ModelInfo
from dinrail_openai_compatible.narrowing import contracts
from dinrail_openai_compatible.plugin import OpenAICompatibleConfig
from dinrail_sdk.openai import OpenAIDialect
from dinrail_sdk.upstream import Upstream

__all__ = ["OpenAICompatible"]


class OpenAICompatible(OpenAIDialect):
    """A server of OpenAI's dialect.

    Args:
        upstream: The server.
        config: What the operator says of it.
    """

    def __init__(self, upstream: Upstream, config: OpenAICompatibleConfig) -> None:
        super().__init__(upstream, responses=config.responses)
        self._models = config.models
        self._contracts = contracts(config.apis, responses=config.responses is not None)

    async def models(self) -> Sequence[ModelInfo]:
        """The configured models, or the server's own; all serve what the configuration says."""
        found = await super().models() if self._models is None else [ModelInfo(name) for name in self._models]
        return [replace(model, contracts=self._contracts) for model in found]
