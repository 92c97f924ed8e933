"""Blobs as objects: ``<prefix><id>``."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from aiohttp.client_exceptions import ClientError as BrokenConnection
from botocore.exceptions import BotoCoreError, ClientError

from dinrail_core.api.blobs import Blob, BlobStore, check_blob_id
from dinrail_core.errors import DinrailError, NotFound, Unavailable
from dinrail_s3.plugin import S3Config

__all__ = ["S3Blobs", "open_s3"]

_LOG = logging.getLogger("dinrail.s3")

_PART = 8 * 1024 * 1024
"""Bytes of a part; S3 takes 5 MiB at least, and 10,000 parts at most."""
_READ = 256 * 1024
_RETRY_AFTER = 5.0
_MISSING = frozenset({"NoSuchKey", "404", "NoSuchUpload"})


class S3Blobs(BlobStore):
    """Blobs in a bucket.

    Args:
        client: An S3 client of aiobotocore.
        bucket: The bucket.
        prefix: What keys begin with.
    """

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix

    async def put(self, blob_id: str, source: AsyncIterator[bytes]) -> Blob:
        """See :meth:`BlobStore.put`."""
        where = self._where(blob_id)
        found = hashlib.sha256()
        size = 0
        parts = _in_parts(source)
        part = await anext(parts, b"")
        following = await anext(parts, None)
        if following is None:
            await asyncio.to_thread(found.update, part)
            with _translated():
                await self._client.put_object(**where, Body=part)
            return Blob(blob_id, len(part), found.hexdigest())
        with _translated():
            upload = (await self._client.create_multipart_upload(**where))["UploadId"]
        try:
            tags = []
            number = 0
            while part:
                number += 1
                size += len(part)
                await asyncio.to_thread(found.update, part)
                with _translated():
                    answer = await self._client.upload_part(**where, UploadId=upload, PartNumber=number, Body=part)
                tags.append({"PartNumber": number, "ETag": answer["ETag"]})
                part, following = following or b"", await anext(parts, None) if following else None
            with _translated():
                await self._client.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": tags})
        except BaseException:
            with suppress(DinrailError), _translated():  # delete() follows a put() that failed, and tries again
                await self._client.abort_multipart_upload(**where, UploadId=upload)
            raise
        return Blob(blob_id, size, found.hexdigest())

    async def open(self, blob_id: str, start: int = 0, stop: int | None = None) -> AsyncGenerator[bytes, None]:
        """See :meth:`BlobStore.open`."""
        where = self._where(blob_id)
        if stop is not None and start >= stop:
            with _translated():
                await self._client.head_object(**where)
            return
        wanted = {"Range": f"bytes={start}-{'' if stop is None else stop - 1}"} if start or stop is not None else {}
        try:
            with _translated():
                answer = await self._client.get_object(**where, **wanted)
        except _OutOfRange:
            return
        async with answer["Body"] as body:
            while True:
                with _translated():
                    piece: bytes = await body.read(_READ)
                if not piece:
                    return
                yield piece

    async def delete(self, blob_id: str) -> None:
        """See :meth:`BlobStore.delete`."""
        where = self._where(blob_id)
        with _translated():
            pending = await self._client.list_multipart_uploads(Bucket=self._bucket, Prefix=where["Key"])
            for upload in pending.get("Uploads", ()):
                if upload["Key"] == where["Key"]:
                    with suppress(NotFound), _translated():
                        await self._client.abort_multipart_upload(**where, UploadId=upload["UploadId"])
            await self._client.delete_object(**where)

    def _where(self, blob_id: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + check_blob_id(blob_id)}


class _OutOfRange(Exception):
    """The object ends before the range begins."""


async def _in_parts(source: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    gathered: list[bytes] = []
    size = 0
    async for piece in source:
        gathered.append(piece)
        size += len(piece)
        while size >= _PART:
            whole = b"".join(gathered)
            yield whole[:_PART]
            gathered = [whole[_PART:]]
            size = len(gathered[0])
    if size:
        yield b"".join(gathered)


@contextmanager
def _translated() -> Iterator[None]:
    """What the client library raises becomes what the contract says."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _MISSING:
            raise NotFound("There is no such blob.") from error
        if code in ("InvalidRange", "416"):
            raise _OutOfRange from error
        # The message may name keys and hosts; the operator's log is the place for it.
        _LOG.warning("the object store refused: %s", error)
        raise Unavailable("The object store refuses to serve.", retry_after=_RETRY_AFTER) from error
    except (BotoCoreError, BrokenConnection, OSError, TimeoutError) as error:
        _LOG.warning("the object store cannot be reached: %s", type(error).__name__)
        raise Unavailable("The object store cannot be reached.", retry_after=_RETRY_AFTER) from error


@asynccontextmanager
async def open_s3(config: S3Config) -> AsyncIterator[S3Blobs]:
    """A client for the bucket; an object store that is down now is tried again at every use.

    Args:
        config: Which bucket, and how it is reached.
    """
    options = AioConfig(
        connect_timeout=config.connect_timeout,
        read_timeout=config.read_timeout,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=50,
        # Stores other than Amazon's do not all know its newer checksums.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": config.addressing, "payload_signing_enabled": False},
    )
    key, secret = config.access_key_id, config.secret_access_key
    client = get_session().create_client(
        "s3",
        region_name=config.region,
        endpoint_url=None if config.endpoint_url is None else str(config.endpoint_url),
        aws_access_key_id=None if key is None else key.get_secret_value(),
        aws_secret_access_key=None if secret is None else secret.get_secret_value(),
        config=options,
    )
    async with client as opened:
        yield S3Blobs(opened, config.bucket, config.prefix)
