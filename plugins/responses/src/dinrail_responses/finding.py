"""Which model answers, and in which words it is asked."""

from __future__ import annotations

from typing import Any

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.responses.contract import NativeResponses
from dinrail_core.errors import ModelNotFound, NothingServes
from dinrail_core.hooks.context import Rail, Target

__all__ = ["find_model"]


async def find_model(rail: Rail, model: str) -> tuple[Target[Any], bool]:
    """The model, and whether it is asked as a :class:`NativeResponses`: where it is declared as one. Else as a chat.

    A model of the operator's own making, which may stand for several, is asked as a chat.

    Raises:
        ModelNotFound: There is no such model.
        NothingServes: No instance serves chats or responses.
    """
    try:
        chat: Target[Any] = await rail.resolve(ChatModel, model)
    except (ModelNotFound, NothingServes) as error:
        try:
            return await rail.resolve(NativeResponses, model), True
        except (ModelNotFound, NothingServes):
            raise error from None
    if chat.instance not in rail.instances(NativeResponses):
        return chat, False
    try:
        return await rail.resolve(NativeResponses, f"{chat.instance}/{chat.model}"), True
    except ModelNotFound:
        return chat, False  # this one of its models is none
