from __future__ import annotations

from typing import Any

import pytest

from dinrail_core.api.items.content import InputImage, InputText
from dinrail_core.api.items.mcp import McpTool
from dinrail_core.api.items.mcp_rules import admits, needs_approval
from dinrail_core.api.items.tools import McpApproval, McpServerTool
from dinrail_core.api.mcp import McpOutput, McpServer
from dinrail_core.api.wire import MISSING, decode_request

READS = McpTool(name="read", input_schema={}, annotations={"readOnlyHint": True})
WRITES = McpTool(name="write", input_schema={}, annotations={"readOnlyHint": False})
SILENT = McpTool(name="silent", input_schema={})
TOOLS = (READS, WRITES, SILENT)


def asked(**fields: Any) -> McpServerTool:
    return decode_request(McpServerTool, {"type": "mcp", "server_label": "box", **fields})


@pytest.mark.parametrize(
    ("allowed", "names"),
    [
        (MISSING, ["read", "write", "silent"]),
        (None, ["read", "write", "silent"]),
        ([], []),
        (["write", "unknown"], ["write"]),
        ({}, ["read", "write", "silent"]),
        ({"read_only": True}, ["read"]),
        ({"read_only": False}, ["write", "silent"]),
        ({"tool_names": ["silent", "read"]}, ["read", "silent"]),
        ({"tool_names": ["silent", "read"], "read_only": True}, ["read"]),
    ],
)
def test_a_request_says_which_tools_its_model_may_use(allowed: Any, names: list[str]) -> None:
    tool = asked() if allowed is MISSING else asked(allowed_tools=allowed)
    assert [one.name for one in TOOLS if admits(tool.allowed_tools, one)] == names


@pytest.mark.parametrize(
    ("required", "names"),
    [
        (MISSING, ["read", "write", "silent"]),
        (None, ["read", "write", "silent"]),
        ("always", ["read", "write", "silent"]),
        ("never", []),
        ({}, ["read", "write", "silent"]),
        ({"never": {"read_only": True}}, ["write", "silent"]),
        ({"never": {"tool_names": ["read", "write"]}}, ["silent"]),
        ({"always": {"tool_names": ["read"]}}, ["read", "write", "silent"]),
        ({"always": {"tool_names": ["read"]}, "never": {}}, ["read"]),
    ],
)
def test_a_request_says_which_calls_are_to_be_approved(required: Any, names: list[str]) -> None:
    tool = asked() if required is MISSING else asked(require_approval=required)
    assert [one.name for one in TOOLS if needs_approval(tool.require_approval, one)] == names


def test_what_matches_both_filters_needs_approval() -> None:
    both = McpApproval.model_validate({"always": {"tool_names": ["read"]}, "never": {"tool_names": ["read"]}})
    assert needs_approval(both, READS)


def test_a_server_is_named_by_its_url_by_a_connector_or_by_its_label() -> None:
    assert McpServer.of(asked(server_url="https://box.example/mcp")).url == "https://box.example/mcp"
    assert McpServer.of(asked(server_url="https://box.example/mcp")).connector is None
    assert McpServer.of(asked(connector_id="connector_gmail")).connector == "connector_gmail"
    assert McpServer.of(asked()).connector == "box"


def test_a_server_does_not_show_its_secrets() -> None:
    server = McpServer.of(asked(server_url="https://box.example", authorization="hush", headers={"x-key": "psst"}))
    assert (server.authorization, server.headers) == ("hush", {"x-key": "psst"})
    assert "hush" not in repr(server)
    assert "psst" not in repr(server)


def test_the_text_of_an_output_leaves_out_what_is_none() -> None:
    image = InputImage(image_url="data:image/png;base64,AA==", detail="auto")
    output = McpOutput(parts=(InputText(text="one"), image, InputText(text="two")))
    assert output.text == "one\ntwo"
