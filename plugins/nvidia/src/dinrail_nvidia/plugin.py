"""Declares the ``nvidia`` provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Literal

from pydantic import HttpUrl

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.completions import CompletionModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import ModelSource
from dinrail_core.api.rerank import Reranker
from dinrail_core.hooks import Context, ProviderType, hookimpl
from dinrail_sdk.providers import detector
from dinrail_sdk.upstream import BaseUrl, UpstreamConfig, connect

__all__ = ["DINRAIL_API", "NVIDIA", "NvidiaConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"

_HOSTED = "integrate.api.nvidia.com"


class NvidiaConfig(UpstreamConfig):
    """NVIDIA's hosted models, or a NIM of one's own."""

    base_url: BaseUrl = HttpUrl(f"https://{_HOSTED}/v1")
    """Where NVIDIA's API begins, or that of a NIM of one's own."""
    input_type: Literal["query", "passage", "none"] = "passage"
    """What texts are embedded for where a request does not say; `none` says nothing."""
    ranking_url: BaseUrl | None = None
    """Where reranking is, when it is not at `base_url`: the model's name and `/reranking` are added."""

    def rankings(self) -> UpstreamConfig | None:
        """The upstream that reranks, where that is another one; NVIDIA's hosted rerankers are elsewhere."""
        url = self.ranking_url
        if url is None and self.base_url.host == _HOSTED:
            url = HttpUrl("https://ai.api.nvidia.com/v1/retrieval")
        return None if url is None else self.model_copy(update={"base_url": url})


@asynccontextmanager
async def _open(config: NvidiaConfig, context: Context) -> AsyncIterator[object]:
    from dinrail_nvidia.provider import Nvidia

    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(connect(config))
        elsewhere = config.rankings()
        ranker = None if elsewhere is None else await stack.enter_async_context(connect(elsewhere))
        yield Nvidia(upstream, ranker=ranker, input_type=None if config.input_type == "none" else config.input_type)


NVIDIA = ProviderType(
    name="nvidia",
    config=NvidiaConfig,
    apis=frozenset({ChatModel, CompletionModel, Embedder, Reranker, ModelSource}),
    open=_open,
    detect=detector(key=("NVIDIA_API_KEY",)),
    summary="NVIDIA's hosted models, NIM and NeMo Retriever",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield NVIDIA
