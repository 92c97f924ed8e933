"""Commands that the model wants run: the shell tool, and its predecessor for local shells."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from dinrail_core.api.items.containers import ContainerReference, LocalEnvironment
from dinrail_core.api.items.states import AnsweredStatus, Caller, CallId, GivenId, GivenStatus, LongText, Status
from dinrail_core.api.wire import MISSING, Many, Wire

__all__ = [
    "Exit",
    "LocalShellAction",
    "LocalShellCall",
    "LocalShellCallOutput",
    "LocalShellCallOutputParam",
    "LocalShellCallParam",
    "Outcome",
    "ShellAction",
    "ShellActionParam",
    "ShellCall",
    "ShellCallOutput",
    "ShellCallOutputParam",
    "ShellCallParam",
    "ShellOutput",
    "ShellOutputParam",
    "Timeout",
]


class LocalShellAction(Wire):
    """A command."""

    type: Literal["exec"]
    command: Many[str]
    """The program and its arguments."""
    timeout_ms: int | None | MISSING = MISSING
    working_directory: str | None | MISSING = MISSING
    env: dict[str, str]
    user: str | None | MISSING = MISSING


class LocalShellCallParam(Wire):
    """A command that the model asked for, given back as part of the history."""

    type: Literal["local_shell_call"] = "local_shell_call"
    id: GivenId = MISSING
    call_id: Annotated[str, Field(min_length=1)]
    action: LocalShellAction
    status: Status


class LocalShellCall(Wire):
    """A command that the model asks the caller to run."""

    type: Literal["local_shell_call"] = "local_shell_call"
    id: str
    call_id: str
    action: LocalShellAction
    status: AnsweredStatus


class LocalShellCallOutputParam(Wire):
    """What the command put out."""

    type: Literal["local_shell_call_output"] = "local_shell_call_output"
    id: GivenId = MISSING
    call_id: str | MISSING = MISSING
    """Required by the specification, which does not say what it is; some clients have the call's in ``id`` alone."""
    output: str
    status: Status | None | MISSING = MISSING


class LocalShellCallOutput(Wire):
    """What the command put out."""

    type: Literal["local_shell_call_output"] = "local_shell_call_output"
    id: str
    call_id: str
    output: str
    """JSON text."""
    status: AnsweredStatus | None | MISSING = MISSING


class ShellActionParam(Wire):
    """Commands."""

    commands: Many[str]
    timeout_ms: int | None | MISSING = MISSING
    max_output_length: int | None | MISSING = MISSING


class ShellAction(Wire):
    """Commands."""

    commands: list[str]
    timeout_ms: int | None
    max_output_length: int | None
    """In characters."""


GivenEnvironment: TypeAlias = Annotated[LocalEnvironment | ContainerReference, Field(discriminator="type")]


class ShellCallParam(Wire):
    """Commands that the model asked for, given back as part of the history."""

    type: Literal["shell_call"] = "shell_call"
    id: GivenId = MISSING
    call_id: CallId
    caller: Caller | None | MISSING = MISSING
    action: ShellActionParam
    status: GivenStatus = MISSING
    environment: GivenEnvironment | None | MISSING = MISSING


class ShellCall(Wire):
    """Commands that the model asks for."""

    type: Literal["shell_call"] = "shell_call"
    id: str
    call_id: str
    caller: Caller | None | MISSING = MISSING
    action: ShellAction
    status: AnsweredStatus
    environment: GivenEnvironment | None
    """Where they run."""
    created_by: str | MISSING = MISSING


class Timeout(Wire):
    """The command took too long."""

    type: Literal["timeout"] = "timeout"


class Exit(Wire):
    """The command ended."""

    type: Literal["exit"] = "exit"
    exit_code: int


Outcome: TypeAlias = Annotated[Timeout | Exit, Field(discriminator="type")]
"""How a command ended."""


class ShellOutputParam(Wire):
    """What one command put out."""

    stdout: LongText
    stderr: LongText
    outcome: Outcome


class ShellOutput(Wire):
    """What one command put out."""

    stdout: str
    stderr: str
    outcome: Outcome
    created_by: str | MISSING = MISSING


class ShellCallOutputParam(Wire):
    """What the commands put out."""

    type: Literal["shell_call_output"] = "shell_call_output"
    id: GivenId = MISSING
    call_id: CallId
    caller: Caller | None | MISSING = MISSING
    output: Many[ShellOutputParam]
    status: GivenStatus = MISSING
    max_output_length: int | None | MISSING = MISSING


class ShellCallOutput(Wire):
    """What the commands put out."""

    type: Literal["shell_call_output"] = "shell_call_output"
    id: str
    call_id: str
    caller: Caller | None | MISSING = MISSING
    output: list[ShellOutput]
    status: AnsweredStatus
    max_output_length: int | None
    created_by: str | MISSING = MISSING
