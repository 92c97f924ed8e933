"""Responses in the background: followed from anywhere, cancelled from anywhere, and not lost with a process."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest
from aiohttp import web
from dialogue import MODEL, PLUGINS, calls, events_of, post, says, summed

from dinrail_core.api.call import Call
from dinrail_core.api.jobs import JobRun
from dinrail_core.api.responses import CreateResponse
from dinrail_core.hooks import Outbound, Rail
from dinrail_responses.attachments import Attachments
from dinrail_responses.background import Background
from dinrail_responses.entries import Entries
from dinrail_responses.loop import Bounds
from dinrail_responses.making import Maker, Sealing
from dinrail_responses.plan import Planner
from dinrail_responses.scribe import Scribe
from dinrail_responses.store import Kept, Store
from dinrail_responses.tools.interface import Desk, Json, ModelCall, Offer, Pen, Told, ToolKind, ToolSet
from dinrail_sdk.outbound import OutboundClient
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.testing import FakeUpstream, Served, open_rail, serve
from dinrail_sdk.testing.delivery import Delivery
from dinrail_sdk.testing.script import Refused, Spoken, ToolUse

SERVER = Path(__file__).parent / "server_process.py"
FIRST = ["response.created", "response.queued", "response.in_progress"]


async def ended(client: openai.AsyncOpenAI, response_id: str, within: float = 30.0) -> Any:
    async with asyncio.timeout(within):
        while True:
            seen = await client.responses.retrieve(response_id)
            if seen.status not in ("queued", "in_progress"):
                return seen
            await asyncio.sleep(0.1)


async def followed(client: openai.AsyncOpenAI, response_id: str, after: int = -1) -> list[dict[str, Any]]:
    stream = await client.responses.retrieve(response_id, stream=True, starting_after=after)
    async with asyncio.timeout(60):
        return [event.to_dict(mode="json") async for event in stream]


async def test_a_response_is_made_behind_its_request_and_told_from_any_number(stored: Served) -> None:
    async with stored.openai() as client:
        made = await client.responses.create(model=MODEL, input="Hello.", background=True)
        assert (made.status, made.output, made.background) == ("queued", [], True)
        done = await ended(client, made.id)
        assert (done.status, done.output_text) == ("completed", "You said: Hello.")
        events = await followed(client, made.id)
        assert [event["type"] for event in events[:3]] == FIRST
        assert [event["sequence_number"] for event in events] == list(range(len(events)))
        assert summed(events) == events[-1]["response"]["output"]
        for after in (0, 3, len(events) - 2, 10**30):
            assert await followed(client, made.id, after) == events[after + 1 :]
        await client.responses.create(model=MODEL, input="And?", previous_response_id=made.id)


async def test_deltas_of_the_background_are_padded_for_who_asks_for_it(served: Served) -> None:
    def deltas(events: list[Any]) -> list[bool]:
        return [bool(getattr(event, "obfuscation", "")) for event in events if event.type.endswith(".delta")]

    async with served.openai() as client:
        stream = await client.responses.create(
            model=MODEL, input="?", background=True, stream=True, stream_options={"include_obfuscation": True}
        )
        events: list[Any] = [event async for event in stream]
        assert deltas(events)
        assert all(deltas(events))
        made = events[0].response.id
        for asked in (True, False):
            again = await client.responses.retrieve(made, stream=True, include_obfuscation=asked)
            assert set(deltas([event async for event in again])) == {asked}


async def test_a_stream_of_the_background_outlives_its_client(served: Served, upstream: FakeUpstream) -> None:
    upstream.says(Spoken.of("word " * 20), Delivery(pause=0.02))
    async with served.openai() as client:
        stream = await client.responses.create(model=MODEL, input="?", background=True, stream=True)
        heard: list[dict[str, Any]] = []
        async for event in stream:
            heard.append(event.to_dict(mode="json"))
            if len(heard) == 6:
                break
        await stream.close()
        rest = await followed(client, heard[0]["response"]["id"], 5)
        events = heard + rest
        assert [event["sequence_number"] for event in events] == list(range(len(events)))
        assert summed(events)[0]["content"][0]["text"] == "word " * 20


async def test_cancelling_ends_the_upstream_and_keeps_what_was_said(served: Served, upstream: FakeUpstream) -> None:
    upstream.says(Spoken.of("word " * 400), Delivery(pause=0.05))
    async with served.openai() as client:
        made = await client.responses.create(model=MODEL, input="?", background=True)
        received = await upstream.arrival(within=20)
        await asyncio.sleep(0.5)
        cancelled = await client.responses.cancel(made.id)
        assert cancelled.status == "cancelled"
        await asyncio.wait_for(received.exchange.left.wait(), 10)
        again = await client.responses.cancel(made.id)
        assert again.status == "cancelled"
        events = await followed(client, made.id)
        assert summed(events) == [item.to_dict(mode="json") for item in again.output]
        upstream.says()
        plain = await client.responses.create(model=MODEL, input="?")
        with pytest.raises(openai.BadRequestError):
            await client.responses.cancel(plain.id)


async def test_a_failure_is_told_with_its_code(served: Served, upstream: FakeUpstream) -> None:
    upstream.says(Refused(status=401))
    async with served.openai() as client:
        made = await client.responses.create(model=MODEL, input="?", background=True)
        failed = await ended(client, made.id)
        assert failed.status == "failed"
        assert failed.error.code == "server_error"
    async with aiohttp.ClientSession() as http, http.get(f"{served.url}/responses/{made.id}?stream=true") as answer:
        events = events_of((await answer.read()).decode())
        assert [event["type"] for event in events][-2:] == ["error", "response.failed"]


async def test_a_conversation_is_gone_on_with_in_the_background(served: Served) -> None:
    async with served.openai() as client:
        conversation = await client.conversations.create()
        made = await client.responses.create(model=MODEL, input="Hi.", background=True, conversation=conversation.id)
        await ended(client, made.id)
        items = await client.conversations.items.list(conversation.id, order="asc")
        assert len(items.data) == 2


async def test_secrets_do_not_go_into_the_background(served: Served) -> None:
    tool = {"type": "mcp", "server_label": "a", "server_url": "https://example.org", "authorization": "x"}
    added = {"type": "additional_tools", "role": "developer", "tools": [tool]}
    question = {"role": "user", "content": "?"}
    for body in ({"input": "?", "tools": [tool]}, {"input": [added, question]}):
        status, refused = await post(served, {"model": MODEL, "background": True, **body})
        assert (status, refused["error"]["param"]) == (400, "background")


async def test_secrets_of_a_tool_that_an_item_adds_are_used_and_not_kept(config: dict[str, Any]) -> None:
    secret = {"authorization": "hush", "headers": {"x-key": "psst"}}
    tool = {"type": "mcp", "server_label": "a", "server_url": "https://example.org", "require_approval": "never"}
    added = {"type": "additional_tools", "role": "developer", "tools": [{**tool, **secret}]}
    asked = {"model": MODEL, "input": [added, {"role": "user", "content": "?"}]}
    async with open_rail(plugins=PLUGINS, config=config) as rail:
        planner = Planner(rail, Store(await rail.service(Database)))
        plan = await planner.plan(CreateResponse.model_validate(asked), Call())
    (used,) = plan.asked["tools"]
    assert {name: used[name] for name in secret} == secret
    assert "hush" not in repr((plan.response, plan.input))
    assert "psst" not in repr((plan.response, plan.input))


async def test_a_key_in_the_url_of_a_tool_is_used_and_not_told(config: dict[str, Any]) -> None:
    tool = {"type": "mcp", "server_label": "a", "server_url": "https://example.org/mcp?key=hush"}
    async with open_rail(plugins=PLUGINS, config=config) as rail:
        planner = Planner(rail, Store(await rail.service(Database)))
        asked = CreateResponse.model_validate({"model": MODEL, "input": "?", "tools": [tool]})
        plan = await planner.plan(asked, Call())
    assert plan.asked["tools"][0]["server_url"] == tool["server_url"]
    assert plan.response["tools"][0]["server_url"] == "https://example.org/mcp"


class Counting(ToolKind):
    """A tool of the server's own that counts, and of which the first call never ends."""

    tool_types = frozenset({"code_interpreter"})

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.hangs = asyncio.Event()
        self.ends = False

    @asynccontextmanager
    async def open(self, tools: Mapping[int, Json], desk: Desk) -> AsyncIterator[ToolSet]:
        yield _Counts(self, desk)


