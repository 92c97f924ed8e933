"""Several choices, asked for one by one.

llama.cpp makes several by itself, but as many as it has places only, and tells the tokens of the first alone.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel

from dinrail_core.api.answers import Answer, Stream, frames
from dinrail_core.errors import UpstreamInvalid

__all__ = ["Event", "answer_choices", "encode", "read_object", "stream_choices"]

T = TypeVar("T", bound=BaseModel)
Event = dict[str, Any]

_SAME = ("id", "created")


def read_object(text: bytes) -> Event:
    """A JSON object of the upstream's.

    Raises:
        UpstreamInvalid: It is none.
    """
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise UpstreamInvalid("The upstream's answer is not JSON.") from None
    if not isinstance(found, dict):
        raise UpstreamInvalid("The upstream's answer is not a JSON object.")
    return found


def encode(event: Event) -> bytes:
    """One frame of a stream."""
    return b"data: %b\n\n" % orjson.dumps(event)


async def answer_choices(
    wire: type[T], count: int, ask: Callable[[int], Awaitable[Answer[T]]], *, per_prompt: int
) -> Answer[T]:
    """Ask for ``count`` choices and make one answer of them.

    Args:
        wire: The wire type of the answer.
        count: How many.
        ask: Asks for the choice of an index, as an answer with one choice.
        per_prompt: How many belong to one prompt, whose tokens count once.
    """
    merged: Event = {}
    choices: list[Any] = []
    usages = []
    for index in range(count):
        found = read_object((await ask(index)).body)
        merged = merged or found
        usages.append(found.get("usage"))
        choices += [{**choice, "index": index} for choice in _choices(found)[:1]]
    merged["choices"] = choices
    if (usage := _total(usages, per_prompt)) is not None:
        merged["usage"] = usage
    return Answer(wire, body=orjson.dumps(merged))


async def stream_choices(
    wire: type[T],
    count: int,
    ask: Callable[[int], Awaitable[Stream[T]]],
    *,
    per_prompt: int,
    usage: bool,
) -> Stream[T]:
    """As :func:`answer_choices`, streamed: one choice after the other, the tokens of all in one last event.

    Returns once the first choice is accepted.

    Args:
        wire: The wire type of an event.
        count: How many.
        ask: Asks for the choice of an index, as a stream with one choice.
        per_prompt: How many belong to one prompt.
        usage: Whether the tokens are told.
    """
    first = await ask(0)
    return Stream(wire, reads=_relayed(first, count, ask, per_prompt, usage), close=first.aclose)


async def _relayed(
    first: Stream[T],
    count: int,
    ask: Callable[[int], Awaitable[Stream[T]]],
    per_prompt: int,
    usage: bool,
) -> AsyncGenerator[bytes, None]:
    same: Event = {}
    usages: list[Any] = []
    last: Event = {}
    for index in range(count):
        told = None
        stream = first if index == 0 else await ask(index)
        async with aclosing(stream):
            async for read in stream.reads():
                for data in frames(read):
                    event = read_object(data)
                    same = same or {name: event[name] for name in _SAME if name in event}
                    event |= same
                    told = event.pop("usage", None) or told
                    last = event
                    if choices := _choices(event):
                        event["choices"] = [{**choice, "index": index} for choice in choices]
                        yield encode(event)
        usages.append(told)
    total = _total(usages, per_prompt)
    if usage and total is not None:
        yield encode({**last, "choices": [], "usage": total})


def _choices(event: Event) -> list[Event]:
    choices = event.get("choices")
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise UpstreamInvalid("The upstream's answer has choices that are none.")
    return choices


def _total(usages: Sequence[Any], per_prompt: int) -> Event | None:
    """The tokens of all, where every one told them."""
    if not all(isinstance(usage, dict) for usage in usages):
        return None
    if len(usages) == 1:
        return dict(usages[0])
    try:
        prompt = sum(usage["prompt_tokens"] for usage in usages[::per_prompt])
        completion = sum(usage["completion_tokens"] for usage in usages)
    except (KeyError, TypeError):
        raise UpstreamInvalid("The upstream's answer has a usage that is none.") from None
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
