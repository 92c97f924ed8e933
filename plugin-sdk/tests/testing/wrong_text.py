"""Providers that get completions wrong."""

from __future__ import annotations

from typing import Any

from honest_provider import Honest
from wrong_chat_requests import DropsField
from wrong_provider import caught_by

Event = dict[str, Any]


class Edits(Honest):
    """Changes a choice, of an answer or of an event."""

    def edit_answer(self, data: Event, payload: Event) -> Event:
        for choice in data["choices"]:
            self.choice(choice, payload)
        return data

    def edit_event(self, event: Event, payload: Event) -> list[Event]:
        return [self.edit_answer(event, payload)]

    def choice(self, choice: Event, payload: Event) -> None:
        pass


@caught_by("text_stream_equals_answer", "text_characters")
class StripsText(Edits):
    def choice(self, choice: Event, payload: Event) -> None:
        choice["text"] = choice["text"].strip()


@caught_by("text_stream_equals_answer")
class NumbersTextEvents(Honest):
    count = 0

    def edit_event(self, event: Event, payload: Event) -> list[Event]:
        self.count += 1
        return [event | {"id": f"cmpl-{self.count}"}]


@caught_by("text_characters")
class StripsPrompts(Honest):
    def edit_request(self, payload: Event) -> Event:
        return payload | {"prompt": payload["prompt"].strip()}


@caught_by("text_finish_reasons")
class NeverRunsOut(Edits):
    def choice(self, choice: Event, payload: Event) -> None:
        if choice["finish_reason"]:
            choice["finish_reason"] = "stop"


@caught_by("text_usage")
class InventsTextUsage(Honest):
    def edit_answer(self, data: Event, payload: Event) -> Event:
        return {"usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, **data}


@caught_by("text_usage")
class LosesTextUsage(Honest):
    def edit_answer(self, data: Event, payload: Event) -> Event:
        data.pop("usage", None)
        return data


@caught_by("text_many_prompts")
class TakesTheFirstPrompt(Honest):
    def edit_request(self, payload: Event) -> Event:
        return payload | ({"prompt": payload["prompt"][0]} if isinstance(payload["prompt"], list) else {})


@caught_by("text_many_prompts", "text_several_choices")
class GivesEveryChoiceTheIndexZero(Edits):
    def choice(self, choice: Event, payload: Event) -> None:
        choice["index"] = 0


@caught_by("text_token_prompts")
class WritesTokensOut(Honest):
    def edit_request(self, payload: Event) -> Event:
        if isinstance(payload["prompt"], list):
            payload["prompt"] = [str(token) for token in payload["prompt"]]
        return payload


@caught_by("text_token_prompts")
class FlattensTokenLists(Honest):
    def edit_request(self, payload: Event) -> Event:
        if isinstance(payload["prompt"][0], list):
            payload["prompt"] = [token for tokens in payload["prompt"] for token in tokens]
        return payload


@caught_by("text_several_choices")
class AsksForOneContinuation(DropsField):
    names = ("n",)


@caught_by("text_logprobs")
class DropsTextLogprobs(Edits):
    def choice(self, choice: Event, payload: Event) -> None:
        choice["logprobs"] = None


@caught_by("text_logprobs")
class AsksForNoTextLogprobs(DropsField):
    names = ("logprobs",)


@caught_by("text_suffix", "text_echo")
class DropsWhatIsRare(DropsField):
    names = ("suffix", "echo")


@caught_by("text_sampling", "text_limit", "text_seed")
class TakesZeroForAbsentInCompletions(Honest):
    def edit_request(self, payload: Event) -> Event:
        return {key: value for key, value in payload.items() if value}


@caught_by("text_limit")
class LimitsToSixteen(Honest):
    def edit_request(self, payload: Event) -> Event:
        return payload | {"max_tokens": 16}


@caught_by("text_stop")
class NeverStops(DropsField):
    names = ("stop",)


@caught_by("text_nothing_made_up")
class PenalisesRepetition(Honest):
    def edit_request(self, payload: Event) -> Event:
        return {"frequency_penalty": 0.1, **payload}
