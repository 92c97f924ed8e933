from __future__ import annotations

from typing import Any

import pytest

from dinrail_core.api.chat.request import ChatRequest
from dinrail_databricks.answers import FORM, Rewording
from dinrail_databricks.requests import in_databricks_words

SIGNED = {"type": "summary_text", "text": "Six by.", "signature": "sig"}
HIDDEN = {"type": "summary_encrypted_text", "data": "e30="}
TEXT = {"type": "text", "text": "42."}
DETAIL = {"type": "reasoning.text", "text": "Six by.", "signature": "sig", "format": FORM, "index": 0}
SECRET = {"type": "reasoning.encrypted", "data": "e30=", "format": FORM, "index": 1}


def reasoning(*summary: Any) -> dict[str, Any]:
    return {"type": "reasoning", "summary": list(summary)}


def reworded(where: str, said: dict[str, Any], finish: str | None = "stop") -> tuple[bool, dict[str, Any]]:
    found: dict[str, Any] = {"choices": [{"index": 0, where: said, "finish_reason": finish}]}
    changed = Rewording()(found)
    return changed, found["choices"][0][where]


def sent(*messages: dict[str, Any], **asked: Any) -> dict[str, Any]:
    request = ChatRequest.model_validate({"model": "m", "messages": list(messages), **asked})
    return in_databricks_words(request).model_dump()


@pytest.mark.parametrize("where", ["message", "delta"])
@pytest.mark.parametrize(
    ("content", "due"),
    [
        (
            [reasoning(SIGNED, HIDDEN), TEXT],
            {"content": "42.", "reasoning_content": "Six by.", "reasoning_details": [DETAIL, SECRET]},
        ),
        ([reasoning(SIGNED)], {"content": None, "reasoning_content": "Six by.", "reasoning_details": [DETAIL]}),
        ([TEXT], {"content": "42."}),
        ([], {"content": ""}),
    ],
)
def test_items_become_text_and_thought(where: str, content: list[Any], due: dict[str, Any]) -> None:
    assert reworded(where, {"content": content}) == (True, due)


@pytest.mark.parametrize(
    "blocks",
    [
        [reasoning(SIGNED), TEXT, reasoning(HIDDEN), TEXT],
        [TEXT | {"citations": [{"url": "https://a.example"}]}],
        [{"type": "image", "image_url": "https://a.example/a.png"}, TEXT],
        [reasoning({"type": "of_tomorrow"}), TEXT],
    ],
    ids=["alternating", "citations", "unknown block", "unknown thought"],
)
def test_a_turn_that_cannot_be_rebuilt_is_carried_whole_and_comes_back_as_it_was(blocks: list[Any]) -> None:
    changed, said = reworded("message", {"role": "assistant", "content": blocks})
    assert changed
    assert said["native_content"] == {"format": FORM, "blocks": blocks}
    (message,) = sent(said)["messages"]
    assert message == {"role": "assistant", "content": blocks}


def test_a_plain_answer_is_left_alone() -> None:
    assert reworded("message", {"content": "42."}) == (False, {"content": "42."})


def test_thoughts_of_a_stream_are_told_whole_once_something_else_comes() -> None:
    pieces: list[tuple[Any, str | None]] = [
        ([reasoning({"type": "summary_text", "text": "Six "})], None),
        ([reasoning({"type": "summary_text", "text": "by.", "signature": "sig"})], None),
        ("4", None),
        ("2.", None),
        (None, "stop"),
    ]
    turn, heard = Rewording(), []
    for content, finish in pieces:
        event: dict[str, Any] = {"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": finish}]}
        turn(event)
        heard.append(event["choices"][0]["delta"])
    assert [said.get("reasoning_content") for said in heard] == ["Six ", "by.", None, None, None]
    assert [said.get("reasoning_details") for said in heard] == [None, None, [DETAIL], None, None]
    assert [said["content"] for said in heard] == [None, None, "4", "2.", None]
    assert not any("native_content" in said for said in heard)


def test_thoughts_of_databricks_go_back_with_their_signatures_and_those_of_others_do_not() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    said = {"role": "assistant", "content": None, "tool_calls": [call], "reasoning_content": "Six by."}
    (ours,) = sent(said | {"reasoning_details": [DETAIL, SECRET]})["messages"]
    assert ours == {"role": "assistant", "content": [reasoning(SIGNED, HIDDEN)], "tool_calls": [call]}
    (foreign,) = sent(said | {"reasoning_details": [DETAIL | {"format": "another"}]})["messages"]
    assert foreign == {"role": "assistant", "content": None, "tool_calls": [call]}


def test_what_changes_nothing_is_left_out_and_a_function_says_that_it_takes_nothing() -> None:
    user = {"role": "user", "content": "Hi."}
    tool = {"type": "function", "function": {"name": "f"}}
    body = sent(user, tools=[tool], store=True, prompt_cache_key="k", safety_identifier="s", max_completion_tokens=5)
    assert body["tools"][0]["function"]["parameters"] == {"type": "object", "properties": {}}
    assert body.keys() == {"model", "messages", "tools", "max_tokens"}
