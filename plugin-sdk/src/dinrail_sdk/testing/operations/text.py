"""Chats and completions, whole and streamed."""

from __future__ import annotations

from typing import Any

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.chat.response import ChatChunk, ChatCompletion
from dinrail_core.api.completions import CompletionModel, CompletionRequest, TextCompletion
from dinrail_sdk.testing.heard import Heard, hear_answer, hear_events
from dinrail_sdk.testing.operations.base import Operation, Streamed, Whole
from dinrail_sdk.testing.script import Asked, Script, Spoken

__all__ = ["COMPLETE", "COMPLETE_TEXT", "STREAM", "STREAM_TEXT"]

FINISHED = {"stop", "length", "tool_calls", "content_filter"}


class _Text(Operation):
    """What answers of generated text have in common; the content of a choice is its text, its calls, its end."""

    def hear(self, objects: list[Any]) -> Heard:
        return hear_events(objects) if self.streams else hear_answer(objects[0])

    def said(self, objects: list[Any]) -> Any:
        heard = self.hear(objects)
        return [
            (choice.text, [(call.id, call.name) for _, call in sorted(choice.calls.items())], choice.finish)
            for _, choice in sorted(heard.choices.items())
        ]

    def meant(self, script: Script, asked: Asked) -> Any:
        assert isinstance(script, Spoken)
        return [(say.text or "", [(call.id, call.name) for call in say.calls], say.finish) for say in script.choices]

    def check(self, objects: list[Any]) -> None:
        heard = self.hear(objects)
        assert heard.first.text, "The answer has no text."
        assert heard.first.finish in FINISHED, f"The finish reason is {heard.first.finish!r}."
        assert all(event.get("id") and event.get("model") for event in objects), "An answer or event lacks id or model."
        assert len(heard.ids) == 1, f"The events of one stream have different ids: {sorted(heard.ids)}"


class _Chat(_Text):
    contract = ChatModel
    api = "chat"

    def request(self, model: str, marker: str = "Where is Zürich?", **more: Any) -> ChatRequest:
        if self.streams:
            more.setdefault("stream", True)
        data = {
            "model": model,
            "messages": [{"role": "user", "content": marker}],
            "temperature": 0,
            "seed": 7,
            "max_tokens": 24,
            "metadata": {"kit": "yes"},
            **more,
        }
        return ChatRequest.model_validate({key: value for key, value in data.items() if value is not None})


class ChatComplete(_Chat, Whole):
    """``ChatModel.complete``."""

    id = "chat.complete"

    async def start(self, provider: ChatModel, request: ChatRequest, call: Call) -> Answer[ChatCompletion]:
        return await provider.complete(request, call)


class ChatStream(_Chat, Streamed):
    """``ChatModel.stream``."""

    id = "chat.stream"

    async def start(self, provider: ChatModel, request: ChatRequest, call: Call) -> Stream[ChatChunk]:
        return await provider.stream(request, call)


class _Completion(_Text):
    contract = CompletionModel
    api = "completions"

    def request(self, model: str, marker: str = "Where is Zürich?", **more: Any) -> CompletionRequest:
        if self.streams:
            more.setdefault("stream", True)
        data = {
            "model": model,
            "prompt": marker,
            "temperature": 0,
            "seed": 7,
            "max_tokens": 24,
            "logit_bias": {"7": -100},
            **more,
        }
        return CompletionRequest.model_validate({key: value for key, value in data.items() if value is not None})


class TextComplete(_Completion, Whole):
    """``CompletionModel.complete_text``."""

    id = "completions.complete"

    async def start(self, provider: CompletionModel, request: CompletionRequest, call: Call) -> Answer[TextCompletion]:
        return await provider.complete_text(request, call)


class TextStream(_Completion, Streamed):
    """``CompletionModel.stream_text``."""

    id = "completions.stream"

    async def start(self, provider: CompletionModel, request: CompletionRequest, call: Call) -> Stream[TextCompletion]:
        return await provider.stream_text(request, call)


COMPLETE = ChatComplete()
STREAM = ChatStream()
COMPLETE_TEXT = TextComplete()
STREAM_TEXT = TextStream()
