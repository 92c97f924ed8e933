"""The messages of a chat, as a request carries them."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from dinrail_core.api.chat.content import AssistantPart, OnlyText, UserPart
from dinrail_core.api.chat.tools import FunctionCall, ToolCall
from dinrail_core.api.wire import MISSING, Many, Wire

__all__ = [
    "AssistantMessage",
    "AudioReference",
    "DeveloperMessage",
    "FunctionMessage",
    "Message",
    "SystemMessage",
    "TextContent",
    "ToolMessage",
    "UserMessage",
]

TextContent: TypeAlias = str | Annotated[Many[OnlyText], Field(min_length=1)]
"""Text, in one piece or in parts."""


class DeveloperMessage(Wire):
    """Instructions that outrank the user's."""

    role: Literal["developer"] = "developer"
    content: TextContent
    name: str | MISSING = MISSING


class SystemMessage(Wire):
    """Instructions that outrank the user's; newer models call the role ``developer``."""

    role: Literal["system"] = "system"
    content: TextContent
    name: str | MISSING = MISSING


class UserMessage(Wire):
    """What the user says."""

    role: Literal["user"] = "user"
    content: str | Annotated[Many[UserPart], Field(min_length=1)]
    name: str | MISSING = MISSING
    """Tells participants of the same role apart."""


class AudioReference(Wire):
    """Refers to what the model said aloud in an earlier answer."""

    id: str


class AssistantMessage(Wire):
    """What the model said or called before."""

    role: Literal["assistant"] = "assistant"
    content: str | Annotated[Many[AssistantPart], Field(min_length=1)] | None | MISSING = MISSING
    """May be missing or null only where the message calls tools."""
    refusal: str | None | MISSING = MISSING
    name: str | MISSING = MISSING
    audio: AudioReference | None | MISSING = MISSING
    tool_calls: Many[ToolCall] | MISSING = MISSING
    function_call: FunctionCall | None | MISSING = MISSING
    """Deprecated; ``tool_calls`` took its place."""
    reasoning_content: str | None | MISSING = MISSING
    """The model's thoughts, where an upstream wants them back (DeepSeek, vLLM; no field of OpenAI's)."""
    reasoning: str | None | MISSING = MISSING
    """The same under the name that newer vLLM and OpenRouter use."""


class ToolMessage(Wire):
    """What a tool returned."""

    role: Literal["tool"] = "tool"
    content: TextContent
    tool_call_id: str


class FunctionMessage(Wire):
    """What a function returned (deprecated; messages of the role ``tool`` took its place)."""

    role: Literal["function"] = "function"
    content: str | None
    name: str


Message: TypeAlias = Annotated[
    DeveloperMessage | SystemMessage | UserMessage | AssistantMessage | ToolMessage | FunctionMessage,
    Field(discriminator="role"),
]
"""One turn of a chat."""
