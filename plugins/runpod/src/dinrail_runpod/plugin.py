"""Declares the ``runpod`` provider."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.completions import CompletionModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import ModelSource
from dinrail_core.hooks import ProviderType, hookimpl
from dinrail_sdk.providers import detector, opener
from dinrail_sdk.upstream import Seconds, Upstream, UpstreamConfig

__all__ = ["DINRAIL_API", "RUNPOD", "RunpodConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class RunpodConfig(UpstreamConfig):
    """A serverless endpoint of Runpod."""

    models: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)] | None = None
    """The names of its models; asking for them would keep a worker awake."""
    first_byte_timeout: Seconds = 300.0
    """Seconds from sending a request to the first byte of the answer's body, in which a worker may have to start."""


def _make(config: RunpodConfig, upstream: Upstream) -> object:
    from dinrail_runpod.provider import Runpod

    return Runpod(upstream, models=config.models)


RUNPOD = ProviderType(
    name="runpod",
    config=RunpodConfig,
    apis=frozenset({ChatModel, CompletionModel, Embedder, ModelSource}),
    open=opener(_make),
    detect=detector(
        key=("RUNPOD_API_KEY", "RUNPOD_API_TOKEN"),
        url={
            "RUNPOD_BASE_URL": "{}",
            "RUNPOD_URL": "{}",
            "RUNPOD_ENDPOINT_ID": "https://api.runpod.ai/v2/{}/openai/v1",
        },
    ),
    summary="A serverless endpoint of Runpod",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield RUNPOD
