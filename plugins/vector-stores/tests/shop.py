"""Stores with files in them, in a few words."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from models import MODELS

from dinrail_core.api.call import Call, Principal
from dinrail_core.api.files import Files, NewFile
from dinrail_core.api.vector_stores import (
    AddFile,
    AddFiles,
    CreateVectorStore,
    ListStoreFilesQuery,
    SearchRequest,
    UpdateStoreFile,
    UpdateVectorStore,
    VectorStores,
)
from dinrail_core.api.wire import decode_request
from dinrail_core.hooks import Rail
from dinrail_sdk.testing import open_rail

__all__ = ["ANN", "BOB", "EVE", "PLUGINS", "Shop", "open_shop"]

PLUGINS = ("database", "blobs", "files", "jobs", "documents", "vector-stores", "sqlite-vec")
ANN = Call(Principal("acme", "ann"))
BOB = Call(Principal("acme", "bob"))
EVE = Call(Principal("evil", "ann"))
_LIMIT = float(os.environ.get("DINRAIL_TEST_PATIENCE", "60"))


class Shop:
    """One caller's stores."""

    def __init__(self, rail: Rail, stores: VectorStores, files: Files, call: Call = ANN) -> None:
        self.rail = rail
        self.stores = stores
        self.files = files
        self.call = call

    def of(self, call: Call) -> Shop:
        """The same for somebody else."""
        return Shop(self.rail, self.stores, self.files, call)

    async def file(self, text: str | bytes, name: str = "a.txt") -> str:
        data = text if isinstance(text, bytes) else text.encode()

        async def source() -> AsyncIterator[bytes]:
            yield data

        new = NewFile(filename=name, purpose="assistants")
        return (await self.files.create(new, source(), self.call)).value.id

    async def store(self, *texts: str, **fields: Any) -> str:
        """A store with these texts, each a file, once all of them are in."""
        ids = [await self.file(text, f"{number}.txt") for number, text in enumerate(texts)]
        request = decode_request(CreateVectorStore, {**fields, **({"file_ids": ids} if ids else {})})
        store_id = (await self.stores.create(request, self.call)).value.id
        await self.settled(store_id)
        return store_id

    async def add(self, store_id: str, text: str | bytes, name: str = "a.txt", **fields: Any) -> str:
        """One more file, once it is in or has failed; the file's id."""
        file_id = await self.file(text, name)
        await self.put(store_id, file_id, **fields)
        await self.settled(store_id)
        return file_id

    async def put(self, store_id: str, file_id: str, **fields: Any) -> None:
        await self.stores.add_file(store_id, decode_request(AddFile, {"file_id": file_id, **fields}), self.call)

    async def batch(self, store_id: str, **fields: Any) -> Any:
        return (await self.stores.add_files(store_id, decode_request(AddFiles, fields), self.call)).value

    async def get(self, store_id: str) -> Any:
        return (await self.stores.get(store_id, self.call)).value

    async def update(self, store_id: str, **fields: Any) -> Any:
        return (await self.stores.update(store_id, decode_request(UpdateVectorStore, fields), self.call)).value

    async def attributes(self, store_id: str, file_id: str, attributes: dict[str, Any] | None) -> None:
        await self.stores.update_file(store_id, file_id, UpdateStoreFile(attributes=attributes), self.call)

    async def listed(self, store_id: str, **query: Any) -> Any:
        wanted = ListStoreFilesQuery.model_validate({"limit": 100, "order": "asc", **query})
        return (await self.stores.list_files(store_id, wanted, self.call)).value

    async def search(self, store_id: str, query: str | list[str], **fields: Any) -> Any:
        request = decode_request(SearchRequest, {"query": query, **fields})
        return (await self.stores.search(store_id, request, self.call)).value

    async def names(self, store_id: str, query: str, **fields: Any) -> list[str]:
        """The names of the files that are found, the best first."""
        return [one.filename for one in (await self.search(store_id, query, **fields)).data]

    async def settled(self, store_id: str) -> Any:
        """The store, once nothing is in progress."""
        async with asyncio.timeout(_LIMIT):
            while (store := await self.get(store_id)).status == "in_progress":
                await asyncio.sleep(0.02)
        return store


@asynccontextmanager
async def open_shop(config: Mapping[str, Any], call: Call = ANN) -> AsyncIterator[Shop]:
    """A shop over a configuration."""
    async with open_rail(MODELS, plugins=PLUGINS, config=config) as rail:
        yield Shop(rail, await rail.service(VectorStores), await rail.service(Files), call)
