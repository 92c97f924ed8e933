"""JSON-RPC messages (version 2.0), as MCP uses them: read with suspicion, and told apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from mcp import MCPError

from dinrail_mcp.failures import McpFailure

__all__ = ["LIST_CHANGED", "METHOD_NOT_FOUND", "answer_to", "read", "request", "result_of", "told"]

LIST_CHANGED = "notifications/tools/list_changed"
METHOD_NOT_FOUND = -32601
_INVALID = -32600


def request(method: str, params: Mapping[str, Any] | None, number: int | None) -> bytes:
    """A request, or without a number a notification."""
    message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    if number is not None:
        message["id"] = number
    if params is not None:
        message["params"] = params
    return orjson.dumps(message)


def read(text: bytes) -> dict[str, Any]:
    """A message.

    Raises:
        McpFailure: It is none.
    """
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise McpFailure("The server sent something that is not JSON.") from None
    if not isinstance(message, dict):
        raise McpFailure("The server sent something that is no JSON-RPC message.")
    return message


def told(message: Mapping[str, Any], number: int) -> bool:
    """Whether this is the answer to our request of that number; some servers make a text of it."""
    return "method" not in message and message.get("id") in (number, str(number))


def result_of(message: Mapping[str, Any]) -> dict[str, Any]:
    """The result in an answer.

    Raises:
        MCPError: It is an error.
        McpFailure: It is neither.
    """
    error = message.get("error")
    if isinstance(error, dict):
        raise error_of(error)
    result = message.get("result")
    if not isinstance(result, dict):
        raise McpFailure("The server's answer has neither a result nor an error.")
    return result


def error_of(error: Mapping[str, Any]) -> MCPError:
    """The error that an answer tells, in full; of a form that is wrong, as much as there is."""
    code, text = error.get("code"), error.get("message")
    return MCPError(
        code if isinstance(code, int) and not isinstance(code, bool) else _INVALID,
        text if isinstance(text, str) else "The server told of an error without saying which.",
        error.get("data"),
    )


def answer_to(message: Mapping[str, Any]) -> bytes:
    """What a server's own request is answered with: a ping with nothing, anything else with a refusal.

    Sampling, elicitation and roots are not among the capabilities that we announce.
    """
    answer: dict[str, Any] = {"jsonrpc": "2.0", "id": message.get("id")}
    if message.get("method") == "ping":
        answer["result"] = {}
    else:
        answer["error"] = {"code": METHOD_NOT_FOUND, "message": "This client does not do that."}
    return orjson.dumps(answer)
