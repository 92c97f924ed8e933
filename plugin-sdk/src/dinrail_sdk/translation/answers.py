"""Whole answers, out of another dialect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel

from dinrail_core.api.answers import Answer
from dinrail_core.errors import UpstreamInvalid

__all__ = ["completion", "translated"]

T = TypeVar("T", bound=BaseModel)


def translated(
    answer: Answer[Any], wire: type[T], translate: Callable[[dict[str, Any]], Mapping[str, Any]]
) -> Answer[T]:
    """An upstream's answer as one of OpenAI's.

    Args:
        answer: As it came.
        wire: What it becomes.
        translate: Makes the one JSON object of the other; may raise what a :class:`~.events.Reducer` may.

    Raises:
        UpstreamInvalid: It is not as its dialect has it.
    """
    try:
        # Counts may be so large that their sum is no number that JSON has here.
        body = orjson.dumps(translate(orjson.loads(answer.body)))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        raise UpstreamInvalid("The upstream's answer is not what its dialect allows.") from None
    return Answer(wire, body=body, headers=answer.headers)


def completion(
    about: Mapping[str, Any], choice: Mapping[str, Any], usage: Mapping[str, Any] | None, extra: Mapping[str, Any]
) -> dict[str, Any]:
    """A chat completion with one choice.

    Args:
        about: ``id``, ``created`` and ``model``.
        choice: Its ``message`` and ``finish_reason``, and whatever else it has.
        usage: What it cost, where that was told.
        extra: Fields of the upstream's answer that nobody knows.
    """
    told = {} if usage is None else {"usage": usage}
    return {
        **extra,
        "object": "chat.completion",
        **about,
        "choices": [{"index": 0, "logprobs": None, **choice}],
        **told,
    }
