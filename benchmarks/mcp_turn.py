"""What a turn with one tool of an MCP server costs."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench
from benchmarks.client import Connection, post
from benchmarks.loads import WrongAnswer, model_id
from benchmarks.report import Result
from benchmarks.subjects import RELAY_PROVIDER, Subject

__all__ = ["measure_mcp_turn"]

_TURNS = 100
_WARMING = 20
_LIMIT = 4.0
_MODEL = "bench-model"

Answer = Callable[[dict[str, Any]], object | None]
"""From the JSON of a request to the JSON of its answer; ``None`` where there is nothing to say."""


async def measure_mcp_turn(bench: Bench) -> list[Result]:
    """Processor time of a warm turn: two calls of the model and one of a tool, one client, nothing kept.

    The model and the MCP server are scripted and run in this process, so all that is measured is the server's. How many
    requests reach the MCP server is counted as well, and more than one a turn is no answer to the question.
    """
    asked: Counter[str] = Counter()
    costs: list[float] = []
    amount = bench.amount(_TURNS)
    async with _serve(_model) as model, _serve(lambda message: _mcp(message, asked)) as mcp:
        subject = _subject(bench.folder, model)
        for number in range(bench.rounds):
            async with subject.start(bench.folder) as process, await Connection.to(process.url) as client:
                for _ in range(_WARMING):
                    await _turn(client, mcp)
                asked.clear()
                before = process.cpu()
                for _ in range(amount):
                    await _turn(client, mcp)
                costs.append((process.cpu() - before) / amount * 1e3)
                if asked != {"tools/call": amount}:
                    raise WrongAnswer(f"{amount} turns caused these MCP requests: {dict(asked)}")
                bench.say(f"round {number + 1}: mcp-turn {costs[-1]:.2f} ms")
    return [
        Result(
            name="mcp-turn",
            title="warm MCP turn (2 model calls, 1 tool): CPU",
            unit="ms",
            limit=_LIMIT,
            measured=statistics.median(costs),
            note="1 MCP request a turn",
            samples=costs,
        )
    ]


async def _turn(client: Connection, mcp: str) -> None:
    tool = {"type": "mcp", "server_label": "bench", "server_url": mcp, "require_approval": "never"}
    asked = {"model": model_id(_MODEL), "input": "How many are there?", "store": False, "tools": [tool]}
    reply = await client.begin(post("/v1/responses", json.dumps(asked).encode()))
    answer = json.loads(reply.body)
    if reply.status != 200 or [item["type"] for item in answer["output"]] != ["mcp_list_tools", "mcp_call", "message"]:
        raise WrongAnswer(f"{reply.status}: {reply.body[:500]!r}")


def _subject(folder: Path, model: str) -> Subject:
    file = folder / "mcp-turn.toml"
    file.write_text(
        f"""\
data_dir = "{folder / "mcp-data"}"

[plugins]
enable = ["responses", "mcp"]

[outbound]
allow_private = ["127.0.0.0/8"]

[providers.up]
type = "{RELAY_PROVIDER}"
base_url = "{model.removesuffix("/mcp")}/v1"
models = ["{_MODEL}"]
"""
    )
    program = Path(sys.executable).with_name("dinrail")
    return Subject("mcp-turn", [str(program), "serve", "--port", "0", "--config", str(file)])


def _model(request: dict[str, Any]) -> object:
    """Calls the tool, and speaks once it has been told of its output."""
    told = request["messages"][-1]["role"] == "tool"
    call = {"id": "call_1", "type": "function", "function": {"name": "count", "arguments": '{"of": "things"}'}}
    message: dict[str, Any] = {"role": "assistant", "content": "There are seven." if told else None}
    if not told:
        message["tool_calls"] = [call]
    choice = {"index": 0, "message": message, "finish_reason": "stop" if told else "tool_calls"}
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    return {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": _MODEL,
        "choices": [choice],
        "usage": usage,
    }


def _mcp(message: dict[str, Any], asked: Counter[str]) -> object | None:
    """A server of the revision 2025-06-18 with one tool."""
    method = message["method"]
    asked[method] += 1
    if "id" not in message:
        return None
    answer: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
    schema = {"type": "object", "properties": {"of": {"type": "string"}}, "required": ["of"]}
    about = {"capabilities": {"tools": {}}, "serverInfo": {"name": "bench", "version": "1"}}
    match method:
        case "initialize":
            return answer | {"result": {"protocolVersion": "2025-06-18", **about}}
        case "tools/list":
            return answer | {"result": {"tools": [{"name": "count", "description": "Counts.", "inputSchema": schema}]}}
        case "tools/call":
            return answer | {"result": {"content": [{"type": "text", "text": "7"}]}}
        case _:
            return answer | {"error": {"code": -32601, "message": "There is no such method."}}


@asynccontextmanager
async def _serve(answer: Answer) -> AsyncIterator[str]:
    """Answer JSON with JSON; the address, whose path means nothing."""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
                said = answer(json.loads(await reader.readexactly(int(length))))
                body = b"" if said is None else json.dumps(said).encode()
                status = b"202 Accepted" if said is None else b"200 OK"
                start = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
                writer.write(start % (status, len(body)) + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"
