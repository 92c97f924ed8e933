"""Servers that other people wrote, and one of our own on the newest revision, over every transport."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mcp_peers import CALL, everything_over_http, node_server, own_server, put_out, service

from dinrail_core.api.items.content import InputFile, InputImage
from dinrail_core.api.items.mcp import McpToolError
from dinrail_core.api.mcp import McpServer

EVERYTHING = McpServer(label="everything", connector="everything")


@pytest.mark.parametrize("transport", ["stdio", "sse", "streamableHttp"])
async def test_server_everything_is_listed_and_called_over(transport: str) -> None:
    if transport == "stdio":
        command, *args = node_server("server-everything", "stdio")
        async with service(connectors={"everything": {"command": command, "args": args}}) as mcp:
            names = [tool.name for tool in await mcp.tools(EVERYTHING, CALL)]
            assert {"echo", "get-sum", "get-tiny-image"} <= set(names)
            assert (await put_out(mcp, EVERYTHING, "echo", message="Grüezi 🌍")).text == "Echo: Grüezi 🌍"
        return
    path = {"sse": "/sse", "streamableHttp": "/mcp"}[transport]
    async with everything_over_http(transport) as origin, service() as mcp:
        server = McpServer(label="everything", url=origin + path)
        names = [tool.name for tool in await mcp.tools(server, CALL)]
        assert {"echo", "get-sum", "get-tiny-image"} <= set(names)
        assert (await put_out(mcp, server, "echo", message="Grüezi 🌍")).text == "Echo: Grüezi 🌍"
        image = await put_out(mcp, server, "get-tiny-image")
        shown = [part for part in image.parts if isinstance(part, InputImage)]
        assert [str(part.image_url)[:22] for part in shown] == ["data:image/png;base64,"]


async def test_what_server_everything_puts_out_is_shown_as_far_as_a_model_can_be_shown_it() -> None:
    command, *args = node_server("server-everything", "stdio")
    async with service(connectors={"everything": {"command": command, "args": args}}) as mcp:
        weather = await put_out(mcp, EVERYTHING, "get-structured-content", location="New York")
        assert weather.text.count("temperature") == 1
        assert json.loads(weather.text)["conditions"] == "Cloudy"
        links = await put_out(mcp, EVERYTHING, "get-resource-links", count=2)
        assert links.text.count("[resource ") == 2
        blob = await put_out(mcp, EVERYTHING, "get-resource-reference", resourceType="Blob", resourceId=1)
        files = [part for part in blob.parts if isinstance(part, InputFile)]
        assert len(files) == 1
        assert str(files[0].file_data).startswith("data:text/plain;base64,")
        wrong = await mcp.call(EVERYTHING, "get-sum", {"a": "one"}, CALL)
        assert isinstance(wrong.error, McpToolError)
        assert "expected number, received string" in wrong.text
        assert "expected number, received string" in json.dumps(wrong.error.content)


async def test_server_filesystem_keeps_to_its_folder(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("remember")
    command, *args = node_server("server-filesystem", str(tmp_path))
    server = McpServer(label="files", connector="files")
    async with service(connectors={"files": {"command": command, "args": args}}) as mcp:
        tools = {tool.name: tool for tool in await mcp.tools(server, CALL)}
        assert tools["read_text_file"].annotations["readOnlyHint"] is True  # type: ignore[index]  # it has some
        note = await put_out(mcp, server, "read_text_file", path=str(tmp_path / "note.txt"))
        assert note.text == "remember"
        outside = await mcp.call(server, "read_text_file", {"path": "/etc/hostname"}, CALL)
        assert isinstance(outside.error, McpToolError)
        assert "outside allowed directories" in outside.text
        await put_out(mcp, server, "write_file", path=str(tmp_path / "new.txt"), content="written")
        assert (tmp_path / "new.txt").read_text() == "written"


@pytest.mark.parametrize("json_answers", [True, False])
async def test_a_server_of_the_newest_revision_needs_no_handshake_and_a_warm_call_is_one_request(
    json_answers: bool,
) -> None:
    async with own_server(json_answers=json_answers) as own, service() as mcp:
        server = McpServer(label="own", url=own.url)
        assert [tool.name for tool in await mcp.tools(server, CALL)] == ["add", "locate", "headers_seen"]
        assert own.posts == ["server/discover", "tools/list"]
        assert own.requests[0][2]["mcp-protocol-version"] == "2026-07-28"
        assert (await put_out(mcp, server, "add", a=1, b=2)).text == "3"
        before = len(own.requests)
        await mcp.tools(server, CALL)
        assert (await put_out(mcp, server, "add", a=20, b=3)).text == "23"
        assert own.posts[before:] == ["tools/call"]


async def test_references_in_a_schema_are_resolved_before_a_model_sees_it() -> None:
    async with own_server() as own, service() as mcp:
        tools = {tool.name: tool for tool in await mcp.tools(McpServer(label="own", url=own.url), CALL)}
    schema = tools["locate"].input_schema
    assert "$ref" not in json.dumps(schema)
    assert "$defs" not in schema
    assert schema["properties"]["point"]["properties"]["x"]["type"] == "integer"
    assert tools["add"].annotations == {"readOnlyHint": True}


async def test_authorization_and_headers_reach_the_server_with_every_request() -> None:
    async with own_server() as own, service() as mcp:
        server = McpServer(label="own", url=own.url, authorization="hush", headers={"X-Tenant": "a"})
        await put_out(mcp, server, "headers_seen")
    assert {(seen["authorization"], seen["x-tenant"]) for _, _, seen in own.requests} == {("Bearer hush", "a")}
