"""Declares the ``azure-openai`` provider."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Self

from pydantic import Field, HttpUrl, model_validator

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.completions import CompletionModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import ModelSource
from dinrail_core.api.responses.contract import NativeResponses
from dinrail_core.hooks import ProviderType, hookimpl
from dinrail_sdk.providers import detector, opener
from dinrail_sdk.upstream import RespondingConfig, Upstream

__all__ = ["AZURE_OPENAI", "DINRAIL_API", "AzureOpenAIConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class AzureOpenAIConfig(RespondingConfig):
    """A resource of Azure OpenAI."""

    api_version: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$")] | None = None
    """Speaks the older interface in this version (`2024-10-21`), with the deployment in the path."""
    deployments: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)] | None = None
    """The names of the deployments, which Azure does not list; without them, its models are."""

    @model_validator(mode="after")
    def _complete_address(self) -> Self:
        url = str(self.base_url).partition("?")[0].rstrip("/")
        if self.base_url.path in (None, "", "/"):
            url += "/openai" if self.api_version else "/openai/v1"
        if self.api_version:
            self.base_url = HttpUrl(f"{url}?api-version={self.api_version}")
        elif not self.base_url.query:
            self.base_url = HttpUrl(url)
        return self


def _make(config: AzureOpenAIConfig, upstream: Upstream) -> object:
    from dinrail_azure_openai.provider import AzureOpenAI

    in_path = config.api_version is not None
    return AzureOpenAI(upstream, deployments=config.deployments, in_path=in_path, responses=config.responses)


_detect_resource = detector(key=("AZURE_OPENAI_API_KEY",), url={"AZURE_OPENAI_ENDPOINT": "{}"})


def _detect(environment: Mapping[str, str]) -> Mapping[str, object] | None:
    found = _detect_resource(environment)
    names = (environment.get(name) for name in ("AZURE_OPENAI_DEPLOYMENT", "AZURE_OPENAI_DEPLOYMENT_NAME"))
    deployment = next(filter(None, names), None)
    return found if found is None or deployment is None else {**found, "deployments": [deployment]}


AZURE_OPENAI = ProviderType(
    name="azure-openai",
    config=AzureOpenAIConfig,
    apis=frozenset({ChatModel, CompletionModel, Embedder, ModelSource}),
    optional={NativeResponses: "responses"},
    open=opener(_make, authorize=lambda key: ("api-key", key)),
    detect=_detect,
    summary="OpenAI's models deployed on Azure",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield AZURE_OPENAI
