"""Providers that send something else than the chat that they were given."""

from __future__ import annotations

from typing import Any

from honest_provider import Honest
from wrong_provider import caught_by

from dinrail_core.errors import UpstreamInvalid

Event = dict[str, Any]


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


@caught_by("chat_thoughts")
class ForgetsThoughts(Messages):
    def messages(self, messages: list[Event]) -> list[Event]:
        return [{key: message[key] for key in message if "reasoning" not in key} for message in messages]


@caught_by("chat_of_another_model")
class GivesUpOnForeignNotes(Messages):
    def messages(self, messages: list[Event]) -> list[Event]:
        if any("native_content" in message for message in messages):
            raise UpstreamInvalid("This is of another maker.")
        return messages


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
