"""Batches of the APIs besides chats, and what of them stands in the figures."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from desk import PLUGINS, Desk, Model, chat_line, lines_of, model_type

from dinrail_core.api.chat.contract import ChatModel
from dinrail_sdk.testing import Served, serve

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


@asynccontextmanager
async def open_desk(folder: Path, **options: Any) -> AsyncIterator[tuple[Desk, Served]]:
    model = Model()
    config = {
        "data_dir": str(folder),
        "providers": {"up": {"type": "kit"}},
        "models": {"up/kit": {"price": {"input": 2_000_000, "output": 10_000_000}}},
    }
    async with (
        serve(model_type(model, **options), config=config, plugins=PLUGINS) as served,
        served.openai() as client,
    ):
        yield Desk(client, model), served


async def figures(served: Served) -> dict[str, float]:
    async with aiohttp.ClientSession() as session, session.get(f"{served.origin}/metrics") as answer:
        return {name: float(value) for name, value in re.findall(r"(?m)^(dinrail_\S+) (\S+)$", await answer.text())}


def lines_for(endpoint: str) -> list[dict[str, Any]]:
    good, bad = (
        chat_line(custom_id, url=endpoint, body=body)
        for custom_id, body in zip(("good", "bad"), BODIES[endpoint], strict=True)
    )
    return [good, bad]


@pytest.mark.parametrize("endpoint", BODIES)
async def test_other_apis_are_batched_in_the_same_shape_and_counted(endpoint: str, tmp_path: Path) -> None:
    async with open_desk(tmp_path) as (desk, served):
        batch = await desk.done(lines_for(endpoint), endpoint=endpoint)
        assert (batch.status, batch.endpoint, batch.model) == ("completed", endpoint, "up/kit")
        assert batch.request_counts is not None
        assert batch.request_counts.model_dump() == {"total": 2, "completed": 1, "failed": 1}
        usage, used = batch.usage, USAGE[endpoint]
        assert (usage and (usage.input_tokens, usage.output_tokens, usage.total_tokens)) == used
        assert batch.output_file_id is not None
        assert batch.error_file_id is not None
        (good,), (bad,) = [
            lines_of((await desk.client.files.content(key)).content)
            for key in (batch.output_file_id, batch.error_file_id)
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
        counted = await figures(served)
    # The batch's line and the request over HTTP count the same.
    if used is not None:
        given, made, _ = used
        label = 'key="",model="up/kit"'
        assert counted[f'dinrail_tokens_total{{direction="input",{label}}}'] == 2 * given
        assert counted[f'dinrail_tokens_total{{direction="output",{label}}}'] == 2 * made
        assert counted[f"dinrail_cost_total{{{label}}}"] == 2 * (2 * given + 10 * made)


async def test_lines_that_nothing_serves_say_so(tmp_path: Path) -> None:
    async with open_desk(tmp_path, apis=frozenset({ChatModel})) as (desk, _):
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
