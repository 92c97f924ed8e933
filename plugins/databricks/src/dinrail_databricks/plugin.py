"""Declares the ``databricks`` provider."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, HttpUrl

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.completions import CompletionModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import ModelSource
from dinrail_core.hooks import ProviderType, hookimpl
from dinrail_sdk.providers import detector, opener
from dinrail_sdk.upstream import BaseUrl, Upstream, UpstreamConfig

__all__ = ["DATABRICKS", "DINRAIL_API", "DatabricksConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


def _with_scheme(value: object) -> object:
    """Databricks' own tools take ``DATABRICKS_HOST`` without one."""
    return f"https://{value}" if isinstance(value, str) and "://" not in value else value


def _with_path(url: HttpUrl) -> HttpUrl:
    return HttpUrl(f"{str(url).rstrip('/')}/serving-endpoints") if url.path in (None, "", "/") else url


class DatabricksConfig(UpstreamConfig):
    """A workspace of Databricks."""

    base_url: Annotated[BaseUrl, BeforeValidator(_with_scheme), AfterValidator(_with_path)]
    """The workspace; `/serving-endpoints` is added where it has no path of its own."""


def _make(config: DatabricksConfig, upstream: Upstream) -> object:
    from dinrail_databricks.provider import Databricks

    return Databricks(upstream)


DATABRICKS = ProviderType(
    name="databricks",
    config=DatabricksConfig,
    apis=frozenset({ChatModel, CompletionModel, Embedder, ModelSource}),
    open=opener(_make),
    detect=detector(key=("DATABRICKS_TOKEN",), url={"DATABRICKS_HOST": "{}"}),
    summary="Models served by a Databricks workspace",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield DATABRICKS
