"""Unions for wire types that a start imports: the items, tools and events themselves are imported when one is built.

There are more than a hundred types of items, which cost more to import than the rest of the contracts together, and
most servers never see one.
"""

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

    from dinrail_core.api.items.tools import Tool, ToolParam
    from dinrail_core.api.items.unions import InputItem, Item, OutputItem
    from dinrail_core.api.responses.events import Event

__all__ = ["Event", "InputItem", "Item", "OutputItem", "Tool", "ToolParam"]

_UNIONS = "dinrail_core.api.items.unions"
_TOOLS = "dinrail_core.api.items.tools"
_EVENTS = "dinrail_core.api.responses.events"


class _Later:
    __slots__ = ("_module", "_name")

    def __init__(self, module: str, name: str) -> None:
        self._module = module
        self._name = name

    def __get_pydantic_core_schema__(self, source: object, handler: "GetCoreSchemaHandler") -> "CoreSchema":
        from importlib import import_module

        return handler.generate_schema(getattr(import_module(self._module), self._name))


if not TYPE_CHECKING:
    InputItem: TypeAlias = Annotated[Any, _Later(_UNIONS, "InputItem")]
    Item: TypeAlias = Annotated[Any, _Later(_UNIONS, "Item")]
    OutputItem: TypeAlias = Annotated[Any, _Later(_UNIONS, "OutputItem")]
    Tool: TypeAlias = Annotated[Any, _Later(_TOOLS, "Tool")]
    ToolParam: TypeAlias = Annotated[Any, _Later(_TOOLS, "ToolParam")]
    Event: TypeAlias = Annotated[Any, _Later(_EVENTS, "Event")]
