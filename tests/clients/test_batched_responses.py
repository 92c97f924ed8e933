"""Responses in batches: the operation of the one plugin, asked by the other."""

from __future__ import annotations

import asyncio
import json

from openai import AsyncOpenAI
from openai.types import Batch

from dinrail_sdk.testing import OPENAI, FakeUpstream, serve

PLUGINS = ("database", "files", "blobs", "jobs", "batches", "conversations", "responses", "openai-compatible")
MODEL = "up/kit-model"


async def ended(client: AsyncOpenAI, batch: Batch) -> Batch:
    async with asyncio.timeout(30):
        while batch.status not in ("completed", "failed"):
            await asyncio.sleep(0.05)
            batch = await client.batches.retrieve(batch.id)
    return batch


async def test_responses_are_batched() -> None:
    lines = [
        {
            "custom_id": f"line-{number}",
            "method": "POST",
            "url": "/v1/responses",
            "body": {"model": MODEL, "input": str(number), "store": number == 0},
        }
        for number in range(3)
    ]
    async with FakeUpstream.open(OPENAI) as upstream:
        provider = {"type": "openai-compatible", "base_url": upstream.url, "models": ["kit-model"]}
        async with (
            serve(config={"providers": {"up": provider}}, plugins=PLUGINS) as served,
            served.openai() as client,
        ):
            content = "\n".join(map(json.dumps, lines)).encode()
            file = await client.files.create(file=("requests.jsonl", content), purpose="batch")
            begun = await client.batches.create(
                input_file_id=file.id, endpoint="/v1/responses", completion_window="24h"
            )
            batch = await ended(client, begun)
            assert batch.error_file_id is None, (await client.files.content(str(batch.error_file_id))).text
            text = (await client.files.content(str(batch.output_file_id))).text
            results = [json.loads(line) for line in text.splitlines()]
            assert [result["custom_id"] for result in results] == ["line-0", "line-1", "line-2"]
            bodies = [result["response"]["body"] for result in results]
            assert all(body["object"] == "response" for body in bodies)
            assert batch.usage is not None
            assert batch.usage.total_tokens == sum(body["usage"]["total_tokens"] for body in bodies) > 0
            assert (await client.responses.retrieve(bodies[0]["id"])).status == "completed"
