"""Declares the ``huggingface`` provider."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import HttpUrl

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.completions import CompletionModel
from dinrail_core.api.provider import ModelSource
from dinrail_core.api.responses.contract import NativeResponses
from dinrail_core.hooks import ProviderType, hookimpl
from dinrail_sdk.providers import detector, opener
from dinrail_sdk.upstream import BaseUrl, RespondingConfig, Upstream

__all__ = ["DINRAIL_API", "HUGGINGFACE", "HuggingFaceConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class HuggingFaceConfig(RespondingConfig):
    """How Hugging Face, or a TGI server, is reached."""

    base_url: BaseUrl = HttpUrl("https://router.huggingface.co/v1")


def _make(config: HuggingFaceConfig, upstream: Upstream) -> object:
    from dinrail_huggingface.provider import HuggingFace

    return HuggingFace(upstream, responses=config.responses)


HUGGINGFACE = ProviderType(
    name="huggingface",
    config=HuggingFaceConfig,
    apis=frozenset({ChatModel, CompletionModel, ModelSource}),
    optional={NativeResponses: "responses"},
    open=opener(_make),
    detect=detector(key=("HF_TOKEN", "HUGGINGFACE_API_KEY")),
    summary="Hugging Face's Inference Providers, or a TGI server",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield HUGGINGFACE
