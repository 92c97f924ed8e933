"""Conditions on the attributes of files in vector stores."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Tag

from dinrail_core.api.items.states import field_of
from dinrail_core.api.wire import Many, Wire

__all__ = ["ComparisonFilter", "CompoundFilter", "Filter"]


class ComparisonFilter(Wire):
    """Compares one attribute."""

    type: Literal["eq", "ne", "gt", "gte", "lt", "lte", "in", "nin"]
    key: str
    value: str | float | bool | Many[str | float]


def _kind(value: Any) -> str:
    return "compound" if field_of(value, "type") in ("and", "or") else "comparison"


class CompoundFilter(Wire):
    """All of several conditions, or one of them."""

    type: Literal["and", "or"]
    filters: "Many[Filter]"


Filter: TypeAlias = Annotated[
    Annotated[ComparisonFilter, Tag("comparison")] | Annotated[CompoundFilter, Tag("compound")], Discriminator(_kind)
]
"""A condition."""
