"""Chunks become the answer that would have come in one piece."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dinrail_core.api.chat.assembly import Assembly, chunks_of
from dinrail_core.api.chat.response import ChatCompletion

HEAD = {"id": "c", "object": "chat.completion.chunk", "created": 5, "model": "m", "obfuscation": "xxx"}


def chunk(*choices: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**HEAD, "choices": list(choices), **more}


def piece(delta: dict[str, Any], index: int = 0, **more: Any) -> dict[str, Any]:
    return {"index": index, "delta": delta, "finish_reason": None, **more}


def assembled(*chunks: dict[str, Any]) -> dict[str, Any]:
    assembly = Assembly()
    for one in chunks:
        assembly.add(one)
    whole = assembly.completion()
    ChatCompletion.model_validate(whole)
    return whole


def pieces_of(text: str, cuts: list[int]) -> list[str]:
    ends = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[a:b] for a, b in itertools.pairwise(ends)] or [""]


@given(st.lists(st.text(max_size=20), min_size=1, max_size=3), st.lists(st.integers(0, 50), max_size=6), st.randoms())
def test_texts_come_out_as_they_went_in_however_they_are_cut_and_mixed(
    texts: list[str], cuts: list[int], random: Any
) -> None:
    queues = [pieces_of(text, cuts) for text in texts]
    chunks = []
    while any(queues):
        index = random.choice([number for number, queue in enumerate(queues) if queue])
        chunks.append(chunk(piece({"content": queues[index].pop(0)}, index)))
    chunks += [chunk(piece({}, index) | {"finish_reason": "stop"}) for index in range(len(texts))]
    whole = assembled(*chunks)
    assert [choice["message"]["content"] for choice in whole["choices"]] == texts
    assert {choice["finish_reason"] for choice in whole["choices"]} == {"stop"}


@given(
    st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9)), min_size=1, max_size=3), st.lists(st.integers(0, 50))
)
def test_calls_are_put_together_by_their_index(calls: list[tuple[str, str]], cuts: list[int]) -> None:
    chunks = []
    for index, (name, arguments) in enumerate(calls):
        head = {"index": index, "id": f"call_{index}", "type": "function", "function": {"name": name, "arguments": ""}}
        chunks.append(chunk(piece({"tool_calls": [head]})))
        for part in pieces_of(arguments, cuts):
            chunks.append(chunk(piece({"tool_calls": [{"index": index, "function": {"arguments": part}}]})))
    (choice,) = assembled(*chunks, chunk(piece({}) | {"finish_reason": "tool_calls"}))["choices"]
    assert choice["message"]["tool_calls"] == [
        {"id": f"call_{index}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for index, (name, arguments) in enumerate(calls)
    ]
    assert choice["message"]["content"] is None


def test_what_stands_beside_the_text_is_kept() -> None:
    odds = [{"token": "a", "logprob": -0.5, "bytes": None, "top_logprobs": []}]
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    whole = assembled(
        chunk(piece({"role": "assistant", "content": "", "reasoning_content": "Hm"}), service_tier="flex", usage=None),
        chunk(piece({"content": "a", "reasoning_content": "m."}, logprobs={"content": odds, "refusal": None})),
        chunk(piece({"content": "b", "x_note": {"n": 1}}, logprobs={"content": odds, "refusal": None}), x_more=[1]),
        chunk(piece({"annotations": [{"type": "x", "a": 1}], "audio": {"id": "a", "data": "QQ", "transcript": "h"}})),
        chunk(piece({"annotations": [{"type": "y"}], "audio": {"data": "==", "transcript": "i", "expires_at": 9}})),
        chunk(piece({}) | {"finish_reason": "stop"}),
        chunk(usage=usage),
    )
    (choice,) = whole.pop("choices")
    message = choice.pop("message")
    assert whole == {
        "id": "c",
        "object": "chat.completion",
        "created": 5,
        "model": "m",
        "service_tier": "flex",
        "usage": usage,
        "x_more": [1],
    }
    assert choice == {"index": 0, "finish_reason": "stop", "logprobs": {"content": odds * 2, "refusal": None}}
    assert message == {
        "role": "assistant",
        "content": "ab",
        "refusal": None,
        "reasoning_content": "Hmm.",
        "x_note": {"n": 1},
        "annotations": [{"type": "x", "a": 1}, {"type": "y"}],
        "audio": {"id": "a", "data": "QQ==", "transcript": "hi", "expires_at": 9},
    }


def test_chunks_are_not_changed_by_what_comes_after() -> None:
    first = chunk(piece({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{"}}]}))
    before = repr(first)
    more = chunk(piece({"tool_calls": [{"index": 0, "function": {"arguments": "}"}}]}), x={})
    assembled(first, more, chunk(piece({}) | {"finish_reason": "stop"}))
    assert repr(first) == before


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.text(max_size=3),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(
            st.sampled_from(["index", "delta", "content", "choices", "tool_calls", "x"]), below, max_size=4
        )
    ),
    max_leaves=12,
)


@given(st.lists(st.dictionaries(st.sampled_from(["id", "choices", "usage", "x"]), JSON, max_size=4), max_size=4))
def test_what_is_no_chunk_does_no_harm(chunks: list[dict[str, Any]]) -> None:
    assembly = Assembly()
    for one in chunks:
        assembly.add(one)
    assert assembly.completion()["object"] == "chat.completion"


CHOICE = st.fixed_dictionaries(
    {
        "message": st.fixed_dictionaries(
            {"role": st.just("assistant"), "content": st.none() | st.text(), "refusal": st.none() | st.text()},
            optional={
                "tool_calls": st.lists(
                    st.fixed_dictionaries({"id": st.text(), "function": st.just({"name": "f", "arguments": "{}"})}),
                    min_size=1,
                    max_size=3,
                ),
                "reasoning_content": st.text(),
                "x_note": st.lists(st.integers()),
            },
        ),
        "finish_reason": st.sampled_from(["stop", "length", None]),
        "logprobs": st.none() | st.just({"content": [{"token": "a"}], "refusal": None}),
    }
)


@given(
    st.lists(CHOICE, min_size=1, max_size=3),
    st.fixed_dictionaries({"id": st.text(), "model": st.text()}, optional={"usage": st.just({"total_tokens": 3})}),
)
def test_an_answer_comes_in_chunks_that_add_up_to_it(choices: list[dict[str, Any]], head: dict[str, Any]) -> None:
    numbered = [{"index": n, **choice} for n, choice in enumerate(choices)]
    completion = {**head, "object": "chat.completion", "choices": numbered}
    before = repr(completion)
    assembly = Assembly()
    for one in chunks_of(completion):
        assert one["object"] == "chat.completion.chunk"
        assembly.add(one)
    assert assembly.completion() == completion
    assert repr(completion) == before
