"""Values of answers that the specification lists, and that upstreams add to without asking.

A request is checked against the specification. An answer is not: a server that invents the finish reason ``"tool_use"``
has still answered, and the value is handed on. The JSON schema says what the specification says in both cases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from pydantic_core import PydanticOmit

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

__all__ = ["OpenEnum", "Unlisted"]


class OpenEnum:
    """Marks a ``str`` that usually, but not always, is one of ``values``.

    Example:
        ``FinishReason = Annotated[str, OpenEnum("stop", "length")]`` is ``str`` to a type checker, takes any string,
        and is an ``enum`` of the two in the JSON schema.
    """

    __slots__ = ("values",)

    def __init__(self, *values: str) -> None:
        self.values = values

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(schema), "enum": list(self.values)}


class Unlisted:
    """Marks the branch of a union that takes what no other branch does, and that the JSON schema does not mention."""

    __slots__ = ()

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> NoReturn:
        raise PydanticOmit