class _Counts(ToolSet):
    def __init__(self, kind: Counting, desk: Desk) -> None:
        self._kind = kind
        self._desk = desk

    def offers(self) -> Sequence[Offer]:
        return [Offer(name="count", description=None, parameters={"type": "object"})]

    async def run(self, call: ModelCall, pen: Pen) -> Told | None:
        self._kind.keys.append(call.key)
        item: Json = {"type": "web_search_call", "id": self._desk.new_id("web_search_call"), "status": "in_progress"}
        item["action"] = {"type": "search", "queries": [call.arguments]}
        pen.added(item)
        pen.event("response.web_search_call.searching")
        if call.arguments == '{"hangs":1}' and not self._kind.ends:
            self._kind.hangs.set()
            await asyncio.Event().wait()
        pen.done({**item, "status": "completed"})
        return f"counted {call.arguments}"


class Job(JobRun):
    def __init__(self, response_id: str) -> None:
        self.id, self.payload, self.call, self.attempt = "job_1", {"response_id": response_id}, Call(), 1

    async def step(self, name: str, work: Any) -> Any:
        raise AssertionError("steps are entries of the response's own")

    async def progress(self, done: int, total: int | None = None, note: str = "") -> None:
        return None

    @property
    def cancelled(self) -> bool:
        return False


