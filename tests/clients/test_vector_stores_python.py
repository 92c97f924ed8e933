"""OpenAI's package for Python drives vector stores: on what comes along, and on PostgreSQL with pgvector."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from dinrail_sdk.testing import serve
from dinrail_sdk.testing.databases import PostgreSQL, postgresql

__all__ = ["postgresql"]

PLUGINS = ("database", "blobs", "files", "jobs", "documents", "vector-stores", "onnx-embeddings")
TEXTS = {
    "tides.md": b"# Tides\n\nThe tide is highest at new moon and at full moon.",
    "bread.txt": b"Bake the bread for forty minutes in a hot oven.",
    "stars.html": b"<html><body><h1>Stars</h1><p>Sirius is the brightest star of the night sky.</p></body></html>",
}


@pytest.fixture(params=["default", "postgresql and pgvector"])
async def client(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AsyncOpenAI]:
    plugins = (*PLUGINS, "sqlite-vec")
    config: dict[str, Any] = {}
    if request.param != "default":
        running: PostgreSQL = request.getfixturevalue("postgresql")
        (tmp_path / "url").write_text(running.create())
        plugins = (*PLUGINS, "pgvector")
        config = {
            "services": {"database": {"url": running.create()}},
            "providers": {"vectors": {"type": "pgvector", "url": {"file": str(tmp_path / "url")}}},
        }
    async with serve(plugins=plugins, config=config) as served, served.openai() as client:
        yield client


async def found(client: AsyncOpenAI, store_id: str, query: str, **options: Any) -> list[str]:
    return [one.filename async for one in client.vector_stores.search(store_id, query=query, **options)]


@pytest.mark.slow
async def test_stores_files_batches_and_searches(client: AsyncOpenAI) -> None:
    store = await client.vector_stores.create(
        name="facts", metadata={"a": "b"}, expires_after={"anchor": "last_active_at", "days": 7}
    )
    assert (store.object, store.name, store.file_counts.total) == ("vector_store", "facts", 0)
    first = await client.vector_stores.files.upload_and_poll(
        vector_store_id=store.id, file=("tides.md", TEXTS["tides.md"]), attributes={"topic": "sea", "year": 1999}
    )
    assert (first.status, first.attributes) == ("completed", {"topic": "sea", "year": 1999})
    batch = await client.vector_stores.file_batches.upload_and_poll(
        store.id, files=[(name, TEXTS[name]) for name in ("bread.txt", "stars.html")]
    )
    assert (batch.status, batch.file_counts.completed, batch.file_counts.failed) == ("completed", 2, 0)
    uploaded = await client.files.create(file=("broken.pdf", b"%PDF-1.7"), purpose="assistants")
    broken = await client.vector_stores.files.create_and_poll(uploaded.id, vector_store_id=store.id)
    assert broken.status == "failed"
    assert broken.last_error is not None
    assert broken.last_error.code == "invalid_file"
    counts = (await client.vector_stores.retrieve(store.id)).file_counts
    assert (counts.completed, counts.failed, counts.in_progress, counts.total) == (3, 1, 0, 4)

    assert (await found(client, store.id, "How long does a loaf stay in the oven?"))[0] == "bread.txt"
    assert (await found(client, store.id, "brightest star", max_num_results=1)) == ["stars.html"]
    sea: Any = {"type": "eq", "key": "topic", "value": "sea"}
    assert await found(client, store.id, "oven", filters=sea) == ["tides.md"]
    await client.vector_stores.files.update(first.id, vector_store_id=store.id, attributes={"topic": "moon"})
    assert await found(client, store.id, "oven", filters=sea) == []

    listed = [one.id async for one in client.vector_stores.files.list(store.id, filter="completed", limit=1)]
    assert len(set(listed)) == 3
    of_batch = [
        one.id async for one in client.vector_stores.file_batches.list_files(batch.id, vector_store_id=store.id)
    ]
    assert len(of_batch) == 2
    content = await client.vector_stores.files.content(first.id, vector_store_id=store.id)
    assert content.data[0].text is not None
    assert "new moon" in content.data[0].text

    await client.vector_stores.files.delete(first.id, vector_store_id=store.id)
    assert "tides.md" not in await found(client, store.id, "tide moon")
    bread = next(one.id for one in (await client.files.list()).data if one.filename == "bread.txt")
    await client.files.delete(bread)
    assert "bread.txt" not in await found(client, store.id, "oven bread")
    assert (await client.vector_stores.retrieve(store.id)).file_counts.total == 2
    assert (await client.vector_stores.update(store.id, name="new")).name == "new"
    assert store.id in [one.id async for one in client.vector_stores.list()]
    assert (await client.vector_stores.delete(store.id)).deleted
    with pytest.raises(openai.NotFoundError):
        await client.vector_stores.search(store.id, query="tide")


@pytest.mark.slow
async def test_what_is_wrong_is_named(client: AsyncOpenAI) -> None:
    wrong: Any
    for wrong, status, param in (
        ({"extra_body": {"embedding_model": "nowhere/nothing"}}, 404, "embedding_model"),
        ({"extra_body": {"embedding_dimension": 5000}}, 400, "embedding_dimension"),
        ({"extra_body": {"provider_id": "nowhere"}}, 400, "provider_id"),
        ({"file_ids": ["file-0"]}, 404, "file_ids"),
        ({"chunking_strategy": {"type": "contextual"}}, 400, "chunking_strategy.contextual.model_id"),
    ):
        with pytest.raises(openai.APIStatusError) as refused:
            await client.vector_stores.create(**wrong)
        assert (refused.value.status_code, refused.value.param) == (status, param)
    store = await client.vector_stores.create(extra_body={"embedding_dimension": 128})
    assert store.model_extra is not None
    assert store.model_extra["embedding_dimension"] == 128
    for wrong, param in (
        ({"ranking_options": {"ranker": "nobody"}}, "ranking_options.ranker"),
        ({"filters": {"type": "in", "key": "k", "value": "x"}}, "filters.value"),
        ({"rewrite_query": True}, "rewrite_query"),
    ):
        with pytest.raises(openai.BadRequestError) as refused:
            await client.vector_stores.search(store.id, query="x", **wrong)
        assert refused.value.param == param
