"""Declares the ``anthropic`` provider."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, HttpUrl

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.provider import ModelSource
from dinrail_core.hooks import ProviderType, hookimpl
from dinrail_sdk.providers import detector, opener
from dinrail_sdk.upstream import BaseUrl, Upstream, UpstreamConfig

__all__ = ["ANTHROPIC", "DINRAIL_API", "AnthropicConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"

_VERSION = "2023-06-01"
"""The version of the API; there has been no other since."""


def _root(url: HttpUrl) -> HttpUrl:
    """Anthropic's clients write the address without ``/v1``, others with it."""
    return HttpUrl(str(url).rstrip("/").removesuffix("/v1"))


class AnthropicConfig(UpstreamConfig):
    """How Anthropic is reached."""

    base_url: Annotated[BaseUrl, AfterValidator(_root)] = HttpUrl("https://api.anthropic.com")
    """Where the API is; a `/v1` at the end is left out."""
    max_tokens: Annotated[int, Field(ge=1)] = 8192
    """The limit of generated tokens for requests that have none, since Anthropic wants one in every request; a model
    that generates fewer is asked for those."""


def _authorize(key: str) -> tuple[str, str]:
    """OAuth tokens (of ``claude setup-token``, ``sk-ant-oat…``) are bearer tokens, keys are not."""
    return ("authorization", f"Bearer {key}") if key.startswith("sk-ant-oat") else ("x-api-key", key)


def _make(config: AnthropicConfig, upstream: Upstream) -> object:
    from dinrail_anthropic.provider import Anthropic

    return Anthropic(upstream, max_tokens=config.max_tokens)


_BY_KEY = detector(key=("ANTHROPIC_API_KEY", "CLAUDE_API_KEY"))
_BY_TOKEN = detector(key=("ANTHROPIC_AUTH_TOKEN",))


def _detect(environment: Mapping[str, str]) -> Mapping[str, object] | None:
    """As Anthropic's own clients do: a key, or else a token; perhaps another address."""
    found = _BY_KEY(environment)
    if found is None and (token := _BY_TOKEN(environment)) is not None:
        found = {"headers": {"authorization": f"Bearer {token['api_key']}"}}
    if found is None:
        return None
    where = environment.get("ANTHROPIC_BASE_URL")
    return {**found, "base_url": where} if where else found


ANTHROPIC = ProviderType(
    name="anthropic",
    config=AnthropicConfig,
    apis=frozenset({ChatModel, ModelSource}),
    open=opener(_make, authorize=_authorize, headers={"anthropic-version": _VERSION}),
    detect=_detect,
    summary="Anthropic's own models, over the Messages API",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield ANTHROPIC
