"""Who has answered, and what it took."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from dinrail_core.api.answers import Answer
from dinrail_core.api.chat.response import ChatCompletion
from dinrail_core.hooks.context import Price, Target
from dinrail_server.exchange import Usage
from dinrail_server.metering import tell, usage_in
from dinrail_server.metrics import Figures

if TYPE_CHECKING:
    from conftest import Scripted, SmallRail, Start

CHAT = b'{"model": "m", "messages": [{"role": "user", "content": "Hi"}]}'
STREAM = CHAT[:-1] + b', "stream": true}'


@given(st.text(), st.integers(0, 10**9), st.integers(0, 10**9), st.sampled_from(["", " ", "\n  "]))
def test_usage_is_found_whatever_the_answer_says(text: str, given_: int, made: int, space: str) -> None:
    told = {"prompt_tokens": given_, "completion_tokens": made, "prompt_tokens_details": {"cached_tokens": 3}}
    answer = {"choices": [{"text": text}, {"text": '"usage": {"prompt_tokens": 5}'}], "usage": told, "z": text}
    separators = ("," + space, ":" + space)
    assert usage_in(json.dumps(answer, separators=separators).encode()) == Usage(given_, made)
    assert usage_in(json.dumps({"text": text, '"usage": {': text}, separators=separators).encode()) is None


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ('{"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}', Usage(3, 4)),
        ('{"prompt_tokens": 3, "total_tokens": 3}', Usage(3, 0)),
        ('{"total_tokens": 9}', Usage(9, 0)),
        ('{"prompt_tokens": 3, "total_tokens": 8}', Usage(3, 5)),
        ("null", None),
        ("{}", None),
        ('"many"', None),
    ],
)
def test_usage_is_read_in_every_shape(told: str, usage: Usage | None) -> None:
    assert usage_in(f'{{"usage": {told}}}'.encode()) == usage


async def test_the_client_is_told_who_has_answered(start: Start) -> None:
    running = await start()
    for body in (CHAT, STREAM):
        async with running.post("/v1/chat/completions", body) as answer:
            told = answer.headers["x-dinrail-instance"], answer.headers["x-dinrail-model"]
        assert told == ("local", "local/m")


async def test_who_was_chosen_among_several_is_told_by_the_one_who_chose(start: Start, provider: Scripted) -> None:
    headers = {"x-dinrail-instance": "gpu1", "x-dinrail-model": "gpu1/x"}
    provider.answer = Answer(ChatCompletion, body=b"{}", headers=headers)
    running = await start()
    async with running.post("/v1/chat/completions", CHAT) as answer:
        assert {name: answer.headers[name] for name in headers} == headers


@pytest.mark.parametrize("model", ["a\r\nset-cookie: b", "müller", "a\0b"])
def test_a_models_name_makes_no_header_of_its_own(model: str) -> None:
    headers = CIMultiDict[str]()
    target: Target[object] = Target(object(), model, "local")
    assert tell(target, Answer(ChatCompletion, body=b"{}"), headers) == f"local/{model}"
    assert headers["x-dinrail-model"].isascii()
    assert headers["x-dinrail-model"].isprintable()


async def metrics(running: Any) -> str:
    async with running.http.get(running.root + "/metrics") as answer:
        text: str = await answer.text()
    return text


async def test_tokens_and_costs_are_counted_by_model(start: Start, rail: SmallRail, provider: Scripted) -> None:
    rail.prices["local/m"] = Price(1_000_000, 2_000_000)

    async def pieces() -> AsyncGenerator[bytes, None]:
        yield b'data: {"choices": [], "usage": null}\n\n'
        yield b'data: {"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 20}}\n\n'

    provider.pieces = pieces
    running = await start()
    for body in (CHAT, STREAM):
        async with running.post("/v1/chat/completions", body) as answer:
            await answer.read()
    text = await metrics(running)
    assert 'dinrail_tokens_total{direction="input",key="",model="local/m"} 11.0' in text
    assert 'dinrail_tokens_total{direction="output",key="",model="local/m"} 22.0' in text
    assert 'dinrail_cost_total{key="",model="local/m"} 55.0' in text


async def test_a_stream_that_does_not_tell_is_estimated(start: Start, provider: Scripted) -> None:
    async def pieces() -> AsyncGenerator[bytes, None]:
        yield b'data: {"choices": []}\n\n' * 3
        yield b'data: {"choices": []}\n\n'

    provider.pieces = pieces
    running = await start()
    async with running.post("/v1/chat/completions", STREAM) as answer:
        await answer.read()
    text = await metrics(running)
    assert f'dinrail_tokens_total{{direction="input",key="",model="local/m"}} {float(len(STREAM) // 4)}' in text
    assert 'dinrail_tokens_total{direction="output",key="",model="local/m"} 4.0' in text


def test_no_client_decides_how_much_memory_the_figures_take() -> None:
    figures = Figures()
    for number in range(1500):
        figures.count_tokens(f"local/{number}", "", Usage(1, 1), 1.0)
    figures.count_tokens("local/1", "", Usage(1, 1), 1.0)
    snapshot = figures.snapshot()
    assert len(snapshot["tokens"]) <= 2 * 1001
    assert sum(value for *_, value in snapshot["tokens"]) == 2 * 1501
    assert ["local/1", "", "input", 2] in snapshot["tokens"]
