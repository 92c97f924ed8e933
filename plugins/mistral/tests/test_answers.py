from __future__ import annotations

from typing import Any

import pytest

from dinrail_mistral.answers import in_openais_words


def reworded(where: str, said: dict[str, Any], finish: str | None = None) -> tuple[bool, dict[str, Any]]:
    found = {"choices": [{"index": 0, where: said, "finish_reason": finish}]}
    changed = in_openais_words(found)
    return changed, found["choices"][0]


@pytest.mark.parametrize("where", ["message", "delta"])
@pytest.mark.parametrize(
    ("chunks", "due"),
    [
        (
            [
                {"type": "thinking", "thinking": [{"type": "text", "text": "Six "}, {"type": "text", "text": "by."}]},
                {"type": "text", "text": "42"},
                {"type": "text", "text": "."},
            ],
            {"content": "42.", "reasoning_content": "Six by."},
        ),
        (
            [{"type": "thinking", "thinking": [{"type": "text", "text": "So"}], "signature": "s"}],
            {"content": None, "reasoning_content": "So", "reasoning_signature": "s"},
        ),
        ([], {"content": ""}),
        (
            [{"type": "text", "text": "As told"}, {"type": "reference", "reference_ids": [1]}],
            {"content": "As told", "content_chunks": [{"type": "reference", "reference_ids": [1]}]},
        ),
    ],
)
def test_chunks_become_text_and_thought(where: str, chunks: list[Any], due: dict[str, Any]) -> None:
    assert reworded(where, {"content": chunks}) == (True, {"index": 0, where: due, "finish_reason": None})


def test_a_full_context_is_a_length() -> None:
    assert reworded("message", {"content": "So"}, "model_length")[1]["finish_reason"] == "length"


def test_calls_have_what_openais_have() -> None:
    bare = {"id": "a1b2c3d4e", "function": {"name": "f", "arguments": {"ü": 1}}}
    _, whole = reworded("message", {"content": "", "tool_calls": [dict(bare)]})
    call = {"id": "a1b2c3d4e", "type": "function", "function": {"name": "f", "arguments": '{"ü": 1}'}}
    assert whole["message"]["tool_calls"] == [call]
    bare["function"] = {"name": "f", "arguments": "{}"}
    _, streamed = reworded("delta", {"tool_calls": [dict(bare)]})
    assert streamed["delta"]["tool_calls"] == [call | {"index": 0, "function": bare["function"]}]


@pytest.mark.parametrize("said", [{"content": "So"}, {"content": None}, {}, {"content": "", "tool_calls": None}])
def test_what_is_in_openais_words_is_left_alone(said: dict[str, Any]) -> None:
    before = dict(said)
    assert reworded("delta", said, "stop") == (False, {"index": 0, "delta": before, "finish_reason": "stop"})


def test_a_finish_reason_that_nobody_knows_stays() -> None:
    assert reworded("delta", {}, "error") == (False, {"index": 0, "delta": {}, "finish_reason": "error"})
