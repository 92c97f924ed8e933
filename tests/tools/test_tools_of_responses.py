"""Tools that the server runs for the model, from OpenAI's client to the tool and back."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI

from dinrail_sdk.testing import OPENAI, FakeUpstream, Say, Spoken, ToolUse, Turn, serve

PLUGINS = (
    "blobs",
    "conversations",
    "database",
    "files",
    "jobs",
    "openai-compatible",
    "prompts",
    "responses",
)

SERVER = """
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("own")


@server.tool()
def add(a: int, b: int) -> int:
    "Add two numbers."
    return a + b


@server.tool()
def fail() -> str:
    "Fail."
    raise ToolError("the disk is full")


server.run("stdio")
"""


def calls(name: str, arguments: str) -> Turn:
    use = ToolUse(name=name, arguments=arguments, id="call_1")
    return Turn(script=Spoken(choices=(Say(text=None, calls=(use,), finish="tool_calls"),)))


def says(text: str) -> Turn:
    return Turn(script=Spoken.of(text))


@asynccontextmanager
async def served(*plugins: str, **config: Any) -> AsyncIterator[tuple[AsyncOpenAI, FakeUpstream]]:
    async with FakeUpstream.open(OPENAI) as upstream:
        up = {"type": "openai-compatible", "base_url": upstream.url, "models": ["kit-model"]}
        providers = {"up": up, **config.pop("providers", {})}
        settings = {"providers": providers, **config}
        async with serve(plugins=(*PLUGINS, *plugins), config=settings) as running, running.openai() as client:
            yield client, upstream


def connector(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "server.py").write_text(SERVER)
    own = {"command": sys.executable, "args": [str(tmp_path / "server.py")]}
    return {"services": {"mcp": {"connectors": {"own": own}}}}


async def test_a_tool_of_an_mcp_server_is_listed_called_and_told_to_the_model(tmp_path: Path) -> None:
    tool: Any = {"type": "mcp", "server_label": "own", "require_approval": "never"}
    async with served("mcp", **connector(tmp_path)) as (client, upstream):
        upstream.then(calls("add", '{"a": 1, "b": 2}'), calls("fail", "{}"), says("It is 3."))
        kinds: list[str] = []
        async with client.responses.stream(model="up/kit-model", input="1 + 2?", tools=[tool]) as stream:
            async for event in stream:
                kinds.append(event.type)
            response: Any = await stream.get_final_response()
        tools = upstream.received[0].asked
        assert tools is not None
        assert [offered.name for offered in tools.tools] == ["add", "fail"]
        told = [message.text for message in upstream.asked.messages if message.role == "tool"]
        assert told[0] == "3"
        assert "the disk is full" in told[1]
    assert [item.type for item in response.output] == ["mcp_list_tools", "mcp_call", "mcp_call", "message"]
    assert (response.output[1].output, response.output[1].error) == ("3", None)
    assert "the disk is full" in str(response.output[2].error)
    assert response.output_text == "It is 3."
    own = [kind.removeprefix("response.") for kind in kinds if "mcp" in kind]
    assert own == [
        "mcp_list_tools.in_progress",
        "mcp_list_tools.completed",
        *("mcp_call.in_progress", "mcp_call_arguments.delta", "mcp_call_arguments.done", "mcp_call.completed"),
        *("mcp_call.in_progress", "mcp_call_arguments.delta", "mcp_call_arguments.done", "mcp_call.failed"),
    ]


@pytest.mark.parametrize("approve", [True, False])
async def test_a_call_waits_for_a_yes_and_a_no_is_told(tmp_path: Path, *, approve: bool) -> None:
    tool: Any = {"type": "mcp", "server_label": "own", "require_approval": "always"}
    async with served("mcp", **connector(tmp_path)) as (client, upstream):
        upstream.then(calls("add", '{"a": 1, "b": 2}'), says("Done."))
        first: Any = await client.responses.create(model="up/kit-model", input="1 + 2?", tools=[tool])
        assert [item.type for item in first.output] == ["mcp_list_tools", "mcp_approval_request"]
        answer: Any = {
            "type": "mcp_approval_response",
            "approval_request_id": first.output[-1].id,
            "approve": approve,
            "reason": "as you like",
        }
        second: Any = await client.responses.create(
            model="up/kit-model", previous_response_id=first.id, input=[answer], tools=[tool]
        )
        told = [message.text for message in upstream.asked.messages if message.role == "tool"]
    if approve:
        assert [item.type for item in second.output] == ["mcp_call", "message"]
        assert second.output[0].approval_request_id == first.output[-1].id
        assert told == ["3"]
    else:
        assert [item.type for item in second.output] == ["message"]
        assert told == ["The user did not allow this call: as you like"]


async def test_what_a_search_finds_is_cited_where_the_text_rests_on_it(tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "limmat.md").write_text("# The Limmat\n\nThe Limmat begins where the lake of Zürich ends.")
    local = {"type": "web-search-local", "folder": str(pages), "base_url": "https://rivers.example"}
    tool: Any = {"type": "web_search"}
    async with served("web-search-local", providers={"local": local}) as (client, upstream):
        upstream.then(
            calls("web_search", '{"queries": ["where does the Limmat begin"]}'),
            says("Ah. It begins at a lake 【1】 and flows on."),
        )
        response: Any = await client.responses.create(
            model="up/kit-model", input="Where?", tools=[tool], include=["web_search_call.action.sources"]
        )
        told = next(message.text for message in upstream.asked.messages if message.role == "tool")
    assert "The Limmat begins where the lake of Zürich ends." in told
    search, message = response.output
    assert (search.type, search.status) == ("web_search_call", "completed")
    assert [source.url for source in search.action.sources] == ["https://rivers.example/limmat.md"]
    (note,) = message.content[0].annotations
    assert "【" not in message.content[0].text
    assert (note.type, note.url, note.title) == ("url_citation", "https://rivers.example/limmat.md", "The Limmat")
    assert "begins at a lake" in message.content[0].text[note.start_index : note.end_index]


async def test_code_runs_and_its_output_is_told_by_include(tmp_path: Path) -> None:
    tool: Any = {"type": "code_interpreter", "container": {"type": "auto"}}
    async with served("code-interpreter") as (client, upstream):
        upstream.then(calls("code_interpreter", '{"code": "print(6 * 7)"}'), says("42."))
        response: Any = await client.responses.create(
            model="up/kit-model", input="6 * 7?", tools=[tool], include=["code_interpreter_call.outputs"]
        )
        told = next(message.text for message in upstream.asked.messages if message.role == "tool")
        plain: Any = await client.responses.retrieve(response.id)
    assert told == "42\n"
    code = response.output[0]
    assert (code.type, code.status, code.code) == ("code_interpreter_call", "completed", "print(6 * 7)")
    assert code.container_id.startswith("cntr_")
    assert [output.logs for output in code.outputs] == ["42\n"]
    assert plain.output[0].outputs is None