async def begun(rail: Rail, store: Store, body: dict[str, Any]) -> str:
    """A response in the background without a job, so that the test alone makes it."""
    from dinrail_responses.entries import REQUEST, RowLedger, Written

    plan = await Planner(rail, store).plan(CreateResponse.model_validate({"model": MODEL, **body}), Call())
    scribe = Scribe(plan.response)
    scribe.begin()
    await store.keep(Kept(plan.response, [], background=True, job_id="job_1", input=plan.input), None, Call())
    ledger = RowLedger(Entries(await rail.service(Database)), scribe, Written([]), Call())
    await ledger.record(REQUEST, {name: value for name, value in plan.asked.items() if name != "input"})
    return str(plan.response["id"])


async def test_a_process_goes_on_behind_the_last_step_of_another(
    config: dict[str, Any], upstream: FakeUpstream, tmp_path: Path
) -> None:
    hanging, quick = (
        ToolUse(name="count", arguments='{"hangs":1}', id="c1"),
        ToolUse(name="count", arguments="{}", id="c2"),
    )
    upstream.then(calls(quick, hanging, text="Let me count."), says("Done."))
    async with open_rail(plugins=PLUGINS, config=config) as rail:
        database = await rail.service(Database)
        store, kind = Store(database), Counting()

        def process() -> Background:
            attachments = Attachments(rail, OutboundClient(Outbound()))
            maker = Maker((kind,), attachments, Sealing(b"secret", lambda: tmp_path), Bounds(), Outbound())
            return Background(rail, store, Entries(database), maker)

        tools = [{"type": "code_interpreter", "container": "auto"}]
        response_id = await begun(rail, store, {"input": "?", "background": True, "tools": tools})
        first = asyncio.create_task(process().run(Job(response_id)))
        await asyncio.wait_for(kind.hangs.wait(), 20)
        entries = Entries(database)
        async with asyncio.timeout(20):
            while "call-0-0" not in (await entries.written(response_id, Call())).steps:
                await asyncio.sleep(0.05)
        first.cancel()
        await asyncio.wait({first})
        assert (await store.get(response_id, Call())).response["status"] == "in_progress"

        kind.ends = True
        await process().run(Job(response_id))
        kept = await store.get(response_id, Call())
        assert kept.response["status"] == "completed"
        assert len(upstream.received) == 2, "the model is not asked again what it has answered"
        assert sorted(kind.keys) == [f"{response_id}:0:0", f"{response_id}:0:1", f"{response_id}:0:1"]
        told = [message.text for message in upstream.asked.messages if message.role == "tool"]
        assert told == ["counted {}", 'counted {"hangs":1}']
        events = (await entries.written(response_id, Call())).events
        assert [event["sequence_number"] for event in events] == list(range(len(events)))
        assert summed([*events]) == kept.output
        await process().run(Job(response_id))
        assert len(upstream.received) == 2, "what has ended is not made again"


