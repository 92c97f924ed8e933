"""Changes to files that the model wants made."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from dinrail_core.api.items.states import Caller, CallId, GivenId, LongText
from dinrail_core.api.open_enum import OpenEnum
from dinrail_core.api.wire import MISSING, Wire

__all__ = [
    "ApplyPatchCall",
    "ApplyPatchCallOutput",
    "ApplyPatchCallOutputParam",
    "ApplyPatchCallParam",
    "CreateFile",
    "DeleteFile",
    "PatchOperation",
    "UpdateFile",
]

Path: TypeAlias = Annotated[str, Field(min_length=1)]


class CreateFile(Wire):
    """A new file."""

    type: Literal["create_file"] = "create_file"
    path: Path
    diff: LongText


class DeleteFile(Wire):
    """A file goes."""

    type: Literal["delete_file"] = "delete_file"
    path: Path


class UpdateFile(Wire):
    """A file is changed."""

    type: Literal["update_file"] = "update_file"
    path: Path
    diff: LongText


PatchOperation: TypeAlias = Annotated[CreateFile | DeleteFile | UpdateFile, Field(discriminator="type")]
"""One change to one file."""


class ApplyPatchCallParam(Wire):
    """A change that the model asked for, given back as part of the history."""

    type: Literal["apply_patch_call"] = "apply_patch_call"
    id: GivenId = MISSING
    call_id: CallId
    caller: Caller | None | MISSING = MISSING
    status: Literal["in_progress", "completed"]
    operation: PatchOperation


class ApplyPatchCall(Wire):
    """A change that the model asks for."""

    type: Literal["apply_patch_call"] = "apply_patch_call"
    id: str
    call_id: str
    caller: Caller | None | MISSING = MISSING
    status: Annotated[str, OpenEnum("in_progress", "completed")]
    operation: PatchOperation
    created_by: str | MISSING = MISSING


class ApplyPatchCallOutputParam(Wire):
    """What became of the change."""

    type: Literal["apply_patch_call_output"] = "apply_patch_call_output"
    id: GivenId = MISSING
    call_id: CallId
    caller: Caller | None | MISSING = MISSING
    status: Literal["completed", "failed"]
    output: LongText | None | MISSING = MISSING


class ApplyPatchCallOutput(Wire):
    """What became of the change."""

    type: Literal["apply_patch_call_output"] = "apply_patch_call_output"
    id: str
    call_id: str
    caller: Caller | None | MISSING = MISSING
    status: Annotated[str, OpenEnum("completed", "failed")]
    output: str | None | MISSING = MISSING
    created_by: str | MISSING = MISSING
