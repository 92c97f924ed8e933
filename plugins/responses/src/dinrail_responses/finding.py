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

    A model of the operator's own making is asked by responses where all that it may lead to are: what stands in for
    another must understand what that has said.

    Raises:
        ModelNotFound: There is no such model.
        NothingServes: No instance serves chats or responses.
    """
    model = asked["model"]
    try:
        target: Target[Any] = await rail.resolve(ChatModel, model)
    except (ModelNotFound, NothingServes) as error:
        try:
            target = await rail.resolve(NativeResponses, model)
        except (ModelNotFound, NothingServes):
            raise error from None
        return Found(target, native=True, plain=any(_speaking(target, rail)))
    speaking = _speaking(target, rail)
    plain = any(speaking)
    if None in speaking or (plain and any(asked.get(name) for name in _UNKNOWN_TO_PLAIN)):
        return Found(target)
    try:
        native = await rail.resolve(NativeResponses, model if target.leads_to else f"{target.instance}/{target.model}")
    except ModelNotFound:
        return Found(target)  # this one of its models is none
    return Found(native, native=True, plain=plain)


def _speaking(target: Target[Any], rail: Rail) -> list[bool | None]:
    """Of each model that may answer, whether it speaks plain responses; ``None`` where it speaks none."""
    instances = rail.instances(NativeResponses)
    names = [model.partition("/")[0] for model in target.leads_to] or [target.instance]
    return [instances[name].plain if name in instances else None for name in names]
