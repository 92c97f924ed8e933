"""Declares the ``groq`` provider."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import HttpUrl

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.provider import ModelSource
from dinrail_core.api.responses.contract import NativeResponses
from dinrail_core.hooks import ProviderType, hookimpl
from dinrail_sdk.providers import detector, opener
from dinrail_sdk.upstream import BaseUrl, RespondingConfig, Upstream

__all__ = ["DINRAIL_API", "GROQ", "GroqConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class GroqConfig(RespondingConfig):
    """How Groq is reached."""

    base_url: BaseUrl = HttpUrl("https://api.groq.com/openai/v1")


def _make(config: GroqConfig, upstream: Upstream) -> object:
    from dinrail_groq.provider import Groq

    return Groq(upstream, responses=config.responses)


GROQ = ProviderType(
    name="groq",
    config=GroqConfig,
    apis=frozenset({ChatModel, ModelSource}),
    optional={NativeResponses: "responses"},
    open=opener(_make),
    detect=detector(key=("GROQ_API_KEY",)),
    summary="Models hosted by Groq",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield GROQ
