"""Whole answers in OpenAI's words, for servers that use others."""

from __future__ import annotations

from typing import TypeVar

import orjson
from pydantic import BaseModel

from dinrail_core.api.answers import Answer
from dinrail_core.errors import UpstreamInvalid
from dinrail_sdk.upstream.openai_events import Reword

__all__ = ["reworded"]

T = TypeVar("T", bound=BaseModel)


def reworded(answer: Answer[T], reword: Reword) -> Answer[T]:
    """``answer`` in OpenAI's words; itself where there is nothing to change, or where it is not understood.

    Raises:
        UpstreamInvalid: It is not JSON, which the ends of a large one did not show.
    """
    try:
        found = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        raise UpstreamInvalid("The upstream's answer is not JSON.") from None
    try:
        changed = reword(found)
    except (AttributeError, LookupError, TypeError):
        # Values of other types than the dialect's: whoever looks at the typed view is told.
        return answer
    return Answer(answer.wire, body=orjson.dumps(found), headers=answer.headers) if changed else answer
