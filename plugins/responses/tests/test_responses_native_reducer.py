"""Events of an upstream of the Responses API become items and events of ours, whatever it leaves out."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from dialogue import summed
from hypothesis import given
from hypothesis import strategies as st

from dinrail_core.errors import UpstreamFailed, UpstreamInvalid
from dinrail_responses.citations import Citations
from dinrail_responses.native_reduce import NativeReducer
from dinrail_responses.reduce import Manner, Step
from dinrail_responses.scribe import Scribe
from dinrail_responses.tools.interface import CallerRuns, Json, Offer

OFFERS = {
    "weather": Offer(
        name="weather",
        description=None,
        parameters={},
        caller_runs=CallerRuns(item="function_call", name="weather"),
    ),
    "lookup": Offer(name="lookup", description=None, parameters={}),
}
TEXT = {"type": "output_text", "text": "Cats purr【1】. So it is.", "annotations": [], "logprobs": []}
OUTPUT: list[Json] = [
    {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "I think."}]},
    {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "lookup", "arguments": "{}"},
    {"type": "message", "id": "msg_1", "role": "assistant", "phase": "final_answer", "content": [TEXT, TEXT]},
    {"type": "function_call", "id": "fc_2", "call_id": "c2", "name": "weather", "arguments": '{"place":"Oslo"}'},
]
END = {"type": "response.completed", "response": {"status": "completed", "output": OUTPUT, "usage": {}}}


def reduced(events: list[Json], *, plain: bool = False) -> tuple[Scribe, list[Json], Step]:
    numbers = itertools.count()
    citations = Citations()
    citations.cite({"type": "file_citation", "file_id": "file-1", "filename": "a"})
    new_id = lambda kind: f"{kind}_{next(numbers)}"  # noqa: E731  # as short as it can be
    manner = Manner(offers=OFFERS, new_id=new_id, citations=citations, seal=lambda text: f"sealed:{text}")
    scribe = Scribe({"id": "resp_1", "status": "in_progress"}, include=("reasoning.encrypted_content",))
    reducer = NativeReducer(scribe, manner, plain=plain)
    for event in events:
        reducer.feed(event)
    return scribe, scribe.take(), reducer.end() if events else Step()


def told(item: Json, index: int, cuts: list[int]) -> list[Json]:
    """An item's own events, its text in pieces."""
    begun = {**item, "content": []} if "content" in item else {**item, "arguments": ""}
    events: list[Json] = [{"type": "response.output_item.added", "item": begun}]
    for number, part in enumerate(item.get("content", ())):
        kind = part["type"]
        for a, b in itertools.pairwise([0, *sorted(cuts), len(part["text"])]):
            delta = {"type": f"response.{kind}.delta", "content_index": number, "delta": part["text"][a:b]}
            events.append(delta)
        events.append({"type": "response.content_part.done", "content_index": number, "part": part})
    events.append({"type": "response.output_item.done", "item": item})
    return [{**event, "output_index": index} for event in events]


@given(cuts=st.lists(st.integers(0, 8), max_size=4), heard=st.sets(st.integers(0, 3)))
def test_the_same_items_come_of_any_pieces_and_of_none(cuts: list[int], heard: set[int]) -> None:
    events = [event for index in sorted(heard) for event in told(OUTPUT[index], index, cuts)]
    scribe, written, step = reduced([*events, END])
    found = {item["type"]: item for item in scribe.output}
    thought, message, call = found["reasoning"], found["message"], found["function_call"]
    assert summed(written) == scribe.output
    assert thought["content"] == [{"type": "reasoning_text", "text": "I think."}]
    assert [part["text"] for part in message["content"]] == ["Cats purr. So it is."] * 2
    assert [part["annotations"][0]["file_id"] for part in message["content"]] == ["file-1"] * 2
    assert message["phase"] == "final_answer"
    assert (call["call_id"], call["arguments"]) == ("c2", '{"place":"Oslo"}')
    assert [(made.id, made.name) for made in step.calls] == [("c1", "lookup")]
    assert step.waits


