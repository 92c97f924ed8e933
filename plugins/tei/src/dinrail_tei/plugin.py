"""Declares the ``tei`` provider."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, Field, HttpUrl

from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import ModelSource
from dinrail_core.api.rerank import Reranker
from dinrail_core.hooks import ProviderType, hookimpl
from dinrail_sdk.providers import detector, opener
from dinrail_sdk.upstream import BaseUrl, Upstream, UpstreamConfig

__all__ = ["DINRAIL_API", "TEI", "TeiConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


def _root(url: HttpUrl) -> HttpUrl:
    """Only embeddings stand below ``/v1``, yet that is what many are used to write."""
    return HttpUrl(str(url).rstrip("/").removesuffix("/v1"))


class TeiConfig(UpstreamConfig):
    """A server of Text Embeddings Inference."""

    base_url: Annotated[BaseUrl, AfterValidator(_root)] = HttpUrl("http://127.0.0.1:8080")
    """Where the server is; a `/v1` at the end is left out."""
    batch: Annotated[int, Field(ge=1, le=2048)] = 32
    """Texts in one request: the server's `--max-client-batch-size`."""


def _make(config: TeiConfig, upstream: Upstream) -> object:
    from dinrail_tei.provider import Tei

    return Tei(upstream, batch=config.batch)


TEI = ProviderType(
    name="tei",
    config=TeiConfig,
    apis=frozenset({Embedder, Reranker, ModelSource}),
    open=opener(_make),
    detect=detector(key=("TEI_API_KEY",), url={"TEI_BASE_URL": "{}", "TEI_URL": "{}"}, keyless=True),
    summary="A server of Text Embeddings Inference (TEI)",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield TEI
