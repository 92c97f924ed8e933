"""From items to messages of a chat."""

from __future__ import annotations

from typing import Any

import pytest

from dinrail_core.errors import DinrailError, InvalidRequest, UnsupportedFeature
from dinrail_responses.chat_messages import Attached, Scene, as_messages
from dinrail_responses.tools.interface import Exchange, Json, ModelCall


def said(*items: Json, **scene: Any) -> list[Json]:
    def replayed(item: Json) -> Exchange | None:
        if item["type"] == "unheard_of":
            raise UnsupportedFeature("No words for it.")
        return Exchange(ModelCall(id=item["id"], name="search", arguments="{}"), "found") if "found" in item else None

    plain = Scene(
        attached={
            "file-1": Attached(url="data:image/png;base64,AA"),
            "file-2": Attached(text="Total: 12", filename="bill.txt"),
        },
        replayed=replayed,
        unsealed=lambda sealed: sealed.removeprefix("dr1."),
        **scene,
    )
    return as_messages(items, plain)


def text(role: str, *words: str) -> Json:
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "id": "m", "role": role, "content": [{"type": kind, "text": word} for word in words]}


def call(key: str, name: str = "weather") -> Json:
    return {"type": "function_call", "id": f"fc_{key}", "call_id": key, "name": name, "arguments": "{}"}


def output(key: str, told: Any = "ok") -> Json:
    return {"type": "function_call_output", "id": f"fco_{key}", "call_id": key, "output": told}


def roles(messages: list[Json]) -> list[str]:
    return [message["role"] for message in messages]


def test_instructions_side_by_side_are_one_message() -> None:
    messages = said(text("system", "Be kind."), text("developer", "Be brief."), text("user", "Hello."))
    assert messages == [
        {"role": "system", "content": "Be kind.\n\nBe brief."},
        {"role": "user", "content": "Hello."},
    ]


def test_calls_side_by_side_are_one_message_and_outputs_follow_in_their_order() -> None:
    messages = said(
        text("user", "?"), text("assistant", "Hm."), call("a"), call("b"), output("b", "2"), output("a", "1")
    )
    assert roles(messages) == ["user", "assistant", "tool", "tool"]
    assert messages[1]["content"] == "Hm."
    assert [(m["tool_call_id"], m["content"]) for m in messages[2:]] == [("a", "1"), ("b", "2")]


def test_an_output_is_found_behind_calls_that_came_later() -> None:
    messages = said(call("a"), {"type": "ran", "id": "x", "found": 1}, call("c"), output("c"), output("a", "late"))
    assert [m.get("tool_call_id") for m in messages if m["role"] == "tool"] == ["a", "x", "c"]


def test_a_call_without_output_and_an_output_without_call_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="No tool output found for the call with call_id a"):
        said(call("a"), text("user", "And?"))
    with pytest.raises(InvalidRequest, match="No tool call found for the output with call_id a"):
        said(output("a"))


def test_images_of_a_tool_follow_in_a_message_of_the_users() -> None:
    parts = [{"type": "input_text", "text": "a cat"}, {"type": "input_image", "image_url": "https://example.org/a.png"}]
    messages = said(call("a"), output("a", parts))
    assert roles(messages) == ["assistant", "tool", "user"]
    assert messages[1]["content"] == "a cat"
    assert messages[2]["content"][0]["image_url"]["url"] == "https://example.org/a.png"


def test_files_become_images_and_text() -> None:
    image = {"type": "input_image", "file_id": "file-1", "detail": "original"}
    document = {"type": "input_file", "file_id": "file-2", "filename": "invoice.pdf"}
    (message,) = said({"type": "message", "id": "m", "role": "user", "content": [image, document]})
    assert message["content"] == [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA", "detail": "high"}},
        {"type": "text", "text": "[invoice.pdf]\nTotal: 12"},
    ]


def test_thoughts_are_told_within_the_turn_in_which_they_were_thought() -> None:
    def thought(words: str) -> Json:
        return {"type": "reasoning", "id": "r", "summary": [], "content": [{"type": "reasoning_text", "text": words}]}

    items = (
        text("user", "1"),
        thought("old"),
        call("a"),
        output("a"),
        text("user", "2"),
        thought("new"),
        call("b"),
        output("b"),
    )
    told = [message.get("reasoning_content") for message in said(*items) if message["role"] == "assistant"]
    assert told == [None, "new"]
    told = [
        message.get("reasoning_content")
        for message in said(*items, all_thoughts=True)
        if message["role"] == "assistant"
    ]
    assert told == ["old", "new"]


def test_thoughts_under_our_seal_are_opened_and_those_of_others_pass_over() -> None:
    ours = {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "dr1.I think."}
    theirs = {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "gAAAA"}
    for item, expected in ((ours, "I think."), (theirs, None)):
        messages = said(text("user", "?"), item, call("a"), output("a"))
        assert messages[1].get("reasoning_content") == expected


def test_a_custom_tools_input_is_the_argument_of_a_function() -> None:
    custom = {"type": "custom_tool_call", "id": "c", "call_id": "a", "name": "shout", "input": 'say "hi"'}
    messages = said(custom, {"type": "custom_tool_call_output", "id": "o", "call_id": "a", "output": "HI"})
    assert messages[0]["tool_calls"][0]["function"] == {"name": "shout", "arguments": '{"input":"say \\"hi\\""}'}


def test_what_a_chat_has_no_words_for_is_refused() -> None:
    with pytest.raises(DinrailError):
        said({"type": "unheard_of", "id": "x"})
    video = {"type": "input_video", "video_url": "https://example.org/v"}
    with pytest.raises(UnsupportedFeature, match="input_video"):
        said({"type": "message", "id": "m", "role": "user", "content": [video]})


def test_a_compacted_history_is_told_as_what_was_said_before() -> None:
    (message,) = said({"type": "compaction", "id": "c", "encrypted_content": "dr1.They like cats."})
    assert message == {"role": "user", "content": "Summary of what was said before:\n\nThey like cats."}


def test_marks_for_caching_stay_on_their_parts() -> None:
    mark = {"prompt_cache_breakpoint": {"mode": "explicit"}}
    long = text("developer", "A long text.")
    long["content"][0] |= mark
    question = text("user", "?")
    question["content"][0] |= mark
    system, user = said(text("system", "Be kind."), long, text("system", "Be brief."), question)
    assert [(part["text"], "prompt_cache_breakpoint" in part) for part in system["content"]] == [
        ("Be kind.", False),
        ("A long text.", True),
        ("Be brief.", False),
    ]
    assert user["content"] == [{"type": "text", "text": "?", **mark}]


def test_a_document_is_told_with_its_name() -> None:
    names = []
    for more in ({}, {"filename": "invoice.txt"}):
        part = {"type": "input_file", "file_id": "file-2", **more}
        (message,) = said({"type": "message", "id": "m", "role": "user", "content": [part]})
        names.append(message["content"])
    assert names == ["[bill.txt]\nTotal: 12", "[invoice.txt]\nTotal: 12"]
