"""Declares the ``lmstudio`` provider."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import HttpUrl

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.completions import CompletionModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import ModelSource
from dinrail_core.api.responses.contract import NativeResponses
from dinrail_core.hooks import ProviderType, hookimpl
from dinrail_sdk.providers import detector, opener
from dinrail_sdk.upstream import BaseUrl, RespondingConfig, Upstream

__all__ = ["DINRAIL_API", "LMSTUDIO", "LMStudioConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class LMStudioConfig(RespondingConfig):
    """How LM Studio is reached."""

    base_url: BaseUrl = HttpUrl("http://127.0.0.1:1234/v1")


def _make(config: LMStudioConfig, upstream: Upstream) -> object:
    from dinrail_lmstudio.provider import LMStudio

    return LMStudio(upstream, responses=config.responses)


LMSTUDIO = ProviderType(
    name="lmstudio",
    config=LMStudioConfig,
    apis=frozenset({ChatModel, CompletionModel, Embedder, ModelSource}),
    optional={NativeResponses: "responses"},
    open=opener(_make),
    detect=detector(
        key=("LM_API_TOKEN", "LM_STUDIO_API_KEY"),
        url={"LMSTUDIO_BASE_URL": "{}", "LM_STUDIO_API_BASE": "{}"},
        keyless=True,
    ),
    summary="LM Studio, here or elsewhere",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield LMSTUDIO
