"""Declares the ``qdrant`` provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, HttpUrl, model_validator

from dinrail_core.api.vector_index import VectorIndex
from dinrail_core.hooks import Context, ProviderType, Secret, hookimpl
from dinrail_sdk.vectors.lazy import opened_lazily

__all__ = ["DINRAIL_API", "QDRANT", "QdrantConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class QdrantConfig(BaseModel, extra="forbid", defer_build=True):
    """A Qdrant server, or without `url` Qdrant's engine in this process."""

    url: HttpUrl | None = None
    """Where the server listens, for example `http://127.0.0.1:6333`."""
    api_key: Secret | None = None
    """The server's key."""
    folder: Path | None = None
    """Where the engine in this process keeps its files; in the data folder where not given. One process uses it at a
    time."""
    search: Literal["exact", "approximate"] = "exact"
    """Whether a server looks at every vector or uses its HNSW index; the engine in this process has none."""
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,50}$")] = "dinrail_"
    """What the names of the server's collections begin with."""
    timeout: Annotated[int, Field(gt=0, le=3600)] = 30
    """Seconds that a request to the server may take."""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.url is not None and self.folder is not None:
            raise ValueError("url and folder exclude each other")
        if self.url is None and self.api_key is not None:
            raise ValueError("api_key needs a url")
        return self


def _detect(environment: Mapping[str, str]) -> Mapping[str, object] | None:
    url = environment.get("QDRANT_URL")
    if not url:
        return None
    key = environment.get("QDRANT_API_KEY")
    return {"url": url, **({"api_key": key} if key else {})}


@asynccontextmanager
async def _open(config: QdrantConfig, context: Context) -> AsyncIterator[object]:
    if config.url is None:
        folder = config.folder.expanduser() if config.folder is not None else context.folder()
        async with opened_lazily("dinrail_qdrant.embedded", "open_embedded", folder) as index:
            yield index
    else:
        async with opened_lazily("dinrail_qdrant.server", "open_server", config) as index:
            yield index


QDRANT = ProviderType(
    name="qdrant",
    config=QdrantConfig,
    apis=frozenset({VectorIndex}),
    open=_open,
    detect=_detect,
    summary="Vectors in Qdrant: a server, or its engine in this process",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield QDRANT
