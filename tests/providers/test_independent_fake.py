"""Providers against a fake that others wrote, since one that agrees with our own fakes alone is not proven.

``@copilotkit/aimock`` (npm) is started on a port of its own, behind the real server with the providers' plugins, and
the ``openai`` package asks. It wants to see a key, in whichever header a provider's own upstream would.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from independent import EMBED, GAPS, NATIVE, PROVIDERS
from openai import AsyncOpenAI, InternalServerError, RateLimitError

from dinrail_sdk.testing import serve

pytestmark = [pytest.mark.xdist_group("aimock"), pytest.mark.asyncio(loop_scope="module")]

PROGRAM = Path(__file__).parents[1] / "clients/node/node_modules/@copilotkit/aimock/dist/aimock-cli.js"
KEY = "sk-of-the-operator"

FIXTURES: list[dict[str, Any]] = [
    {
        "match": {"userMessage": "capital of France"},
        "response": {
            "content": "The capital of France is Paris. 🌍",
            "usage": {"prompt_tokens": 9, "completion_tokens": 8},
        },
    },
    {
        "match": {"userMessage": "weather"},
        "response": {
            "toolCalls": [
                {"id": "call_1", "name": "weather", "arguments": {"place": "Bern"}},
                {"id": "call_2", "name": "weather", "arguments": {"place": "Basel"}},
            ]
        },
    },
    {"match": {"userMessage": "think"}, "response": {"content": "42.", "reasoning": "Six times seven."}},
    {
        "match": {"userMessage": "too fast"},
        "response": {"error": {"message": "Slow down.", "type": "rate_limit_error"}, "status": 429, "retryAfter": 37},
    },
    {"match": {"inputText": "hello"}, "response": {"embedding": [0.5, -0.25, 0.125]}},
]
WEATHER: Any = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"place": {"type": "string"}}}},
}


@pytest.fixture(scope="module")
def aimock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the fake listens."""
    node = shutil.which("node")
    if node is None or not PROGRAM.exists():
        pytest.skip("THE INDEPENDENT FAKE IS NOT TRIED: it is not installed; `make test-install` does, where npm is")
    folder = tmp_path_factory.mktemp("aimock")
    (folder / "fixtures.json").write_text(json.dumps({"fixtures": FIXTURES}))
    config = {
        "auth": {"apiKeys": [KEY]},
        "llm": {"fixtures": str(folder / "fixtures.json"), "logLevel": "silent", "chunkSize": 4},
    }
    (folder / "aimock.json").write_text(json.dumps(config))
    logged = folder / "logged"
    with logged.open("wb") as out:
        process = subprocess.Popen(
            [node, PROGRAM, "--config", folder / "aimock.json", "--port", "0", "--host", "127.0.0.1"],
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        yield _address(process, logged)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _address(process: subprocess.Popen[bytes], logged: Path) -> str:
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        _, found, rest = logged.read_text().partition("listening on ")
        if found and "\n" in rest:
            return rest.split()[0]
        time.sleep(0.02)
    raise AssertionError(f"The fake did not start: {logged.read_text()[-2000:]}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(aimock: str) -> AsyncIterator[AsyncOpenAI]:
    """OpenAI's client of a server that has all of them."""
    more = {"api_key": KEY, "max_retries": 0}
    providers = {
        name: {**provider, "base_url": provider["base_url"].format(url=aimock), **more}
        for name, provider in PROVIDERS.items()
    }
    plugins = {"database", "responses", *(provider["type"] for provider in PROVIDERS.values())}
    async with serve(plugins=plugins, config={"providers": providers}) as served, served.openai() as opened:
        yield opened


@pytest.mark.parametrize("name", PROVIDERS)
async def test_a_chat_is_answered_whole_and_streamed(name: str, client: AsyncOpenAI) -> None:
    question: Any = [{"role": "user", "content": "What is the capital of France?"}]
    whole = await client.chat.completions.create(model=f"{name}/m", messages=question)
    assert whole.choices[0].message.content == "The capital of France is Paris. 🌍"
    assert whole.choices[0].finish_reason == "stop"
    assert whole.usage is not None
    counted = (whole.usage.prompt_tokens, whole.usage.completion_tokens)
    assert counted == ((0, 0) if (name, "usage") in GAPS else (9, 8))
    stream = await client.chat.completions.create(model=f"{name}/m", messages=question, stream=True)
    chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == whole.choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == "stop"


@pytest.mark.parametrize("name", PROVIDERS)
async def test_tools_are_called_in_parallel_whole_and_streamed(name: str, client: AsyncOpenAI) -> None:
    question: Any = [{"role": "user", "content": "What is the weather?"}]
    due = {"call_1": {"place": "Bern"}, "call_2": {"place": "Basel"}}
    whole = await client.chat.completions.create(model=f"{name}/m", messages=question, tools=[WEATHER])
    calls: list[Any] = whole.choices[0].message.tool_calls or []
    assert _called(name, calls) == due
    due_reason = "FUNCTION_CALL" if (name, "finish") in GAPS else "tool_calls"
    assert whole.choices[0].finish_reason == due_reason
    async with client.chat.completions.stream(model=f"{name}/m", messages=question, tools=[WEATHER]) as stream:
        final: Any = await stream.get_final_completion()
    assert _called(name, final.choices[0].message.tool_calls) == due


def _called(name: str, calls: list[Any]) -> dict[str, Any]:
    """The arguments of the calls by their ids, or by those that they should have where the fake gives none."""
    assert len({call.id for call in calls}) == len(calls)
    places = {call.id: f"call_{number}" for number, call in enumerate(calls, 1)}
    return {
        places[call.id] if (name, "ids") in GAPS else call.id: json.loads(call.function.arguments) for call in calls
    }


@pytest.mark.parametrize("name", [name for name in PROVIDERS if (name, "thoughts") not in GAPS])
async def test_thoughts_come_beside_the_answer(name: str, client: AsyncOpenAI) -> None:
    question: Any = [{"role": "user", "content": "Please think."}]
    whole = await client.chat.completions.create(model=f"{name}/m", messages=question)
    said = whole.choices[0].message.model_dump()
    assert said["content"] == "42."
    assert "Six times seven." in (said.get("reasoning_content"), said.get("reasoning"))


@pytest.mark.parametrize("name", PROVIDERS)
async def test_a_rate_limit_keeps_its_wait(name: str, client: AsyncOpenAI) -> None:
    question: Any = [{"role": "user", "content": "This is too fast."}]
    with pytest.raises(RateLimitError) as caught:
        await client.chat.completions.create(model=f"{name}/m", messages=question)
    assert caught.value.response.headers["retry-after"] == "37"


@pytest.mark.parametrize("name", EMBED)
async def test_texts_are_embedded(name: str, client: AsyncOpenAI) -> None:
    for form in ("float", "base64"):
        answer = await client.embeddings.create(model=f"{name}/m", input=["hello", "hello again"], encoding_format=form)
        vectors = [item.embedding for item in answer.data]
        if form == "float":
            assert vectors == [[0.5, -0.25, 0.125]] * 2
        assert [item.index for item in answer.data] == [0, 1]


@pytest.mark.parametrize("name", NATIVE)
async def test_responses_are_made_by_its_own_responses_api(name: str, client: AsyncOpenAI) -> None:
    whole = await client.responses.create(model=f"{name}/m", input="What is the capital of France?")
    assert (whole.status, whole.output_text) == ("completed", "The capital of France is Paris. 🌍")
    tool: Any = {"type": "function", **WEATHER["function"], "strict": False}
    async with client.responses.stream(model=f"{name}/m", input="What is the weather?", tools=[tool]) as stream:
        final = await stream.get_final_response()
    called = [json.loads(item.arguments) for item in final.output if item.type == "function_call"]
    assert called == [{"place": "Bern"}, {"place": "Basel"}]


async def test_models_are_listed(client: AsyncOpenAI) -> None:
    assert [model.id async for model in client.models.list() if model.id.startswith("openai/")]


async def test_another_key_is_refused_and_that_is_not_the_callers_fault(aimock: str) -> None:
    config = {"type": "azure-openai", "base_url": aimock, "api_key": "sk-of-nobody", "max_retries": 0}
    question: Any = [{"role": "user", "content": "What is the capital of France?"}]
    async with (
        serve(plugins=["azure-openai"], config={"providers": {"azure": config}}) as served,
        served.openai() as client,
    ):
        with pytest.raises(InternalServerError) as caught:
            await client.chat.completions.create(model="azure/m", messages=question)
    assert (caught.value.status_code, caught.value.code) == (502, "upstream_refused")
