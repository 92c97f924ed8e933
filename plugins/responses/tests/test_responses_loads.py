"""What a turn carries, in items and back: pure."""

from __future__ import annotations

from typing import Any

import pytest
from test_responses_reducer import chunk, reduced

from dinrail_responses.carrying import Load
from dinrail_responses.chat_messages import Scene, as_messages
from dinrail_responses.sealed import CARRIED

CALL: dict[str, Any] = {
    "index": 0,
    "id": "c1",
    "type": "function",
    "function": {"name": "sky__weather", "arguments": "{}"},
}
OF_THE_CALL: dict[str, Any] = {"type": "reasoning.encrypted", "data": "s", "id": "c1", "format": "maker", "index": 0}
ITEMS: dict[str, list[dict[str, Any]]] = {
    "signatures behind calls": [
        {
            "tool_calls": [
                {"index": 0, "id": "c1", "type": "function", "function": {"name": "sky__weather", "arguments": "{}"}}
            ]
        },
        {
            "reasoning_details": [
                {"type": "reasoning.encrypted", "data": "s", "id": "c1", "format": "maker", "index": 0}
            ]
        },
    ],
    "a turn in its maker's words": [
        {"content": "It rains."},
        {"native_content": {"format": "maker", "blocks": [{"text": "It rains."}]}},
    ],
    "extras of calls": [
        {"tool_calls": [{**CALL, "extra_content": {"maker": {"signature": "s"}}}]},
    ],
}


@pytest.mark.parametrize("name", ITEMS)
def test_what_comes_behind_the_thoughts_has_an_item_of_its_own(name: str) -> None:
    chunks = [chunk(**delta) for delta in ITEMS[name]]
    scribe, _, step = reduced([*chunks, chunk("tool_calls")], owner="one")
    assert [item["type"] for item in scribe.output][1:] == ["reasoning"]
    assert scribe.output[1]["summary"] == []
    outputs = [{"type": "function_call_output", "call_id": "c1", "output": "rain"}] if step.waits else []
    scene = Scene(attached={}, replayed=lambda item: None, unsealed=lambda text: text)
    message = as_messages([*scribe.output, *outputs], scene)[0]
    whole = {} if step.waits else ITEMS[name][1]  # which within the response nobody needs any more
    assert message == {**step.said, "carried_by": "one", **whole}


def test_calls_that_ran_here_are_told_under_other_ids_and_carry_nothing_of_their_own() -> None:
    call = {**CALL, "function": {"name": "made_up", "arguments": "{}"}}
    plain = {"type": "reasoning.encrypted", "data": "t", "format": "maker", "index": 1}
    details = [OF_THE_CALL, plain]
    rest = chunk(reasoning_details=details, native_content={"format": "maker", "blocks": []})
    scribe, _, step = reduced([chunk(tool_calls=[{**call, "extra_content": {"a": 1}}]), rest], owner="one")
    assert step.said["reasoning_details"] == details
    load = Load.of(scribe.output[0]["encrypted_content"].removeprefix(CARRIED))
    assert (load.fields, load.calls, load.behind) == ({"reasoning_details": [plain]}, {}, False)
