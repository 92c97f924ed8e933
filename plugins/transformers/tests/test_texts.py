"""Completions by a real model, a tiny one that has learned some texts by heart."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import aclosing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from dinrail_core.api.answers import frames
from dinrail_core.api.call import Call
from dinrail_core.api.completions import CompletionRequest
from dinrail_core.api.wire import decode_request
from dinrail_core.errors import ContextLengthExceeded, InvalidRequest, ModelNotFound
from dinrail_sdk.testing import serve
from dinrail_transformers.plugin import TransformersConfig
from dinrail_transformers.provider import Transformers

if find_spec("torch") is None:
    pytest.skip(
        "NO MODEL IS RUN: torch is not installed here; `make test-transformers` does it", allow_module_level=True
    )

pytestmark = pytest.mark.asyncio(loop_scope="module")

COUNT = "<|user|>Count.<|end|><|assistant|>"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def provider(speaker: Path, embedder: Path) -> AsyncIterator[Transformers]:
    models = {"speaker": str(speaker), "embedder": {"source": str(embedder), "embedding": True}}
    config = TransformersConfig.model_validate({"models": models, "threads": 1})
    async with Transformers.opened(config, "kit") as found:
        yield found


def ask(prompt: Any = COUNT, **more: Any) -> CompletionRequest:
    return decode_request(CompletionRequest, {"model": "speaker", "prompt": prompt, "temperature": 0, **more})


async def whole(provider: Transformers, **request: Any) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads((await provider.complete_text(ask(**request), Call())).body)
    return answer


async def streamed(provider: Transformers, **request: Any) -> dict[str, Any]:
    """The events of a stream put together."""
    found: dict[int, dict[str, Any]] = {}
    answer: dict[str, Any] = {}
    asked = ask(**request, stream=True, stream_options={"include_usage": True})
    async with aclosing(await provider.stream_text(asked, Call())) as stream:
        async for read in stream.reads():
            for data in frames(read):
                event = json.loads(data)
                answer |= event
                for choice in event["choices"]:
                    before = found.setdefault(choice["index"], {"text": "", "finish_reason": None, "logprobs": None})
                    before["text"] += choice["text"]
                    before["finish_reason"] = choice["finish_reason"]
                    for name, values in (choice["logprobs"] or {}).items():
                        before["logprobs"] = before["logprobs"] or {}
                        before["logprobs"].setdefault(name, []).extend(values)
    return {**answer, "choices": [{"index": index, **choice} for index, choice in sorted(found.items())]}


async def both(provider: Transformers, **request: Any) -> dict[str, Any]:
    """The whole answer, after the stream has been found to say the same."""
    first, second = await whole(provider, **request), await streamed(provider, **request)
    assert second["choices"] == first["choices"]
    assert second["usage"] == first["usage"]
    assert (first["object"], second["object"]) == ("text_completion", "text_completion")
    return first


async def test_a_text_is_continued_as_it_is(provider: Transformers) -> None:
    answer = await both(provider, max_tokens=100)
    (choice,) = answer["choices"]
    assert choice["text"] == "one two three four five six seven eight nine ten"
    assert (choice["finish_reason"], choice["logprobs"]) == ("stop", None)
    half = await both(provider, prompt=f"{COUNT}one two three", max_tokens=100)
    assert half["choices"][0]["text"] == " four five six seven eight nine ten"
    assert half["usage"]["prompt_tokens"] > answer["usage"]["prompt_tokens"]


async def test_marks_of_calls_and_thoughts_are_text_in_a_completion(provider: Transformers) -> None:
    thoughts = "<|user|>What is six times seven?<|end|><|assistant|>"
    assert (await both(provider, prompt=thoughts, max_tokens=99))["choices"][0]["text"].startswith("<think>Six sevens.")


async def test_several_prompts_have_continuations_of_their_own(provider: Transformers) -> None:
    prompts = [COUNT, "<|user|>Where is Zürich?<|end|><|assistant|>"]
    answer = await both(provider, prompt=prompts, n=2, max_tokens=5, stop="three")
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2, 3]
    texts = [choice["text"] for choice in answer["choices"]]
    assert (texts[0], texts[1]) == (texts[0], texts[0])
    assert texts[2] == texts[3] != texts[0]
    one = await both(provider, max_tokens=5)
    assert answer["usage"]["prompt_tokens"] < 3 * one["usage"]["prompt_tokens"]  # each counts once


async def test_a_stop_and_a_limit_end_a_text(provider: Transformers) -> None:
    assert (await both(provider, stop=" three", max_tokens=99))["choices"][0] == {
        "index": 0,
        "text": "one two",
        "finish_reason": "stop",
        "logprobs": None,
    }
    default = await both(provider)
    assert (default["usage"]["completion_tokens"], default["choices"][0]["finish_reason"]) == (16, "length")
    none = await both(provider, max_tokens=0)
    assert (none["usage"]["completion_tokens"], none["choices"][0]["text"]) == (0, "")


async def test_a_prompt_may_be_tokens_and_is_echoed_as_text(provider: Transformers, speaker: Path) -> None:
    from transformers import AutoTokenizer

    scored = (await whole(provider, echo=True, max_tokens=0, logprobs=0))["choices"][0]
    assert scored["text"] == COUNT
    assert "".join(scored["logprobs"]["tokens"]) == COUNT
    tokens = AutoTokenizer.from_pretrained(str(speaker))(COUNT)["input_ids"]
    answer = await both(provider, prompt=tokens, max_tokens=99, echo=True)
    assert answer["choices"][0]["text"] == f"{COUNT}one two three four five six seven eight nine ten"
    assert answer["usage"]["prompt_tokens"] == len(tokens)
    assert [one["text"] for one in (await both(provider, prompt=[tokens, tokens], max_tokens=2))["choices"]] == [
        "one",
        "one",
    ]


async def test_probabilities_of_prompt_and_answer_stand_in_parallel_lists(provider: Transformers) -> None:
    text = f"{COUNT}one two three four five"
    scored = (await both(provider, prompt=text, echo=True, max_tokens=3, logprobs=2))["choices"][0]
    told = scored["logprobs"]
    lengths = {len(told[name]) for name in ("tokens", "token_logprobs", "top_logprobs", "text_offset")}
    assert len(lengths) == 1
    assert (told["token_logprobs"][0], told["top_logprobs"][0]) == (None, None)
    assert all(logprob <= 0 for logprob in told["token_logprobs"][1:])
    assert all(len(others) == 2 for others in told["top_logprobs"][1:])
    for token, at in zip(told["tokens"], told["text_offset"], strict=True):
        assert scored["text"][at:].startswith(token)
    # What it knows by heart it finds likely, and what it was asked it does not.
    place = told["text_offset"].index(len(COUNT))
    assert min(told["token_logprobs"][place:]) > -0.5
    assert min(told["token_logprobs"][1:place]) < -1
    # The same tokens are as likely where the model writes them itself.
    own = (await both(provider, max_tokens=6, logprobs=2))["choices"][0]["logprobs"]
    shared = len(own["tokens"])
    assert own["tokens"] == told["tokens"][place : place + shared]
    assert own["token_logprobs"] == pytest.approx(told["token_logprobs"][place : place + shared], abs=1e-3)


async def test_a_long_prompt_is_scored_piece_by_piece(provider: Transformers, monkeypatch: pytest.MonkeyPatch) -> None:
    request: Any = {"prompt": f"{COUNT}one two three", "echo": True, "max_tokens": 0, "logprobs": 1}
    at_once = (await whole(provider, **request))["choices"][0]["logprobs"]
    monkeypatch.setattr("dinrail_transformers.language_model._SCORED_AT_ONCE", 3)
    pieces = (await whole(provider, **request))["choices"][0]["logprobs"]
    assert pieces["tokens"] == at_once["tokens"]
    assert pieces["token_logprobs"][1:] == pytest.approx(at_once["token_logprobs"][1:], abs=1e-4)


@pytest.mark.parametrize(
    ("wrong", "kind", "param"),
    [
        ({"prompt": None}, InvalidRequest, "prompt"),
        ({"prompt": ""}, InvalidRequest, "prompt"),
        ({"prompt": [1, 999_999]}, InvalidRequest, "prompt.1"),
        ({"prompt": [[1], [999_999]]}, InvalidRequest, "prompt.1.0"),
        ({"prompt": ["a", "word " * 400]}, ContextLengthExceeded, "prompt.1"),
        ({"prompt": [5] * 256}, ContextLengthExceeded, "prompt"),
        ({"logit_bias": {"999999": 1}}, InvalidRequest, "logit_bias.999999"),
        ({"model": "embedder"}, ModelNotFound, "model"),
    ],
)
async def test_a_prompt_that_cannot_be_continued_is_refused(
    provider: Transformers, wrong: dict[str, Any], kind: type[InvalidRequest], param: str
) -> None:
    for method in (provider.complete_text, provider.stream_text):
        with pytest.raises(kind) as caught:
            await method(ask(**wrong), Call())
        assert caught.value.param == param
    assert (await whole(provider, prompt=[5] * 256, max_tokens=0))["usage"]["prompt_tokens"] == 256


async def test_completions_are_answered_through_the_server(speaker: Path) -> None:
    config = {"providers": {"local": {"type": "transformers", "models": {"speaker": str(speaker)}, "threads": 1}}}
    async with serve(plugins=["transformers"], config=config) as served, served.openai() as client:
        whole = await client.completions.create(model="local/speaker", prompt=COUNT, temperature=0, max_tokens=3)
        assert whole.choices[0].text.startswith("one")
        stream = await client.completions.create(
            model="local/speaker", prompt=COUNT, temperature=0, max_tokens=3, stream=True
        )
        assert "".join([event.choices[0].text async for event in stream]) == whole.choices[0].text


async def test_what_a_tokenizer_puts_before_a_text_is_a_token_and_no_text(speaker: Path, tmp_path: Path) -> None:
    from tokenizers.processors import TemplateProcessing
    from transformers import AutoTokenizer

    folder = shutil.copytree(speaker, tmp_path / "begun")
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    mark = ("<|system|>", tokenizer.convert_tokens_to_ids("<|system|>"))
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single=f"{mark[0]} $A", special_tokens=[mark])
    tokenizer.bos_token = mark[0]
    tokenizer.save_pretrained(str(folder))
    config = TransformersConfig.model_validate({"models": {"speaker": str(folder)}, "threads": 1})
    async with Transformers.opened(config, "kit") as begun:
        scored = (await both(begun, prompt="Count. Ü", echo=True, max_tokens=0, logprobs=0))["choices"][0]
        assert scored["text"] == "Count. Ü"
        assert scored["logprobs"]["tokens"][0] == mark[0]
        assert scored["logprobs"]["text_offset"][:2] == [0, 0]
        assert scored["logprobs"]["text_offset"][-1] == len("Count. Ü") - 1
        nothing = await both(begun, prompt=None, max_tokens=2, echo=True)
        assert nothing["usage"]["prompt_tokens"] == 1
        assert nothing["usage"]["completion_tokens"] == 2
