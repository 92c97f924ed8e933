"""Declares the ``watsonx`` provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Self

from pydantic import Field, HttpUrl, model_validator

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import ModelSource
from dinrail_core.api.rerank import Reranker
from dinrail_core.hooks import Context, ProviderType, hookimpl
from dinrail_sdk.upstream import BaseUrl, UpstreamConfig, connect

__all__ = ["DINRAIL_API", "WATSONX", "WatsonxConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"

Identity = Annotated[str, Field(min_length=1)]


class WatsonxConfig(UpstreamConfig):
    """watsonx.ai in IBM's cloud. `api_key` is a key of the cloud, which tokens are fetched with."""

    base_url: BaseUrl = HttpUrl("https://us-south.ml.cloud.ibm.com")
    """The service in a region, without a path."""
    project_id: Identity | None = None
    """The project that is worked in and billed; this or `space_id`."""
    space_id: Identity | None = None
    """The deployment space that is worked in and billed; this or `project_id`."""
    iam_url: BaseUrl = HttpUrl("https://iam.cloud.ibm.com")
    """Where the cloud gives out tokens."""
    version: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] = "2026-08-11"
    """The version of the API, a date."""

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if (self.project_id is None) == (self.space_id is None):
            raise ValueError("one of project_id and space_id is to be set, and not both")
        return self


@asynccontextmanager
async def _open(config: WatsonxConfig, context: Context) -> AsyncIterator[object]:
    from dinrail_watsonx.provider import Watsonx
    from dinrail_watsonx.tokens import cloud_tokens

    where = {"project_id": config.project_id} if config.project_id else {"space_id": config.space_id or ""}
    # The key itself goes to the cloud's server for tokens alone.
    keyless = config.model_copy(update={"api_key": None})
    async with cloud_tokens(config) as tokens, connect(keyless, key=tokens) as upstream:
        yield Watsonx(upstream, where=where, version=config.version)


def _detect(environment: Mapping[str, str]) -> Mapping[str, object] | None:
    """By a key and a project or space, as IBM's own clients name them; of both of these, the project counts."""
    key = environment.get("WATSONX_APIKEY") or environment.get("WATSONX_API_KEY")
    project, space = environment.get("WATSONX_PROJECT_ID"), environment.get("WATSONX_SPACE_ID")
    if not key or not (project or space):
        return None
    found: dict[str, object] = {"api_key": key} | ({"project_id": project} if project else {"space_id": space})
    url = environment.get("WATSONX_URL")
    return {**found, "base_url": url} if url else found


WATSONX = ProviderType(
    name="watsonx",
    config=WatsonxConfig,
    apis=frozenset({ChatModel, Embedder, ModelSource, Reranker}),
    open=_open,
    detect=_detect,
    summary="IBM watsonx.ai",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield WATSONX
