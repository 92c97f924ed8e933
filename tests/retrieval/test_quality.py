"""How often the passage that answers a question is among the first five, with the models that come along."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest
from corpus import DOCUMENTS, QUESTIONS
from formats import FORMATS
from openai import AsyncOpenAI
from openai.types import StaticFileChunkingStrategyParam

from dinrail_sdk.testing import serve

WANTED = ("database", "blobs", "files", "jobs", "documents", "vector-stores", "sqlite-vec", "onnx-embeddings")
PLUGINS = [*WANTED, *(point.name for point in entry_points(group="dinrail") if point.name == "kreuzberg")]
LEAST = 0.9
SIZES = StaticFileChunkingStrategyParam(max_chunk_size_tokens=100, chunk_overlap_tokens=20)


async def recall(client: AsyncOpenAI, format: str, **search: str) -> tuple[float, list[str]]:
    """The share of questions whose passage is among the first five, and those of which it is not."""
    store = await client.vector_stores.create(name=format)
    for title, sections in DOCUMENTS.items():
        file = (f"{title}.{format}", FORMATS[format](title, sections))
        taken = await client.vector_stores.files.upload_and_poll(
            vector_store_id=store.id,
            file=file,
            chunking_strategy={"type": "static", "static": SIZES},
        )
        assert taken.status == "completed", taken.last_error
    missed = []
    for question, document, passage in QUESTIONS:
        found = await client.vector_stores.search(store.id, query=question, max_num_results=5, extra_body=search)
        texts = [" ".join(one.content[0].text.split()) for one in found.data if one.filename.startswith(document)]
        if not any(passage in text for text in texts):
            missed.append(question)
    return 1 - len(missed) / len(QUESTIONS), missed


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("format", FORMATS)
async def test_the_passage_is_among_the_first_five(format: str, capsys: pytest.CaptureFixture[str]) -> None:
    async with serve(plugins=PLUGINS) as served, served.openai() as client:
        reached, missed = await recall(client, format)
        with capsys.disabled():
            print(f"\nrecall@5 of hybrid search, {format}: {reached:.2f} {missed or ''}")
        assert reached >= LEAST
