"""What a line comes to, in OpenAI's shape. No I/O."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from dinrail_batches.tables import TOKENS
from dinrail_core.api.operations import Outcome

__all__ = ["EXPIRED", "Result", "expired", "result_of", "tokens_in"]

EXPIRED = "batch_expired"

_NOT_AN_OBJECT = orjson.dumps(
    {
        "error": {
            "message": "The answer is no JSON object.",
            "type": "server_error",
            "param": None,
            "code": "upstream_invalid",
        }
    }
)


@dataclass(frozen=True, slots=True)
class Result:
    """What a line has come to.

    Attributes:
        line: Its number.
        failed: Whether it goes into the error file.
        text: The line of that file, with its newline.
    """

    line: int
    failed: bool
    text: bytes


def result_of(line: int, custom_id: str, request_id: str, outcome: Outcome) -> Result:
    """The result of a line that was asked.

    Args:
        line: Its number.
        custom_id: What its owner calls it.
        request_id: The id by which logs know it.
        outcome: What came back.
    """
    status, body = outcome.status, outcome.body
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        status, body = 502, _NOT_AN_OBJECT
    # Between values a line end means nothing, and inside of strings JSON allows none.
    body = body.replace(b"\r", b" ").replace(b"\n", b" ")
    response = b'{"status_code":%d,"request_id":%b,"body":%b}' % (status, orjson.dumps(request_id), body)
    own_id = request_id.removeprefix("req_").encode()
    return Result(line, status >= 400, _line(own_id, custom_id, response, b"null"))


def expired(line: int, custom_id: str) -> Result:
    """The result of a line that nobody got to in time."""
    error = {"code": EXPIRED, "message": "The batch expired before this request was completed."}
    return Result(line, True, _line(os.urandom(12).hex().encode(), custom_id, b"null", orjson.dumps(error)))


def _line(own_id: bytes, custom_id: str, response: bytes, error: bytes) -> bytes:
    return b'{"id":"batch_req_%b","custom_id":%b,"response":%b,"error":%b}\n' % (
        own_id,
        orjson.dumps(custom_id),
        response,
        error,
    )


def tokens_in(text: bytes) -> dict[str, int]:
    """What the answers of some lines of an output file say that they have used, added up."""
    used = dict.fromkeys(TOKENS, 0)
    for line in text.splitlines():
        usage = orjson.loads(line)["response"]["body"].get("usage")
        if isinstance(usage, dict):
            for name, count in _tokens(usage).items():
                used[name] += count
    return used


def _tokens(usage: Mapping[str, Any]) -> Mapping[str, int]:
    """A usage in the words of either API."""
    given = _number(usage, "input_tokens") or _number(usage, "prompt_tokens")
    made = _number(usage, "output_tokens") or _number(usage, "completion_tokens")
    inside = usage.get("input_tokens_details") or usage.get("prompt_tokens_details")
    outside = usage.get("output_tokens_details") or usage.get("completion_tokens_details")
    return {
        "input_tokens": given,
        "cached_tokens": _number(inside, "cached_tokens"),
        "output_tokens": made,
        "reasoning_tokens": _number(outside, "reasoning_tokens"),
        "total_tokens": _number(usage, "total_tokens") or given + made,
    }


def _number(holder: object, name: str) -> int:
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if type(value) is int and 0 <= value < 2**40 else 0
