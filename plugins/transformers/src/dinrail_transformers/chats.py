"""Chats, whole and streamed."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

import orjson

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.chat.response import ChatChunk, ChatCompletion
from dinrail_sdk.translation import wants_usage
from dinrail_transformers.answering import Accept, Answering
from dinrail_transformers.answers import ChatWriter, choice_of, usage_of
from dinrail_transformers.requests import Chat, Sampling, chat_of, sampling_of
from dinrail_transformers.speaking import Choice

if TYPE_CHECKING:
    from dinrail_transformers.language_model import LanguageModel

__all__ = ["Chats"]


class Chats:
    """Answers chats with one model.

    Args:
        model: Lets it speak.
        name: What requests call it.
        max_tokens: The longest answer where a request names no limit.
    """

    def __init__(self, model: Answering, name: str, max_tokens: int | None) -> None:
        self._model = model
        self._name = name
        self._max_tokens = max_tokens

    async def complete(self, request: ChatRequest, call: Call) -> Answer[ChatCompletion]:
        """See :meth:`~dinrail_core.api.chat.contract.ChatModel.complete`."""
        spoken, prompt, completion = await self._model.whole(call, self._accepting(request))
        wanted = request.logprobs is True
        choices = [choice_of(index, one.heard, one.end, logprobs=wanted) for index, one in enumerate(spoken)]
        id, model, created = self._about()
        answer = {"id": id, "object": "chat.completion", "created": created, "model": model, "choices": choices}
        return Answer(ChatCompletion, body=orjson.dumps({**answer, "usage": usage_of(prompt, completion)}))

    async def stream(self, request: ChatRequest, call: Call) -> Stream[ChatChunk]:
        """See :meth:`~dinrail_core.api.chat.contract.ChatModel.stream`."""
        writer = ChatWriter(*self._about(), usage=wants_usage(request))
        return await self._model.stream(ChatChunk, call, self._accepting(request), writer)

    def _accepting(self, request: ChatRequest) -> Accept:
        count = request.n if isinstance(request.n, int) else 1
        return partial(_choices, chat_of(request), sampling_of(request, self._max_tokens), count)

    def _about(self) -> tuple[str, str, int]:
        """Of one answer: its id, the model, the time."""
        return f"chatcmpl-{uuid4().hex}", self._name, int(time.time())


def _choices(chat: Chat, sampling: Sampling, count: int, model: LanguageModel) -> list[Choice]:
    """In the model's thread."""
    model.check(sampling)
    prompt = model.prompt(chat)
    reader = partial(model.reader, prompt, calls=bool(chat.tools))
    return [Choice(prompt, sampling.seeded(index), reader, chat.one_call) for index in range(count)]
