"""The reducer: whatever the pieces, the same items; and the events add up to them."""

from __future__ import annotations

import itertools
import json
from typing import Any

from dialogue import summed
from hypothesis import given
from hypothesis import strategies as st

from dinrail_responses.citations import Citations
from dinrail_responses.reduce import ChatReducer, Manner, Step, as_chunk
from dinrail_responses.scribe import Scribe
from dinrail_responses.sealed import CARRIED
from dinrail_responses.tools.interface import CallerRuns, Json, Offer

OFFERS = {
    "weather": Offer(
        name="weather",
        description=None,
        parameters={},
        caller_runs=CallerRuns(item="function_call", name="weather", namespace="sky"),
    ),
    "sky__weather": Offer(
        name="sky__weather",
        description=None,
        parameters={},
        caller_runs=CallerRuns(item="function_call", name="weather", namespace="sky"),
    ),
    "shout": Offer(
        name="shout", description=None, parameters={}, caller_runs=CallerRuns(item="custom_tool_call", name="shout")
    ),
    "lookup": Offer(name="lookup", description=None, parameters={}),
}


def reduced(
    chunks: list[Json], *, marks: int = 0, summary: bool = False, owner: str = ""
) -> tuple[Scribe, list[Json], Step]:
    numbers = itertools.count()
    citations = Citations()
    for number in range(marks):
        citations.cite({"type": "file_citation", "file_id": f"file-{number}", "filename": "a"})
    manner = Manner(
        offers=OFFERS,
        new_id=lambda kind: f"{kind}_{next(numbers)}",
        citations=citations,
        summary=summary,
        logprobs=True,
        seal=lambda text: f"sealed {text}",
        carry=lambda text: CARRIED + text,
    )
    scribe = Scribe({"id": "resp_1", "status": "in_progress"}, include=("reasoning.encrypted_content",))
    reducer = ChatReducer(scribe, manner)
    reducer.owner = owner
    for chunk in chunks:
        reducer.feed(chunk)
    step = reducer.end()
    return scribe, scribe.take(), step


def chunk(finish: str | None = None, **delta: Any) -> Json:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


# Strategies are made once, and of few letters: making them, and Unicode's tables, took longer than the tests.
TEXTS = st.text(alphabet='ab "\\{}[]\n\té漢😀\u200d\x00【1】†', max_size=24)
CUTS = st.lists(st.integers(0, 24), max_size=5)
SAID = st.lists(st.tuples(st.sampled_from(["reasoning_content", "content", "refusal"]), TEXTS, CUTS), max_size=4)
CALLED = st.lists(st.tuples(st.sampled_from([*OFFERS, "made_up"]), st.booleans(), TEXTS, CUTS), max_size=3)
FINISHES = st.sampled_from(["stop", "length", "content_filter", "tool_calls"])


def pieces_of(text: str, cuts: list[int]) -> list[str]:
    ends = sorted(min(cut, len(text)) for cut in cuts)
    return [text[a:b] for a, b in itertools.pairwise([0, *ends, len(text)])]


def both_ways(
    said: list[tuple[str, str, list[int]]], called: list[tuple[str, bool, str, list[int]]], finish: str
) -> tuple[list[Json], list[Json]]:
    """One answer twice: in as few chunks as possible, and cut anywhere."""
    whole: list[Json] = []
    cut: list[Json] = []
    for field, text, cuts in said:
        whole.append(chunk(**{field: text}))
        cut.extend(chunk(**{field: piece}) for piece in pieces_of(text, cuts))
    for index, (name, wrapped, text, cuts) in enumerate(called):
        arguments = json.dumps({"input": text}) if wrapped else text
        head = {"index": index, "id": f"call_{index}", "type": "function", "function": {"name": name}}
        whole.append(chunk(tool_calls=[{**head, "function": {"name": name, "arguments": arguments}}]))
        cut.append(chunk(tool_calls=[head]))
        for piece in pieces_of(arguments, cuts):
            cut.append(chunk(tool_calls=[{"index": index, "function": {"arguments": piece}}]))
    whole.append(chunk(finish))
    cut.append(chunk(finish))
    return whole, cut


STREAMS = st.builds(both_ways, SAID, CALLED, FINISHES)


@given(STREAMS, st.booleans())
def test_the_pieces_of_a_stream_change_nothing(both: tuple[list[Json], list[Json]], summary: bool) -> None:
    whole, cut = both
    one, _, step = reduced(whole, summary=summary)
    two, events, again = reduced(cut, summary=summary)
    assert two.output == one.output
    assert (again.calls, again.reason, again.waits, again.said) == (step.calls, step.reason, step.waits, step.said)
    assert summed(events) == two.output
    assert not two.open
    assert [event["sequence_number"] for event in events] == list(range(len(events)))


WORDS = st.lists(st.sampled_from(["Text. ", "【1】", "【2†a】", "【9】", "【", "】", "【x】", "more "]), max_size=8)


@given(WORDS.map("".join), CUTS)
def test_marks_leave_the_text_wherever_it_is_cut(text: str, cuts: list[int]) -> None:
    whole, _, _ = reduced([chunk(content=text)], marks=2)
    cut, events, _ = reduced([chunk(content=piece) for piece in pieces_of(text, cuts)], marks=2)
    assert cut.output == whole.output
    assert summed(events) == cut.output
    (message,) = cut.output
    (part,) = message["content"]
    plain = text.replace("【1】", "").replace("【2†a】", "")
    assert part["text"] == plain
    assert len(part["annotations"]) == text.count("【1】") + text.count("【2†a】")
    assert all(0 <= note["index"] <= len(plain) for note in part["annotations"])


