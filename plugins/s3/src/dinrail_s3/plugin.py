"""Declares the ``s3`` service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Annotated, Literal

from pydantic import BaseModel, Field, HttpUrl, model_validator

from dinrail_core.api.blobs import BlobStore
from dinrail_core.hooks import Context, Secret, ServiceType, hookimpl

__all__ = ["DINRAIL_API", "S3", "S3Config", "dinrail_services"]

DINRAIL_API = ">=1.0,<2"

_Seconds = Annotated[float, Field(gt=0, le=600)]


class S3Config(BaseModel, extra="forbid", defer_build=True):
    """Which bucket, and how it is reached."""

    bucket: Annotated[str, Field(min_length=3, max_length=63, pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    """The bucket; it has to exist."""
    prefix: Annotated[str, Field(max_length=200, pattern=r"^[A-Za-z0-9/_.-]*$")] = "dinrail/"
    """What the keys of all objects begin with."""
    endpoint_url: HttpUrl | None = None
    """Where the object store listens; Amazon's where not given."""
    region: str = "us-east-1"
    """The bucket's region."""
    access_key_id: Secret | None = None
    """The key's id; the usual places of AWS tools are looked at where not given."""
    secret_access_key: Secret | None = None
    """The key."""
    addressing: Literal["auto", "path", "virtual"] = "auto"
    """Whether the bucket stands in the path or in the host's name."""
    connect_timeout: _Seconds = 5.0
    """Seconds to wait for a connection."""
    read_timeout: _Seconds = 30.0
    """Seconds to wait for the next bytes of an answer."""

    @model_validator(mode="after")
    def _both_or_none(self) -> S3Config:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key belong together")
        return self


@asynccontextmanager
async def _open(config: S3Config, context: Context) -> AsyncIterator[object]:
    from dinrail_s3.store import open_s3

    async with open_s3(config) as store:
        yield store


S3 = ServiceType(
    name="s3",
    config=S3Config,
    provides=frozenset({BlobStore}),
    open=_open,
    summary="Bytes in an S3-compatible object store",
)


@hookimpl
def dinrail_services() -> Iterable[ServiceType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_services`."""
    yield S3
