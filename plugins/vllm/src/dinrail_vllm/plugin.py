"""Declares the ``vllm`` provider."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import HttpUrl

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.completions import CompletionModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import ModelSource
from dinrail_core.api.rerank import Reranker
from dinrail_core.api.responses.contract import NativeResponses
from dinrail_core.hooks import ProviderType, hookimpl
from dinrail_sdk.providers import detector, opener
from dinrail_sdk.upstream import BaseUrl, RespondingConfig, Upstream

__all__ = ["DINRAIL_API", "VLLM", "VllmConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class VllmConfig(RespondingConfig):
    """How vLLM is reached."""

    base_url: BaseUrl = HttpUrl("http://127.0.0.1:8000/v1")


def _make(config: VllmConfig, upstream: Upstream) -> object:
    from dinrail_vllm.provider import Vllm

    return Vllm(upstream, responses=config.responses)


VLLM = ProviderType(
    name="vllm",
    config=VllmConfig,
    apis=frozenset({ChatModel, CompletionModel, Embedder, Reranker, ModelSource}),
    optional={NativeResponses: "responses"},
    open=opener(_make),
    detect=detector(
        key=("VLLM_API_KEY",), url={"VLLM_BASE_URL": "{}", "VLLM_API_BASE": "{}", "VLLM_URL": "{}"}, keyless=True
    ),
    summary="A vLLM server",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield VLLM