def test_a_plain_server_is_heard_as_a_chat_is() -> None:
    """Events as vLLM 0.22 tells them: parts of thoughts of its own, nulls, names of calls in full."""
    thought: Json = {"type": "reasoning", "id": "rs_a", "summary": [], "content": None, "encrypted_content": None}
    opened: Json = {"type": "message", "id": "msg_a", "role": "assistant", "content": [], "status": "in_progress"}
    part: Json = {"type": "output_text", "text": "Well.", "annotations": [], "logprobs": None}
    call: Json = {"type": "function_call", "id": "fc_a", "call_id": "call_a", "name": "weather", "namespace": None}
    arguments = '{"place":"Oslo"}'
    written = [{"type": "reasoning_text", "text": "I see."}]
    stream: list[tuple[str, int | None, Json]] = [
        ("output_item.added", 0, {"item": {**thought, "status": "in_progress"}}),
        ("reasoning_part.added", 0, {"content_index": 0, "part": {"type": "reasoning_text", "text": ""}}),
        ("reasoning_text.delta", 0, {"content_index": 0, "delta": "I "}),
        ("reasoning_text.delta", 0, {"content_index": 0, "delta": "see."}),
        ("reasoning_text.done", 0, {"content_index": 0, "text": "I see."}),
        ("reasoning_part.done", 0, {"content_index": 0, "part": written[0]}),
        ("output_item.done", 0, {"item": {**thought, "status": "completed", "content": written}}),
        ("output_item.added", 1, {"item": opened}),
        ("content_part.added", 1, {"content_index": 0, "part": {**part, "text": ""}}),
        ("output_text.delta", 1, {"content_index": 0, "delta": "Well.", "logprobs": []}),
        ("output_text.done", 1, {"content_index": 0, "text": "Well.", "logprobs": []}),
        ("content_part.done", 1, {"content_index": 0, "part": part}),
        ("output_item.done", 1, {"item": {**opened, "status": "completed", "content": [part]}}),
        ("output_item.added", 2, {"item": {**call, "arguments": "", "status": "in_progress"}}),
        ("function_call_arguments.delta", 2, {"delta": arguments}),
        ("function_call_arguments.done", 2, {"arguments": arguments, "name": "weather"}),
        ("output_item.done", 2, {"item": {**call, "arguments": arguments, "status": "completed"}}),
        ("completed", None, {"response": {"status": "completed", "output": [], "usage": None}}),
    ]
    events = [{"type": f"response.{kind}", "output_index": index, "item_id": "x", **f} for kind, index, f in stream]
    scribe, said, step = reduced(events, plain=True)
    assert summed(said) == scribe.output
    assert [item["type"] for item in scribe.output] == ["reasoning", "message", "function_call"]
    assert scribe.output[0]["content"] == written
    assert scribe.output[0]["encrypted_content"] == "sealed:I see."
    assert (scribe.output[2]["call_id"], scribe.output[2]["arguments"]) == ("call_a", arguments)
    assert step.waits
    whole = {"status": "completed", "output": [events[6]["item"], events[12]["item"], events[16]["item"]]}
    assert reduced([{"type": "response.completed", "response": whole}], plain=True)[0].output == scribe.output


def test_what_is_said_again_is_what_was_said() -> None:
    _, _, step = reduced([END])
    again = step.said["items"]
    assert again[2] == OUTPUT[2]
    assert "id" not in again[1]


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.output_item.done", "output_index": 0, "item": {"type": "web_search_call", "id": 7}},
        {"type": "response.output_item.added", "output_index": 0, "item": None},
        {"type": "response.completed"},
        {},
    ],
)
def test_what_is_no_event_is_refused(event: Any) -> None:
    with pytest.raises(UpstreamInvalid):
        reduced([event])


def test_a_failure_is_raised() -> None:
    with pytest.raises(UpstreamFailed, match=r"Broken\."):
        reduced([{"type": "response.failed", "response": {"status": "failed", "error": {"message": "Broken."}}}])


def test_a_stream_without_its_end_is_not_whole() -> None:
    with pytest.raises(UpstreamInvalid):
        reduced(told(OUTPUT[2], 0, []))
