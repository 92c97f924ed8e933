from __future__ import annotations

import json
from contextlib import aclosing
from typing import Any

import pytest

from dinrail_core.api.call import Call
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.completions import CompletionRequest
from dinrail_core.api.embeddings import EmbeddingRequest
from dinrail_core.errors import ContextLengthExceeded, InvalidRequest, ModelNotFound, UnsupportedFeature
from dinrail_llamacpp.provider import Here

pytestmark = [pytest.mark.xdist_group("llamacpp"), pytest.mark.asyncio(loop_scope="module")]

CAPITAL = [{"role": "user", "content": "What is the capital of France?"}]


def chat(**more: Any) -> ChatRequest:
    return ChatRequest.model_validate({"model": "smollm2", "messages": CAPITAL, "temperature": 0, **more})


def text(**more: Any) -> CompletionRequest:
    asked = {"model": "smollm2", "prompt": "The capital of France is", "temperature": 0, "max_tokens": 4}
    return CompletionRequest.model_validate({**asked, **more})


async def events(stream: Any) -> list[dict[str, Any]]:
    async with aclosing(stream):
        reads = b"".join([read async for read in stream.reads()])
    return [json.loads(frame.removeprefix(b"data: ")) for frame in reads.split(b"\n\n") if frame.startswith(b"data: ")]


async def test_the_default_model_answers(here: Here) -> None:
    answer = (await here.complete(chat(), Call())).value
    assert answer.choices[0].message.content == "The capital of France is Paris."
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "smollm2"


async def test_a_stream_says_the_same_and_counts_when_asked(here: Here) -> None:
    found = await events(await here.stream(chat(stream_options={"include_usage": True}), Call()))
    *pieces, last = found
    assert "".join(event["choices"][0]["delta"].get("content") or "" for event in pieces).endswith("Paris.")
    assert pieces[-1]["choices"][0]["finish_reason"] == "stop"
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == 8


async def test_several_choices_differ_and_all_their_tokens_count(here: Here) -> None:
    messages = [{"role": "user", "content": "Invent a name."}]
    asked = chat(messages=messages, n=3, seed=7, temperature=1.5, max_tokens=6, stream_options={"include_usage": True})
    answer = (await here.complete(asked, Call())).value
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert len({choice.message.content for choice in answer.choices}) > 1
    found = await events(await here.stream(asked, Call()))
    assert len({event["id"] for event in found}) == 1
    texts = ["", "", ""]
    for event in found[:-1]:
        for choice in event["choices"]:
            texts[choice["index"]] += choice["delta"].get("content") or ""
    assert texts == [choice.message.content for choice in answer.choices]
    usage = found[-1]["usage"]
    assert usage["completion_tokens"] > 6
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    single = json.loads((await here.complete(chat(messages=messages, max_tokens=1), Call())).body)
    assert usage["prompt_tokens"] == single["usage"]["prompt_tokens"]


@pytest.mark.parametrize("top", [None, 0, 2])
async def test_probabilities_have_the_alternatives_that_were_asked_for(here: Here, top: int | None) -> None:
    more = {} if top is None else {"top_logprobs": top}
    answer = (await here.complete(chat(logprobs=True, max_tokens=3, **more), Call())).value
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    assert [token.token for token in logprobs.content] == ["The", " capital", " of"]
    assert {len(token.top_logprobs) for token in logprobs.content} == {top or 0}
    assert all(token.logprob <= 0 for token in logprobs.content)
    streamed = await events(await here.stream(chat(logprobs=True, max_tokens=3, **more), Call()))
    told = [one for event in streamed for one in (event["choices"][0].get("logprobs") or {}).get("content") or ()]
    assert [one["token"] for one in told] == ["The", " capital", " of"]
    assert {len(one["top_logprobs"]) for one in told} == {top or 0}


PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 20},
        "age": {"type": "integer", "minimum": 0, "maximum": 120},
        "postcode": {"type": "string", "pattern": r"^\d{5}$"},
        "knows": {"type": "array", "items": {"$ref": "#/$defs/level"}, "minItems": 1, "maxItems": 2},
    },
    "required": ["name", "age", "postcode", "knows"],
    "additionalProperties": False,
    "$defs": {"level": {"type": "string", "enum": ["python", "rust"]}},
}


async def test_a_json_schema_holds(here: Here) -> None:
    import jsonschema

    form = {"type": "json_schema", "json_schema": {"name": "person", "strict": True, "schema": PERSON}}
    messages = [{"role": "user", "content": "Describe a person as JSON."}]
    answer = (await here.complete(chat(messages=messages, response_format=form), Call())).value
    jsonschema.validate(json.loads(answer.choices[0].message.content or ""), PERSON)
    found = await events(await here.stream(chat(messages=messages, response_format=form), Call()))
    streamed = "".join(event["choices"][0]["delta"].get("content") or "" for event in found)
    jsonschema.validate(json.loads(streamed), PERSON)


async def test_a_json_object_is_one(here: Here) -> None:
    answer = (await here.complete(chat(response_format={"type": "json_object"}, max_tokens=30), Call())).value
    # So small a model does not find the end of an object that has no schema.
    assert (answer.choices[0].message.content or "").startswith("{")


