"""Which model answers, and in which words it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.responses.contract import NativeResponses
from dinrail_core.errors import ModelNotFound, NothingServes
from dinrail_core.hooks.context import Rail, Target
from dinrail_responses.tools.interface import Json

__all__ = ["Found", "find_model"]

_UNKNOWN_TO_PLAIN = ("presence_penalty", "frequency_penalty")
"""Settings of chats that Open Responses has and plain servers of it do not read: to them, these requests are chats."""


@dataclass(frozen=True, slots=True)
class Found:
    """A model.

    Attributes:
        target: Where it is.
        native: It is asked as a :class:`NativeResponses`, and not as a chat.
        plain: See :attr:`NativeResponses.plain`.
    """

    target: Target[Any]
    native: bool = False
    plain: bool = False

    @property
    def whole(self) -> bool:
        """Whether its server knows all that the Responses API does."""
        return self.native and not self.plain


async def find_model(rail: Rail, asked: Json) -> Found:
    """The model of a request: asked by responses where it is declared to speak them, else by chats.

    A model of the operator's own making, which may stand for several, is asked as a chat.

    Raises:
        ModelNotFound: There is no such model.
        NothingServes: No instance serves chats or responses.
    """
    model = asked["model"]
    try:
        chat: Target[Any] = await rail.resolve(ChatModel, model)
    except (ModelNotFound, NothingServes) as error:
        try:
            return _native(await rail.resolve(NativeResponses, model), rail)
        except (ModelNotFound, NothingServes):
            raise error from None
    speaking = rail.instances(NativeResponses).get(chat.instance)
    if speaking is None or (speaking.plain and any(asked.get(name) for name in _UNKNOWN_TO_PLAIN)):
        return Found(chat)
    try:
        return _native(await rail.resolve(NativeResponses, f"{chat.instance}/{chat.model}"), rail)
    except ModelNotFound:
        return Found(chat)  # this one of its models is none


def _native(target: Target[Any], rail: Rail) -> Found:
    speaking = rail.instances(NativeResponses).get(target.instance)
    return Found(target, native=True, plain=speaking is not None and speaking.plain)
