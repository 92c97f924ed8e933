"""The wire types of the Messages API (version 2023-06-01), as far as this server looks into them.

Blocks are looked into where they are translated: each kind has fields of its own, and new kinds come often.
"""

from typing import Annotated, Any

from pydantic import Field

from dinrail_core.api.open_enum import OpenEnum
from dinrail_core.api.wire import MISSING, Many, Wire

__all__ = ["CountRequest", "Message", "MessageEvent", "MessagesRequest", "TokenCount"]

_Blocks = Many[dict[str, Any]]


class CountRequest(Wire):
    """A prompt whose tokens are to be counted."""

    model: str
    messages: Annotated[_Blocks, Field(min_length=1)]
    system: str | _Blocks | MISSING = MISSING
    tools: _Blocks | None | MISSING = MISSING
    tool_choice: dict[str, Any] | None | MISSING = MISSING
    thinking: dict[str, Any] | None | MISSING = MISSING
    output_config: dict[str, Any] | None | MISSING = MISSING


class MessagesRequest(CountRequest):
    """A chat to be continued."""

    max_tokens: Annotated[int, Field(ge=1)]
    """Upper limit of generated tokens, thinking included."""
    stream: bool | None | MISSING = MISSING
    stop_sequences: Many[str] | None | MISSING = MISSING
    temperature: Annotated[float, Field(ge=0, le=2)] | None | MISSING = MISSING
    top_p: Annotated[float, Field(ge=0, le=1)] | None | MISSING = MISSING
    metadata: dict[str, Any] | None | MISSING = MISSING
    service_tier: str | None | MISSING = MISSING


class Message(Wire):
    """What the model answered."""

    id: str
    type: Annotated[str, OpenEnum("message")] = "message"
    role: Annotated[str, OpenEnum("assistant")] = "assistant"
    model: str
    content: list[dict[str, Any]]
    stop_reason: str | None
    """``end_turn``, ``max_tokens``, ``stop_sequence``, ``tool_use``, ``refusal``, or the upstream's own word."""
    stop_sequence: str | None
    usage: dict[str, Any]


class MessageEvent(Wire):
    """An event of a streamed answer; its name is its type."""

    type: str


class TokenCount(Wire):
    """How many tokens a prompt has."""

    input_tokens: int
