"""Providers that get chats wrong."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from typing import Any

from honest_provider import Honest
from wrong_provider import caught_by

Event = dict[str, Any]


class Edits(Honest):
    """Changes the message of an answer, or the delta of an event, in one place."""

    def edit_answer(self, data: Event, payload: Event) -> Event:
        for choice in data["choices"]:
            self.message(choice["message"], payload)
            self.choice(choice, payload)
        return data

    def edit_event(self, event: Event, payload: Event) -> list[Event]:
        for choice in event["choices"]:
            self.message(choice["delta"], payload)
            self.choice(choice, payload)
        return [event]

    def message(self, message: Event, payload: Event) -> None:
        pass

    def choice(self, choice: Event, payload: Event) -> None:
        pass


@caught_by("chat_stream_equals_answer")
class LosesTheRole(Edits):
    def message(self, message: Event, payload: Event) -> None:
        if "role" in message:
            message["role"] = "user"


@caught_by("chat_stream_equals_answer")
class NumbersEvents(Honest):
    count = 0

    def edit_event(self, event: Event, payload: Event) -> list[Event]:
        self.count += 1
        return [event | {"id": f"chatcmpl-{self.count}"}]


@caught_by("chat_stream_equals_answer")
class TrimsPieces(Edits):
    def message(self, message: Event, payload: Event) -> None:
        if message.get("content"):
            message["content"] = message["content"].strip()


@caught_by("chat_characters")
class NormalisesText(Edits):
    def message(self, message: Event, payload: Event) -> None:
        if message.get("content"):
            message["content"] = unicodedata.normalize("NFC", message["content"])


@caught_by("chat_characters")
class SpeaksLatin1(Honest):
    def edit_request(self, payload: Event) -> Event:
        payload["messages"][-1]["content"] = (
            payload["messages"][-1]["content"].encode("latin-1", "replace").decode("latin-1")
        )
        return payload


@caught_by("chat_finish_reasons")
class AlwaysStops(Edits):
    def choice(self, choice: Event, payload: Event) -> None:
        if choice["finish_reason"] in ("length", "content_filter"):
            choice["finish_reason"] = "stop"


@caught_by("chat_one_call", "chat_parallel_calls")
class StopsAfterCalls(Edits):
    def choice(self, choice: Event, payload: Event) -> None:
        if choice["finish_reason"] == "tool_calls":
            choice["finish_reason"] = "stop"


@caught_by("chat_empty_answer")
class FillsEmptyAnswers(Edits):
    def message(self, message: Event, payload: Event) -> None:
        if message.get("content") == "":
            message["content"] = "…"


@caught_by("chat_usage", "chat_usage_details")
class LosesUsage(Honest):
    def edit_answer(self, data: Event, payload: Event) -> Event:
        data.pop("usage", None)
        return data


@caught_by("chat_usage")
class CountsOnlyTheAnswer(Honest):
    def edit_answer(self, data: Event, payload: Event) -> Event:
        data["usage"]["total_tokens"] = data["usage"]["completion_tokens"]
        return data


@caught_by("chat_usage_details")
class LosesUsageDetails(Honest):
    def edit_answer(self, data: Event, payload: Event) -> Event:
        data["usage"] = {key: value for key, value in data["usage"].items() if not key.endswith("_details")}
        return data


@caught_by("chat_usage_not_invented")
class InventsUsage(Honest):
    def edit_answer(self, data: Event, payload: Event) -> Event:
        zeros = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
        return {"usage": zeros, **data}


@caught_by("chat_logprobs")
class DropsLogprobs(Edits):
    def choice(self, choice: Event, payload: Event) -> None:
        choice["logprobs"] = None


@caught_by("chat_logprobs")
class DropsStreamedLogprobs(Honest):
    def edit_event(self, event: Event, payload: Event) -> list[Event]:
        for choice in event["choices"]:
            choice.pop("logprobs", None)
        return [event]


@caught_by("chat_logprobs")
class AsksForNoAlternatives(Honest):
    def edit_request(self, payload: Event) -> Event:
        payload.pop("top_logprobs", None)
        return payload


@caught_by("chat_several_choices")
class TakesTheFirstChoice(Honest):
    def edit_answer(self, data: Event, payload: Event) -> Event:
        return data | {"choices": data["choices"][:1]}


@caught_by("chat_several_choices")
class ForgetsIndexes(Edits):
    def choice(self, choice: Event, payload: Event) -> None:
        if choice["index"] == 2:
            choice["index"] = 1


@caught_by("chat_several_choices")
class AsksForOne(Honest):
    def edit_request(self, payload: Event) -> Event:
        return payload | {"n": 1}


@caught_by("chat_reasoning")
class DropsReasoning(Edits):
    def message(self, message: Event, payload: Event) -> None:
        message.pop("reasoning_content", None)


@caught_by("chat_reasoning")
class ThinksAloud(Edits):
    def message(self, message: Event, payload: Event) -> None:
        if thought := message.pop("reasoning_content", None):
            message["content"] = f"<think>{thought}</think>{message.get('content') or ''}"


@caught_by("chat_refusal")
class TakesRefusalsForText(Edits):
    def message(self, message: Event, payload: Event) -> None:
        if refusal := message.pop("refusal", None):
            message["content"] = refusal


@caught_by("chat_whole_or_streamed")
class AsksForAStreamAnyway(Honest):
    def payload(self, request: Any) -> Event:
        payload = super().payload(request)
        return _Stubborn(payload) if payload.get("stream") else payload


class _Stubborn(dict[str, Any]):
    """A payload whose ``stream`` cannot be taken out."""

    def pop(self, key: str, *default: Any) -> Any:
        return None if key == "stream" else super().pop(key, *default)


# Tools.


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


# Requests.


class Messages(Honest):
    def edit_request(self, payload: Event) -> Event:
        payload["messages"] = self.messages(payload["messages"])
        return payload

    def messages(self, messages: list[Event]) -> list[Event]:
        return messages


@caught_by("chat_conversation")
class ForgetsInstructions(Messages):
    def messages(self, messages: list[Event]) -> list[Event]:
        return [message for message in messages if message["role"] != "system"]


@caught_by("chat_conversation")
class KeepsTheLastMessage(Messages):
    def messages(self, messages: list[Event]) -> list[Event]:
        return messages[-1:]


@caught_by("chat_conversation")
class SwapsMessages(Messages):
    def messages(self, messages: list[Event]) -> list[Event]:
        return messages[::-1]


@caught_by("chat_developer_message")
class TakesDevelopersForUsers(Messages):
    def messages(self, messages: list[Event]) -> list[Event]:
        return [message | {"role": "user"} if message["role"] == "developer" else message for message in messages]


@caught_by("chat_text_parts")
class TakesTheFirstPart(Messages):
    def messages(self, messages: list[Event]) -> list[Event]:
        return [message | {"content": message["content"][:1]} for message in messages]


class DropsParts(Messages):
    kind = ""

    def messages(self, messages: list[Event]) -> list[Event]:
        return [
            message | {"content": [part for part in message["content"] if part["type"] != self.kind]}
            for message in messages
        ]


@caught_by("chat_images")
class DropsImages(DropsParts):
    kind = "image_url"


@caught_by("chat_audio")
class DropsAudio(DropsParts):
    kind = "input_audio"


@caught_by("chat_files")
class DropsFiles(DropsParts):
    kind = "file"


@caught_by("chat_images")
class StripsDataUrls(Messages):
    def messages(self, messages: list[Event]) -> list[Event]:
        for part in messages[-1]["content"]:
            if part["type"] == "image_url":
                part["image_url"]["url"] = part["image_url"]["url"].partition(",")[2]
        return messages


@caught_by("chat_sampling", "chat_seed")
class TakesZeroForAbsent(Honest):
    def edit_request(self, payload: Event) -> Event:
        return {key: value for key, value in payload.items() if value != 0 or value is False}


class DropsField(Honest):
    names: tuple[str, ...] = ()

    def edit_request(self, payload: Event) -> Event:
        return {key: value for key, value in payload.items() if key not in self.names}


@caught_by("chat_limit")
class KnowsTheOldLimitOnly(DropsField):
    names = ("max_completion_tokens",)


@caught_by("chat_stop")
class TalksOn(DropsField):
    names = ("stop",)


@caught_by("chat_stop")
class TakesOneStopText(Honest):
    def edit_request(self, payload: Event) -> Event:
        if isinstance(payload.get("stop"), list):
            payload["stop"] = payload["stop"][0]
        return payload


@caught_by("chat_penalties")
class DropsPenalties(DropsField):
    names = ("presence_penalty", "frequency_penalty")


@caught_by("chat_json_schema", "chat_json_object")
class IgnoresFormats(DropsField):
    names = ("response_format",)


@caught_by("chat_json_schema")
class TakesAnyJson(Honest):
    def edit_request(self, payload: Event) -> Event:
        return payload | ({"response_format": {"type": "json_object"}} if "response_format" in payload else {})


@caught_by("chat_nothing_made_up")
class PrefersItsOwnTemperature(Honest):
    def edit_request(self, payload: Event) -> Event:
        return {"temperature": 0.7, **payload}


@caught_by("chat_nothing_made_up")
class LimitsAnswers(Honest):
    def edit_request(self, payload: Event) -> Event:
        return {"max_tokens": 256, **payload}
