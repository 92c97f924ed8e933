from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinrail_core.api.answers import frames
from dinrail_core.api.chat.response import ChatChunk
from dinrail_core.api.wire import decode_upstream
from dinrail_sdk.translation import Chunks

CHUNKS = Chunks("a", "m", 7)
HEAD = {"id": "a", "object": "chat.completion.chunk", "created": 7, "model": "m"}
EXTRA: dict[str, Any] = {"x_kit": {"deep": [1, None]}}


def one(frame: bytes) -> Any:
    (data,) = frames(frame)
    assert frame == b"data: %b\n\n" % data
    decode_upstream(ChatChunk, data)
    return json.loads(data)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_text_and_thoughts_are_written_as_they_are(said: str) -> None:
    for name, frame in (("content", CHUNKS.text(said)), ("reasoning_content", CHUNKS.thought(said))):
        assert one(frame) == HEAD | {"choices": [{"index": 0, "delta": {name: said}, "finish_reason": None}]}


@pytest.mark.parametrize("extra", [{}, EXTRA])
def test_chunks_carry_what_nobody_knows_at_their_top(extra: dict[str, Any]) -> None:
    choice = {"index": 0, "delta": {"role": "assistant"}, "finish_reason": None}
    assert one(CHUNKS.delta({"role": "assistant"}, extra)) == HEAD | extra | {"choices": [choice]}
    due = HEAD | extra | {"choices": [choice | {"delta": {}, "finish_reason": "stop", "why": "w"}]}
    assert one(CHUNKS.finish("stop", {"why": "w"}, {}, extra)) == due
    assert one(CHUNKS.usage({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}, extra)) == HEAD | extra | {
        "choices": [],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    }


def test_a_call_begins_with_its_name_and_goes_on_with_its_arguments() -> None:
    begun = one(CHUNKS.call(1, "c", "f", caller={"type": "direct"}))["choices"][0]["delta"]["tool_calls"]
    function = {"name": "f", "arguments": ""}
    assert begun == [{"index": 1, "id": "c", "type": "function", "function": function, "caller": {"type": "direct"}}]
    more = one(CHUNKS.arguments(1, '{"'))["choices"][0]["delta"]["tool_calls"]
    assert more == [{"index": 1, "function": {"arguments": '{"'}}]
