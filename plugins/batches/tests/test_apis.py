"""Batches of the APIs besides chats, and what of them stands in the figures."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from desk import Desk, chat_line, lines_of, open_desk

from dinrail_core.api.chat.contract import ChatModel

pytestmark = pytest.mark.asyncio(loop_scope="module")

BODIES: dict[str, list[dict[str, Any]]] = {
    "/v1/completions": [
        {"model": "up/kit", "prompt": "Once", "max_tokens": 1},
        {"model": "up/kit", "prompt": "Twice", "n": 0},
    ],
    "/v1/embeddings": [{"model": "up/kit", "input": "a"}, {"model": "up/kit", "input": 5}],
    "/v1/moderations": [{"model": "up/kit", "input": "fight"}, {"model": "up/kit"}],
}
"""A good line and a bad one."""

BLAMED = {"/v1/completions": "n", "/v1/embeddings": "input", "/v1/moderations": "input"}

USAGE = {"/v1/completions": (4, 1, 5), "/v1/embeddings": (3, 0, 3), "/v1/moderations": None}


async def figures(desk: Desk) -> Counter[str]:
    async with aiohttp.ClientSession() as session, session.get(f"{desk.origin}/metrics") as answer:
        found = re.findall(r"(?m)^(dinrail_\S+) (\S+)$", await answer.text())
    return Counter({name: round(float(value)) for name, value in found})


def lines_for(endpoint: str) -> list[dict[str, Any]]:
    good, bad = (
        chat_line(custom_id, url=endpoint, body=body)
        for custom_id, body in zip(("good", "bad"), BODIES[endpoint], strict=True)
    )
    return [good, bad]


@pytest.mark.parametrize("endpoint", BODIES)
async def test_other_apis_are_batched_in_the_same_shape(endpoint: str, desk: Desk) -> None:
    batch = await desk.done(lines_for(endpoint), endpoint=endpoint)
    assert (batch.status, batch.endpoint, batch.model) == ("completed", endpoint, "up/kit")
    assert batch.request_counts is not None
    assert batch.request_counts.model_dump() == {"total": 2, "completed": 1, "failed": 1}
    usage = batch.usage
    assert (usage and (usage.input_tokens, usage.output_tokens, usage.total_tokens)) == USAGE[endpoint]
    assert batch.output_file_id is not None
    assert batch.error_file_id is not None
    (good,), (bad,) = [
        lines_of((await desk.client.files.content(key)).content) for key in (batch.output_file_id, batch.error_file_id)
    ]
    for line, custom_id, status in ((good, "good", 200), (bad, "bad", 400)):
        assert line.keys() == {"id", "custom_id", "response", "error"}
        assert (line["custom_id"], line["error"]) == (custom_id, None)
        assert line["response"].keys() == {"status_code", "request_id", "body"}
        assert line["response"]["status_code"] == status
    assert bad["response"]["body"]["error"].keys() == {"message", "type", "param", "code"}
    assert bad["response"]["body"]["error"]["param"] == BLAMED[endpoint]
    path, body = endpoint.removeprefix("/v1"), BODIES[endpoint][0]
    over_http = await desk.client.post(path, body=body, cast_to=dict[str, Any])
    assert good["response"]["body"] == over_http, "a line's answer is what a request's would be"


async def test_embeddings_of_several_models_are_batched(desk: Desk) -> None:
    lines = [
        chat_line("a", url="/v1/embeddings", body={"model": "up/small", "input": "a"}),
        chat_line("b", url="/v1/embeddings", body={"model": "up/large", "input": "b"}),
    ]
    batch = await desk.done(lines, endpoint="/v1/embeddings")
    assert batch.model is None
    results = await desk.results(batch)
    assert results["a"]["response"]["body"]["data"][0]["embedding"] == [0.5, 1.0]


async def test_tokens_and_costs_of_lines_are_counted_like_those_of_requests(desk: Desk) -> None:
    at_first = await figures(desk)
    await desk.client.chat.completions.create(**chat_line("")["body"])
    interactive = await figures(desk)
    assert (await desk.done([chat_line("a"), chat_line("b")])).status == "completed"
    counted = await figures(desk)
    label = 'key="",model="up/kit"'
    for name, one in (
        (f'dinrail_tokens_total{{direction="input",{label}}}', 7),
        (f'dinrail_tokens_total{{direction="output",{label}}}', 2),
        (f"dinrail_cost_total{{{label}}}", 7 * 2 + 2 * 10),
    ):
        assert (interactive[name] - at_first[name], counted[name] - interactive[name]) == (one, 2 * one)


async def test_lines_that_nothing_serves_say_so(tmp_path: Path) -> None:
    async with open_desk(tmp_path, apis=frozenset({ChatModel})) as desk:
        lines = [
            chat_line("named", url="/v1/moderations", body={"model": "up/kit", "input": "a"}),
            chat_line("usual", url="/v1/moderations", body={"input": "a"}),
        ]
        batch = await desk.done(lines, endpoint="/v1/moderations")
        assert batch.status == "completed"
        results = await desk.results(batch)
        for line in results.values():
            assert line["response"]["status_code"] == 404
            assert "Moderator" in line["response"]["body"]["error"]["message"]
