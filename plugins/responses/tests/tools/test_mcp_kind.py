from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import TypeAdapter
from tool_desk import NotedPen, Written, desk

from dinrail_core.api.call import Call
from dinrail_core.api.items.content import InputImage, InputText
from dinrail_core.api.items.mcp import McpHttpError, McpListTools, McpTool, McpToolError
from dinrail_core.api.items.unions import Item
from dinrail_core.api.mcp import McpClient, McpOutput, McpServer
from dinrail_core.errors import InvalidRequest, UnsupportedFeature, UpstreamUnavailable
from dinrail_responses.tools.interface import Exchange, Json, ModelCall, ToolSet
from dinrail_responses.tools.mcp import McpKind

ITEM: TypeAdapter[Any] = TypeAdapter(Item)
OPEN = {"type": "mcp", "server_label": "box", "server_url": "https://box.example/mcp", "require_approval": "never"}


def tool(name: str, **more: Any) -> McpTool:
    return McpTool(name=name, description=f"does {name}", input_schema={"type": "object"}, **more)


class Client(McpClient):
    """Servers by label, and what their tools put out."""

    def __init__(self, **servers: Sequence[McpTool] | Exception) -> None:
        self.servers = servers
        self.outputs: dict[str, McpOutput] = {}
        self.called: list[tuple[str, str, Mapping[str, Any]]] = []
        self.forbidden: set[str] = set()

    async def check(self, server: McpServer, call: Call) -> None:
        if server.label in self.forbidden:
            raise InvalidRequest("It is not public.", param="server_url", code="url_not_allowed")

    async def tools(self, server: McpServer, call: Call) -> Sequence[McpTool]:
        found = self.servers[server.label]
        await asyncio.sleep(0)
        if isinstance(found, Exception):
            raise found
        return found

    async def call(self, server: McpServer, name: str, arguments: Mapping[str, Any], call: Call) -> McpOutput:
        self.called.append((server.label, name, arguments))
        return self.outputs.get(name, McpOutput(parts=(InputText(text="done"),)))


@asynccontextmanager
async def opened(client: Client, written: Written, *tools: Json, history: Sequence[Json] = ()) -> Any:
    kind, there = McpKind(), desk(written, services={McpClient: client}, history=history)
    assert kind.installed(there.rail)
    async with kind.open(dict(enumerate(tools)), there) as found:
        yield found


async def ask(tools: ToolSet, written: Written, name: str, arguments: str = "{}") -> Any:
    return await tools.run(ModelCall(id="c", name=name, arguments=arguments), NotedPen(written))


async def test_the_tools_of_a_server_are_listed_once_and_offered() -> None:
    written, client = Written(), Client(box=[tool("read"), tool("write")])
    async with opened(client, written, {**OPEN, "server_description": "my box"}) as tools:
        assert await tools.lead() == []
        assert written.kinds == [
            "added",
            "response.mcp_list_tools.in_progress",
            "response.mcp_list_tools.completed",
            "done",
        ]
        (listed,) = written.items
        assert isinstance(ITEM.validate_python(listed), McpListTools)
        assert [one["name"] for one in listed["tools"]] == ["read", "write"]
        assert listed["error"] is None
        offers = tools.offers()
        assert [offer.name for offer in offers] == ["read", "write"]
        assert offers[0].description == "does read (box: my box)"
        assert offers[0].parameters == {"type": "object", "properties": {}}
        assert tools.chosen({"type": "mcp", "server_label": "box", "name": "write"}) == ["write"]
        assert tools.chosen({"type": "mcp", "server_label": "box"}) == ["read", "write"]
        assert tools.chosen({"type": "mcp", "server_label": "other"}) == []
    again = Written()
    async with opened(client, again, OPEN, history=written.items) as tools:
        await tools.lead()
        assert again.events == []
        assert [offer.name for offer in tools.offers()] == ["read", "write"]


async def test_only_allowed_tools_are_listed_and_offered() -> None:
    written = Written()
    client = Client(box=[tool("read", annotations={"readOnlyHint": True}), tool("write")])
    async with opened(client, written, {**OPEN, "allowed_tools": {"read_only": True}}) as tools:
        await tools.lead()
        assert [one["name"] for one in written.items[0]["tools"]] == ["read"]
        assert [offer.name for offer in tools.offers()] == ["read"]


