"""Declares the ``files`` and the ``uploads`` service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field

from dinrail_core.api.blobs import BlobStore
from dinrail_core.api.files import Files
from dinrail_core.api.jobs import JobKind, JobRun, Jobs
from dinrail_core.api.uploads import Uploads
from dinrail_core.hooks import Context, Rail, ServiceType, hookimpl
from dinrail_sdk.sql.contract import Database

if TYPE_CHECKING:
    from dinrail_files.service import FileService

__all__ = ["DINRAIL_API", "FILES", "UPLOADS", "FilesConfig", "UploadsConfig", "dinrail_services"]

DINRAIL_API = ">=1.0,<2"

_Lease = Annotated[float, Field(ge=0.3, le=40)]


class FilesConfig(BaseModel, extra="forbid", defer_build=True):
    """Limits of files."""

    max_bytes: Annotated[int, Field(ge=1)] = 512 * 1024 * 1024
    """The largest file that is uploaded at once."""
    lease: _Lease = 30.0
    """Seconds after which what a process that died has left half-written may be removed."""


class UploadsConfig(BaseModel, extra="forbid", defer_build=True):
    """Limits of uploads."""

    max_bytes: Annotated[int, Field(ge=1)] = 8 * 1024 * 1024 * 1024
    """The largest file that is uploaded in parts."""
    max_part_bytes: Annotated[int, Field(ge=1)] = 64 * 1024 * 1024
    """The largest part."""
    lease: _Lease = 30.0
    """As for files."""


@asynccontextmanager
async def _open_files(config: FilesConfig, context: Context) -> AsyncIterator[object]:
    from dinrail_files.intake import Intake
    from dinrail_files.service import FileService

    database, blobs = await context.rail.service(Database), await context.rail.service(BlobStore)
    async with Intake.open(database, blobs, config.lease) as intake:
        yield FileService(database, blobs, intake, config.max_bytes)


@asynccontextmanager
async def _open_uploads(config: UploadsConfig, context: Context) -> AsyncIterator[object]:
    from dinrail_files.intake import Intake
    from dinrail_files.uploads import UploadService

    database, blobs = await context.rail.service(Database), await context.rail.service(BlobStore)
    async with Intake.open(database, blobs, config.lease) as intake:
        yield UploadService(database, blobs, intake, config.max_bytes, config.max_part_bytes)


async def _sweep(service: FileService, job: JobRun) -> None:
    await service.sweep()


async def _anything_over(rail: Rail) -> bool:
    from dinrail_files.sweeper import anything_over

    return await (await rail.service(Database)).sweep(anything_over)


FILES = ServiceType(
    name="files",
    config=FilesConfig,
    provides=frozenset({Files}),
    requires=frozenset({Database, BlobStore, Jobs}),
    open=_open_files,
    jobs=(
        JobKind(
            name="file-sweep",
            run=_sweep,
            every=10.0,
            wanted=_anything_over,
            summary="Removes files and uploads whose time is over, and bytes that belong to nothing",
        ),
    ),
    summary="Files",
)

UPLOADS = ServiceType(
    name="uploads",
    config=UploadsConfig,
    provides=frozenset({Uploads}),
    # What is left of uploads that nobody completes is removed with files.
    requires=frozenset({Database, BlobStore, Files}),
    open=_open_uploads,
    summary="Files that come in parts",
)


@hookimpl
def dinrail_services() -> Iterable[ServiceType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_services`."""
    yield FILES
    yield UPLOADS
