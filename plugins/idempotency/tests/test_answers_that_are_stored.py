"""Keys with requests that a model answers, and that store something: responses, and stored chat completions."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest

from dinrail_core.api.api_keys import ApiKeys, CreateApiKey, Limits
from dinrail_core.api.call import Call
from dinrail_core.api.responses import Responses
from dinrail_core.errors import Unavailable
from dinrail_idempotency import service
from dinrail_sdk.testing import OPENAI, FakeUpstream, Gate, Refused, Say, Served, Spoken, ToolUse, open_rail, serve
from dinrail_sdk.testing.delivery import Delivery

SERVER = Path(__file__).parent / "server_process.py"
MODEL = "one/kit-model"
HEADER = "Idempotency-Key"
PLUGINS = (
    "blobs",
    "conversations",
    "database",
    "files",
    "idempotency",
    "jobs",
    "openai-compatible",
    "responses",
    "stored-completions",
)
RESPONSE: dict[str, Any] = {"model": MODEL, "input": "Hello."}
CHAT: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Hello."}], "store": True}
BOTH = pytest.mark.parametrize(("path", "body"), [("responses", RESPONSE), ("chat/completions", CHAT)])
STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@pytest.fixture
async def upstream() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream.open(OPENAI) as running:
        yield running


@pytest.fixture
def config(config: dict[str, Any], upstream: FakeUpstream) -> dict[str, Any]:
    one = {"type": "openai-compatible", "base_url": upstream.url, "models": ["kit-model"]}
    return {**config, "providers": {"one": one}}


@pytest.fixture
async def served(config: dict[str, Any]) -> AsyncIterator[Served]:
    async with serve(plugins=PLUGINS, config=config) as running:
        yield running


@pytest.fixture
async def http(served: Served) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(f"{served.url}/") as session:
        yield session


Said = tuple[int, Any, bool]


async def send(http: aiohttp.ClientSession, path: str, body: Any, key: str | None = "k") -> Said:
    """The status, the answer (of a stream, the events) and whether it had been given before."""
    async with http.post(path, json=body, headers={} if key is None else {HEADER: key}) as answer:
        text = (await answer.read()).decode()
        said: Any = json.loads(text) if answer.content_type == "application/json" else events_of(text)
        return answer.status, said, answer.headers.get("idempotent-replayed") == "true"


async def until_free(http: aiohttp.ClientSession, path: str, body: Any, key: str = "k") -> Said:
    """The same once nobody holds the key: a claim is let go of beside the answer."""
    async with asyncio.timeout(30):
        while (said := await send(http, path, body, key))[0] == 409:
            await asyncio.sleep(0.02)
    return said


def events_of(text: str) -> list[Any]:
    *frames, done, rest = text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    return [json.loads(frame.rpartition("data: ")[2]) for frame in frames]


async def stored(http: aiohttp.ClientSession, path: str) -> list[str]:
    async with http.get(path) as answer:
        return [one["id"] for one in (await answer.json())["data"]]


def id_of(said: Any) -> str:
    first = said[0] if isinstance(said, list) else said
    found: str = first["response"]["id"] if "response" in first else first["id"]
    return found


def text_of(said: Any) -> str:
    """What the model has said, out of deltas where it was streamed."""
    if isinstance(said, list) and "response" in said[0]:
        return "".join(event["delta"] for event in said if event["type"] == "response.output_text.delta")
    if isinstance(said, list):
        return "".join(choice["delta"].get("content") or "" for chunk in said for choice in chunk["choices"])
    text: str = (
        said["output"][0]["content"][0]["text"] if "output" in said else said["choices"][0]["message"]["content"]
    )
    return text


@BOTH
@STREAMED
async def test_the_first_answer_is_given_again_and_the_model_asked_once(
    http: aiohttp.ClientSession, upstream: FakeUpstream, path: str, body: dict[str, Any], stream: bool
) -> None:
    body = {**body, "stream": stream}
    status, made, replayed = await send(http, path, body)
    assert (status, replayed) == (200, False)
    for _ in range(2):
        status, again, replayed = await send(http, path, body)
        assert (status, replayed, id_of(again), text_of(again)) == (200, True, id_of(made), "You said: Hello.")
        assert again == made or stream
    assert len(upstream.received) == 1
    assert await stored(http, path) == [id_of(made)]


@BOTH
async def test_another_request_with_the_key_is_refused(
    http: aiohttp.ClientSession, upstream: FakeUpstream, path: str, body: dict[str, Any]
) -> None:
    await send(http, path, body)
    for other in ({**body, "stream": True}, {**body, "metadata": {"a": "b"}}):
        status, said, _ = await send(http, path, other)
        assert (status, said["error"]["code"]) == (422, "idempotency_key_reused")
    assert len(upstream.received) == 1


@BOTH
@STREAMED
async def test_while_the_first_is_under_way_a_second_is_a_conflict(
    http: aiohttp.ClientSession, upstream: FakeUpstream, path: str, body: dict[str, Any], stream: bool
) -> None:
    body = {**body, "stream": stream}
    gate = Gate()
    upstream.says(Spoken.of("a b c"), Delivery(gate=gate))
    first = asyncio.create_task(send(http, path, body))
    await gate.waiting.wait()
    gate.open()
    status, said, _ = await send(http, path, body)
    assert (status, said["error"]["code"]) == (409, "idempotency_in_progress")
    gate.open(100)
    status, made, _ = await first
    assert (status, await send(http, path, body)) == (200, (200, made, True)) or stream
    assert len(upstream.received) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("responses", {**RESPONSE, "store": False}),
        ("chat/completions", {**CHAT, "store": False}),
        ("chat/completions", {"model": MODEL, "messages": CHAT["messages"]}),
    ],
)
@STREAMED
async def test_where_nothing_is_stored_no_notice_is_taken(
    http: aiohttp.ClientSession, upstream: FakeUpstream, path: str, body: dict[str, Any], stream: bool
) -> None:
    for key in ("k", "k", "x" * 300):
        status, _, replayed = await send(http, path, {**body, "stream": stream}, key)
        assert (status, replayed) == (200, False)
    assert len(upstream.received) == 3
    assert await stored(http, path) == []


@BOTH
@STREAMED
async def test_after_an_error_the_request_may_be_mended_or_sent_again(
    http: aiohttp.ClientSession, upstream: FakeUpstream, path: str, body: dict[str, Any], stream: bool
) -> None:
    body = {**body, "stream": stream}
    assert (await send(http, path, {**body, "model": "two/kit-model"}))[0] == 404
    upstream.says(Refused(status=400, message="No."))
    assert (await send(http, path, {**body, "temperature": 1.5}))[0] == 400
    upstream.says(Refused(status=500, message="Broken."))
    assert (await send(http, path, body))[0] == 502
    upstream.says()
    assert (await until_free(http, path, {**body, "temperature": 1.5}))[0] == 422, (
        "a model was asked, and may have begun"
    )
    status, made, replayed = await until_free(http, path, body)
    assert (status, replayed, await stored(http, path)) == (200, False, [id_of(made)])


@BOTH
async def test_a_key_of_somebody_whose_object_was_deleted_makes_no_second(
    http: aiohttp.ClientSession, upstream: FakeUpstream, path: str, body: dict[str, Any]
) -> None:
    _, made, _ = await send(http, path, body)
    async with http.delete(f"{path}/{made['id']}") as answer:
        assert answer.status == 200
    status, said, _ = await send(http, path, body)
    assert (status, said["error"]["code"]) == (404, "not_found")
    assert "deleted" in said["error"]["message"]
    assert len(upstream.received) == 1


@BOTH
async def test_a_stream_whose_client_has_left_may_be_asked_for_again(
    http: aiohttp.ClientSession, upstream: FakeUpstream, path: str, body: dict[str, Any]
) -> None:
    body = {**body, "stream": True}
    gate = Gate()
    upstream.says(Spoken.of("a b c d e"), Delivery(gate=gate))
    gate.open(2)
    async with http.post(path, json=body, headers={HEADER: "k"}) as answer:
        await answer.content.readany()
    upstream.says()
    status, made, replayed = await until_free(http, path, body)
    assert (status, replayed, text_of(made)) == (200, False, "You said: Hello.")
    assert await stored(http, path) == [id_of(made)]


async def test_a_response_of_the_background_is_told_as_it_is_now(http: aiohttp.ClientSession) -> None:
    body = {**RESPONSE, "background": True}
    _, made, _ = await send(http, "responses", body)
    assert made["status"] == "queued"
    async with asyncio.timeout(20):
        while (again := await send(http, "responses", body))[1]["status"] != "completed":
            await asyncio.sleep(0.02)
    assert again[2]
    assert (again[1]["id"], text_of(again[1])) == (made["id"], "You said: Hello.")
    assert await stored(http, "responses") == [made["id"]]
    _, events, _ = await send(http, "responses", {**body, "stream": True}, "other")
    assert await send(http, "responses", {**body, "stream": True}, "other") == (200, events, True)


async def test_a_response_is_told_again_in_the_events_that_add_up_to_it(
    http: aiohttp.ClientSession, upstream: FakeUpstream
) -> None:
    upstream.says(
        Spoken(
            choices=(
                Say(
                    text="Well, ü.",
                    reasoning="Hmm.",
                    calls=(ToolUse(name="f", arguments='{"a": 1}'),),
                    finish="tool_calls",
                ),
            )
        )
    )
    tools = [{"type": "function", "name": "f", "parameters": {"type": "object"}}]
    body = {**RESPONSE, "stream": True, "tools": tools, "include": ["reasoning.encrypted_content"]}
    _, first, _ = await send(http, "responses", body)
    _, again, _ = await send(http, "responses", body)
    assert [event["type"] for event in again] == without_repetitions([event["type"] for event in first])
    assert joined(again) == joined(first)
    assert [event["sequence_number"] for event in again] == list(range(len(again)))
    assert again[-1]["response"] == first[-1]["response"]


def without_repetitions(kinds: list[str]) -> list[str]:
    return [kind for n, kind in enumerate(kinds) if n == 0 or kinds[n - 1] != kind]


def joined(events: list[Any]) -> list[Any]:
    """The events without their numbers, deltas that follow one another put together."""
    found: list[Any] = []
    for event in events:
        event = {name: value for name, value in event.items() if name != "sequence_number"}
        if found and event["type"].endswith(".delta") and found[-1]["type"] == event["type"]:
            found[-1]["delta"] += event["delta"]
        else:
            found.append(event)
    return found


async def test_openais_package_sends_a_request_again(served: Served, upstream: FakeUpstream) -> None:
    upstream.says(Spoken(choices=(Say(text="One."), Say(text="Two."))))
    hello: Any = CHAT["messages"]
    key = {HEADER: "k"}
    async with served.openai() as client:

        async def whole() -> Any:
            return await client.chat.completions.create(
                model=MODEL, messages=hello, n=2, store=True, metadata={"a": "b"}, extra_headers=key
            )

        async def streamed() -> list[Any]:
            options: Any = {"stream": True, "stream_options": {"include_usage": True}}
            made: Any = await client.chat.completions.create(
                model=MODEL, messages=hello, n=2, store=True, extra_headers={HEADER: "s"}, **options
            )
            return [chunk async for chunk in made]

        assert (await whole()).to_dict() == (await whole()).to_dict()
        first, again = await streamed(), await streamed()
        assert again[-1].usage == first[-1].usage is not None
        assert {chunk.id for chunk in again} == {first[0].id}
        for index, text in enumerate(("One.", "Two.")):
            mine = [choice for chunk in again for choice in chunk.choices if choice.index == index]
            assert ("".join(one.delta.content or "" for one in mine), mine[-1].finish_reason) == (text, "stop")
        upstream.says()
        responses = [
            await client.responses.create(model=MODEL, input="Hi.", extra_headers=key | {HEADER: "r"}) for _ in "12"
        ]
        assert responses[0].to_dict() == responses[1].to_dict()
        for _ in range(2):
            async with client.responses.stream(model=MODEL, input="Hi.", extra_headers={HEADER: "t"}) as events:
                final = await events.get_final_response()
            assert final.output_text == "You said: Hi."
        with pytest.raises(openai.UnprocessableEntityError):
            await client.responses.create(model=MODEL, input="Ho.", extra_headers={HEADER: "r"})
    assert len(upstream.received) == 4


async def test_a_conversation_goes_on_once_although_the_server_dies_behind_the_response(
    http: aiohttp.ClientSession, upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The response is stored, its conversation knows nothing of it yet, and the answer gets lost."""
    async with http.post("conversations", json={}) as answer:
        conversation = (await answer.json())["id"]
    body = {**RESPONSE, "conversation": conversation}
    await send(http, "responses", {**RESPONSE, "store": False})  # a service is loaded when it is first needed
    (implementation,) = [kind for kind in Responses.__subclasses__() if "dinrail" in kind.__module__]

    async def lost(*_arguments: Any) -> None:
        raise Unavailable("The power is gone.")

    monkeypatch.setattr(implementation, "_converse", lost)
    assert (await send(http, "responses", body))[0] == 503
    monkeypatch.undo()
    status, made, replayed = await until_free(http, "responses", body)
    assert (status, replayed, len(upstream.received)) == (200, True, 2)
    assert (await send(http, "responses", body))[1] == made
    async with http.get(f"conversations/{conversation}/items", params={"order": "asc"}) as answer:
        items = (await answer.json())["data"]
    assert [item["content"][0]["text"] for item in items] == ["Hello.", "You said: Hello."]


