"""Code that the model wrote and that ran: the code interpreter, and programs that call tools."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from dinrail_core.api.items.states import CallId, GivenId, LongText, Url, known_or_not
from dinrail_core.api.open_enum import OpenEnum, Unlisted
from dinrail_core.api.wire import MISSING, Many, Wire

__all__ = [
    "CodeImage",
    "CodeInterpreterCall",
    "CodeInterpreterCallParam",
    "CodeLogs",
    "CodeOutput",
    "Program",
    "ProgramOutput",
    "ProgramOutputParam",
    "ProgramParam",
    "UnknownCodeOutput",
]


class CodeLogs(Wire):
    """What the code printed."""

    type: Literal["logs"] = "logs"
    logs: str


class CodeImage(Wire):
    """An image that the code made."""

    type: Literal["image"] = "image"
    url: Url


class UnknownCodeOutput(Wire):
    """Output of a kind that the specification does not have; it is handed on as it is."""

    type: str


def _kind_of_output(value: Any) -> str:
    return known_or_not(value, ("logs", "image"))


GivenCodeOutput: TypeAlias = Annotated[CodeLogs | CodeImage, Field(discriminator="type")]

CodeOutput: TypeAlias = Annotated[
    Annotated[GivenCodeOutput, Tag("known")] | Annotated[UnknownCodeOutput, Unlisted(), Tag("unknown")],
    Discriminator(_kind_of_output),
]
"""What came out of the code."""


class CodeInterpreterCallParam(Wire):
    """Code that ran, given back as part of the history."""

    type: Literal["code_interpreter_call"] = "code_interpreter_call"
    id: GivenId = MISSING
    status: Literal["in_progress", "completed", "incomplete", "interpreting", "failed"]
    container_id: str
    code: str | None | MISSING = MISSING
    outputs: Many[GivenCodeOutput] | None | MISSING = MISSING


class CodeInterpreterCall(Wire):
    """Code that the model wrote and that ran in a container."""

    type: Literal["code_interpreter_call"] = "code_interpreter_call"
    id: str
    status: Annotated[str, OpenEnum("in_progress", "completed", "incomplete", "interpreting", "failed")]
    container_id: str
    code: str | None
    outputs: list[CodeOutput] | None


class ProgramParam(Wire):
    """A program that called tools, given back as part of the history."""

    type: Literal["program"] = "program"
    id: GivenId = MISSING
    call_id: CallId
    code: LongText
    fingerprint: LongText


class Program(Wire):
    """A program that the model wrote to call tools."""

    type: Literal["program"] = "program"
    id: str
    call_id: str
    code: str
    """JavaScript."""
    fingerprint: str
    """Opaque; goes back as it came."""


class ProgramOutputParam(Wire):
    """What a program returned, given back as part of the history."""

    type: Literal["program_output"] = "program_output"
    id: GivenId = MISSING
    call_id: CallId
    result: LongText
    status: Literal["completed", "incomplete"]


class ProgramOutput(Wire):
    """What a program returned."""

    type: Literal["program_output"] = "program_output"
    id: str
    call_id: str
    result: str
    status: Annotated[str, OpenEnum("completed", "incomplete")]
