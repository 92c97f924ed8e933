"""Declares the ``faiss`` provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

from dinrail_core.api.vector_index import VectorIndex
from dinrail_core.hooks import Context, ProviderType, hookimpl
from dinrail_sdk.vectors.lazy import opened_lazily

__all__ = ["DINRAIL_API", "FAISS", "FaissConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class FaissConfig(BaseModel, extra="forbid", defer_build=True):
    """FAISS in this process."""

    folder: Path | None = None
    """Where vectors are kept; in the data folder where not given. One process uses it at a time."""
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    """Threads that work on one search; FAISS counts them once for the whole process."""


@asynccontextmanager
async def _open(config: FaissConfig, context: Context) -> AsyncIterator[object]:
    folder = config.folder.expanduser() if config.folder is not None else context.data_dir
    async with opened_lazily("dinrail_faiss.index", "open_index", folder, config.threads) as index:
        yield index


FAISS = ProviderType(
    name="faiss",
    config=FaissConfig,
    apis=frozenset({VectorIndex}),
    open=_open,
    summary="Vectors searched by FAISS, in this process",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield FAISS