def test_a_mark_becomes_an_annotation_at_its_place() -> None:
    scribe, events, _ = reduced([chunk(content="Cats purr 【"), chunk(content="2】 a lot.")], marks=2)
    (part,) = scribe.output[0]["content"]
    assert part["text"] == "Cats purr  a lot."
    assert part["annotations"] == [{"type": "file_citation", "file_id": "file-1", "filename": "a", "index": 10}]
    (added,) = [event for event in events if event["type"] == "response.output_text.annotation.added"]
    assert added["annotation"] == part["annotations"][0]


def test_a_whole_answer_is_one_chunk() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    message = {"role": "assistant", "content": "Hm.", "reasoning": "I think.", "tool_calls": [call]}
    answer = {
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 3},
    }
    scribe, _, step = reduced([as_chunk(answer)])
    assert [item["type"] for item in scribe.output] == ["reasoning", "message", "function_call"]
    assert scribe.output[2]["namespace"] == "sky"
    assert scribe.output[0]["encrypted_content"] == "sealed I think."
    assert step.usage == {"prompt_tokens": 3}
    assert step.waits


def test_calls_are_told_apart_by_id_where_an_upstream_gives_them_one_index() -> None:
    head = {"index": 0, "function": {"name": "weather", "arguments": "{}"}}
    scribe, _, _ = reduced([chunk(tool_calls=[{**head, "id": "a"}]), chunk(tool_calls=[{**head, "id": "b"}])])
    assert [item["call_id"] for item in scribe.output] == ["a", "b"]


def test_an_id_that_is_too_long_or_missing_is_replaced() -> None:
    head = {"function": {"name": "weather", "arguments": ""}}
    long = {"index": 0, "id": "x" * 65, **head}
    more = {"index": 0, "id": "x" * 65, "function": {"arguments": "{}"}}
    scribe, _, step = reduced(
        [chunk(tool_calls=[long]), chunk(tool_calls=[more]), chunk(tool_calls=[{"index": 1, **head}])]
    )
    assert len(scribe.output) == 2
    assert all(0 < len(item["call_id"]) <= 64 for item in scribe.output)
    assert scribe.output[0]["arguments"] == "{}"
    assert [call["id"] for call in step.said["tool_calls"]] == [item["call_id"] for item in scribe.output]


def test_an_upstream_that_says_nothing_leaves_an_empty_message() -> None:
    scribe, events, _ = reduced([chunk("stop")])
    assert scribe.output[0]["content"] == [{"type": "output_text", "text": "", "annotations": [], "logprobs": []}]
    assert summed(events) == scribe.output


def test_what_was_cut_short_is_incomplete_and_says_why() -> None:
    scribe, _, step = reduced([chunk(content="Once upon"), chunk("length")])
    assert step.reason == "max_output_tokens"
    assert scribe.output[0]["status"] == "incomplete"


@given(STREAMS)
def test_another_process_that_folds_the_events_has_the_same_items(both: tuple[list[Json], list[Json]]) -> None:
    scribe, events, _ = reduced(both[1])
    folded = Scribe({"id": "resp_1", "status": "in_progress"}, include=("reasoning.encrypted_content",))
    folded.fold(events)
    assert folded.output == scribe.output
    assert folded.number == scribe.number
    assert not folded.open


def test_what_an_upstream_wants_back_is_told_to_it_with_the_calls() -> None:
    signed = {"type": "reasoning.text", "text": "Look", "format": "maker-v1", "index": 0}
    rest = {"type": "reasoning.text", "text": " it up.", "signature": "s1", "format": "maker-v1", "index": 0}
    sealed = {"type": "reasoning.encrypted", "data": "e1", "id": "c1", "format": "maker-v1", "index": 1}
    blocks = {"format": "maker-v1", "blocks": [{"type": "thinking"}]}
    call = {"index": 0, "id": "c1", "type": "function", "extra_content": {"maker": {"signature": "s2"}}}
    _, _, step = reduced(
        [
            chunk(reasoning_content="Look it up.", reasoning_details=[signed]),
            chunk(reasoning_details=[rest]),
            chunk(tool_calls=[{**call, "function": {"name": "lookup", "arguments": ""}}]),
            chunk(tool_calls=[{"index": 0, "function": {"arguments": "{}"}}], reasoning_details=[sealed]),
            chunk("tool_calls", native_content=blocks),
        ]
    )
    assert step.said["reasoning_details"] == [{**signed, "text": "Look it up.", "signature": "s1"}, sealed]
    assert step.said["native_content"] == blocks
    (told,) = step.said["tool_calls"]
    assert told["extra_content"] == call["extra_content"]
    assert told["function"] == {"name": "lookup", "arguments": "{}"}
    _, _, plain = reduced([chunk("stop", content="Hello.", reasoning_details=[])])
    assert plain.said == {"role": "assistant", "content": "Hello."}


def test_calls_side_by_side_have_ids_of_their_own() -> None:
    same = {"id": "call_0", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    scribe, _, step = reduced([chunk("tool_calls", tool_calls=[{**same, "index": 0}, {**same, "index": 1}])])
    ids = [item["call_id"] for item in scribe.output]
    assert ids[0] == "call_0"
    assert len(set(ids)) == 2
    assert [call["id"] for call in step.said["tool_calls"]] == ids
