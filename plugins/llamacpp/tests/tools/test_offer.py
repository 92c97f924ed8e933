from __future__ import annotations

from typing import Any

import pytest

from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.errors import InvalidRequest, UnsupportedFeature
from dinrail_llamacpp.tools.offer import offer_of
from dinrail_llamacpp.tools.schemas import answer_schema


def function(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **more}}


def custom(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "custom", "custom": {"name": name, **more}}


def request(**more: Any) -> ChatRequest:
    return ChatRequest.model_validate({"model": "m", "messages": [{"role": "user", "content": "x"}], **more})


TWO = [function("a"), function("b")]


@pytest.mark.parametrize("more", [{}, {"tools": []}, {"tools": TWO, "tool_choice": "none"}, {"tool_choice": "none"}])
def test_nothing_may_be_called_without_tools_or_with_none(more: dict[str, Any]) -> None:
    assert offer_of(request(**more)) is None


@pytest.mark.parametrize(
    ("choice", "callable_", "must"),
    [
        (None, ["a", "b"], False),
        ("auto", ["a", "b"], False),
        ("required", ["a", "b"], True),
        (function("b"), ["b"], True),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [function("a")]}}, ["a"], False),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [function("b")]}}, ["b"], True),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "name": "b"}]}},
            ["b"],
            False,
        ),
    ],
)
def test_the_choice_narrows_what_may_be_called(choice: Any, callable_: list[str], must: bool) -> None:
    offer = offer_of(request(tools=TWO, **({} if choice is None else {"tool_choice": choice})))
    assert offer is not None
    assert [tool.name for tool in offer.listed] == ["a", "b"]
    assert [tool.name for tool in offer.callable] == callable_
    assert offer.must is must


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": TWO, "tool_choice": function("c")}, "tool_choice"),
        ({"tools": TWO, "tool_choice": custom("a")}, "tool_choice"),
        ({"tools": [function("a"), custom("a")]}, "tools.1"),
        (
            {
                "tools": TWO,
                "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [function("c")]}},
            },
            "tool_choice.allowed_tools.tools.0",
        ),
        (
            {
                "tools": TWO,
                "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": []}},
            },
            "tool_choice.allowed_tools.tools",
        ),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused_by_name(more: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        offer_of(request(**more))
    assert caught.value.param == param


def test_a_grammar_that_cannot_be_followed_is_refused_by_name() -> None:
    for syntax, definition, param in (("lark", "start: A", "syntax"), ("regex", r"\bx", "definition")):
        form = {"type": "grammar", "grammar": {"syntax": syntax, "definition": definition}}
        with pytest.raises(UnsupportedFeature) as caught:
            offer_of(request(tools=[function("a"), custom("b", format=form)]))
        assert caught.value.param == f"tools.1.custom.format.grammar.{param}"


def test_a_function_without_parameters_takes_none() -> None:
    offer = offer_of(request(tools=[function("a")], tool_choice="required"))
    assert offer is not None
    assert answer_schema(offer)["$defs"]["tool0"] == {"type": "object", "properties": {}, "additionalProperties": False}


def test_the_answer_is_one_call_of_any_callable_tool() -> None:
    offer = offer_of(request(tools=[function("a"), custom("b")]))
    assert offer is not None
    schema = answer_schema(offer)
    names = [one["properties"]["tool"]["const"] for one in schema["anyOf"]]
    assert names == ["a", "b"]
    assert [sorted(one["properties"]) for one in schema["anyOf"]] == [["arguments", "tool"], ["input", "tool"]]


def test_several_calls_are_a_list_only_where_they_are_asked_for() -> None:
    for parallel, kind in ((True, "array"), (False, "object")):
        offer = offer_of(request(tools=[function("a")], parallel_tool_calls=parallel))
        assert offer is not None
        assert answer_schema(offer)["type"] == kind


def test_a_strict_schema_that_cannot_be_enforced_names_its_tool() -> None:
    odd = function("b", strict=True, parameters={"type": "object", "not": {}})
    offer = offer_of(request(tools=[function("a"), odd]))
    assert offer is not None
    with pytest.raises(UnsupportedFeature) as caught:
        answer_schema(offer)
    assert caught.value.param == "tools.1.function.parameters"
