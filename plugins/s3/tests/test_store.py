"""The object store as a blob store, against a real one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from pydantic import ValidationError

from dinrail_core.api.blobs import BlobStore
from dinrail_core.errors import ConfigurationError, NotFound, Unavailable
from dinrail_s3.plugin import S3Config
from dinrail_s3.store import open_s3
from dinrail_sdk.sql.ids import new_id
from dinrail_sdk.testing import serve
from dinrail_sdk.testing.blobs import BlobStoreSuite, contents, in_pieces
from dinrail_sdk.testing.databases import database_config, postgresql

__all__ = ["database_config", "postgresql"]

PLUGINS = ("database", "files", "blobs", "jobs", "s3")


async def bucket_of(config: dict[str, Any]) -> None:
    async with open_s3(S3Config.model_validate(config)) as store:
        client = store._client
        buckets = (await client.list_buckets())["Buckets"]
        if config["bucket"] not in [bucket["Name"] for bucket in buckets]:
            await client.create_bucket(Bucket=config["bucket"])


@pytest.fixture(scope="session")
def config(object_store: Any) -> dict[str, Any]:
    for attempt in range(50):
        try:
            asyncio.run(bucket_of(object_store.config))
            # The first write makes the volumes, for which the store has to have found itself.
            asyncio.run(_first_write(object_store.config))
        except Exception:
            if attempt == 49:
                raise
            continue
        break
    return dict(object_store.config)


async def _first_write(config: dict[str, Any]) -> None:
    async with open_s3(S3Config.model_validate(config)) as store:
        await store.put(new_id("blob-"), in_pieces(b"x"))


async def objects(config: dict[str, Any]) -> set[str]:
    """All keys under the prefix, and of all uploads that were not completed."""
    async with open_s3(S3Config.model_validate(config)) as store:
        where = {"Bucket": config["bucket"], "Prefix": config.get("prefix", "dinrail/")}
        found = await store._client.list_objects_v2(**where)
        pending = await store._client.list_multipart_uploads(**where)
        return {item["Key"] for item in (*found.get("Contents", ()), *pending.get("Uploads", ()))}


class TestS3Blobs(BlobStoreSuite):
    @pytest.fixture(autouse=True)
    def _configure(self, config: dict[str, Any]) -> None:
        self.config = S3Config.model_validate(config)

    @asynccontextmanager
    async def open_store(self) -> AsyncIterator[BlobStore]:
        async with open_s3(self.config) as store:
            yield store


async def test_what_a_killed_process_left_of_a_large_blob_is_removed_with_its_id(config: dict[str, Any]) -> None:
    mine = {**config, "prefix": "left/"}
    async with open_s3(S3Config.model_validate(mine)) as store:
        blob_id = new_id("blob-")
        where = {"Bucket": mine["bucket"], "Key": f"left/{blob_id}"}
        upload = await store._client.create_multipart_upload(**where)
        await store._client.upload_part(**where, UploadId=upload["UploadId"], PartNumber=1, Body=bytes(5_242_880))
        assert len(await objects(mine)) == 1
        await store.delete(blob_id)
        assert await objects(mine) == set()


async def test_a_store_that_is_down_is_unavailable(caplog: pytest.LogCaptureFixture) -> None:
    config = S3Config.model_validate(
        {"bucket": "none", "endpoint_url": "http://127.0.0.1:9", "access_key_id": "k", "secret_access_key": "hush"}
    )
    async with open_s3(config) as store:
        with caplog.at_level(logging.WARNING), pytest.raises(Unavailable):
            await store.put(new_id("blob-"), in_pieces(b"x"))
        with pytest.raises(Unavailable):
            await contents(store, new_id("blob-"))
    assert "cannot be reached" in caplog.text
    assert "hush" not in caplog.text


async def test_a_key_that_the_store_does_not_know_is_unavailable_and_no_missing_blob(config: dict[str, Any]) -> None:
    async with open_s3(S3Config.model_validate({**config, "secret_access_key": "wrong"})) as store:
        with pytest.raises(Unavailable):
            await contents(store, new_id("blob-"))


async def test_files_are_served_from_the_object_store_once_it_is_configured(
    config: dict[str, Any], database_config: dict[str, Any]
) -> None:
    mine = {**config, "prefix": f"{new_id('served-')}/"}
    services = {"s3": mine, **database_config.get("services", {})}
    data = bytes(range(256)) * 50_000
    async with serve(plugins=PLUGINS, config={"services": services}) as served, served.openai() as client:
        created = await client.files.create(file=("a.bin", data), purpose="user_data")
        assert (await client.files.content(created.id)).content == data
        part = await client.files.content(created.id, extra_headers={"Range": "bytes=100-299"})
        assert part.content == data[100:300]
        assert len(await objects(mine)) == 1
        await client.files.delete(created.id)
        assert await objects(mine) == set()
        with pytest.raises(openai.NotFoundError):
            await client.files.content(created.id)


async def test_without_configuration_it_leaves_files_to_the_local_folder() -> None:
    async with serve(plugins=PLUGINS) as served, served.openai() as client:
        created = await client.files.create(file=("a.bin", b"local"), purpose="user_data")
        assert (await client.files.content(created.id)).content == b"local"


async def test_two_configured_stores_stop_the_start(config: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="BlobStore can be provided by one service"):
        async with serve(plugins=PLUGINS, config={"services": {"s3": config, "blobs": {}}}):
            pass


def test_half_a_credential_is_refused() -> None:
    with pytest.raises(ValidationError, match="belong together"):
        S3Config.model_validate({"bucket": "abc", "access_key_id": "x"})


async def test_ranges_behind_the_end_are_empty(config: dict[str, Any]) -> None:
    async with open_s3(S3Config.model_validate(config)) as store:
        blob_id = new_id("blob-")
        await store.put(blob_id, in_pieces(b"abc"))
        assert await contents(store, blob_id, 3, 9) == b""
        with pytest.raises(NotFound):
            await contents(store, new_id("blob-"), 4, 4)
