"""What responses take is counted by model and key, whoever is limited is limited, and nobody asks what he may not."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from dialogue import PLUGINS, calls, function, says

from dinrail_core.cli.program import main
from dinrail_sdk.testing import FakeUpstream, Served, serve
from dinrail_sdk.testing.script import Refused, ToolUse
from dinrail_sdk.testing.upstream import Turn

MODELS = {
    "best": {"targets": ["one/kit-model"], "fallback": ["two/kit-model"], "price": {"input": 1e6, "output": 2e6}},
    "guarded": {"targets": ["one/kit-model"], "fallback": ["secret/kit-model"]},
}
RULES = [{"tenants": ["acme"], "deny_models": ["secret/*"]}]


@dataclass(frozen=True)
class House:
    """A server, and the key of somebody who may ask three times a minute."""

    served: Served
    key: str

    async def ask(self, path: str, body: Any = None) -> tuple[int, Any, Mapping[str, str]]:
        headers = {"authorization": f"Bearer {self.key}"}
        method = "GET" if body is None else "POST"
        async with (
            aiohttp.ClientSession(self.served.origin, headers=headers) as http,
            http.request(method, path, json=body) as answer,
        ):
            text = await answer.text()
            return answer.status, json.loads(text) if text.startswith("{") else text, answer.headers

    async def figures(self, name: str) -> dict[str, float]:
        """The values of a counter by its labels."""
        _, text, _ = await self.ask("/metrics")
        rows = [line.rpartition(" ") for line in text.splitlines() if line.startswith(f"dinrail_{name}_total{{")]
        return {labels.partition("{")[2]: float(value) for labels, _, value in rows}


def make_key(folder: Path, config: Path, *more: str) -> str:
    arguments = ["--config", str(config), "--data-dir", str(folder), "keys", "create", "--quiet", "--tenant", "acme"]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main([*arguments, *more]) == 0
    return printed.getvalue().strip()


@pytest.fixture
async def house(upstream: FakeUpstream, tmp_path: Path) -> AsyncIterator[House]:
    config = tmp_path / "dinrail.toml"
    config.write_text("")
    folder = tmp_path / "data"
    key = await asyncio.to_thread(make_key, folder, config, "--requests-per-minute", "3")
    one = {"type": "openai-compatible", "base_url": upstream.url, "models": ["kit-model"], "max_retries": 0}
    settings = {
        "data_dir": str(folder),
        "providers": {"one": one, "two": one, "secret": one},
        "models": MODELS,
        "services": {"access": {"rules": RULES}},
    }
    async with serve(plugins=[*PLUGINS, "access"], config=settings) as running:
        yield House(running, key)


async def test_every_question_of_the_loop_is_counted_by_model_and_key(house: House, upstream: FakeUpstream) -> None:
    upstream.then(calls(ToolUse(name="made_up", arguments="{}", id="c1")), says("Well."))
    status, made, headers = await house.ask(
        "/v1/responses", {"model": "one/kit-model", "input": "?", "tools": [function()]}
    )
    assert (status, made["usage"]["total_tokens"]) == (200, 36)
    assert (headers["x-dinrail-instance"], headers["x-dinrail-model"]) == ("one", "one/kit-model")
    tokens = await house.figures("tokens")
    assert sorted(tokens.values()) == [14, 22]
    assert all('model="one/kit-model"' in labels and 'key="' in labels for labels in tokens)
    assert not any('key=""' in labels for labels in tokens)


@pytest.mark.parametrize("streamed", [False, True])
async def test_who_has_answered_behind_a_name_for_several_is_told_and_counted(
    streamed: bool, house: House, upstream: FakeUpstream
) -> None:
    upstream.then(Turn(script=Refused(status=503, message="Later.")), says("Well."))
    status, _, headers = await house.ask("/v1/responses", {"model": "best", "input": "?", "stream": streamed})
    assert (status, headers["x-dinrail-model"]) == (200, "two/kit-model")
    tokens = await house.figures("tokens")
    assert sorted(tokens.values()) == [7, 11]
    assert all('model="two/kit-model"' in labels for labels in tokens)
    assert list((await house.figures("cost")).values()) == [11 + 2 * 7]


async def test_nothing_that_the_caller_may_not_use_stands_in_for_a_model(house: House, upstream: FakeUpstream) -> None:
    upstream.then(Turn(script=Refused(status=503, message="Later.")), says("Well."))
    status, refused, _ = await house.ask("/v1/responses", {"model": "guarded", "input": "?"})
    assert status == 503, refused
    assert (await house.ask("/v1/responses", {"model": "secret/kit-model", "input": "?"}))[0] == 404


async def test_what_is_made_in_the_background_is_counted_too(house: House, upstream: FakeUpstream) -> None:
    _, _, headers = await house.ask("/v1/responses", {"model": "one/kit-model", "input": "?", "background": True})
    assert "x-dinrail-model" not in headers
    async with asyncio.timeout(20):
        while not await house.figures("tokens"):
            await asyncio.sleep(0.05)
    tokens = await house.figures("tokens")
    assert sorted(tokens.values()) == [7, 11]
    assert all('model="one/kit-model"' in labels and 'key=""' not in labels for labels in tokens)


async def test_what_is_made_in_the_background_is_charged_to_the_key(
    upstream: FakeUpstream, tmp_path: Path, database_config: dict[str, Any]
) -> None:
    config = tmp_path / "dinrail.toml"
    services = database_config.get("services", {})
    url = services.get("database", {}).get("url")
    config.write_text(f'[services.database]\nurl = "{url}"\n' if url else "")
    folder = tmp_path / "data"
    key, other = [await asyncio.to_thread(make_key, folder, config, "--tokens-per-minute", "10") for _ in range(2)]
    one = {"type": "openai-compatible", "base_url": upstream.url, "models": ["kit-model"]}
    settings = {"data_dir": str(folder), "providers": {"one": one}, "services": services}
    async with serve(plugins=[*PLUGINS, "access"], config=settings) as running:
        house, neighbour = House(running, key), House(running, other)
        body = {"model": "one/kit-model", "input": "?"}
        status, made, _ = await house.ask("/v1/responses", {**body, "background": True})
        assert status == 200
        async with asyncio.timeout(20):
            while (asked := await house.ask(f"/v1/responses/{made['id']}"))[0] == 200:
                await asyncio.sleep(0.05)
        assert (asked[0], asked[1]["error"]["code"]) == (429, "rate_limit_exceeded")
        assert 40 < float(asked[2]["retry-after"]) < 60, "18 tokens of 10 a minute were taken: 8 are owed"
        assert (await neighbour.ask("/v1/responses", body))[0] == 200, "another key is not charged"


async def test_every_turn_of_a_socket_counts(house: House, upstream: FakeUpstream) -> None:
    headers = {"authorization": f"Bearer {house.key}"}
    told: list[Any] = []
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.ws_connect(f"{house.served.url}/responses") as socket,
    ):
        for _ in range(3):
            await socket.send_json({"type": "response.create", "model": "one/kit-model", "input": "?", "store": False})
            events: list[Any] = []
            while not events or events[-1]["type"] not in ("error", "response.completed"):
                events.append(json.loads((await socket.receive(20)).data))
            told.append(events[-1])
    assert [event["type"] for event in told] == ["response.completed", "response.completed", "error"]
    assert (told[2]["status"], told[2]["error"]["code"]) == (429, "rate_limit_exceeded")
    assert sorted((await house.figures("tokens")).values()) == [14, 22]
