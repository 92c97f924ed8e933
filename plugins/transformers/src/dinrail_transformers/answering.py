"""Whole answers and streams, out of a model's thread onto the event loop; the same for chats and for completions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from pydantic import BaseModel

from dinrail_core.api.answers import Stream
from dinrail_core.api.call import Call
from dinrail_core.errors import Unavailable
from dinrail_transformers.speaking import Choice, End, Heard, speak
from dinrail_transformers.waiting import Incoming, until
from dinrail_transformers.worker import Turn, Worker

if TYPE_CHECKING:
    from dinrail_transformers.language_model import LanguageModel

__all__ = ["Accept", "Answering", "Spoken", "Writer"]

W = TypeVar("W", bound=BaseModel)

Accept = Callable[["LanguageModel"], Sequence[Choice]]
"""Looks at a request in the model's thread and says which choices it asks for, or refuses it."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A choice that was made.

    Attributes:
        heard: What it is made of.
        end: How it ended.
    """

    heard: Sequence[Heard]
    end: End


class Writer(Protocol):
    """Writes the frames of a stream."""

    def begin(self, index: int) -> bytes:
        """A choice begins."""
        ...

    def frames(self, index: int, heard: Heard) -> bytes:
        """What was heard of it."""
        ...

    def finish(self, index: int, end: End) -> bytes:
        """Why it ended."""
        ...

    def last(self, prompt: int, completion: int) -> bytes:
        """What it cost, in tokens, where that is to be told."""
        ...


class Answering:
    """Lets one model speak.

    Args:
        worker: Its thread.
        patience: Seconds for a whole request.
    """

    def __init__(self, worker: Worker[LanguageModel], patience: float) -> None:
        self._worker = worker
        self._patience = patience

    async def whole(self, call: Call, accept: Accept) -> tuple[list[Spoken], int, int]:
        """All choices, and the tokens of the prompts and of the answers."""
        spoken: list[Spoken] = []
        async with until(call, self._patience):
            with self._worker.place() as turn:
                choices = await turn.run(accept)
                for choice in choices:
                    heard: list[Heard] = []
                    spoken.append(Spoken(heard, await _speak(turn, choice, heard.append)))
        return spoken, _prompted(choices), sum(one.end.tokens for one in spoken)

    async def stream(self, wire: type[W], call: Call, accept: Accept, writer: Writer) -> Stream[W]:
        """The choices as a stream, one after the other; returns once the request is accepted."""
        turn = self._worker.admit()
        began = time.monotonic()
        try:
            async with until(call, self._patience):
                choices = await turn.run(accept)
        except BaseException:
            turn.give_up()
            raise

        async def give_up() -> None:
            turn.give_up()

        left = self._patience - (time.monotonic() - began)
        return Stream(wire, reads=_reads(turn, choices, call, left, writer), close=give_up)


async def _reads(
    turn: Turn[LanguageModel], choices: Sequence[Choice], call: Call, left: float, writer: Writer
) -> AsyncGenerator[bytes, None]:
    tokens = 0
    until_then = time.monotonic() + left
    try:
        for index, choice in enumerate(choices):
            if begun := writer.begin(index):
                yield begun
            incoming: Incoming[Heard] = Incoming()
            spoken = asyncio.ensure_future(_speak(turn, choice, incoming.put))
            spoken.add_done_callback(incoming.end)
            try:
                while (heard := await _next(incoming, call, until_then)) is not None:
                    yield writer.frames(index, heard)
                end = await spoken
            finally:
                if not spoken.done():  # it ends at its next token, and nobody waits for that
                    turn.give_up()
                    spoken.cancel()
            tokens += end.tokens
            yield writer.finish(index, end)
        if told := writer.last(_prompted(choices), tokens):
            yield told
    finally:
        turn.give_up()


async def _speak(turn: Turn[LanguageModel], choice: Choice, put: Callable[[Heard], None]) -> End:
    def hear(heard: Heard) -> bool:
        put(heard)
        return not turn.given_up

    end = await turn.run(lambda model: speak(model, choice, hear))
    if turn.given_up:
        raise Unavailable("The model is stopping.")
    return end


async def _next(incoming: Incoming[Heard], call: Call, until_then: float) -> Heard | None:
    async with until(call, max(0.0, until_then - time.monotonic())):
        return await incoming.get()


def _prompted(choices: Sequence[Choice]) -> int:
    """Tokens of the prompts; one that several choices have counts once."""
    return sum(len(prompt.tokens) for prompt in {id(choice.prompt): choice.prompt for choice in choices}.values())
