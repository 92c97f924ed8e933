"""Providers that get from an engine what it was not asked for."""

from __future__ import annotations

from typing import Any

from wrong_chat import Edits
from wrong_provider import caught_by

Event = dict[str, Any]


@caught_by("engine_json_schema")
class WrapsJsonInProse(Edits):
    def message(self, message: Event, payload: Event) -> None:
        if (message.get("content") or "").startswith("{"):
            message["content"] = f"Here it is: {message['content']}"


@caught_by("engine_json_schema", "engine_named_tool")
class OverlooksTheEnumeration(Edits):
    def message(self, message: Event, payload: Event) -> None:
        for call in message.get("tool_calls") or ():
            function = call["function"]
            function["arguments"] = (function.get("arguments") or "").replace("n", "N")
        if message.get("content"):
            message["content"] = message["content"].replace("n", "N")


@caught_by("engine_named_tool")
class CallsAnotherFunction(Edits):
    def message(self, message: Event, payload: Event) -> None:
        for call in message.get("tool_calls") or ():
            if "name" in call["function"]:
                call["function"]["name"] = "clock"


@caught_by("engine_named_tool")
class AnswersInText(Edits):
    def message(self, message: Event, payload: Event) -> None:
        if message.pop("tool_calls", None):
            message["content"] = '{"verdict": "no", "sure": true}'


@caught_by("engine_logprobs")
class TellsProbabilities(Edits):
    def choice(self, choice: Event, payload: Event) -> None:
        for token in (choice.get("logprobs") or {}).get("content") or ():
            token["logprob"] = 0.75


@caught_by("engine_logprobs")
class TellsTheTokenAlone(Edits):
    def choice(self, choice: Event, payload: Event) -> None:
        for token in (choice.get("logprobs") or {}).get("content") or ():
            token["top_logprobs"] = token["top_logprobs"][:1]


@caught_by("engine_limit")
class CallsEveryEndNatural(Edits):
    def choice(self, choice: Event, payload: Event) -> None:
        if choice.get("finish_reason"):
            choice["finish_reason"] = "stop"


@caught_by("engine_limit")
class CountsNothing(Edits):
    def edit_answer(self, data: Event, payload: Event) -> Event:
        return data | {"usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}}
