"""``/v1/prompts`` through the real server."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from dinrail_sdk.testing import serve

HELLO = {"prompt": "Hello {{name}}!", "variables": ["name"]}


async def ask(client: aiohttp.ClientSession, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    async with client.request(method, path, json=body) as answer:
        return answer.status, None if answer.status == 204 else await answer.json()


async def make(client: aiohttp.ClientSession, body: Any = None) -> Any:
    status, made = await ask(client, "POST", "prompts", body or HELLO)
    assert status == 200, made
    return made


async def test_a_prompt_through_its_life(client: aiohttp.ClientSession) -> None:
    made = await make(client)
    path = f"prompts/{made['prompt_id']}"
    assert made == {**HELLO, "version": 1, "prompt_id": made["prompt_id"], "is_default": True}
    assert await ask(client, "GET", path) == (200, made)

    update = {"prompt": "Hi {{name}}, {{greeting}}", "version": 1, "variables": ["name", "greeting"]}
    status, second = await ask(client, "PUT", path, {**update, "set_as_default": False})
    assert (status, second["version"], second["is_default"]) == (200, 2, False)
    assert await ask(client, "GET", path) == (200, made)
    assert await ask(client, "GET", f"{path}?version=2") == (200, second)

    status, chosen = await ask(client, "PUT", f"{path}/set-default-version", {"version": 2})
    assert (status, chosen) == (200, {**second, "is_default": True})
    status, versions = await ask(client, "GET", f"{path}/versions")
    assert (status, versions["object"], versions["has_more"]) == (200, "list", False)
    assert versions["data"] == [{**made, "is_default": False}, chosen]
    status, all_of_them = await ask(client, "GET", "prompts")
    assert (status, all_of_them["data"]) == (200, [chosen])

    assert await ask(client, "DELETE", path) == (204, None)
    status, gone = await ask(client, "GET", path)
    assert (status, gone["error"]["code"], gone["error"]["param"]) == (404, "not_found", "prompt_id")
    assert (await ask(client, "GET", "prompts"))[1]["data"] == []


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"prompt": 7}, "prompt"),
        ({"prompt": "x" * 1_000_001}, "prompt"),
        ({"prompt": "a\0b"}, "prompt"),
        ({"prompt": "{{name}}"}, "variables"),
        ({"prompt": "x", "variables": ["name"]}, "variables"),
        ({"prompt": "x", "variables": "name"}, "variables"),
        ({"prompt": "x", "variables": [7]}, "variables.0"),
        ({"prompt": "x", "variables": ["not a name"]}, "variables.0"),
        ({"prompt": "x", "variables": ["a\n"]}, "variables.0"),
        ({"prompt": "x", "variables": ["a" * 65]}, "variables.0"),
        ({"prompt": "x", "variables": [f"v{n}" for n in range(101)]}, "variables"),
        ([], None),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_a_bad_prompt_is_a_400_that_names_the_field(
    client: aiohttp.ClientSession, body: Any, param: str | None
) -> None:
    status, said = await ask(client, "POST", "prompts", body)
    assert (status, said["error"]["type"], said["error"]["param"]) == (400, "invalid_request_error", param)
    assert (await ask(client, "GET", "prompts"))[1]["data"] == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"prompt": "x"}, 400),
        ({"prompt": "x", "version": 0}, 400),
        ({"prompt": "x", "version": "1"}, 400),
        ({"prompt": "x", "version": True}, 400),
        ({"prompt": "x", "version": 2}, 409),
        ({"prompt": "x", "version": 2**62}, 409),
        ({"prompt": "x", "version": 10**30}, 400),
        ({"prompt": "x", "version": 1, "set_as_default": "no"}, 400),
    ],
    ids=str,
)
async def test_a_bad_update_is_refused(client: aiohttp.ClientSession, body: Any, status: int) -> None:
    made = await make(client)
    code, said = await ask(client, "PUT", f"prompts/{made['prompt_id']}", body)
    assert code == status, said
    assert (await ask(client, "GET", f"prompts/{made['prompt_id']}/versions"))[1]["data"] == [made]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=0", 400),
        ("limit=101", 400),
        ("limit=x", 400),
        ("order=up", 400),
        ("limit=100&order=asc&after=nobody&before=", 200),
        ("after=%00", 400),
    ],
)
async def test_a_bad_list_query_is_a_400(client: aiohttp.ClientSession, query: str, status: int) -> None:
    assert (await ask(client, "GET", f"prompts?{query}"))[0] == status


@pytest.mark.parametrize("query", ["version=0", "version=x", "version=-1", "version=1.5"])
async def test_a_bad_version_is_a_400(client: aiohttp.ClientSession, query: str) -> None:
    made = await make(client)
    status, said = await ask(client, "GET", f"prompts/{made['prompt_id']}?{query}")
    assert (status, said["error"]["param"]) == (400, "version")


async def test_one_version_is_not_deleted_and_neither_are_all_by_mistake(client: aiohttp.ClientSession) -> None:
    made = await make(client)
    status, said = await ask(client, "DELETE", f"prompts/{made['prompt_id']}?version=1")
    assert (status, said["error"]["param"]) == (400, "version")
    assert (await ask(client, "GET", f"prompts/{made['prompt_id']}"))[1] == made


@pytest.mark.parametrize("key", ["nobody", "%00", "%27%3B", "pmpt_" + "0" * 48, "x" * 3000, "%F0%9F%98%80"])
async def test_an_id_that_does_not_exist_is_a_404(client: aiohttp.ClientSession, key: str) -> None:
    for method, path, body in (
        ("GET", "", None),
        ("GET", "?version=3", None),
        ("GET", "/versions", None),
        ("PUT", "", {"prompt": "x", "version": 1}),
        ("PUT", "/set-default-version", {"version": 1}),
        ("DELETE", "", None),
    ):
        status, said = await ask(client, method, f"prompts/{key}{path}", body)
        assert (status, said["error"]["code"]) == (404, "not_found"), (method, path)


async def test_what_looks_like_a_template_comes_out_verbatim(client: aiohttp.ClientSession) -> None:
    made = await make(client, {"prompt": "{{7*7}} {{name}}", "variables": ["name"]})
    assert (await ask(client, "GET", f"prompts/{made['prompt_id']}"))[1]["prompt"] == "{{7*7}} {{name}}"


async def test_of_twenty_updates_over_http_exactly_one_wins(client: aiohttp.ClientSession) -> None:
    made = await make(client)
    path = f"prompts/{made['prompt_id']}"
    outcomes = await asyncio.gather(
        *(ask(client, "PUT", path, {"prompt": f"by {number}", "version": 1}) for number in range(20))
    )
    assert sorted(status for status, _ in outcomes) == [200, *[409] * 19]
    assert {said["error"]["code"] for status, said in outcomes if status == 409} == {"conflict"}


async def test_prompts_survive_a_restart_of_the_server(config: dict[str, Any]) -> None:
    plugins = ("database", "prompts")
    async with serve(plugins=plugins, config=config) as served, aiohttp.ClientSession(f"{served.url}/") as client:
        made = await make(client)
    async with serve(plugins=plugins, config=config) as served, aiohttp.ClientSession(f"{served.url}/") as client:
        assert await ask(client, "GET", f"prompts/{made['prompt_id']}") == (200, made)


async def test_without_the_plugin_the_api_says_that_it_is_not_installed() -> None:
    async with serve() as served, aiohttp.ClientSession(f"{served.url}/") as client:
        status, said = await ask(client, "GET", "prompts")
    assert (status, said["error"]["code"]) == (404, "not_installed")
