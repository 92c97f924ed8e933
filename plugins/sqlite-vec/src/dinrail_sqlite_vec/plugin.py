"""Declares the ``sqlite-vec`` provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

from dinrail_core.api.vector_index import VectorIndex
from dinrail_core.hooks import Context, ProviderType, hookimpl

__all__ = ["DINRAIL_API", "SQLITE_VEC", "SqliteVecConfig", "dinrail_providers"]

DINRAIL_API = ">=1.0,<2"


class SqliteVecConfig(BaseModel, extra="forbid", defer_build=True):
    """Where vectors are kept. Without any key: in the data folder."""

    path: Path | None = None
    """The SQLite file; one in the data folder where not given. Several processes of one machine may share it."""
    memory_mb: Annotated[int, Field(ge=0, le=1_048_576)] = 512
    """Megabytes of vectors that are kept in memory to be searched there: collections that were searched last. What does
    not fit is searched in the file, some ten times slower."""
    busy_timeout: Annotated[float, Field(gt=0, le=600)] = 10.0
    """Seconds to wait while another process writes."""


def _detect(environment: Mapping[str, str]) -> Mapping[str, object]:
    """It needs nothing but a folder, so there is always one."""
    return {}


@asynccontextmanager
async def _open(config: SqliteVecConfig, context: Context) -> AsyncIterator[object]:
    from dinrail_sqlite_vec.index import open_index

    path = config.path.expanduser() if config.path is not None else context.folder() / "vectors.sqlite"
    async with open_index(path, config.memory_mb, config.busy_timeout) as index:
        yield index


SQLITE_VEC = ProviderType(
    name="sqlite-vec",
    config=SqliteVecConfig,
    apis=frozenset({VectorIndex}),
    open=_open,
    detect=_detect,
    summary="Vectors in a SQLite file, searched exactly, in this process",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_providers`."""
    yield SQLITE_VEC
