"""What tests of responses say and hear, in a few words."""

from __future__ import annotations

import json
from typing import Any

import aiohttp

from dinrail_sdk.testing import Served
from dinrail_sdk.testing.script import Say, Spoken, ToolUse
from dinrail_sdk.testing.upstream import Turn

__all__ = ["MODEL", "PLUGINS", "SPOKEN", "calls", "events_of", "function", "post", "raw_events", "says", "summed"]

MODEL = "one/kit-model"
PLUGINS = (
    "blobs",
    "conversations",
    "database",
    "files",
    "jobs",
    "openai-compatible",
    "prompts",
    "responses",
)


def says(text: str, **fields: Any) -> Turn:
    return Turn(script=Spoken(choices=(Say(text=text, **fields),)))


def calls(*uses: ToolUse, text: str | None = None) -> Turn:
    return Turn(script=Spoken(choices=(Say(text=text, calls=uses, finish="tool_calls"),)))


def function(name: str = "weather", **fields: Any) -> Any:
    place = {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}
    return {"type": "function", "name": name, "parameters": place, **fields}


async def post(served: Served, body: Any, path: str = "responses") -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession(f"{served.origin}/v1/") as session,
        session.post(path, json=body) as answer,
    ):
        return answer.status, json.loads(await answer.read())


async def raw_events(served: Served, body: Any) -> list[dict[str, Any]]:
    async with (
        aiohttp.ClientSession(f"{served.origin}/v1/") as session,
        session.post("responses", json={"model": MODEL, "stream": True, **body}) as answer,
    ):
        assert answer.status == 200, await answer.read()
        return events_of((await answer.read()).decode())


def events_of(text: str) -> list[dict[str, Any]]:
    """The events of a whole stream, whose framing is checked on the way."""
    *frames, done, rest = text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    events = []
    for frame in frames:
        name, data = frame.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        events.append(event)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    return events


SPOKEN = frozenset({"message", "reasoning", "function_call", "custom_tool_call"})


def summed(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the events alone add up to: items in their places, out of deltas, with what ``done`` says checked."""
    items: dict[int, dict[str, Any]] = {}
    closed: set[int] = set()
    for event in json.loads(json.dumps(events)):
        kind, index = event["type"], event.get("output_index")
        if index is not None:
            assert index not in closed, f"{kind} for an item that is done"
        if kind == "response.output_item.added":
            assert index == len(items)
            items[index] = event["item"]
            continue
        if index is None:
            continue
        item = items[index]
        if "item_id" in event:
            assert event["item_id"] == item["id"]
        _sum(item, kind, event)
        if kind == "response.output_item.done":
            # What tools of the server's own find comes with the whole item alone.
            assert item["type"] not in SPOKEN or {
                **item,
                "status": event["item"].get("status"),
                "encrypted_content": None,
            } == {
                **event["item"],
                "status": event["item"].get("status"),
                "encrypted_content": None,
            }
            items[index] = event["item"]
            closed.add(index)
    assert closed == set(items), "an item was never done"
    return [items[index] for index in sorted(items)]


def _sum(item: dict[str, Any], kind: str, event: dict[str, Any]) -> None:
    parts = item.get("content", [])
    if kind == "response.content_part.added":
        assert event["content_index"] == len(parts)
        parts.append(event["part"])
    elif kind == "response.content_part.done":
        assert parts[event["content_index"]] == event["part"]
    elif kind in ("response.output_text.delta", "response.reasoning_text.delta"):
        parts[event["content_index"]]["text"] += event["delta"]
        parts[event["content_index"]].setdefault("logprobs", []).extend(event.get("logprobs", []))
        if kind == "response.reasoning_text.delta":
            del parts[event["content_index"]]["logprobs"]
    elif kind in ("response.output_text.done", "response.reasoning_text.done"):
        assert parts[event["content_index"]]["text"] == event["text"]
    elif kind == "response.output_text.annotation.added":
        assert event["annotation_index"] == len(parts[event["content_index"]]["annotations"])
        parts[event["content_index"]]["annotations"].append(event["annotation"])
    elif kind == "response.refusal.delta":
        parts[event["content_index"]]["refusal"] += event["delta"]
    elif kind == "response.refusal.done":
        assert parts[event["content_index"]]["refusal"] == event["refusal"]
    elif kind == "response.reasoning_summary_part.added":
        item["summary"].append(event["part"])
    elif kind == "response.reasoning_summary_text.delta":
        item["summary"][event["summary_index"]]["text"] += event["delta"]
    elif kind == "response.function_call_arguments.delta":
        item["arguments"] += event["delta"]
    elif kind == "response.function_call_arguments.done":
        assert item["arguments"] == event["arguments"]
        assert item["name"] == event["name"]
    elif kind == "response.custom_tool_call_input.delta":
        item["input"] += event["delta"]
    elif kind == "response.custom_tool_call_input.done":
        assert item["input"] == event["input"]
