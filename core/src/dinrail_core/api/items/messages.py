"""Messages of all roles."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from dinrail_core.api.items.content import AssistantPartParam, Content, InputPartParam, OutputPart
from dinrail_core.api.items.states import AnsweredStatus, GivenId, GivenStatus, LongText
from dinrail_core.api.open_enum import OpenEnum
from dinrail_core.api.wire import MISSING, Many, Wire

__all__ = ["AssistantMessageParam", "InputMessageParam", "Message", "MessageParam", "OutputMessage"]

Phase: TypeAlias = Literal["commentary", "final_answer"]
AnsweredPhase: TypeAlias = Annotated[str, OpenEnum("commentary", "final_answer")]


class InputMessageParam(Wire):
    """What a user says, or instructions that outrank the user's."""

    type: Literal["message"] | MISSING = MISSING
    """An item without type is a message."""
    id: GivenId = MISSING
    role: Literal["user", "system", "developer"]
    content: LongText | Many[InputPartParam]
    status: GivenStatus = MISSING
    phase: Phase | None | MISSING = MISSING


class AssistantMessageParam(Wire):
    """What the model said before."""

    type: Literal["message"] | MISSING = MISSING
    """An item without type is a message."""
    id: GivenId = MISSING
    role: Literal["assistant"]
    content: LongText | Many[AssistantPartParam]
    status: GivenStatus = MISSING
    phase: Phase | None | MISSING = MISSING
    """Whether it was said on the way, or is the answer."""


MessageParam: TypeAlias = Annotated[InputMessageParam | AssistantMessageParam, Field(discriminator="role")]
"""A message as a request may say it."""


class Message(Wire):
    """A message of any role."""

    type: Literal["message"] = "message"
    id: str
    status: AnsweredStatus
    role: Annotated[
        str,
        OpenEnum("unknown", "user", "assistant", "system", "critic", "discriminator", "developer", "tool"),
    ]
    content: list[Content]
    phase: AnsweredPhase | None | MISSING = MISSING


class OutputMessage(Wire):
    """What a model says."""

    type: Literal["message"] = "message"
    id: str
    status: AnsweredStatus
    role: Literal["assistant"] = "assistant"
    content: list[OutputPart]
    phase: AnsweredPhase | None | MISSING = MISSING
