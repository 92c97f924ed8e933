"""Declares the ``chroma`` provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, Field, HttpUrl, model_validator

from dinrail_core.api.vector_index import VectorIndex
from dinrail_core.hooks import Context, ProviderType, Secret, hookimpl
from dinrail_sdk.vectors.lazy import opened_lazily

__all__ = ["CHROMA", "DINRAIL_API", "ChromaConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class ChromaConfig(BaseModel, extra="forbid", defer_build=True):
    """A Chroma server, or without `url` Chroma in this process."""

    url: HttpUrl | None = None
    """Where the server listens, for example `http://127.0.0.1:8000`."""
    token: Secret | None = None
    """Sent as `X-Chroma-Token`."""
    tenant: str = "default_tenant"
    """The server's tenant; it has to exist."""
    database: str = "default_database"
    """The tenant's database; it has to exist."""
    folder: Path | None = None
    """Where Chroma in this process keeps its files; in the data folder where not given. One process uses it at a
    time."""
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,50}$")] = "dinrail_"
    """What the names of collections begin with."""
    effort: Annotated[int, Field(ge=10, le=10_000)] = 400
    """How many candidates a search looks at (`ef_search` of HNSW); more find more of the nearest and take longer. For
    collections made from now on."""
    timeout: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """Seconds that a request to the server may take."""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.url is not None and self.folder is not None:
            raise ValueError("url and folder exclude each other")
        if self.url is None and self.token is not None:
            raise ValueError("token needs a url")
        return self


@asynccontextmanager
async def _open(config: ChromaConfig, context: Context) -> AsyncIterator[object]:
    folder = config.folder.expanduser() if config.folder is not None else context.data_dir
    async with opened_lazily("dinrail_chroma.index", "open_index", config, folder) as index:
        yield index


CHROMA = ProviderType(
    name="chroma",
    config=ChromaConfig,
    apis=frozenset({VectorIndex}),
    open=_open,
    summary="Vectors in Chroma: a server, or in this process",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield CHROMA
