"""Chats: whole and streamed, out of a model's thread onto the event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import uuid4

import orjson

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.chat.response import ChatChunk, ChatCompletion
from dinrail_core.errors import Unavailable
from dinrail_sdk.translation import Chunks, wants_usage
from dinrail_transformers.answers import ChoiceFrames, choice_of, usage_of
from dinrail_transformers.requests import Chat, Sampling, chat_of, sampling_of
from dinrail_transformers.speaking import End, Heard, speak
from dinrail_transformers.waiting import Incoming, until
from dinrail_transformers.worker import Turn, Worker

if TYPE_CHECKING:
    from dinrail_transformers.language_model import LanguageModel, Prompt

__all__ = ["Chats"]


@dataclass(frozen=True, slots=True)
class _Question:
    """A request that the model has accepted.

    Attributes:
        turn: Its place.
        prompt: What the model goes on from.
        chat: What that was made of.
        sampling: How tokens are chosen.
        count: How many choices.
    """

    turn: Turn[LanguageModel]
    prompt: Prompt
    chat: Chat
    sampling: Sampling
    count: int

    async def speak(self, index: int, put: Callable[[Heard], None]) -> End:
        """Generate a choice; the seeds of several differ, or they would say the same."""
        seed = self.sampling.seed
        sampling = self.sampling if seed is None else replace(self.sampling, seed=seed + index)

        def hear(heard: Heard) -> bool:
            put(heard)
            return not self.turn.given_up

        end = await self.turn.run(lambda model: speak(model, self.prompt, self.chat, sampling, hear))
        if self.turn.given_up:
            raise Unavailable("The model is stopping.")
        return end


class Chats:
    """Answers chats with one model.

    Args:
        worker: Its thread.
        name: What requests call it.
        max_tokens: The longest answer where a request names no limit.
        patience: Seconds for a whole request.
    """

    def __init__(self, worker: Worker[LanguageModel], name: str, max_tokens: int | None, patience: float) -> None:
        self._worker = worker
        self._name = name
        self._max_tokens = max_tokens
        self._patience = patience

    async def complete(self, request: ChatRequest, call: Call) -> Answer[ChatCompletion]:
        """See :meth:`~dinrail_core.api.chat.contract.ChatModel.complete`."""
        choices, tokens = [], 0
        async with until(call, self._patience):
            with self._worker.place() as turn:
                question = await self._accepted(request, turn)
                for index in range(question.count):
                    heard: list[Heard] = []
                    end = await question.speak(index, heard.append)
                    choices.append(choice_of(index, heard, end, logprobs=question.sampling.alternatives is not None))
                    tokens += end.tokens
        id, model, created = self._about()
        usage = usage_of(len(question.prompt.tokens), tokens)
        answer = {"id": id, "object": "chat.completion", "created": created, "model": model, "choices": choices}
        return Answer(ChatCompletion, body=orjson.dumps({**answer, "usage": usage}))

    async def stream(self, request: ChatRequest, call: Call) -> Stream[ChatChunk]:
        """See :meth:`~dinrail_core.api.chat.contract.ChatModel.stream`."""
        turn = self._worker.admit()
        began = time.monotonic()
        try:
            async with until(call, self._patience):
                question = await self._accepted(request, turn)
        except BaseException:
            turn.give_up()
            raise

        async def give_up() -> None:
            turn.give_up()

        left = self._patience - (time.monotonic() - began)
        reads = self._reads(question, call, left, usage=wants_usage(request))
        return Stream(ChatChunk, reads=reads, close=give_up)

    async def _reads(self, question: _Question, call: Call, left: float, *, usage: bool) -> AsyncGenerator[bytes, None]:
        about, tokens = self._about(), 0
        until_then = time.monotonic() + left
        try:
            for index in range(question.count):
                frames = ChoiceFrames(Chunks(*about, index))
                yield frames.begin()
                incoming: Incoming[Heard] = Incoming()
                spoken = asyncio.ensure_future(question.speak(index, incoming.put))
                spoken.add_done_callback(incoming.end)
                try:
                    while (heard := await _next(incoming, call, until_then)) is not None:
                        yield frames.frames(heard)
                    end = await spoken
                finally:
                    if not spoken.done():  # it ends at its next token, and nobody waits for that
                        question.turn.give_up()
                        spoken.cancel()
                tokens += end.tokens
                yield frames.finish(end)
            if usage:
                yield Chunks(*about).usage(usage_of(len(question.prompt.tokens), tokens))
        finally:
            question.turn.give_up()

    async def _accepted(self, request: ChatRequest, turn: Turn[LanguageModel]) -> _Question:
        chat, sampling = chat_of(request), sampling_of(request, self._max_tokens)

        def prompted(model: LanguageModel) -> Prompt:
            model.check(sampling)
            return model.prompt(chat)

        count = request.n if isinstance(request.n, int) else 1
        return _Question(turn, await turn.run(prompted), chat, sampling, count)

    def _about(self) -> tuple[str, str, int]:
        """Of one answer: its id, the model, the time."""
        return f"chatcmpl-{uuid4().hex}", self._name, int(time.time())


async def _next(incoming: Incoming[Heard], call: Call, until_then: float) -> Heard | None:
    async with until(call, max(0.0, until_then - time.monotonic())):
        return await incoming.get()
