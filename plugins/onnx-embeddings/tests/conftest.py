from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from dinrail_onnx_embeddings.plugin import OnnxEmbeddingsConfig
from dinrail_onnx_embeddings.provider import OnnxEmbeddings


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def minilm() -> AsyncIterator[OnnxEmbeddings]:
    """The included model, loaded once for the module's tests."""
    async with OnnxEmbeddings.opened(OnnxEmbeddingsConfig(), "onnx-embeddings") as provider:
        yield provider
