"""What an upstream wants back of its model's turn, for no other to see."""

from __future__ import annotations

from typing import Any

from dinrail_core.api.chat.messages import AssistantMessage, Message

__all__ = ["CARRIED_BY", "told_to"]

CARRIED_BY = "carried_by"
"""The field of an assistant's message, within this server, that names the instance which its carriers are of."""

_CARRIERS = frozenset({"reasoning_details", "native_content"})


def told_to(message: Message, instance: str) -> Message:
    """A message as an instance is told it: of what other instances' models have left in it, nothing.

    What stands beside a call's name and arguments is such a thing too. Messages that name no instance stay as they are.
    """
    owner = (message.model_extra or {}).get(CARRIED_BY)
    if owner is None or not isinstance(message, AssistantMessage):
        return message
    left_out = {CARRIED_BY} if owner == instance else {CARRIED_BY, *_CARRIERS}
    said = {name: value for name, value in _said(message).items() if name not in left_out}
    if owner != instance and "tool_calls" in said:
        said["tool_calls"] = [_bare(call) for call in said["tool_calls"]]
    return AssistantMessage.model_construct(_fields_set=set(said), **said)


def _said(message: Any) -> dict[str, Any]:
    return {name: getattr(message, name) for name in message.model_fields_set} | (message.model_extra or {})


def _bare(call: Any) -> Any:
    known = {name: value for name, value in _said(call).items() if name in type(call).model_fields}
    return type(call).model_construct(_fields_set=set(known), **known)
