from __future__ import annotations

from typing import Any

import pytest

from dinrail_core.api.chat.request import ChatRequest
from dinrail_llamacpp.tools.offer import Offer, OfferedTool
from dinrail_llamacpp.tools.prompt import calls_since_user, converse, has_tool_history, with_tools

WEATHER = OfferedTool(
    "tools.0", "weather", "The weather.", {"type": "object", "properties": {"city": {"type": "string"}}}
)


def messages(*found: dict[str, Any]) -> Any:
    return ChatRequest.model_validate({"model": "m", "messages": list(found)}).messages


def call(key: str, name: str, arguments: str = "{}") -> dict[str, Any]:
    return {"id": key, "type": "function", "function": {"name": name, "arguments": arguments}}


def calling(*calls: dict[str, Any], content: str | None = None) -> dict[str, Any]:
    return {"role": "assistant", "content": content, "tool_calls": list(calls)}


def result(key: str, text: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": key, "content": text}


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def test_a_conversation_without_tools_stays_as_it_is() -> None:
    talk = [
        {"role": "system", "content": "Be brief."},
        user("Hello"),
        {"role": "assistant", "content": "Hi"},
        user("Go"),
    ]
    assert converse(messages(*talk)) == talk
    assert not has_tool_history(messages(*talk))


def test_a_result_stands_beside_the_question() -> None:
    talk = messages(user("Weather in Paris?"), calling(call("1", "weather")), result("1", "sunny"))
    assert has_tool_history(talk)
    (turn,) = converse(talk)
    assert turn["role"] == "user"
    assert turn["content"] == "Weather in Paris?\n\nThe tool weather says: sunny\n\nAnswer with what the tool says."


def test_results_of_one_tool_are_told_apart_by_their_arguments() -> None:
    talk = messages(
        user("Paris and Rome?"),
        calling(call("1", "weather", '{"city":"Paris"}'), call("2", "weather", '{"city":"Rome"}')),
        result("1", "sunny"),
        result("2", "rain"),
    )
    (turn,) = converse(talk)
    assert 'The tool weather, called with {"city":"Paris"}, says: sunny' in turn["content"]
    assert 'The tool weather, called with {"city":"Rome"}, says: rain' in turn["content"]


def test_what_was_said_beside_a_call_is_kept() -> None:
    turns = converse(messages(user("Q"), calling(call("1", "a"), content="Let me see."), result("1", "R")))
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert turns[1]["content"] == "Let me see."


def test_an_older_result_is_told_without_asking_for_an_answer() -> None:
    talk = messages(
        user("Q"), calling(call("1", "a")), result("1", "R"), {"role": "assistant", "content": "A"}, user("Q2")
    )
    turns = converse(talk)
    assert [turn["content"] for turn in turns] == ["Q\n\nThe tool a says: R", "A", "Q2"]


def test_an_image_beside_a_result_stays_an_image() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    (turn,) = converse(messages({"role": "user", "content": [image]}, calling(call("1", "a")), result("1", "R")))
    assert turn["content"][0]["image_url"]["url"] == "data:image/png;base64,AAAA"
    assert "The tool a says: R" in turn["content"][1]["text"]


def test_the_tools_join_the_instructions_that_are_there() -> None:
    turns = with_tools(
        Offer([WEATHER], [WEATHER], True, False), [{"role": "system", "content": "Be brief."}], decide=False
    )
    assert len(turns) == 1
    assert turns[0]["content"].startswith(
        "Be brief.\n\nYou can call these tools:\n- weather: The weather. Arguments: {"
    )


@pytest.mark.parametrize(("decide", "several"), [(True, False), (False, False), (False, True)])
def test_each_task_is_put_in_its_own_words(decide: bool, several: bool) -> None:
    (turn,) = with_tools(Offer([WEATHER], [WEATHER], False, several), [], decide=decide)
    assert ('"Answer:"' in turn["content"]) is decide
    assert ("JSON list" in turn["content"]) is several


def test_calls_count_since_the_user_spoke() -> None:
    talk = messages(
        user("Old"),
        calling(call("0", "old")),
        result("0", "R"),
        user("New"),
        calling(call("1", "a", '{"x": 1, "y": 2}')),
        result("1", "R"),
        calling(call("2", "b"), call("3", "unanswered")),
        result("2", "R"),
    )
    rounds, made = calls_since_user(talk)
    assert rounds == 2
    assert made == {("a", '{"x":1,"y":2}'), ("b", "{}")}
