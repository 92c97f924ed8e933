from __future__ import annotations

import base64
import math
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from dinrail_core.api.call import Call
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.embeddings import Embedder, EmbeddingRequest
from dinrail_core.errors import ContextLengthExceeded, InvalidRequest, ModelNotFound, UnsupportedFeature
from dinrail_core.hooks import Context
from dinrail_llamacpp.plugin import LlamaCppConfig
from dinrail_llamacpp.provider import LlamaCpp, open_provider
from dinrail_sdk.testing.bench import EmptyRail

pytestmark = [pytest.mark.xdist_group("llamacpp"), pytest.mark.asyncio(loop_scope="module")]

LENGTH = 576


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def embedder(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LlamaCpp]:
    """The default model, put to a use that it was not made for: it is the one that is there."""
    settings = {"embedding": True, "threads": 1, "context": 300, "parallel": 1}
    config = LlamaCppConfig.model_validate({"models": {"smollm2": settings}})
    context = Context(name="llamacpp", data_dir=tmp_path_factory.mktemp("embeddings") / "data", rail=EmptyRail())
    async with open_provider(config, context) as provider:
        yield provider


async def vectors(embedder: LlamaCpp, **more: Any) -> list[list[float]]:
    asked = EmbeddingRequest.model_validate({"model": "smollm2", "input": "A cat.", **more})
    answer = (await embedder.embed(asked, Call())).value
    assert [one.index for one in answer.data] == list(range(len(answer.data)))
    assert answer.usage.prompt_tokens > 0
    found = []
    for one in answer.data:
        vector = one.embedding
        if isinstance(vector, str):
            raw = base64.b64decode(vector)
            vector = list(struct.unpack(f"<{len(raw) // 4}f", raw))
        found.append(vector)
    return found


async def test_a_model_for_embeddings_serves_nothing_else(embedder: LlamaCpp) -> None:
    (model,) = await embedder.models()
    assert model.contracts == {Embedder}
    chat = ChatRequest.model_validate({"model": "smollm2", "messages": [{"role": "user", "content": "x"}]})
    with pytest.raises(ModelNotFound):
        await embedder.complete(chat, Call())
    assert ChatModel not in model.contracts


async def test_texts_have_vectors_of_length_one(embedder: LlamaCpp) -> None:
    one, two, again = await vectors(embedder, input=["A cat.", "A railway timetable.", "A cat."])
    assert len(one) == len(two) == LENGTH
    assert math.isclose(math.hypot(*one), 1, rel_tol=1e-3)
    assert one == pytest.approx(again, abs=1e-3)
    assert one != pytest.approx(two, abs=1e-2)


async def test_base64_is_the_same_as_numbers(embedder: LlamaCpp) -> None:
    (numbers,) = await vectors(embedder, encoding_format="float")
    (text,) = await vectors(embedder, encoding_format="base64")
    assert numbers == pytest.approx(text, abs=1e-4)


async def test_tokens_are_an_input_as_well(embedder: LlamaCpp) -> None:
    assert len(await vectors(embedder, input=[28120, 3])) == 1
    assert len(await vectors(embedder, input=[[28120, 3], [4]])) == 2
    with pytest.raises(InvalidRequest):
        await vectors(embedder, input=[10_000_000])


@pytest.mark.parametrize("form", ["float", "base64"])
async def test_another_number_of_dimensions_is_refused(embedder: LlamaCpp, form: str) -> None:
    await vectors(embedder, dimensions=LENGTH, encoding_format=form)
    with pytest.raises(UnsupportedFeature, match="576") as caught:
        await vectors(embedder, dimensions=64, encoding_format=form)
    assert caught.value.param == "dimensions"


async def test_a_text_may_be_as_long_as_the_context_and_no_longer(embedder: LlamaCpp) -> None:
    assert len(await vectors(embedder, input="cat " * 280)) == 1
    with pytest.raises(ContextLengthExceeded):
        await vectors(embedder, input="cat " * 1000)