async def test_an_answer_that_is_given_again_takes_none_of_a_callers_tokens(config: dict[str, Any]) -> None:
    plugins = (*PLUGINS, "access")
    async with open_rail(plugins=plugins, config=config) as rail:
        new = CreateApiKey(tenant="acme", limits=Limits(tokens_per_minute=200))
        key = (await (await rail.service(ApiKeys)).create(new, Call())).value
    async with (
        serve(plugins=plugins, config=config) as served,
        aiohttp.ClientSession(f"{served.url}/", headers={"authorization": f"Bearer {key}"}) as http,
    ):
        left = []
        for path, body in (("responses", RESPONSE), ("chat/completions", CHAT)) * 3:
            assert (await send(http, path, body, path))[0] == 200
            async with http.get("models") as answer:
                left.append(int(answer.headers["x-ratelimit-remaining-tokens"]))
    assert 200 > left[0] > left[1] == min(left), "what flows in again does not make up for an answer"


async def test_the_audit_log_tells_once_what_was_made(config: dict[str, Any]) -> None:
    plugins = (*PLUGINS, "access")
    async with open_rail(plugins=plugins, config=config) as rail:
        key = (await (await rail.service(ApiKeys)).create(CreateApiKey(tenant="acme"), Call())).value
    made = []
    async with (
        serve(plugins=plugins, config=config) as served,
        aiohttp.ClientSession(f"{served.url}/", headers={"authorization": f"Bearer {key}"}) as http,
    ):
        for path, body in (("responses", RESPONSE), ("chat/completions", CHAT)):
            for stream in (False, True):
                asked = {**body, "stream": stream}
                said = [await send(http, path, asked, f"{path}{stream}") for _ in range(2)]
                assert [(status, replayed) for status, _, replayed in said] == [(200, False), (200, True)]
                made.append(id_of(said[0][1]))
    (log,) = Path(config["data_dir"]).rglob("audit.jsonl")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line["action"], line.get("objects")) for line in lines] == [("create", [one]) for one in made]


