"""Declares the ``cohere`` provider."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import AfterValidator, HttpUrl

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import ModelSource
from dinrail_core.api.rerank import Reranker
from dinrail_core.hooks import ProviderType, hookimpl
from dinrail_sdk.providers import detector, opener
from dinrail_sdk.upstream import BaseUrl, Upstream, UpstreamConfig

__all__ = ["COHERE", "DINRAIL_API", "CohereConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


def _root(url: HttpUrl) -> HttpUrl:
    """Both versions of the API are used: chats are of the second, the list of models of the first."""
    return HttpUrl(str(url).rstrip("/").removesuffix("/v1").removesuffix("/v2"))


class CohereConfig(UpstreamConfig):
    """How Cohere is reached."""

    base_url: Annotated[BaseUrl, AfterValidator(_root)] = HttpUrl("https://api.cohere.com")
    """Where the API is; a `/v1` or `/v2` at the end is left out."""
    input_type: str = "search_document"
    """What texts are embedded for, where a request does not say it: `search_query`, `clustering`, …"""


def _make(config: CohereConfig, upstream: Upstream) -> object:
    from dinrail_cohere.provider import Cohere

    return Cohere(upstream, input_type=config.input_type)


_BY_KEY = detector(key=("CO_API_KEY", "COHERE_API_KEY"))


def _detect(environment: Mapping[str, str]) -> Mapping[str, object] | None:
    """As Cohere's own client does: a key, and perhaps another address."""
    found = _BY_KEY(environment)
    where = environment.get("CO_API_URL")
    return {**found, "base_url": where} if found and where else found


COHERE = ProviderType(
    name="cohere",
    config=CohereConfig,
    apis=frozenset({ChatModel, Embedder, Reranker, ModelSource}),
    open=opener(_make),
    detect=_detect,
    summary="Cohere's models: chat, embeddings, rerank",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield COHERE
