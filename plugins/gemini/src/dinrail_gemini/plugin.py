"""Declares the ``gemini`` provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, HttpUrl, model_validator

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import ModelSource
from dinrail_core.hooks import Context, ProviderType, hookimpl
from dinrail_sdk.upstream import BaseUrl, UpstreamConfig, connect

__all__ = ["DINRAIL_API", "GEMINI", "GeminiConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"

_TRUE = ("1", "true", "yes")


class GeminiConfig(UpstreamConfig):
    """Gemini in AI Studio, or on Vertex AI where a project is named."""

    base_url: BaseUrl = HttpUrl("https://generativelanguage.googleapis.com/v1beta")
    """Where the API begins, its version included; with a project, that of its location."""
    project: Annotated[str, Field(pattern=r"^[a-z0-9:.-]+$")] | None = None
    """The project in Google's cloud. It makes this Vertex AI, which takes tokens of the cloud instead of keys."""
    location: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")] = "global"
    """Where on Vertex AI: `global`, or a region such as `europe-west4`."""
    credentials: Path | None = None
    """A service account's file, for Vertex AI; without, the credentials that Google's own programs find."""

    @model_validator(mode="before")
    @classmethod
    def _on_vertex(cls, given: Any) -> Any:
        if not isinstance(given, Mapping) or not given.get("project") or given.get("base_url"):
            return given
        location = given.get("location") or "global"
        host = "aiplatform" if location == "global" else f"{location}-aiplatform"
        return {**given, "base_url": f"https://{host}.googleapis.com/v1"}


def _authorize(key: str) -> tuple[str, str]:
    """Keys have a header of their own, tokens of the cloud do not."""
    return ("authorization", f"Bearer {key}") if key.startswith("ya29.") else ("x-goog-api-key", key)


def _bearer(token: str) -> tuple[str, str]:
    """Tokens come in several forms there; a key is told by its beginning."""
    return ("x-goog-api-key", token) if token.startswith("AIza") else ("authorization", f"Bearer {token}")


@asynccontextmanager
async def _open(config: GeminiConfig, context: Context) -> AsyncIterator[object]:
    from dinrail_gemini.provider import Gemini
    from dinrail_gemini.vertex import CloudTokens, Vertex

    if config.project is None:
        async with connect(config, authorize=_authorize) as upstream:
            yield Gemini(upstream)
        return
    tokens = CloudTokens(config.credentials)
    async with connect(config, authorize=_bearer, key=tokens.current) as upstream:
        yield Vertex(upstream, project=config.project, location=config.location)


def _detect(environment: Mapping[str, str]) -> Mapping[str, object] | None:
    """As Google's own clients do: a key, or the wish for Vertex AI with a project."""
    wanted = environment.get("GOOGLE_GENAI_USE_ENTERPRISE") or environment.get("GOOGLE_GENAI_USE_VERTEXAI") or ""
    if wanted.strip().lower() in _TRUE:
        project = environment.get("GOOGLE_CLOUD_PROJECT")
        if not project:
            return None
        return {"project": project, "location": environment.get("GOOGLE_CLOUD_LOCATION") or "global"}
    key = environment.get("GOOGLE_API_KEY") or environment.get("GEMINI_API_KEY")
    return {"api_key": key} if key else None


GEMINI = ProviderType(
    name="gemini",
    config=GeminiConfig,
    apis=frozenset({ChatModel, Embedder, ModelSource}),
    open=_open,
    detect=_detect,
    summary="Google's Gemini models, in AI Studio and on Vertex AI",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield GEMINI
