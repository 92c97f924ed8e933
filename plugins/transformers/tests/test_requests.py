from __future__ import annotations

from typing import Any

import pytest

from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.completions import CompletionRequest
from dinrail_core.api.wire import decode_request
from dinrail_core.errors import InvalidRequest, UnsupportedFeature
from dinrail_transformers.requests import Sampling, chat_of, sampling_of
from dinrail_transformers.texts import wanted_of

TOOL: dict[str, Any] = {"type": "function", "function": {"name": "clock"}}


def request(messages: list[Any] | None = None, **more: Any) -> ChatRequest:
    data = {"model": "m", "messages": messages or [{"role": "user", "content": "Hi."}], **more}
    return decode_request(ChatRequest, data)


def test_a_conversation_is_put_as_templates_know_it() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "clock", "arguments": '{"zone": "CET"}'}}
    parts = [{"type": "text", "text": "One,"}, {"type": "text", "text": " two."}]
    chat = chat_of(
        request(
            [
                {"role": "developer", "content": "Be brief."},
                {"role": "user", "content": parts},
                {"role": "assistant", "content": None, "reasoning_content": "Hm.", "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "c1", "content": "noon"},
                {"role": "assistant", "refusal": "No."},
            ]
        )
    )
    assert chat.messages == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "One, two."},
        {
            "role": "assistant",
            "content": "",
            "reasoning_content": "Hm.",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "clock", "arguments": {"zone": "CET"}}}
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "noon"},
        {"role": "assistant", "content": "No."},
    ]


def test_tools_are_offered_unless_none_may_be_called() -> None:
    (tool,) = chat_of(request(tools=[TOOL])).tools
    assert tool["function"] == {"name": "clock", "parameters": {"type": "object", "properties": {}}}
    assert not chat_of(request(tools=[TOOL], tool_choice="none")).tools
    assert chat_of(request(tools=[TOOL], parallel_tool_calls=False)).one_call
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [TOOL]}}
    other = {"type": "function", "function": {"name": "weather"}}
    assert [one["function"]["name"] for one in chat_of(request(tools=[TOOL, other], tool_choice=allowed)).tools] == [
        "clock"
    ]


def test_variables_of_the_template_are_handed_on() -> None:
    assert chat_of(request(chat_template_kwargs={"enable_thinking": False})).more == {"enable_thinking": False}
    assert chat_of(request(reasoning_effort="none")).more == {"reasoning_effort": "none", "enable_thinking": False}
    assert chat_of(request(reasoning_effort="low")).more == {"reasoning_effort": "low", "enable_thinking": True}


PIXEL = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"tools": [TOOL], "tool_choice": "required"}, "tool_choice"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools.0.type"),
        ({"tools": [{"type": "function", "function": {"name": "x", "strict": True}}]}, "tools.0.function.strict"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"functions": [{"name": "x"}]}, "functions"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"guided_json": {"type": "object"}}, "guided_json"),
        ({"messages": [{"role": "user", "content": [PIXEL]}]}, "messages.0.content.0"),
        ({"messages": [{"role": "function", "name": "f", "content": "x"}]}, "messages.0"),
    ],
)
def test_what_cannot_be_done_is_refused(wrong: dict[str, Any], param: str) -> None:
    with pytest.raises(UnsupportedFeature) as caught:
        chat_of(request(**wrong))
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": -1}, "max_completion_tokens"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"logit_bias": {"x": 1}}, "logit_bias.x"),
        ({"top_k": 1.5}, "top_k"),
        ({"top_k": True}, "top_k"),
        ({"min_p": 2}, "min_p"),
        ({"repetition_penalty": 0}, "repetition_penalty"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        sampling_of(request(**wrong), None)
    assert caught.value.param == param


def test_variables_that_are_the_servers_are_refused() -> None:
    wrongs: list[Any] = [[], {"chat_template": "{{ 7 }}"}, {"tokenize": True}]
    for wrong in wrongs:
        with pytest.raises(InvalidRequest) as caught:
            chat_of(request(chat_template_kwargs=wrong))
        assert str(caught.value.param).startswith("chat_template_kwargs")


def test_how_tokens_are_chosen_is_read() -> None:
    assert sampling_of(request(), 99) == Sampling(limit=99)
    assert sampling_of(request(max_tokens=5, max_completion_tokens=7, stop="END", seed=0), 99) == Sampling(
        limit=7, stops=("END",), seed=0
    )
    asked: Any = {"temperature": 0, "top_p": 0.5, "top_k": 3, "presence_penalty": 1, "frequency_penalty": -1}
    found = sampling_of(request(**asked, stop=["a", "b"], logit_bias={"7": -100}, logprobs=True, top_logprobs=2), None)
    assert found == Sampling(
        temperature=0,
        top_p=0.5,
        top_k=3,
        presence=1,
        frequency=-1,
        stops=("a", "b"),
        bias={7: -100.0},
        alternatives=2,
    )
    assert sampling_of(request(logprobs=True), None).alternatives == 0


def completion(**more: Any) -> CompletionRequest:
    return decode_request(CompletionRequest, {"model": "m", "prompt": "One", **more})


@pytest.mark.parametrize(
    ("prompt", "prompts", "names"),
    [
        ("One", ["One"], ["prompt"]),
        (None, [None], ["prompt"]),
        ([1, 2], [[1, 2]], ["prompt"]),
        (["a", "b"], ["a", "b"], ["prompt.0", "prompt.1"]),
        ([[1], [2, 3]], [[1], [2, 3]], ["prompt.0", "prompt.1"]),
    ],
)
def test_prompts_come_in_four_forms(prompt: Any, prompts: list[Any], names: list[str]) -> None:
    wanted = wanted_of(completion(prompt=prompt))
    assert [list(one) if isinstance(one, tuple) else one for one in wanted.prompts] == prompts
    assert wanted.names == names


def test_a_completion_says_how_it_is_drawn() -> None:
    assert wanted_of(completion()).sampling == Sampling(limit=16)
    sampling = wanted_of(completion(max_tokens=0, logprobs=2, stop="x", seed=3, top_k=4, echo=True)).sampling
    assert sampling == Sampling(limit=0, alternatives=2, stops=("x",), seed=3, top_k=4)
    assert sampling.seeded(2).seed == 5
    assert wanted_of(completion(n=2, best_of=2)).count == 2


@pytest.mark.parametrize(
    ("wrong", "kind", "param"),
    [
        ({"prompt": []}, InvalidRequest, "prompt"),
        ({"suffix": "end"}, UnsupportedFeature, "suffix"),
        ({"best_of": 3}, UnsupportedFeature, "best_of"),
        ({"n": 3, "best_of": 2}, InvalidRequest, "best_of"),
        ({"guided_regex": "a+"}, UnsupportedFeature, "guided_regex"),
        ({"response_format": {"type": "json_object"}}, UnsupportedFeature, "response_format"),
        ({"top_k": -1}, InvalidRequest, "top_k"),
        ({"logit_bias": {"cat": 1}}, InvalidRequest, "logit_bias.cat"),
    ],
)
def test_a_completion_that_cannot_be_had_is_refused(wrong: dict[str, Any], kind: type[Exception], param: str) -> None:
    with pytest.raises(kind) as caught:
        wanted_of(completion(**wrong))
    assert getattr(caught.value, "param", None) == param
