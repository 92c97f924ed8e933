"""Providers that get the tools of a chat wrong."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
from honest_provider import Honest
from wrong_chat import Edits
from wrong_provider import caught_by

from dinrail_core.api.call import Call
from dinrail_core.errors import UpstreamError

Event = dict[str, Any]


def _functions(change: Callable[[Event], None]) -> Callable[[Event], Event]:
    def edit(payload: Event) -> Event:
        for tool in payload.get("tools", ()):
            change(tool["function"])
        return payload

    return edit


@caught_by("chat_tools_offered")
class DropsATool(Honest):
    def edit_request(self, payload: Event) -> Event:
        return payload | {"tools": payload["tools"][:1]}


@caught_by("chat_tools_offered")
class DropsDescriptions(Honest):
    def edit_request(self, payload: Event) -> Event:
        return _functions(lambda function: function.pop("description", None))(payload)


@caught_by("chat_tools_offered")
class RewritesSchemas(Honest):
    def edit_request(self, payload: Event) -> Event:
        return _functions(lambda function: function["parameters"].pop("additionalProperties", None))(payload)


@caught_by("chat_tool_choice")
class LeavesTheChoiceToTheModel(Honest):
    def edit_request(self, payload: Event) -> Event:
        payload.pop("tool_choice", None)
        return payload


@caught_by("chat_tool_choice")
class RequiresATool(Honest):
    def edit_request(self, payload: Event) -> Event:
        return {"tool_choice": "required", **payload}


@caught_by("chat_one_call", "chat_parallel_calls", "chat_call_beside_text")
class DropsToolCalls(Edits):
    def message(self, message: Event, payload: Event) -> None:
        message.pop("tool_calls", None)


@caught_by("chat_call_beside_text")
class DropsTextBesideCalls(Edits):
    def message(self, message: Event, payload: Event) -> None:
        if payload.get("tools"):
            message["content"] = None


@caught_by("chat_one_call")
class RewritesArguments(Honest):
    def edit_answer(self, data: Event, payload: Event) -> Event:
        for choice in data["choices"]:
            for call in choice["message"].get("tool_calls", ()):
                flat = {key: value for key, value in json.loads(call["function"]["arguments"]).items() if key != "deep"}
                call["function"]["arguments"] = json.dumps(flat)
        return data


@caught_by("chat_one_call")
class MakesUpIds(Edits):
    def message(self, message: Event, payload: Event) -> None:
        for call in message.get("tool_calls", ()):
            if call.get("id"):
                call["id"] = "call_0"


@caught_by("chat_parallel_calls")
class DropsTheLastCall(Edits):
    def message(self, message: Event, payload: Event) -> None:
        calls = message.get("tool_calls")
        if calls and len(calls) > 1:
            message["tool_calls"] = calls[:-1]
        elif calls and calls[0].get("index") == 2:
            message.pop("tool_calls")


@caught_by("chat_parallel_calls", "chat_calls_in_pieces")
class MergesParallelCalls(Edits):
    """Puts every piece into the first call, as one does who ignores the index."""

    def message(self, message: Event, payload: Event) -> None:
        for call in message.get("tool_calls", ()):
            if "index" in call:
                if call["index"] and call.get("id"):
                    call.pop("id")
                call["index"] = 0


@caught_by("chat_calls_in_pieces")
class RepeatsIdsInPieces(Edits):
    """Gives every piece a new id, so that clients open a new call for each."""

    count = 0

    def message(self, message: Event, payload: Event) -> None:
        for call in message.get("tool_calls", ()):
            if "index" in call:
                self.count += 1
                call["id"] = f"call_{self.count}"


@caught_by("chat_calls_in_pieces")
class DropsAPiece(Edits):
    count = 0

    def message(self, message: Event, payload: Event) -> None:
        if message.get("tool_calls") and "index" in message["tool_calls"][0]:
            self.count += 1
            if self.count == 10:
                message.pop("tool_calls")


@caught_by("chat_call_cut")
class EndsWhatWasCut(Honest):
    """Writes an end where the upstream broke off, as one does who closes what is open."""

    async def frames(self, response: aiohttp.ClientResponse, call: Call) -> AsyncIterator[bytes]:
        try:
            async for frame in super().frames(response, call):
                yield frame
        except UpstreamError:
            end = {"id": "chatcmpl-kit", "created": 1, "model": "kit-model", "object": "chat.completion.chunk"}
            choice = {"index": 0, "delta": {}, "finish_reason": "tool_calls"}
            yield json.dumps({**end, "choices": [choice]}).encode()


@caught_by("chat_parallel_calls_forbidden")
class LetsModelsCallAtOnce(Honest):
    def edit_request(self, payload: Event) -> Event:
        payload.pop("parallel_tool_calls", None)
        return payload


@caught_by("chat_tool_results")
class DropsEarlierCalls(Honest):
    def edit_request(self, payload: Event) -> Event:
        for message in payload["messages"]:
            message.pop("tool_calls", None)
        return payload


@caught_by("chat_tool_results")
class MatchesResultsByOrder(Honest):
    def edit_request(self, payload: Event) -> Event:
        results = [message for message in payload["messages"] if message["role"] == "tool"]
        for number, message in enumerate(results):
            message["tool_call_id"] = "call_" + "ab"[number]
        return payload