async def test_a_job_of_a_try_that_was_killed_leaves_the_response_of_the_next_try_alone(
    config: dict[str, Any], upstream: FakeUpstream, tmp_path: Path
) -> None:
    async with open_rail(plugins=PLUGINS, config=config) as rail:
        database = await rail.service(Database)
        store, entries = Store(database), Entries(database)
        attachments = Attachments(rail, OutboundClient(Outbound()))
        maker = Maker((), attachments, Sealing(b"s", lambda: tmp_path), Bounds(), Outbound())
        background = Background(rail, store, entries, maker)
        response_id = await begun(rail, store, {"input": "?", "background": True})
        other = Job(response_id)
        other.id = "job_0"
        await background.run(other)
        assert (await store.get(response_id, Call())).response["status"] == "queued"
        await background.run(Job(response_id))
        assert (await store.get(response_id, Call())).response["status"] == "completed"
        assert len(upstream.received) == 1


async def test_a_response_is_never_there_without_what_it_is_made_of(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a kill behind the write that makes it there would leave."""
    keep = Store.keep
    steps: list[Json] = []

    async def looked_at(self: Store, kept: Kept, parent: Any, call: Call, entries: Sequence[Json] = ()) -> None:
        await keep(self, kept, parent, call, entries)
        steps.append((await Entries(self._database).written(kept.response["id"], call)).steps)

    monkeypatch.setattr(Store, "keep", looked_at)
    await post(served, {"model": MODEL, "input": "?", "background": True})
    assert [step["request"]["model"] for step in steps] == [MODEL]


async def start(config: dict[str, Any]) -> tuple[asyncio.subprocess.Process, Served]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, SERVER, json.dumps(config), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    url = (await asyncio.wait_for(process.stdout.readline(), 90)).decode().strip()
    return process, Served(url)


async def test_a_killed_servers_response_ends_within_thirty_seconds_of_the_next_start(
    config: dict[str, Any], upstream: FakeUpstream
) -> None:
    config = {**config, "services": {"jobs": {"lease": 2}}}
    upstream.says(Spoken.of("word " * 40), Delivery(pause=0.1))
    process, served = await start(config)
    try:
        async with served.openai() as client:
            made = await client.responses.create(model=MODEL, input="?", background=True)
            await upstream.arrival(within=20)
            async with asyncio.timeout(20):
                while not (before := await heard_so_far(served, made.id)):
                    await asyncio.sleep(0.1)
    finally:
        process.kill()
        await process.wait()
    upstream.says(Spoken.of("A short one."))
    process, served = await start(config)
    try:
        async with served.openai() as client:
            done = await ended(client, made.id)
            assert done.status == "completed"
            assert done.output_text.endswith("A short one.")
            assert [item.status for item in done.output] == ["incomplete", "completed"]
            events = await followed(client, made.id)
            assert events[: len(before)] == before
            assert [event["sequence_number"] for event in events] == list(range(len(events)))
            assert summed(events) == [item.to_dict(mode="json") for item in done.output]
    finally:
        process.kill()
        await process.wait()


async def heard_so_far(served: Served, response_id: str) -> list[dict[str, Any]]:
    """The events until there is text, or nothing yet."""
    heard = []
    async with served.openai() as client:
        stream = await client.responses.retrieve(response_id, stream=True)
        async for event in stream:
            heard.append(event.to_dict(mode="json"))
            if event.type == "response.output_text.delta":
                await stream.close()
                return heard
    return []


async def test_an_endpoint_is_told_of_the_end(config: dict[str, Any]) -> None:
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def hear(request: web.BaseRequest) -> web.Response:
        told.put_nowait(json.loads(await request.read()))
        return web.Response()

    runner = web.ServerRunner(web.Server(hear))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    _, port = runner.addresses[0][:2]
    try:
        outbound = {"allow_private": ["127.0.0.1"]}
        async with serve(plugins=[*PLUGINS, "webhooks"], config={**config, "outbound": outbound}) as served:
            kinds = ["response.completed", "response.failed"]
            endpoint = {"name": "a", "url": f"http://127.0.0.1:{port}/", "event_types": kinds}
            status, _ = await post(served, endpoint, "webhook_endpoints")
            assert status == 200
            _, made = await post(served, {"model": MODEL, "input": "?", "background": True})
            event = await asyncio.wait_for(told.get(), 30)
            assert (event["type"], event["data"]["id"]) == ("response.completed", made["id"])
    finally:
        await runner.cleanup()
