"""From what a request says to what is kept: pure, and the same for conversations and responses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter

from dinrail_core.api.items.reasoning import CompactionTrigger
from dinrail_core.api.items.unions import InputItem, Item, ItemReference
from dinrail_core.errors import InvalidRequest

__all__ = ["PREFIXES", "keep", "read_item"]

PREFIXES: Mapping[str, str] = MappingProxyType(
    {
        "additional_tools": "at_",
        "apply_patch_call": "apc_",
        "apply_patch_call_output": "apco_",
        "code_interpreter_call": "ci_",
        "compaction": "cmp_",
        "computer_call": "cu_",
        "computer_call_output": "cuo_",
        "custom_tool_call": "ctc_",
        "custom_tool_call_output": "ctco_",
        "file_search_call": "fs_",
        "function_call": "fc_",
        "function_call_output": "fco_",
        "image_generation_call": "ig_",
        "local_shell_call": "lsh_",
        "local_shell_call_output": "lsho_",
        "mcp_approval_request": "mcpr_",
        "mcp_approval_response": "mcpa_",
        "mcp_call": "mcp_",
        "mcp_list_tools": "mcpl_",
        "message": "msg_",
        "program": "prog_",
        "program_output": "progo_",
        "reasoning": "rs_",
        "shell_call": "sh_",
        "shell_call_output": "sho_",
        "tool_search_call": "tsc_",
        "tool_search_output": "tso_",
        "web_search_call": "ws_",
    }
)
"""How the ids of each kind of item begin."""

_COMPLETED = {"status": "completed"}
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "message": _COMPLETED,
    "function_call": _COMPLETED,
    "function_call_output": _COMPLETED,
    "custom_tool_call": _COMPLETED,
    "custom_tool_call_output": _COMPLETED,
    "computer_call_output": _COMPLETED,
    "shell_call": {**_COMPLETED, "environment": None},
    "shell_call_output": {**_COMPLETED, "max_output_length": None},
    "tool_search_call": {**_COMPLETED, "call_id": None, "execution": "server"},
    "tool_search_output": {**_COMPLETED, "call_id": None, "execution": "server"},
    "code_interpreter_call": {"code": None, "outputs": None},
    "image_generation_call": {"result": None},
}
"""What is always there in an item that is kept, and a request may leave out."""

_NOT_NULL = ("id", "status", "namespace", "name", "acknowledged_safety_checks", "content")
"""What a request may say as null, and what is then left out of the item that is kept."""

_PART_NOT_NULL = ("detail", "prompt_cache_breakpoint", "filename", "file_data", "file_url")


def keep(item: InputItem, new_id: Callable[[str], str]) -> Item:
    """The item that is kept for one that a request brings.

    What is left out is filled in (an id, ``completed``, text as a part); what is there stays, unknown fields included.
    Secrets of tools (an MCP server's ``authorization`` and ``headers``, the secrets of a container's domains) go: they
    are for one request, and never kept.

    Args:
        item: An item of a request. References are the caller's to resolve, and a trigger is never kept.
        new_id: Makes an id that begins as it is told.

    Raises:
        InvalidRequest: The item is none that can be kept (``param`` is ``type``), or its id is none that one can be
            found by again (``id``).
    """
    if isinstance(item, (ItemReference, CompactionTrigger)):
        raise InvalidRequest(f"An item of the type '{item.type}' cannot be kept.", param="type")
    data: dict[str, Any] = item.model_dump(mode="json")
    kind = data.setdefault("type", "message")
    for name in _NOT_NULL:
        if data.get(name, ...) is None:
            del data[name]
    for name, value in _DEFAULTS.get(kind, {}).items():
        data.setdefault(name, value)
    if "id" not in data:
        data["id"] = new_id(PREFIXES[kind])
    elif isinstance(data["id"], str) and "\0" in data["id"]:
        raise InvalidRequest("An id must not contain the character U+0000.", param="id")
    complete = _COMPLETIONS.get(kind)
    if complete is not None:
        complete(data)
    return _items().validate_python(data, strict=True)


def read_item(text: str | bytes) -> Item:
    """An item out of the JSON text in which it is kept."""
    return _items().validate_json(text, strict=True)


@cache
def _items() -> TypeAdapter[Item]:
    adapter: TypeAdapter[Item] = TypeAdapter(Item)
    return adapter


def _complete_message(data: dict[str, Any]) -> None:
    content = data.get("content", [])
    if isinstance(content, str):
        kind = "output_text" if data["role"] == "assistant" else "input_text"
        content = [{"type": kind, "text": content}]
    data["content"] = [_part(part) for part in content]


def _complete_output(data: dict[str, Any]) -> None:
    if data.get("call_id", ...) is None:
        del data["call_id"]
    if isinstance(data["output"], list):
        data["output"] = [_part(part) for part in data["output"]]


def _part(part: dict[str, Any]) -> dict[str, Any]:
    for name in _PART_NOT_NULL:
        if part.get(name, ...) is None:
            del part[name]
    if part["type"] == "input_image":
        part.setdefault("detail", "auto")
    elif part["type"] == "output_text":
        part["annotations"] = part.get("annotations") or []
        part["logprobs"] = part.get("logprobs") or []
    return part


def _complete_local_output(data: dict[str, Any]) -> None:
    data.setdefault("call_id", data["id"])


def _complete_shell_call(data: dict[str, Any]) -> None:
    data["action"] = {"timeout_ms": None, "max_output_length": None, **data["action"]}


def _complete_tools(data: dict[str, Any]) -> None:
    for tool in data["tools"]:
        kind = tool["type"]
        if kind == "function":
            tool.setdefault("parameters", None)
            tool.setdefault("strict", None)
        elif kind == "mcp":
            tool.pop("authorization", None)
            tool.pop("headers", None)
        else:
            for place in ("container", "environment"):
                _drop_domain_secrets(tool.get(place))


def _drop_domain_secrets(container: Any) -> None:
    policy = container.get("network_policy") if isinstance(container, dict) else None
    if isinstance(policy, dict):
        policy.pop("domain_secrets", None)


_COMPLETIONS: Mapping[str, Callable[[dict[str, Any]], None]] = {
    "message": _complete_message,
    "function_call_output": _complete_output,
    "custom_tool_call_output": _complete_output,
    "local_shell_call_output": _complete_local_output,
    "shell_call": _complete_shell_call,
    "tool_search_output": _complete_tools,
    "additional_tools": _complete_tools,
}
