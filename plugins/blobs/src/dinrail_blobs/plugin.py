"""Declares the ``blobs`` service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import BaseModel

from dinrail_core.api.blobs import BlobStore
from dinrail_core.hooks import Context, ServiceType, hookimpl

__all__ = ["BLOBS", "DINRAIL_API", "BlobsConfig", "dinrail_services"]

DINRAIL_API = ">=1.0,<2"


class BlobsConfig(BaseModel, extra="forbid", defer_build=True):
    """Where bytes are kept."""

    folder: Path | None = None
    """A folder for blobs alone; one in the data folder where not given. Several processes may share it."""


@asynccontextmanager
async def _open(config: BlobsConfig, context: Context) -> AsyncIterator[object]:
    from dinrail_blobs.local import open_local

    folder = config.folder.expanduser() if config.folder is not None else context.folder()
    async with open_local(folder) as store:
        yield store


BLOBS = ServiceType(
    name="blobs",
    config=BlobsConfig,
    provides=frozenset({BlobStore}),
    open=_open,
    summary="Bytes in a local folder",
)


@hookimpl
def dinrail_services() -> Iterable[ServiceType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_services`."""
    yield BLOBS