async def test_a_grammar_holds(here: Here) -> None:
    answer = (await here.complete(chat(grammar='root ::= "Lyon" | "Nice"'), Call())).value
    assert answer.choices[0].message.content in ("Lyon", "Nice")


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"grammar": "root ::= nothing"}, "grammar"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"$ref": "#/nowhere"}}}},
            "response_format.json_schema.schema",
        ),
    ],
)
async def test_a_constraint_that_cannot_be_compiled_is_the_callers_to_mend(
    here: Here, more: dict[str, Any], param: str
) -> None:
    for ask in (here.complete, here.stream):
        with pytest.raises(InvalidRequest) as caught:
            await ask(chat(**more), Call())
        assert caught.value.param == param


async def test_a_stop_text_ends_the_answer(here: Here) -> None:
    answer = (await here.complete(chat(stop=[" France"]), Call())).value
    assert answer.choices[0].message.content == "The capital of"
    assert answer.choices[0].finish_reason == "stop"


async def test_a_seed_repeats_an_answer(here: Here) -> None:
    asked = chat(seed=11, temperature=1.5, max_tokens=8)
    one, two = [(await here.complete(asked, Call())).value.choices[0].message.content for _ in range(2)]
    assert one == two


async def test_a_conversation_that_ends_with_the_assistant_gets_another_message(here: Here) -> None:
    messages = [*CAPITAL, {"role": "assistant", "content": "Pling plong"}]
    answer = (await here.complete(chat(messages=messages, max_tokens=5), Call())).value
    assert not (answer.choices[0].message.content or "").startswith("Pling")


async def test_what_does_not_fit_is_said_to_be_too_long(here: Here) -> None:
    messages = [{"role": "user", "content": "word " * 3000}]
    for ask in (here.complete, here.stream):
        with pytest.raises(ContextLengthExceeded):
            await ask(chat(messages=messages), Call())
    with pytest.raises(ContextLengthExceeded):
        await here.complete_text(text(prompt="word " * 3000), Call())


async def test_a_model_for_chats_makes_no_embeddings(here: Here) -> None:
    with pytest.raises(ModelNotFound, match="does not serve this API"):
        await here.embed(EmbeddingRequest(model="smollm2", input="x"), Call())


async def test_texts_are_continued_each_under_its_index(here: Here) -> None:
    asked = text(prompt=["The capital of France is", "The capital of Italy is"], n=2, seed=1)
    answer = (await here.complete_text(asked, Call())).value
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    assert all("Paris" in choice.text for choice in answer.choices[:2])
    assert all("Rome" in choice.text for choice in answer.choices[2:])
    assert answer.id.startswith("cmpl-")
    found = await events(await here.stream_text(asked, Call()))
    texts = [""] * 4
    for event in found:
        assert "usage" not in event
        for choice in event["choices"]:
            texts[choice["index"]] += choice["text"]
    assert texts == [choice.text for choice in answer.choices]


async def test_tokens_are_a_prompt_as_well(here: Here) -> None:
    told = (await here.complete_text(text(prompt=[504, 3575, 282, 4649, 314]), Call())).value
    assert "Paris" in told.choices[0].text


async def test_tokens_of_texts_are_told_in_the_older_shape(here: Here) -> None:
    for alternatives in (0, 2):
        answer = (await here.complete_text(text(logprobs=alternatives), Call())).value
        logprobs = answer.choices[0].logprobs
        assert logprobs is not None
        assert isinstance(logprobs.tokens, list)
        assert "".join(logprobs.tokens) == answer.choices[0].text
        assert isinstance(logprobs.text_offset, list)
        assert logprobs.text_offset[:2] == [0, len(logprobs.tokens[0])]
        assert isinstance(logprobs.top_logprobs, list)
        assert {len(one or {}) for one in logprobs.top_logprobs} == {alternatives}
        streamed = await events(await here.stream_text(text(logprobs=alternatives), Call()))
        parts = [choice["logprobs"] for event in streamed for choice in event["choices"] if choice["logprobs"]]
        assert [one for part in parts for one in part["tokens"]] == logprobs.tokens
        assert [one for part in parts for one in part["text_offset"]] == logprobs.text_offset


async def test_an_echo_begins_with_the_prompt(here: Here) -> None:
    answer = (await here.complete_text(text(echo=True), Call())).value
    assert answer.choices[0].text.startswith("The capital of France is Paris")
    found = await events(await here.stream_text(text(echo=True, stream_options={"include_usage": True}), Call()))
    assert "".join(c["text"] for e in found for c in e["choices"]) == answer.choices[0].text
    assert found[-1]["usage"]["prompt_tokens"] == 5


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"prompt": None}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"suffix": "x"}, "suffix"),
        ({"best_of": 3}, "best_of"),
        ({"best_of": 1, "n": 2}, "best_of"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"echo": True, "logprobs": 1}, "logprobs"),
        ({"echo": True, "prompt": [1, 2]}, "echo"),
        ({"prompt": [10_000_000]}, None),
    ],
)
async def test_what_would_be_ignored_in_completions_is_refused_by_name(
    here: Here, more: dict[str, Any], param: str | None
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await here.complete_text(text(**more), Call())
    assert caught.value.param == param


async def test_a_field_that_is_internal_is_refused_in_every_api(here: Here) -> None:
    with pytest.raises(UnsupportedFeature):
        await here.complete_text(text(id_slot=0), Call())