async def test_a_server_that_cannot_be_listed_says_so_in_its_item_and_the_others_work() -> None:
    written = Written()
    client = Client(dead=UpstreamUnavailable("It refuses connections."), box=[tool("read")])
    async with opened(client, written, {**OPEN, "server_label": "dead"}, OPEN) as tools:
        await tools.lead()
        assert [item["error"] for item in written.items] == ["It refuses connections.", None]
        assert "response.mcp_list_tools.failed" in written.kinds
        assert [offer.name for offer in tools.offers()] == ["read"]
    history = [
        {"type": "mcp_list_tools", "id": "m", "server_label": "dead", "tools": [{"name": "x", "input_schema": {}}]}
    ]
    async with opened(client, Written(), {**OPEN, "server_label": "dead"}, history=history) as tools:
        await tools.lead()
        assert [offer.name for offer in tools.offers()] == ["x"]


async def test_a_call_is_told_event_by_event_and_its_output_to_the_model() -> None:
    written, client = Written(), Client(box=[tool("read")])
    async with opened(client, written, OPEN) as tools:
        await tools.lead()
        written.events.clear()
        assert await ask(tools, written, "read", '{"at": 1}') == "done"
    assert client.called == [("box", "read", {"at": 1})]
    assert written.kinds == [
        "added",
        "response.mcp_call.in_progress",
        "response.mcp_call_arguments.delta",
        "response.mcp_call_arguments.done",
        "response.mcp_call.completed",
        "done",
    ]
    begun, item = written.events[0]["item"], written.items[-1]
    assert (begun["arguments"], begun["status"]) == ("", "in_progress")
    assert (item["arguments"], item["status"], item["output"], item["error"]) == (
        '{"at": 1}',
        "completed",
        "done",
        None,
    )
    assert item["approval_request_id"] is None
    ITEM.validate_python(item)


async def test_images_are_shown_to_the_model_and_text_stands_in_the_item() -> None:
    written, client = Written(), Client(box=[tool("look")])
    image = InputImage(image_url="data:image/png;base64,AA==", detail="auto")
    client.outputs["look"] = McpOutput(parts=(InputText(text="see"), image))
    async with opened(client, written, OPEN) as tools:
        await tools.lead()
        told = await ask(tools, written, "look")
    assert told == [
        {"type": "input_text", "text": "see"},
        {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "auto"},
    ]
    assert written.items[-1]["output"] == "see"


@pytest.mark.parametrize(
    ("output", "told", "error"),
    [
        (
            McpOutput(
                parts=(InputText(text="no such row"),),
                error=McpToolError(content=[{"type": "text", "text": "no such row"}]),
            ),
            "The call failed. no such row",
            {"type": "mcp_tool_execution_error", "content": [{"type": "text", "text": "no such row"}]},
        ),
        (
            McpOutput(error=McpHttpError(code=502, message="The server has ended.")),
            "The call failed. The server has ended.",
            {"type": "http_error", "code": 502, "message": "The server has ended."},
        ),
    ],
)
async def test_what_goes_wrong_is_told_in_full(output: McpOutput, told: str, error: Json) -> None:
    written, client = Written(), Client(box=[tool("read")])
    client.outputs["read"] = output
    async with opened(client, written, OPEN) as tools:
        await tools.lead()
        assert await ask(tools, written, "read") == told
    item = written.items[-1]
    assert (item["status"], item["output"], item["error"]) == ("failed", None, error)
    assert written.kinds[-2:] == ["response.mcp_call.failed", "done"]
    ITEM.validate_python(item)
    assert McpKind().replayed(item, {}) == Exchange(ModelCall(id=item["id"], name="read", arguments="{}"), told)


async def test_arguments_that_are_none_are_told_and_the_server_is_not_asked() -> None:
    written, client = Written(), Client(box=[tool("read")])
    async with opened(client, written, {**OPEN, "require_approval": "always"}) as tools:
        await tools.lead()
        for arguments in ("{", "[1]", '"x"'):
            assert "no JSON object" in await ask(tools, written, "read", arguments)
            item = written.items[-1]
            assert (item["status"], item["error"]["type"]) == ("failed", "mcp_tool_execution_error")
            assert "no JSON object" in item["error"]["content"][0]["text"]
            ITEM.validate_python(item)
    assert client.called == []


