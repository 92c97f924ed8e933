"""Providers that get chats wrong."""

from __future__ import annotations

import unicodedata
from typing import Any

from honest_provider import Honest
from wrong_provider import caught_by

from dinrail_core.errors import ContentFiltered, DinrailError, InvalidRequest

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


@caught_by("chat_unknown_finish")
class KnowsFourReasons(Edits):
    def choice(self, choice: Event, payload: Event) -> None:
        if choice["finish_reason"] not in (None, "stop", "length", "tool_calls", "content_filter"):
            choice["finish_reason"] = "stop"


@caught_by("chat_filtered")
class FiltersNothing(Honest):
    """Takes a refusal for the content for any other request that is wrong."""

    def refusal(self, status: int, headers: dict[str, str], body: bytes) -> DinrailError:
        error = super().refusal(status, headers, body)
        return InvalidRequest(error.message) if isinstance(error, ContentFiltered) else error


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
