"""Chunks of a file become vectors in a collection: what taking in and embedding anew have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping

from dinrail_core.api.call import Call
from dinrail_core.api.vector_index import VectorIndex, VectorRecord
from dinrail_core.errors import Unavailable
from dinrail_core.hooks import Rail
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.sql.units import Owned
from dinrail_vector_stores.chunks import embedded_text
from dinrail_vector_stores.embedding import EmbeddingModel, Embeddings
from dinrail_vector_stores.tables import CHUNKS

__all__ = ["Vectors"]


class Vectors:
    """Fills collections.

    Args:
        database: Where chunks are.
        rail: Where vector databases are.
        embeddings: What embeds.
    """

    def __init__(self, database: Database, rail: Rail, embeddings: Embeddings) -> None:
        self._database = database
        self._rail = rail
        self._embeddings = embeddings

    def index(self, name: str) -> VectorIndex:
        """The instance of a name.

        Raises:
            Unavailable: It is not open.
        """
        found = self._rail.instances(VectorIndex).get(name)
        if found is None:
            raise Unavailable(f"The vector database '{name}', which holds this store's vectors, is not there.")
        return found

    async def chunks(self, file: str, begin: int, end: int, call: Call) -> Sequence[RowMapping]:
        """Chunks of a file, from one position up to, not including, another."""
        wanted = (CHUNKS.c.file == file, CHUNKS.c.position >= begin, CHUNKS.c.position < end)

        def work(unit: Owned) -> Sequence[RowMapping]:
            return unit.select(CHUNKS, *wanted, order_by=(CHUNKS.c.position,))

        return await self._database.read(call.principal, work)

    async def fill(
        self,
        provider: str,
        collection: str,
        rows: Sequence[Mapping[Any, Any]],
        model: EmbeddingModel,
        attributes: Mapping[str, Any],
        call: Call,
    ) -> None:
        """Embed chunks of one file and put them into a collection; doing it again changes nothing.

        Args:
            provider: The instance that keeps the collection.
            collection: Its name.
            rows: The chunks' rows.
            model: The model.
            attributes: The file's.
            call: On whose behalf.
        """
        vectors = await self._embeddings.embed(model, [embedded_text(row) for row in rows], call)
        records = [
            VectorRecord(row["id"], row["file"], vector, attributes) for row, vector in zip(rows, vectors, strict=True)
        ]
        await self.index(provider).upsert(collection, records)
