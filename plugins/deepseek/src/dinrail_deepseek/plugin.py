"""Declares the ``deepseek`` provider."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import HttpUrl

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.completions import CompletionModel
from dinrail_core.api.provider import ModelSource
from dinrail_core.hooks import ProviderType, hookimpl
from dinrail_sdk.providers import detector, opener
from dinrail_sdk.upstream import BaseUrl, Upstream, UpstreamConfig

__all__ = ["DEEPSEEK", "DINRAIL_API", "DeepSeekConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class DeepSeekConfig(UpstreamConfig):
    """How DeepSeek is reached."""

    base_url: BaseUrl = HttpUrl("https://api.deepseek.com")
    beta: bool = False
    """Whether chats too are asked of DeepSeek's beta, which `prefix` and functions that are `strict` need."""


def _make(config: DeepSeekConfig, upstream: Upstream) -> object:
    from dinrail_deepseek.provider import DeepSeek

    return DeepSeek(upstream, beta=config.beta)


DEEPSEEK = ProviderType(
    name="deepseek",
    config=DeepSeekConfig,
    apis=frozenset({ChatModel, CompletionModel, ModelSource}),
    open=opener(_make),
    detect=detector(key=("DEEPSEEK_API_KEY",)),
    summary="DeepSeek's own models",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield DEEPSEEK
