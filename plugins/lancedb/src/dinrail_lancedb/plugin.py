"""Declares the ``lancedb`` provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

from dinrail_core.api.vector_index import VectorIndex
from dinrail_core.hooks import Context, ProviderType, Secret, hookimpl
from dinrail_sdk.vectors.lazy import opened_lazily

__all__ = ["DINRAIL_API", "LANCEDB", "LancedbConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class LancedbConfig(BaseModel, extra="forbid", defer_build=True):
    """LanceDB over a folder or an object store."""

    uri: Annotated[str, Field(min_length=1)] | None = None
    """A folder, or an object store (`s3://bucket/path`); in the data folder where not given. Several processes may
    share it."""
    storage: dict[str, Secret] = {}
    """Options of the object store, such as `aws_access_key_id` and `region`."""


@asynccontextmanager
async def _open(config: LancedbConfig, context: Context) -> AsyncIterator[object]:
    options = {name: value.get_secret_value() for name, value in config.storage.items()}
    async with opened_lazily("dinrail_lancedb.index", "open_index", _place(config, context), options) as index:
        yield index


def _place(config: LancedbConfig, context: Context) -> str:
    if config.uri is None:
        return str(context.folder())
    return config.uri if "://" in config.uri else str(Path(config.uri).expanduser())


LANCEDB = ProviderType(
    name="lancedb",
    config=LancedbConfig,
    apis=frozenset({VectorIndex}),
    open=_open,
    summary="Vectors in LanceDB: a folder or an object store",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield LANCEDB
