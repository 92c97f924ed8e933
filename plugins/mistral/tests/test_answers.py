from __future__ import annotations

from typing import Any

import pytest

from dinrail_core.api.chat.request import ChatRequest
from dinrail_mistral.answers import FORM, Rewording
from dinrail_mistral.requests import in_mistrals_words


def reworded(where: str, said: dict[str, Any], finish: str | None = None) -> tuple[bool, dict[str, Any]]:
    found = {"choices": [{"index": 0, where: said, "finish_reason": finish}]}
    changed = Rewording()(found)
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
            {
                "content": "42.",
                "reasoning_content": "Six by.",
                "reasoning_details": [{"type": "reasoning.text", "text": "Six by.", "format": FORM, "index": 0}],
            },
        ),
        (
            [{"type": "thinking", "thinking": [{"type": "text", "text": "So"}], "signature": "s"}],
            {
                "content": None,
                "reasoning_content": "So",
                "reasoning_details": [
                    {"type": "reasoning.text", "text": "So", "signature": "s", "format": FORM, "index": 0}
                ],
            },
        ),
        ([], {"content": ""}),
        (
            [{"type": "text", "text": "As told"}, {"type": "reference", "reference_ids": [1]}],
            {
                "content": "As told",
                "annotations": [{"type": "reference", "reference_ids": [1], "start_index": 0, "end_index": 7}],
                "native_content": {
                    "format": FORM,
                    "blocks": [{"type": "text", "text": "As told"}, {"type": "reference", "reference_ids": [1]}],
                },
            },
        ),
    ],
)
def test_chunks_become_text_and_thought(where: str, chunks: list[Any], due: dict[str, Any]) -> None:
    assert reworded(where, {"content": chunks}, "stop") == (True, {"index": 0, where: due, "finish_reason": "stop"})


PAGE = {"type": "tool_reference", "tool": "web_search", "title": "On Bern", "url": "https://kit.example/bern"}


def thinking(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "thinking", "thinking": [{"type": "text", "text": text}], **more}


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def streamed(*deltas: Any, finish: str = "stop") -> list[dict[str, Any]]:
    """The deltas of a stream, reworded one after the other."""
    rewording = Rewording()
    found: list[dict[str, Any]] = []
    for place, content in enumerate(deltas):
        last = finish if place == len(deltas) - 1 else None
        event: Any = {"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": last}]}
        rewording(event)
        found.append(event["choices"][0]["delta"])
    return found


def test_thoughts_of_a_stream_are_told_as_they_come_and_whole_at_their_end() -> None:
    deltas = streamed("", [thinking("Six ")], [thinking("by.", signature="s")], [text("42")], ".", [])
    assert deltas == [
        {"content": ""},
        {"content": None, "reasoning_content": "Six "},
        {"content": None, "reasoning_content": "by."},
        {
            "content": "42",
            "reasoning_details": [
                {"type": "reasoning.text", "text": "Six by.", "signature": "s", "format": FORM, "index": 0}
            ],
        },
        {"content": "."},
        {"content": ""},
    ]


def test_thoughts_that_end_the_answer_or_lead_to_a_call_are_told() -> None:
    (only,) = streamed([thinking("So")])
    assert [one["text"] for one in only["reasoning_details"]] == ["So"]
    rewording = Rewording()
    rewording({"choices": [{"index": 0, "delta": {"content": [thinking("So")]}}]})
    call = {"id": "a1b2c3d4e", "function": {"name": "f", "arguments": "{}"}}
    event = {"choices": [{"index": 0, "delta": {"content": "", "tool_calls": [call]}, "finish_reason": "tool_calls"}]}
    assert rewording(event)
    said = event["choices"][0]["delta"]
    assert isinstance(said, dict)
    assert [one["text"] for one in said["reasoning_details"]] == ["So"]
    assert "native_content" not in said


def test_a_turn_in_another_order_is_carried_whole_and_goes_back_as_it_was() -> None:
    chunks = [thinking("First."), text("One."), thinking("Then.", signature="s"), text("Two.")]
    _, whole = reworded("message", {"role": "assistant", "content": list(chunks)}, "stop")
    said = whole["message"]
    assert (said["content"], said["reasoning_content"]) == ("One.Two.", "First.Then.")
    assert [one["text"] for one in said["reasoning_details"]] == ["First.", "Then."]
    *_, last = streamed(*([chunk] for chunk in chunks))
    assert last["native_content"] == said["native_content"] == {"format": FORM, "blocks": chunks}
    request = ChatRequest.model_validate({"model": "m", "messages": [said, {"role": "user", "content": "Hi."}]})
    assert in_mistrals_words(request).messages[0] == {"role": "assistant", "content": chunks}


def test_a_plain_turn_goes_back_with_what_its_thoughts_were_signed_by() -> None:
    chunks = [thinking("First.", signature="a"), thinking("Then.", signature="b"), text("Two.")]
    _, whole = reworded("message", {"role": "assistant", "content": list(chunks)}, "stop")
    assert "native_content" not in whole["message"]
    request = ChatRequest.model_validate({"model": "m", "messages": [whole["message"]]})
    assert in_mistrals_words(request).messages == [{"role": "assistant", "content": chunks}]


def test_pages_are_cited_with_the_text_that_rests_on_them() -> None:
    _, whole = reworded("message", {"content": [text("Well. "), PAGE, text("Bern is."), PAGE]}, "stop")
    notes = [note["url_citation"] for note in whole["message"]["annotations"]]
    assert [(note["start_index"], note["end_index"]) for note in notes] == [(0, 6), (6, 14)]
    assert {(note["url"], note["title"]) for note in notes} == {(PAGE["url"], "On Bern")}
    assert whole["message"]["native_content"]["blocks"][1] == PAGE


def test_a_chunk_that_nobody_knows_is_kept() -> None:
    strange = {"type": "of_tomorrow", "data": [1]}
    _, whole = reworded("message", {"content": [text("So."), strange]}, "stop")
    assert whole["message"]["content"] == "So."
    assert whole["message"]["native_content"] == {"format": FORM, "blocks": [text("So."), strange]}


@pytest.mark.parametrize("content", [["So"], [1], [{"type": "thinking", "thinking": ["So"]}], [{}]])
def test_chunks_that_are_none_raise_what_the_relay_expects(content: list[Any]) -> None:
    with pytest.raises((AttributeError, LookupError, TypeError)):
        reworded("message", {"content": content}, "stop")


def test_a_full_context_is_a_length() -> None:
    choice = reworded("message", {"content": "So"}, "model_length")[1]
    assert (choice["finish_reason"], choice["native_finish_reason"]) == ("length", "model_length")


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
