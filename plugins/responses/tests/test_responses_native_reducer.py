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


def reduced(events: list[Json]) -> tuple[Scribe, list[Json], Step]:
    numbers = itertools.count()
    citations = Citations()
    citations.cite({"type": "file_citation", "file_id": "file-1", "filename": "a"})
    manner = Manner(offers=OFFERS, new_id=lambda kind: f"{kind}_{next(numbers)}", citations=citations)
    scribe = Scribe({"id": "resp_1", "status": "in_progress"})
    reducer = NativeReducer(scribe, manner, sealed=True)
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
