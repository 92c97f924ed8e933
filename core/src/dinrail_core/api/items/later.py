"""The unions of items for wire types that a start imports: the items themselves are imported when one is built.

There are more than a hundred types of items, which cost more to import than the rest of the contracts together, and
most servers never see one.
"""

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

    from dinrail_core.api.items.unions import InputItem, Item, OutputItem

__all__ = ["InputItem", "Item", "OutputItem"]


class _Later:
    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __get_pydantic_core_schema__(self, source: object, handler: "GetCoreSchemaHandler") -> "CoreSchema":
        from dinrail_core.api.items import unions

        return handler.generate_schema(getattr(unions, self._name))


if not TYPE_CHECKING:
    InputItem: TypeAlias = Annotated[Any, _Later("InputItem")]
    Item: TypeAlias = Annotated[Any, _Later("Item")]
    OutputItem: TypeAlias = Annotated[Any, _Later("OutputItem")]