@BOTH
@STREAMED
async def test_a_try_that_was_slow_and_not_dead_stores_no_second(
    http: aiohttp.ClientSession,
    upstream: FakeUpstream,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    body: dict[str, Any],
    stream: bool,
) -> None:
    monkeypatch.setattr(service, "CLAIM_SECONDS", 0.0)  # whoever comes takes the claim over
    monkeypatch.setattr(service.StoredKeys, "renewal", 60.0)
    body = {**body, "stream": stream}
    gate = Gate()
    upstream.says(Spoken.of("a b c"), Delivery(gate=gate))
    slow = asyncio.create_task(send(http, path, body))
    await gate.waiting.wait()
    upstream.says()
    status, made, _ = await send(http, path, body)
    assert (status, text_of(made)) == (200, "You said: Hello.")
    gate.open(100)
    status, said, _ = await slow
    failed = said[-1] if stream else said
    told = failed.get("response", failed)
    assert (status, "error" in told) == ((200, True) if stream else (409, True))
    assert await stored(http, path) == [id_of(made)]
    assert (await send(http, path, body))[2]


@pytest.mark.slow
async def test_a_server_that_is_killed_makes_a_response_once(config: dict[str, Any], upstream: FakeUpstream) -> None:
    """Killed before the answer, behind it, and with a job in the background."""
    async with process(config) as (http, kill):
        await send(http, "responses", RESPONSE, "done")
        chat = await send(http, "chat/completions", {**CHAT, "stream": True}, "chat")
        upstream.says(Spoken.of("word " * 400), Delivery(pause=0.05))
        background = await send(http, "responses", {**RESPONSE, "background": True}, "background")
        async with http.post("responses", json={**RESPONSE, "stream": True}, headers={HEADER: "stream"}) as answer:
            await answer.content.readany()
            await kill()
        upstream.says()
    asked = len(upstream.received)
    async with process(config) as (http, _):
        assert (await send(http, "responses", RESPONSE, "done"))[2]
        again = await send(http, "responses", {**RESPONSE, "background": True}, "background")
        assert (again[1]["id"], again[2]) == (background[1]["id"], True)
        assert id_of((await send(http, "chat/completions", {**CHAT, "stream": True}, "chat"))[1]) == id_of(chat[1])
        assert (await send(http, "responses", {**RESPONSE, "stream": True}, "stream"))[0] == 409
        status, made, replayed = await until_free(http, "responses", {**RESPONSE, "stream": True}, "stream")
        assert (status, replayed, text_of(made)) == (200, False, "You said: Hello.")
        assert len(await stored(http, "responses")) == 3
    assert len(upstream.received) <= asked + 2


@asynccontextmanager
async def process(config: dict[str, Any]) -> AsyncIterator[Any]:
    """A server in a process of its own, and what kills it."""
    running = await asyncio.create_subprocess_exec(
        sys.executable, str(SERVER), json.dumps(config), json.dumps(PLUGINS), stdout=subprocess.PIPE
    )
    assert running.stdout is not None

    async def kill() -> None:
        if running.returncode is None:
            running.kill()
        await running.wait()

    try:
        async with asyncio.timeout(60):
            url = (await running.stdout.readline()).decode().strip()
        async with aiohttp.ClientSession(f"{url}/") as http:
            yield http, kill
    finally:
        await kill()
