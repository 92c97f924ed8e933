"""Declares the ``ollama`` provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Annotated

from pydantic import AfterValidator, Field, HttpUrl

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import ModelLibrary, ModelSource
from dinrail_core.hooks import Context, ProviderType, hookimpl
from dinrail_sdk.upstream import BaseUrl, UpstreamConfig, connect

__all__ = ["DINRAIL_API", "OLLAMA", "OllamaConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"

_PORT = 11434
_PATIENT = 86_400.0
"""Seconds that a pull may take, as long as something comes."""
_SILENT = 3_600.0
"""Seconds of silence in a pull: a large file is verified without a word."""


def _root(url: HttpUrl) -> HttpUrl:
    """The native API stands beside the one that ends in ``/v1``."""
    return HttpUrl(str(url).rstrip("/").removesuffix("/v1").removesuffix("/api"))


class OllamaConfig(UpstreamConfig):
    """An Ollama server, or Ollama's cloud."""

    base_url: Annotated[BaseUrl, AfterValidator(_root)] = HttpUrl(f"http://127.0.0.1:{_PORT}")
    """Where the server is; an `/api` or `/v1` at the end is left out."""
    keep_alive: str | float | None = None
    """How long a model stays loaded after a request, in Ollama's words: `"10m"`, or `-1` for ever."""
    context_length: Annotated[int, Field(ge=1)] | None = None
    """Tokens of context that models are loaded with (`num_ctx`); Ollama's own choice without."""
    truncate: bool = False
    """Whether Ollama may cut what does not fit into the context; without, such a request is refused."""


@asynccontextmanager
async def _open(config: OllamaConfig, context: Context) -> AsyncIterator[object]:
    from dinrail_ollama.provider import Defaults, Ollama

    patient = config.model_copy(
        update={"total_timeout": _PATIENT, "idle_timeout": _SILENT, "first_byte_timeout": _SILENT}
    )
    async with connect(config) as upstream, connect(patient) as pulling:
        defaults = Defaults(config.keep_alive, config.context_length, config.truncate)
        yield Ollama(upstream, pulling, defaults)


def _detect(environment: Mapping[str, str]) -> Mapping[str, object] | None:
    """``OLLAMA_HOST`` as Ollama's own programs read it; a key alone means the cloud."""
    key, host = environment.get("OLLAMA_API_KEY"), environment.get("OLLAMA_HOST", "").strip()
    found: dict[str, object] = {"api_key": key} if key else {}
    if host:
        return {**found, "base_url": _url_of(host)}
    return {**found, "base_url": "https://ollama.com"} if key else None


def _url_of(host: str) -> str:
    """A URL from ``host``, ``host:port``, ``:port`` or a URL; the address for all interfaces is this machine."""
    scheme, separator, rest = host.partition("://")
    if not separator:
        scheme, rest = "http", host
    place, slash, path = rest.partition("/")
    name, colon, port = place.rpartition(":")
    if not colon or port.endswith("]") or not port.isdecimal():
        name, port = place, {"http": str(_PORT), "https": "443"}.get(scheme, "")
        if separator and scheme == "http":
            port = "80"
    if name in ("", "0.0.0.0", "[::]", "::"):  # noqa: S104 not to listen there, but to ask there
        name = "127.0.0.1"
    return f"{scheme}://{name}:{port}{slash}{path}"


OLLAMA = ProviderType(
    name="ollama",
    config=OllamaConfig,
    apis=frozenset({ChatModel, Embedder, ModelSource, ModelLibrary}),
    open=_open,
    detect=_detect,
    summary="An Ollama server, over its native API",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield OLLAMA
