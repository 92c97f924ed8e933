"""Every response and every event against the Open Responses specification, where it is beside the checkout."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from dialogue import MODEL, calls, function, post, raw_events, says
from jsonschema import Draft202012Validator

from dinrail_sdk.testing import FakeUpstream, Served
from dinrail_sdk.testing.delivery import Delivery
from dinrail_sdk.testing.script import Say, Spoken, ToolUse
from dinrail_sdk.testing.upstream import Turn

NAME = Path("shared", "spec", "open-responses-2026-04-24.json")
FOUND = next((parent / NAME for parent in Path(__file__).parents if (parent / NAME).exists()), None)

pytestmark = pytest.mark.skipif(FOUND is None, reason="the reference specifications are not beside the checkout")

OURS = {
    "response.reasoning_text.delta": "response.reasoning.delta",
    "response.reasoning_text.done": "response.reasoning.done",
}
"""Events that carry OpenAI's names, by those of Open Responses."""


@cache
def specification() -> dict[str, Any]:
    assert FOUND is not None
    found: dict[str, Any] = json.loads(FOUND.read_text())
    return found


@cache
def validator(name: str) -> Draft202012Validator:
    document = specification()
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": document["components"]})


@cache
def events() -> dict[str, str]:
    content = specification()["paths"]["/responses"]["post"]["responses"]["200"]["content"]
    found = {}
    for reference in content["text/event-stream"]["schema"]["oneOf"]:
        name = reference["$ref"].rpartition("/")[2]
        schema = specification()["components"]["schemas"][name]
        found[schema["properties"]["type"]["enum"][0]] = name
    return found


def check(event: dict[str, Any]) -> None:
    kind = OURS.get(event["type"], event["type"])
    validator(events()[kind]).validate({**event, "type": kind})


SCRIPTS: dict[str, tuple[Turn, dict[str, Any]]] = {
    "text": (says("Hello."), {}),
    "thoughts": (says("Hello.", reasoning="I think."), {"include": ["reasoning.encrypted_content"]}),
    "a summary": (says("Hello.", reasoning="I think."), {"reasoning": {"effort": "low", "summary": "auto"}}),
    "a refusal": (Turn(script=Spoken(choices=(Say(text=None, refusal="No."),))), {}),
    "calls": (
        calls(ToolUse(name="weather", arguments='{"place":"Oslo"}', id="c1"), text="Let me see."),
        {
            "tools": [function(description="Weather", strict=True)],
            "tool_choice": {"type": "function", "name": "weather"},
        },
    ),
    "what was cut short": (says("Once", finish="length"), {"max_output_tokens": 16, "metadata": {"a": "b"}}),
    "padding": (says("Hello."), {"stream_options": {"include_obfuscation": True}}),
    "instructions": (says("Hello."), {"instructions": "Be kind.", "safety_identifier": "x", "prompt_cache_key": "y"}),
}


@pytest.mark.parametrize("name", SCRIPTS)
async def test_responses_and_events_are_what_the_specification_says(
    served: Served, upstream: FakeUpstream, name: str
) -> None:
    turn, body = SCRIPTS[name]
    upstream.then(turn, turn)
    for event in await raw_events(served, {"input": "?", **body}):
        check(event)
    without = {field: value for field, value in body.items() if field != "stream_options"}
    status, made = await post(served, {"model": MODEL, "input": "?", **without})
    assert status == 200
    validator("ResponseResource").validate(made)


async def test_a_failure_is_what_the_specification_says(served: Served, upstream: FakeUpstream) -> None:
    upstream.says(Spoken.of("A long story."), Delivery(pieces=2, ending="cut"))
    told = await raw_events(served, {"input": "?"})
    assert {"error", "response.failed"} <= {event["type"] for event in told}
    for event in told:
        check(event)


async def test_a_compacted_history_is_what_the_specification_says(served: Served, upstream: FakeUpstream) -> None:
    upstream.then(says("They like cats."))
    status, made = await post(served, {"model": MODEL, "input": "I like cats."}, "responses/compact")
    assert status == 200
    validator("CompactResource").validate(made)
    upstream.then(says("Cats."))
    _, response = await post(served, {"model": MODEL, "input": [*made["output"], {"role": "user", "content": "What?"}]})
    assert "They like cats." in upstream.asked.messages[0].text
    validator("ResponseResource").validate(response)


def test_a_wrong_event_is_noticed() -> None:
    with pytest.raises(Exception, match="sequence_number"):
        check(
            {"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0, "delta": ""}
        )
