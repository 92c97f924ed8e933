"""File search over real vector stores: results, citations at their places, and stores that are not there."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest
from dialogue import MODEL, PLUGINS, calls, post, raw_events, says, summed

from dinrail_sdk.testing import FakeUpstream, Served, serve
from dinrail_sdk.testing.script import Asked, Script, Spoken, ToolUse, improvise
from dinrail_sdk.testing.upstream import Turn

SEARCH = ToolUse(name="file_search", arguments='{"queries":["What do cats do?"]}', id="c1")


@pytest.fixture
async def library(config: dict[str, Any]) -> AsyncIterator[Served]:
    """A server with vector stores."""
    services = {"vector-stores": {"embedding_model": MODEL}}
    plugins = [*PLUGINS, "documents", "sqlite-vec", "vector-stores"]
    async with serve(plugins=plugins, config={**config, "services": services}) as served:
        yield served


def talk(upstream: FakeUpstream, *turns: Turn) -> None:
    """What the model says in turn; the same upstream embeds, which follows from the texts."""
    said = iter(turns)

    def script(asked: Asked) -> Script:
        if asked.api != "chat":
            return improvise(asked, "kit-model")
        found = next(said).script
        assert isinstance(found, Spoken)
        return found

    upstream.says(script)


async def filled(client: openai.AsyncOpenAI) -> tuple[str, str]:
    """A store with a file, and the file."""
    file = await client.files.create(
        file=("cats.txt", io.BytesIO(b"Cats purr when they are content.")), purpose="assistants"
    )
    store = await client.vector_stores.create(file_ids=[file.id])
    async with asyncio.timeout(60):
        while store.status == "in_progress":
            await asyncio.sleep(0.2)
            store = await client.vector_stores.retrieve(store.id)
    assert store.file_counts.completed == 1
    return store.id, file.id


async def test_what_is_found_is_told_and_cited(library: Served, upstream: FakeUpstream) -> None:
    async with library.openai() as client:
        store, file = await filled(client)
    tool = {"type": "file_search", "vector_store_ids": [store], "max_num_results": 3}
    talk(upstream, calls(SEARCH), says("They purr 【1】. That is all."))
    events = await raw_events(library, {"input": "?", "tools": [tool], "include": ["file_search_call.results"]})
    search, message = summed(events)
    assert search["status"] == "completed"
    assert search["queries"] == ["What do cats do?"]
    (result,) = search["results"]
    assert (result["file_id"], result["filename"]) == (file, "cats.txt")
    assert "purr" in result["text"]
    (part,) = message["content"]
    assert part["text"] == "They purr . That is all."
    assert part["annotations"] == [{"type": "file_citation", "file_id": file, "filename": "cats.txt", "index": 10}]
    kinds = [event["type"] for event in events if "file_search" in event["type"]]
    assert kinds == [f"response.file_search_call.{state}" for state in ("in_progress", "searching", "completed")]
    told = [one.text for one in upstream.asked.messages if one.role == "tool"]
    assert told[0].startswith("【1】 cats.txt:\n")

    talk(upstream, says("Yes."))
    final = events[-1]["response"]
    await post(library, {"model": MODEL, "input": "Sure?", "previous_response_id": final["id"]})
    assert "purr" in next(one.text for one in upstream.asked.messages if one.role == "tool")

    talk(upstream, calls(SEARCH), says("Yes."))
    _, plain = await post(
        library, {"model": MODEL, "input": "?", "tools": [tool], "tool_choice": {"type": "file_search"}}
    )
    assert "results" not in plain["output"][0]


async def test_a_store_that_is_not_there_is_refused(library: Served, upstream: FakeUpstream) -> None:
    for stores, status in ((["vs_none"], 404), ([], 400)):
        tool = {"type": "file_search", "vector_store_ids": stores}
        found, refused = await post(library, {"model": MODEL, "input": "?", "tools": [tool]})
        assert (found, refused["error"]["param"]) == (status, "tools.0.vector_store_ids")
    assert not [one for one in upstream.received if one.asked is not None and one.asked.api == "chat"]


async def test_without_vector_stores_there_is_no_search(served: Served) -> None:
    tool = {"type": "file_search", "vector_store_ids": ["vs_1"]}
    status, refused = await post(served, {"model": MODEL, "input": "?", "tools": [tool]})
    assert (status, refused["error"]["code"]) == (404, "not_installed")


async def test_an_upstream_of_the_responses_api_is_told_and_cites_as_a_chat_does(
    upstream: FakeUpstream, tmp_path: Path
) -> None:
    """The search is a function there, and its marks become citations here."""
    one = {"type": "openai", "base_url": upstream.url, "api_key": "sk-of-the-kit"}
    config = {
        "data_dir": str(tmp_path / "data"),
        "providers": {"one": one},
        "services": {"vector-stores": {"embedding_model": MODEL}},
    }
    plugins = [*PLUGINS, "documents", "openai", "sqlite-vec", "vector-stores"]
    async with serve(plugins=plugins, config=config) as served, served.openai() as client:
        store, file = await filled(client)
        turns = iter((calls(SEARCH), says("They purr【1】.")))

        def script(asked: Asked) -> Script:
            found = next(turns).script if asked.api == "responses" else improvise(asked, "kit-model")
            assert not callable(found)
            assert found is not None
            return found

        upstream.says(script)
        tools = [{"type": "file_search", "vector_store_ids": [store]}]
        events = await raw_events(served, {"input": "What do cats do?", "tools": tools})
        search, message = summed(events)
        assert (search["type"], search["status"]) == ("file_search_call", "completed")
        (part,) = message["content"]
        assert part["text"] == "They purr."
        assert [note["file_id"] for note in part["annotations"]] == [file]
        told = [message for message in upstream.asked.messages if message.answers == "c1"]
        assert "Cats purr" in told[0].text
