"""What items of many kinds have in common."""

from collections.abc import Collection
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from dinrail_core.api.open_enum import OpenEnum
from dinrail_core.api.wire import MISSING, Wire

__all__ = [
    "AnsweredStatus",
    "CallId",
    "Caller",
    "DirectCaller",
    "GivenId",
    "GivenStatus",
    "LongText",
    "ProgramCaller",
    "Status",
    "Url",
    "field_of",
    "known_or_not",
]

GivenId: TypeAlias = Annotated[str, Field(min_length=1, max_length=512)] | None | MISSING
"""The id of an item that a caller gives; one that comes without gets one."""

CallId: TypeAlias = Annotated[str, Field(min_length=1, max_length=64)]
"""Ties the output of a call to the call."""

LongText: TypeAlias = Annotated[str, Field(max_length=10_485_760)]
"""Text of at most 10 MiB."""

Url: TypeAlias = Annotated[str, Field(json_schema_extra={"format": "uri"})]
"""A URL; nothing is fetched before the rules for outbound URLs have been asked."""

Status: TypeAlias = Literal["in_progress", "completed", "incomplete"]
"""How far an item is."""

GivenStatus: TypeAlias = Status | None | MISSING
"""How far an item is that a caller gives back; completed where nothing is said."""

AnsweredStatus: TypeAlias = Annotated[str, OpenEnum("in_progress", "completed", "incomplete")]
"""How far an item is, as an upstream says it."""


class DirectCaller(Wire):
    """The model itself made the call."""

    type: Literal["direct"] = "direct"


class ProgramCaller(Wire):
    """A program that the model wrote made the call."""

    type: Literal["program"] = "program"
    caller_id: CallId
    """The ``call_id`` of the program."""


Caller: TypeAlias = Annotated[DirectCaller | ProgramCaller, Field(discriminator="type")]
"""Who made a call."""


def field_of(value: Any, name: str) -> Any:
    """A field of parsed JSON or of a wire type; ``None`` where it is missing, or where there are no fields."""
    found = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
    return None if found is MISSING else found


def known_or_not(value: Any, kinds: Collection[str]) -> str:
    """Which branch of a union takes the value: ``known`` where its ``type`` is one of ``kinds``, or ``unknown``."""
    kind = field_of(value, "type")
    return "known" if isinstance(kind, str) and kind in kinds else "unknown"