async def test_a_call_that_needs_a_yes_ends_the_step_with_a_question() -> None:
    written, client = Written(), Client(box=[tool("read"), tool("write")])
    asking = {**OPEN, "require_approval": {"never": {"tool_names": ["read"]}}}
    async with opened(client, written, asking) as tools:
        await tools.lead()
        assert await ask(tools, written, "read") == "done"
        assert await ask(tools, written, "write", '{"a":1}') is None
    question = written.items[-1]
    assert question == {
        "type": "mcp_approval_request",
        "id": question["id"],
        "server_label": "box",
        "name": "write",
        "arguments": '{"a":1}',
    }
    assert [name for _, name, _ in client.called] == ["read"]
    yes = {"type": "mcp_approval_response", "approval_request_id": question["id"], "approve": True}
    async with opened(client, written, asking, history=[*written.items, yes]) as tools:
        (exchange,) = await tools.lead()
        assert exchange == Exchange(ModelCall(id=question["id"], name="write", arguments='{"a":1}'), "done")
    resumed = Written()
    async with opened(client, resumed, asking, history=[*written.items[:-1], yes]) as tools:
        assert await tools.lead(again=True) == ()
        assert [offer.name for offer in tools.offers()] == ["read", "write"]
    assert resumed.events == []
    assert len(client.called) == 2
    made = written.items[-1]
    assert (made["type"], made["approval_request_id"]) == ("mcp_call", question["id"])
    assert client.called[-1] == ("box", "write", {"a": 1})
    async with opened(client, Written(), asking, history=[*written.items, yes]) as tools:
        assert await tools.lead() == []  # it has been made


async def test_a_no_is_told_to_the_model_with_its_reason() -> None:
    question = {"type": "mcp_approval_request", "id": "q", "server_label": "box", "name": "write", "arguments": "{}"}
    no = {"type": "mcp_approval_response", "approval_request_id": "q", "approve": False, "reason": "too late"}
    told = McpKind().replayed(no, {"q": question})
    assert told == Exchange(
        ModelCall(id="q", name="write", arguments="{}"), "The user did not allow this call: too late"
    )
    written, client = Written(), Client(box=[tool("write")])
    async with opened(client, written, OPEN, history=[question, no]) as tools:
        assert await tools.lead() == []
    assert client.called == []
    assert McpKind().replayed({**no, "approve": True}, {"q": question}) is None
    assert McpKind().replayed(question, {}) is None
    assert McpKind().replayed({"type": "mcp_list_tools", "server_label": "box", "tools": []}, {}) is None


async def test_what_was_approved_is_called_only_if_it_is_allowed() -> None:
    question = {"type": "mcp_approval_request", "id": "q", "server_label": "box", "name": "write", "arguments": "{}"}
    yes = {"type": "mcp_approval_response", "approval_request_id": "q", "approve": True}
    written, client = Written(), Client(box=[tool("read"), tool("write")])
    async with opened(client, written, {**OPEN, "allowed_tools": ["read"]}, history=[question, yes]) as tools:
        (exchange,) = await tools.lead()
    assert "no tool 'write'" in exchange.told
    assert client.called == []


async def test_an_answer_to_a_question_that_nobody_asked_is_refused() -> None:
    yes = {"type": "mcp_approval_response", "approval_request_id": "nobody", "approve": True}
    with pytest.raises(InvalidRequest, match="'nobody'") as caught:
        async with opened(Client(box=[]), Written(), OPEN, history=[yes]):
            pass
    assert caught.value.param == "input"


async def test_tools_of_several_servers_that_share_a_name_are_told_apart() -> None:
    written, client = Written(), Client(box=[tool("read"), tool("one")], bag=[tool("read")])
    async with opened(client, written, OPEN, {**OPEN, "server_label": "bag"}) as tools:
        await tools.lead()
        assert [offer.name for offer in tools.offers()] == ["box__read", "one", "bag__read"]
        await ask(tools, written, "bag__read")
    assert client.called == [("bag", "read", {})]
    assert written.items[-1]["name"] == "read"


async def test_a_tool_that_cannot_be_used_is_refused_with_its_place() -> None:
    client = Client(box=[])
    client.forbidden = {"inside"}
    for tools, param in (
        ((OPEN, {**OPEN, "server_label": "inside"}), "tools.1.server_url"),
        ((OPEN, OPEN), "tools.1.server_label"),
    ):
        with pytest.raises(InvalidRequest) as caught:
            async with opened(client, Written(), *tools):
                pass
        assert caught.value.param == param
    with pytest.raises(UnsupportedFeature, match="tunnels"):
        async with opened(client, Written(), {**OPEN, "tunnel_id": "tunnel_" + "a" * 32}):
            pass


async def test_secrets_of_a_tool_stand_in_no_item_and_no_event() -> None:
    written, client = Written(), Client(box=[tool("read")])
    secret = {**OPEN, "authorization": "hush-hush", "headers": {"x-key": "psst-psst"}}
    async with opened(client, written, secret) as tools:
        await tools.lead()
        await ask(tools, written, "read")
        assert "hush-hush" not in repr((written, tools.offers()))
        assert "psst-psst" not in repr((written, tools.offers()))
