"""Declares the ``bedrock`` provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any, Self

from pydantic import Field, HttpUrl, model_validator

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import ModelSource
from dinrail_core.hooks import Context, ProviderType, hookimpl
from dinrail_core.hooks.secrets import Secret
from dinrail_sdk.upstream import BaseUrl, HeaderSecret, UpstreamConfig, connect

__all__ = ["BEDROCK", "DINRAIL_API", "BedrockConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"

_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
"""Variables by which AWS's own programs find credentials; each of them is a wish to use AWS."""


class BedrockConfig(UpstreamConfig):
    """Amazon Bedrock in a region, with AWS credentials or with a key of Bedrock's own."""

    region: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    """The region, as `eu-central-1`."""
    base_url: BaseUrl = HttpUrl("https://bedrock-runtime.us-east-1.amazonaws.com")
    """Where models are asked; that of the region where nothing else is said."""
    control_url: BaseUrl = HttpUrl("https://bedrock.us-east-1.amazonaws.com")
    """Where models are listed; that of the region where nothing else is said."""
    api_key: HeaderSecret | None = None
    """A key of Bedrock's own, sent as bearer token; without one, requests are signed with AWS credentials."""
    profile: str | None = None
    """The profile in AWS's files; without one, the credentials that AWS's own programs find."""
    access_key_id: str | None = None
    """Fixed credentials instead of those that are found."""
    secret_access_key: Secret | None = None
    """The secret of `access_key_id`."""
    session_token: HeaderSecret | None = None
    """What temporary credentials have besides."""
    models: tuple[str, ...] = ()
    """The models to offer; without any, those that the region lists."""
    input_type: str = "search_document"
    """What Cohere's models embed texts for, where a request does not say it: `search_query`, `clustering`, …"""

    @model_validator(mode="before")
    @classmethod
    def _in_region(cls, given: Any) -> Any:
        if not isinstance(given, Mapping) or not isinstance(given.get("region"), str):
            return given
        hosts = {"base_url": "bedrock-runtime", "control_url": "bedrock"}
        urls = {name: f"https://{host}.{given['region']}.amazonaws.com" for name, host in hosts.items()}
        return {**urls, **{name: value for name, value in given.items() if name not in urls or value is not None}}

    @model_validator(mode="after")
    def _whole_credentials(self) -> Self:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key belong together")
        if self.profile is not None and self.access_key_id is not None:
            raise ValueError("profile and access_key_id are both set; one of them is enough")
        return self


@asynccontextmanager
async def _open(config: BedrockConfig, context: Context) -> AsyncIterator[object]:
    from dinrail_bedrock.provider import Bedrock
    from dinrail_bedrock.signing import Signer

    sign = Signer(config).sign
    control = config.model_copy(update={"base_url": config.control_url})
    async with connect(config, sign=sign) as runtime, connect(control, sign=sign) as lists:
        yield Bedrock(runtime, lists, models=config.models, input_type=config.input_type)


def _detect(environment: Mapping[str, str]) -> Mapping[str, object] | None:
    """As AWS's own clients do: a region, and a key of Bedrock's or credentials of any kind."""
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    key = environment.get("AWS_BEARER_TOKEN_BEDROCK")
    if not region or not (key or any(environment.get(name) for name in _CREDENTIALS)):
        return None
    found: dict[str, object] = {"region": region}
    variables = {
        "api_key": "AWS_BEARER_TOKEN_BEDROCK",
        "base_url": "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
        "control_url": "AWS_ENDPOINT_URL_BEDROCK",
    }
    return found | {name: environment[variable] for name, variable in variables.items() if environment.get(variable)}


BEDROCK = ProviderType(
    name="bedrock",
    config=BedrockConfig,
    apis=frozenset({ChatModel, Embedder, ModelSource}),
    open=_open,
    detect=_detect,
    summary="Models on Amazon Bedrock: chat over its Converse API, embeddings by Titan and Cohere",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield BEDROCK
