"""What Milvus is asked. All of it blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import orjson
from pymilvus import DataType, MilvusClient
from pymilvus.exceptions import MilvusException

from dinrail_core.api.items.filters import Filter
from dinrail_core.api.vector_index import Attribute, VectorHit, VectorRecord
from dinrail_core.errors import Conflict, TooLarge, UpstreamInvalid
from dinrail_milvus.plugin import MilvusConfig
from dinrail_sdk.vectors.base import Candidates, clipped
from dinrail_sdk.vectors.buffers import Floats
from dinrail_sdk.vectors.filters import matcher
from dinrail_sdk.vectors.tokens import TokenDialect, tokens

__all__ = ["MOST", "Engine", "Expressions"]

MOST = 16_384
"""How many results Milvus can be asked for."""
_AT_ONCE = 500
_LONGEST = 65_535
_MANY = 1024
_STRONG = "Strong"
"""What was acknowledged is seen by every search that begins afterwards."""


class Expressions(TokenDialect[str]):
    """Conditions as Milvus' boolean expressions; words are hexadecimal."""

    def has(self, word: str) -> str:
        return f'array_contains(words, "{word}")'

    def has_any(self, words: Sequence[str]) -> str:
        return f"array_contains_any(words, {_listed(words)})"

    def all_of(self, parts: Sequence[str]) -> str:
        return f"({' and '.join(parts)})"

    def any_of(self, parts: Sequence[str]) -> str:
        return f"({' or '.join(parts)})"

    def no(self, part: str) -> str:
        return f"(not ({part}))"


class Engine:
    """A Milvus server.

    Args:
        client: Speaks with it.
        config: The configuration.
    """

    def __init__(self, client: MilvusClient, config: MilvusConfig) -> None:
        self._client = client
        self._config = config

    def close(self) -> None:
        """Leave the server."""
        self._client.close()

    def create(self, collection: str, dimension: int) -> None:
        """Make a collection, or see that it has this dimension."""
        name = self._name(collection)
        if not self._client.has_collection(name):
            index = MilvusClient.prepare_index_params()
            kind = "FLAT" if self._config.search == "exact" else "AUTOINDEX"
            index.add_index(field_name="vector", index_type=kind, metric_type="IP")
            try:
                self._client.create_collection(
                    name, schema=_schema(dimension), index_params=index, consistency_level=_STRONG
                )
            except MilvusException:
                if not self._client.has_collection(name):  # otherwise somebody else was faster
                    raise
        if self.dimension(collection) != dimension:
            raise Conflict("The collection has vectors of another dimension.")

    def drop(self, collection: str) -> None:
        """Remove a collection, if there is one."""
        self._client.drop_collection(self._name(collection))

    def dimension(self, collection: str) -> int:
        """Of a collection's vectors."""
        for field in self._client.describe_collection(self._name(collection))["fields"]:
            if field["name"] == "vector":
                return int(field["params"]["dim"])
        raise UpstreamInvalid("The collection of Milvus' was not made by this program.")

    def upsert(self, collection: str, records: Sequence[VectorRecord], rows: Floats) -> None:
        """Put records in the place of those with their ids."""
        for start in range(0, len(records), _AT_ONCE):
            data = [
                {
                    "id": record.id,
                    "file_id": record.file_id,
                    "vector": row,
                    **_said(record.attributes),
                }
                for record, row in zip(records[start : start + _AT_ONCE], rows[start : start + _AT_ONCE], strict=True)
            ]
            self._client.upsert(self._name(collection), data)

    def set_attributes(self, collection: str, file_id: str, attributes: Mapping[str, Attribute]) -> None:
        """Replace the attributes of a file's records."""
        said = _said(attributes)
        for rows in self._pages(collection, _of_file(file_id), ["id", "file_id", "vector"]):
            data = [
                {"id": row["id"], "file_id": row["file_id"], "vector": np.asarray(row["vector"], np.float32), **said}
                for row in rows
            ]
            self._client.upsert(self._name(collection), data)

    def delete(self, collection: str, ids: Sequence[str]) -> None:
        """Remove records."""
        for start in range(0, len(ids), _AT_ONCE):
            self._client.delete(self._name(collection), ids=list(ids[start : start + _AT_ONCE]))

    def delete_file(self, collection: str, file_id: str) -> None:
        """Remove the records of a file."""
        self._client.delete(self._name(collection), filter=_of_file(file_id))

    def search(self, collection: str, vector: Floats, limit: int, condition: str | None, look: bool) -> Candidates:
        """The nearest; with their attributes where somebody has to look at them."""
        fields = ["file_id", *(["attributes"] if look else [])]
        (found,) = self._client.search(
            self._name(collection),
            data=[vector.tolist()],
            limit=limit,
            filter=condition or "",
            output_fields=fields,
            consistency_level=_STRONG,
        )
        return [
            (
                VectorHit(hit["id"], hit["entity"]["file_id"], clipped(hit["distance"])),
                orjson.loads(hit["entity"].get("attributes", "{}")),
            )
            for hit in found
        ]

    def scan(
        self, collection: str, vector: Floats, limit: int, condition: str | None, filter: Filter
    ) -> list[VectorHit]:
        """The nearest, by looking at everything."""
        matches = matcher(filter)
        hits = [
            VectorHit(row["id"], row["file_id"], clipped(float(np.asarray(row["vector"], np.float32) @ vector)))
            for rows in self._pages(collection, condition or "", ["id", "file_id", "attributes", "vector"])
            for row in rows
            if matches(orjson.loads(row["attributes"]))
        ]
        return sorted(hits, key=lambda hit: -hit.similarity)[:limit]

    def count(self, collection: str, file_id: str | None) -> int:
        """How many records there are."""
        (found,) = self._client.query(
            self._name(collection),
            filter=_of_file(file_id) if file_id is not None else "",
            output_fields=["count(*)"],
            consistency_level=_STRONG,
        )
        return int(found["count(*)"])

    def _pages(self, collection: str, condition: str, fields: Sequence[str]) -> Iterator[list[Any]]:
        """All records that match; read before anything of them is changed."""
        pages = self._client.query_iterator(
            self._name(collection),
            batch_size=_AT_ONCE,
            filter=condition,
            output_fields=list(fields),
            consistency_level=_STRONG,
        )
        try:
            found = []
            while page := pages.next():
                found.append(list(page))
        finally:
            pages.close()
        yield from found

    def _name(self, collection: str) -> str:
        return f"{self._config.prefix}{collection}"


def _schema(dimension: int) -> Any:
    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.VARCHAR, max_length=128, is_primary=True)
    schema.add_field("file_id", DataType.VARCHAR, max_length=128)
    schema.add_field("words", DataType.ARRAY, element_type=DataType.VARCHAR, max_capacity=_MANY, max_length=32)
    schema.add_field("attributes", DataType.VARCHAR, max_length=_LONGEST)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
    return schema


def _said(attributes: Mapping[str, Attribute]) -> dict[str, Any]:
    said = orjson.dumps(attributes)
    if len(said) > _LONGEST or len(attributes) > _MANY:
        raise TooLarge(f"Milvus can keep {_LONGEST} bytes and {_MANY} attributes for a record.", param="attributes")
    return {"words": tokens(attributes), "attributes": said.decode()}


def _of_file(file_id: str) -> str:
    return f'file_id == "{file_id}"'  # letters, digits, - and _


def _listed(words: Sequence[str]) -> str:
    return f"[{', '.join(f'{chr(34)}{word}{chr(34)}' for word in words)}]"
